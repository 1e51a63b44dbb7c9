"""What servers say of files and of git repositories; the list of references is git's own."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.registry_server import Asked, Reply, Server, serve
from whalebuild.failures.failure import FailureKind, RequestFailedError
from whalebuild.registry.addresses import WebAddresses

BODY = b"fetched\n"
CONTENT = f"sha256:{hashlib.sha256(BODY).hexdigest()}"


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as server:
        yield server


@pytest.fixture
def web() -> Iterator[WebAddresses]:
    with WebAddresses({}) as web:
        yield web


def url(server: Server, path: str = "/x") -> str:
    return f"http://{server.address}{path}"


def test_an_entity_tag_is_asked_for_and_nothing_is_downloaded(
    web: WebAddresses, server: Server
) -> None:
    server.answer = lambda _: Reply(200, BODY, {"ETag": '"one"'})
    assert web.identity(url(server), "") == 'etag:"one"'
    assert server.lines == ["HEAD /x"]
    assert "If-None-Match" not in server.asked[0].headers


def test_a_conditional_request(web: WebAddresses, server: Server) -> None:
    server.answer = lambda _: Reply(304)
    assert web.identity(url(server), 'etag:"one"') == 'etag:"one"'
    assert server.asked[0].headers["If-None-Match"] == '"one"'
    server.answer = lambda _: Reply(200, BODY, {"ETag": '"two"'})
    assert web.identity(url(server), 'etag:"one"') == 'etag:"two"'


@pytest.mark.parametrize("tag", ["", 'W/"weak"', "without quotes", f'"{"x" * 201}"', '"a"b"'])
def test_without_a_strong_one_the_content_is_read(
    web: WebAddresses, server: Server, tag: str
) -> None:
    server.answer = lambda _: Reply(200, BODY, {"ETag": tag} if tag else {})
    assert web.identity(url(server), CONTENT) == CONTENT
    assert server.lines == ["HEAD /x", "GET /x"]


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_a_server_that_knows_no_head(web: WebAddresses, server: Server, status: int) -> None:
    def answer(asked: Asked) -> Reply:
        return Reply(status) if asked.method == "HEAD" else Reply(200, BODY)

    server.answer = answer
    assert web.identity(url(server), "") == CONTENT


def test_a_redirect_is_followed(web: WebAddresses, server: Server) -> None:
    def answer(asked: Asked) -> Reply:
        onward = Reply(302, b"", {"Location": "/y", "ETag": '"of the redirect"'})
        return onward if asked.path == "/x" else Reply(200, b"", {"ETag": '"y"'})

    server.answer = answer
    assert web.identity(url(server), "") == 'etag:"y"'


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_what_is_not_there_cannot_be_told(web: WebAddresses, server: Server, status: int) -> None:
    server.answer = lambda _: Reply(status)
    assert web.identity(url(server), "") == ""


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_a_failure(web: WebAddresses, server: Server, status: int) -> None:
    server.answer = lambda _: Reply(status)
    with pytest.raises(RequestFailedError) as caught:
        web.identity(url(server), "")
    assert caught.value.failure.kind is FailureKind.TRANSIENT


def test_no_answer_is_a_failure(web: WebAddresses, server: Server) -> None:
    server.answer = lambda _: None
    with pytest.raises(RequestFailedError):
        web.identity(url(server), "")


def test_a_file_that_is_too_large_cannot_be_told(
    web: WebAddresses, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whalebuild.registry.addresses._LARGEST_FILE", len(BODY) - 1)
    server.answer = lambda _: Reply(200, BODY)
    assert web.identity(url(server), "") == ""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a branch, a tag, an annotated one, and both under one name."""
    folder = tmp_path_factory.mktemp("git")
    git(folder, "init", "--quiet", "--initial-branch=main")
    for name in ("one", "two"):
        git(folder, "commit", "--quiet", "--allow-empty", f"--message={name}")
        git(folder, "tag", name)
    git(folder, "tag", "--annotate", "--message=x", "v1", "one")
    git(folder, "branch", "both", "one")
    git(folder, "tag", "both", "two")
    git(folder, "branch", "feature/x", "one")
    return folder


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    done = subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)
    return done.stdout.decode()


def listed(folder: Path) -> bytes:
    """What a server answers: ``git http-backend`` writes this line before git's own answer."""
    upload = ["git", "upload-pack", "--advertise-refs", "--stateless-rpc", "."]
    refs = subprocess.run(upload, cwd=folder, check=True, capture_output=True).stdout
    return b"001e# service=git-upload-pack\n0000" + refs


@pytest.mark.parametrize(
    "reference", ["", "main", "refs/heads/main", "one", "v1", "both", "feature/x", "heads/both"]
)
def test_a_reference_of_git_is_resolved_as_git_does(
    web: WebAddresses, server: Server, repository: Path, reference: str
) -> None:
    server.answer = lambda _: Reply(200, listed(repository))
    asked = f"{url(server, '/x.git')}#{reference}:sub/folder"
    found = web.identity(asked, "")
    # The oracle: git's own rule of "branches first", see git-checkout(1).
    full = {"both": "refs/heads/both", "": "HEAD"}.get(reference, reference)
    assert found == f"commit:{git(repository, 'rev-parse', full).strip()}"
    assert server.lines == ["GET /x.git/info/refs?service=git-upload-pack"]


def test_a_moved_branch_is_another_commit(
    web: WebAddresses, server: Server, repository: Path
) -> None:
    server.answer = lambda _: Reply(200, listed(repository))
    before = web.identity(url(server, "/x.git#feature/x"), "")
    git(repository, "branch", "--force", "feature/x", "two")
    assert web.identity(url(server, "/x.git#feature/x"), before) != before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>a page</html>",
        b"001e# service=git-upload-pack\n0000",
        b"001e# service=git-upload-pack\nzzzz",
        b"0003",
        b"003d" + b"1" * 40 + b" refs/heads/main\n",
    ],
)
def test_what_is_no_list_of_references_cannot_be_told(
    web: WebAddresses, server: Server, body: bytes
) -> None:
    server.answer = lambda _: Reply(200, body)
    assert web.identity(url(server, "/x.git#main"), "") == ""


def test_a_reference_that_is_not_there(web: WebAddresses, server: Server, repository: Path) -> None:
    server.answer = lambda _: Reply(200, listed(repository))
    assert web.identity(url(server, "/x.git#gone"), "") == ""

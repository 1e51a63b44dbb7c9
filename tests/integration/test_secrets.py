"""No secret in any output: neither ours nor what engines and registries would have us say.

What a RUN prints itself is its author's business.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.integration.faults import Fault, Status, oci_error
from tests.integration.proxy import faulty_registry
from tests.integration.registries import PASSWORD, USER, htpasswd, own_registry
from tests.integration.sandbox import Sandbox
from tests.integration.spying import Spy, spy, stored
from tests.integration.tokens import LOGIN, TokenServer, docker_config, token_server
from tests.support.marks import extended, rarely
from tests.support.registry_server import Asked, Reply, basic, error, serve

WRONG = "wrong-horse-battery"
IN_FILE, IN_ENV = "secret-of-a-file-31415", "secret-of-a-variable-92653"
OF_PROXY = "secret-of-a-proxy-58979"
SECRETS = [PASSWORD, WRONG, f"{USER}:{PASSWORD}", f"{USER}:{WRONG}", IN_FILE, IN_ENV, OF_PROXY]
DOCKERFILE = (
    "FROM {base} AS base\nFROM base AS dependencies\nCOPY requirements.txt /\n"
    "RUN --mount=type=secret,id=file --mount=type=secret,id=variable,env=VARIABLE \\\n"
    ' test -s /run/secrets/file && test -n "$VARIABLE" && {then}\n'
    'FROM dependencies AS final\nCOPY --link app.py /\nCMD ["python", "/app.py"]\n'
)
PROGRESS = pytest.mark.parametrize("progress", ["plain", rarely("rawjson")])


@dataclass
class Bench:
    """A project with build secrets, and the places that whalebuild may write to."""

    sandbox: Sandbox
    folder: Path
    unique: str
    env: dict[str, str] = field(default_factory=dict)

    def write(self, then: str = "cp /requirements.txt /installed") -> None:
        """Write the Dockerfile, whose RUN has the secrets."""
        text = DOCKERFILE.replace("{base}", self.sandbox.python_image).replace("{then}", then)
        (self.folder / "Dockerfile").write_text(text)

    def log_in(
        self, *addresses: str, password: str = PASSWORD, helper: bool = False
    ) -> Mapping[str, str]:
        """Have docker's login for these registries."""
        logins = dict.fromkeys(addresses, (USER, password))
        folder = self.folder.parent / "docker"
        self.env |= docker_config(self.sandbox.env(), folder, logins, helper=helper)
        return self.env

    def spy(self, address: str, verb: str = "bake", *words: str) -> Spy:
        """Run a verb on the pair at this registry."""
        own = self.folder.parent
        written = [own / name for name in ("cache", "scratch", "summary", "outputs", "metadata")]
        for place in written[:2]:
            place.mkdir(exist_ok=True)
        (own / "secret").write_text(IN_FILE)
        env = {
            "WHALEBUILD_IMAGE": f"{address}/acme/web",
            "XDG_CACHE_HOME": str(written[0]),
            "TMPDIR": str(written[1]),
            "GITHUB_STEP_SUMMARY": str(written[2]),
            "GITHUB_OUTPUT": str(written[3]),
            "SECRET_OF_A_BUILD": IN_ENV,
            "HTTPS_PROXY": f"http://{USER}:{OF_PROXY}@127.0.0.1:1",
            "HTTP_PROXY": f"http://{USER}:{OF_PROXY}@127.0.0.1:1",
            **self.env,
        }
        given = (
            f"--set=*.secrets=id=file,src={own / 'secret'}",
            "--set=*.secrets+=id=variable,env=SECRET_OF_A_BUILD",
        )
        given = given if verb != "inspect" else ()
        by_product = ("--metadata-file", str(written[4])) if verb == "bake" else ()
        (written[2]).write_text("")
        words = ("--format", "json", *given, *by_product, *words)
        files = [file for file in written if file.exists()]
        seen = spy(self.sandbox, self.folder, env, verb, *words, files=files)
        for file in written[2:]:
            seen.texts |= {str(file): file.read_bytes()} if file.is_file() else {}
        return seen


@pytest.fixture
def bench(sandbox: Sandbox, tmp_path: Path, repository: str) -> Bench:
    folder = sandbox.small_project(tmp_path / "small", unique=repository)
    bench = Bench(sandbox, folder, repository)
    bench.write()
    return bench


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[TokenServer]:
    with token_server(tmp_path) as tokens:
        yield tokens


# Where all goes well


@pytest.mark.parametrize(
    ("kind", "helper"),
    [
        rarely("htpasswd", False),
        ("htpasswd", True),
        extended("token", False),
        rarely("token", True),
    ],
)
def test_a_bake_that_succeeds_shows_and_publishes_no_secret(
    bench: Bench, tokens: TokenServer, tmp_path: Path, kind: str, helper: bool
) -> None:
    auth = htpasswd(tmp_path) if kind == "htpasswd" else tokens.auth
    with own_registry(bench.sandbox.env(), tmp_path, auth=auth) as registry:
        bench.log_in(registry.address, helper=helper)
        for verb in ("bake", "plan", "inspect", "bake"):
            seen = bench.spy(registry.address, verb)
            assert seen.returncode == 0, seen.stderr
            assert seen.found([*SECRETS, *tokens.issued]) == []
            (bench.folder / "requirements.txt").write_text(f"{bench.unique} again\n")
    assert bool(tokens.issued) is (kind == "token")
    seen.texts = stored(tmp_path / "storage")
    assert len(seen.texts) > 10
    assert seen.found([*SECRETS, *tokens.issued]) == []


@pytest.mark.extended
def test_the_spy_finds_secrets(bench: Bench) -> None:
    """A test that cannot fail is none: what a RUN prints is found where it is shown."""
    bench.write("echo saw $VARIABLE && false")
    seen = bench.spy(bench.sandbox.registry)
    assert any(place.startswith("stderr: ") for place in seen.found([IN_ENV]))
    assert seen.found([OF_PROXY]) == []
    image = f"--image={bench.sandbox.registry}/{IN_FILE}"
    shown = spy(bench.sandbox, bench.folder, {}, "plan", image)
    assert any(place.startswith("arguments of ") for place in shown.found([IN_FILE]))


# Where something fails


def fails(seen: Spy, code: int, *secrets: str) -> None:
    assert seen.returncode == code, seen.stderr
    assert "Traceback" not in seen.stderr
    assert seen.found([*SECRETS, *secrets]) == []


@pytest.mark.extended
@PROGRESS
def test_a_step_that_fails(bench: Bench, progress: str) -> None:
    bench.write("false")
    fails(bench.spy(bench.sandbox.registry, "bake", "--progress", progress), 4)


@pytest.mark.extended
@pytest.mark.parametrize("kind", [extended("htpasswd"), "token"])
@pytest.mark.parametrize("helper", [False, extended(True)], ids=["config", "helper"])
def test_a_wrong_password(
    bench: Bench, tokens: TokenServer, tmp_path: Path, kind: str, helper: bool
) -> None:
    auth = htpasswd(tmp_path) if kind == "htpasswd" else tokens.auth
    with own_registry(bench.sandbox.env(), tmp_path, auth=auth) as registry:
        bench.log_in(registry.address, password=WRONG, helper=helper)
        fails(bench.spy(registry.address), 5)


@pytest.mark.extended
@PROGRESS
@pytest.mark.parametrize("method", ["PUT", extended("GET|HEAD")])
def test_a_refusal_that_repeats_the_password(
    bench: Bench, tmp_path: Path, progress: str, method: str
) -> None:
    sent = f"you sent Authorization: Basic {basic(*LOGIN)}, which is {USER}:{PASSWORD}"
    refused = Fault(method, "/manifests/", oci_error(403, "DENIED", sent))
    auth = htpasswd(tmp_path)
    with (
        own_registry(bench.sandbox.env(), tmp_path, auth=auth) as registry,
        faulty_registry(registry.address, refused) as proxy,
    ):
        bench.log_in(proxy.address)
        fails(bench.spy(proxy.address, "bake", "--progress", progress), 5)
        assert refused.hits


def refusing(tokens: TokenServer, told: Callable[[Asked], str]) -> Callable[[Asked], Reply]:
    """A registry that lets nobody push, and says what it was told."""

    def answer(asked: Asked) -> Reply:
        if not asked.authorization:
            challenge = f'Bearer realm="{tokens.realm}",service="s"'
            return error(401, "UNAUTHORIZED", WWW_Authenticate=challenge)
        if asked.method in {"GET", "HEAD"}:
            return error(404, "MANIFEST_UNKNOWN")
        return error(403, "DENIED", told(asked))

    return answer


@pytest.mark.extended
@PROGRESS
@pytest.mark.parametrize(
    "form", [*map(extended, ("{0}", "you sent {1} only")), '{{"authorization": "{0}"}}']
)
def test_a_refusal_that_repeats_the_token(
    bench: Bench, tokens: TokenServer, progress: str, form: str
) -> None:
    def told(asked: Asked) -> str:
        given = str(asked.authorization)
        return form.format(given, given.removeprefix("Bearer "))

    # Through the proxy: the server itself says nothing to TLS that BuildKit takes for plain http.
    with serve(refusing(tokens, told)) as server, faulty_registry(server.address) as proxy:
        bench.log_in(proxy.address)
        seen = bench.spy(proxy.address, "bake", "--progress", progress)
    assert tokens.issued
    fails(seen, 5, *tokens.issued)


@pytest.mark.extended
@PROGRESS
@pytest.mark.parametrize("who", ["both", extended("BuildKit")])
def test_a_token_server_that_repeats_what_it_was_asked(
    bench: Bench, tokens: TokenServer, tmp_path: Path, progress: str, who: str
) -> None:
    """As error pages of debug modes do: headers, query and form."""

    def answer(asked: Asked) -> Reply:
        ours = asked.headers.get("User-Agent", "").startswith("whalebuild")
        if ours and who == "BuildKit":
            return tokens.answer(asked)
        said = f"{asked.target} {dict(asked.headers)} {asked.body.decode()}"
        return Reply(500, json.dumps({"details": said}).encode())

    with (
        serve(answer) as broken,
        own_registry(bench.sandbox.env(), tmp_path, auth=tokens.auth) as registry,
    ):
        realm = f"http://{broken.address}/token"
        registry.auth = {"token": {**tokens.auth["token"], "realm": realm}}  # type: ignore[dict-item]
        registry.restart()
        bench.log_in(registry.address)
        words = ("--retry-attempts", "2", "--progress", progress)
        fails(bench.spy(registry.address, "bake", *words), 6, *tokens.issued)


@pytest.mark.extended
def test_a_token_server_that_is_down(bench: Bench, tokens: TokenServer, tmp_path: Path) -> None:
    auth = {"token": {**tokens.auth["token"], "realm": "http://127.0.0.1:1/token"}}  # type: ignore[dict-item]
    with own_registry(bench.sandbox.env(), tmp_path, auth=auth) as registry:
        bench.log_in(registry.address)
        fails(bench.spy(registry.address, "bake", "--retry-attempts", "2"), 6)


@pytest.mark.extended
@pytest.mark.parametrize("stream", [extended("1"), "2"], ids=["stdout", "stderr"])
def test_a_credential_helper_that_fails_and_says_its_secret(
    bench: Bench, tmp_path: Path, stream: str
) -> None:
    with own_registry(bench.sandbox.env(), tmp_path, auth=htpasswd(tmp_path)) as registry:
        bench.log_in(registry.address, helper=True)
        helper = tmp_path / "docker" / "docker-credential-test"
        said = f"keychain: cannot unlock with {USER}:{PASSWORD} ({PASSWORD})"
        helper.write_text(f"#!/bin/sh\ncat >/dev/null\necho '{said}' >&{stream}\nexit 1\n")
        fails(bench.spy(registry.address), 5)


def test_an_address_with_a_password(bench: Bench) -> None:
    seen = bench.spy(f"{USER}:{PASSWORD}@127.0.0.1:1", "bake", "--retry-attempts", "1")
    # The user's own argument is what the test gave it.
    fails(seen, 2)


@pytest.mark.extended
def test_a_proxy_with_a_password_that_is_down(bench: Bench) -> None:
    seen = bench.spy("registry.invalid", "bake", "--retry-attempts", "1")
    fails(seen, 6)


@pytest.mark.extended
def test_what_was_pushed_is_not_there(bench: Bench, tmp_path: Path) -> None:
    gone = Fault("GET|HEAD", "/manifests/sha256:", Status(404))
    auth = htpasswd(tmp_path)
    with (
        own_registry(bench.sandbox.env(), tmp_path, auth=auth) as registry,
        faulty_registry(registry.address, gone) as proxy,
    ):
        bench.log_in(proxy.address)
        fails(bench.spy(proxy.address, "bake", "--retry-attempts", "2"), 7)

"""What buildx adds from git; ``tests/integration/test_git_labels.py`` compares with buildx."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from whalebuild.bakefile.target import Target
from whalebuild.source.additions import find_additions

REVISION = "org.opencontainers.image.revision"
SOURCE = "org.opencontainers.image.source"
ENTRYPOINT = "com.docker.image.source.entrypoint"


def git(folder: Path, *words: str) -> str:
    person = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    done = subprocess.run(
        ["git", *person, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "svc").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "one")
    return folder


def labels(folder: Path, mode: str = "1", *, more: dict[str, str] | None = None, **target: str):
    env = {**os.environ, "BUILDX_GIT_LABELS": mode, **(more or {})}
    return find_additions(folder, env, Target("app", target)).get("BUILDX_GIT_LABELS")


@pytest.mark.parametrize("mode", ["1", "true", "full"])
def test_labels_are_those_of_the_commit(repository: Path, mode: str) -> None:
    head = git(repository, "rev-parse", "HEAD")
    assert labels(repository, mode) == {REVISION: head, ENTRYPOINT: "Dockerfile"}
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "two")
    assert labels(repository, mode)[REVISION] == git(repository, "rev-parse", "HEAD") != head


@pytest.mark.parametrize("mode", ["", "0", "false", "on", "yes"])
def test_there_are_none_unless_they_are_asked_for(repository: Path, mode: str) -> None:
    assert labels(repository, mode) is None


def test_a_worktree_has_its_own_commit(repository: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    git(repository, "worktree", "add", "--quiet", str(tree))
    git(tree, "commit", "--quiet", "--allow-empty", "--message", "two")
    assert labels(tree)[REVISION] == git(tree, "rev-parse", "HEAD")
    assert labels(tree)[REVISION] != labels(repository)[REVISION]


def test_the_context_says_which_repository(repository: Path, tmp_path: Path) -> None:
    found = labels(tmp_path, context="repository", dockerfile="../Dockerfile")
    assert found[REVISION] == git(repository, "rev-parse", "HEAD")
    assert ENTRYPOINT not in found, "the Dockerfile is not in it"
    assert labels(tmp_path, context="nowhere") is None
    assert labels(tmp_path, context="https://example.org/x.git") is None


@pytest.mark.parametrize(
    ("target", "entrypoint"),
    [
        ({}, "Dockerfile"),
        ({"context": "svc"}, "svc/Dockerfile"),
        ({"context": "svc", "dockerfile": "../web.Dockerfile"}, "web.Dockerfile"),
    ],
)
def test_the_dockerfile_is_a_label(
    repository: Path, target: dict[str, str], entrypoint: str
) -> None:
    assert labels(repository, **target)[ENTRYPOINT] == entrypoint


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:secret@example.org/a.git", "https://example.org/a.git"),
        ("https://example.org/a.git", "https://example.org/a.git"),
        ("git@example.org:a.git", "git@example.org:a.git"),
    ],
)
def test_the_source_is_a_label_without_credentials(repository: Path, url: str, shown: str) -> None:
    git(repository, "remote", "add", "upstream", url)
    assert labels(repository)[SOURCE] == shown
    git(repository, "remote", "add", "origin", "https://example.org/origin.git")
    assert labels(repository)[SOURCE] == "https://example.org/origin.git"
    git(repository, "remote", "add", "own", "https://example.org/own.git")
    git(repository, "config", "branch.main.remote", "own")
    git(repository, "config", "branch.main.merge", "refs/heads/main")
    assert labels(repository)[SOURCE] == "https://example.org/own.git"


def test_uncommitted_changes_count_where_they_are_asked_for(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    asked = {"BUILDX_GIT_CHECK_DIRTY": "1"}
    assert labels(repository, more=asked)[REVISION] == head
    (repository / "new").touch()
    assert labels(repository)[REVISION] == head
    assert labels(repository, more=asked)[REVISION] == f"{head}-dirty"


def test_a_repository_without_a_commit_has_no_revision(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert labels(tmp_path) == {ENTRYPOINT: "Dockerfile"}


def test_without_git_there_are_no_labels(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert labels(repository) is None


def test_a_folder_is_called_as_the_shell_calls_it(repository: Path, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere"
    link.symlink_to(repository)
    assert ENTRYPOINT not in labels(repository, more={"PWD": str(link)})
    assert ENTRYPOINT in labels(repository, more={"PWD": str(tmp_path)})


@pytest.mark.parametrize(
    "name", ["BUILDX_NO_DEFAULT_ATTESTATIONS", "BUILDX_NO_DEFAULT_OCI_ARTIFACT"]
)
def test_variables_that_change_what_is_published_count(tmp_path: Path, name: str) -> None:
    target = Target("app", {})
    assert find_additions(tmp_path, {name: "1"}, target) == {name: True}
    assert find_additions(tmp_path, {name: "0"}, target) == {}
    assert find_additions(tmp_path, {}, target) == {}

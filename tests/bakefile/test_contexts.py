from __future__ import annotations

import pytest

from whalebuild.bakefile.contexts import dockerfile_path, is_remote, local_path


@pytest.mark.parametrize(
    ("context", "remote"),
    [
        (".", False),
        ("svc", False),
        ("../svc", False),
        ("/abs", False),
        ("./git@host:path", False),
        ("github.com", False),
        ("github.company/x", False),
        ("github.com/org/repo", True),
        ("https://github.com/org/repo.git#main:sub", True),
        ("http://example.org/context.tar", True),
        ("git://example.org/x", True),
        ("ssh://git@example.org/x.git", True),
        ("git@example.org:x.git#main", True),
        ("someone-else_1@my-host:x", True),
        ("gitlab.example:org/repo", False),
        ("docker-image://debian", False),
        ("docker-image://acme/web@sha256:1", False),
        ("oci-layout://path@sha256:1", False),
        ("target:deps", False),
        ("cwd://svc", False),
        ("ftp://example.org/x", False),
    ],
)
def test_urls_and_git_references_are_remote(context: str, remote: bool) -> None:
    assert is_remote(context) is remote


@pytest.mark.parametrize(
    ("context", "path"),
    [("svc", "svc"), ("cwd://svc", "svc"), ("cwd://./a/../svc", "svc"), ("cwd://..", "..")],
)
def test_a_local_context_may_say_that_it_is_here(context: str, path: str) -> None:
    assert local_path(context) == path


@pytest.mark.parametrize(
    ("context", "dockerfile", "path"),
    [
        (".", "Dockerfile", "Dockerfile"),
        ("svc", "Dockerfile", "svc/Dockerfile"),
        ("svc", "docker/web", "svc/docker/web"),
        ("svc", "../Dockerfile", "Dockerfile"),
        ("link/svc", "../../Dockerfile", "Dockerfile"),
        ("svc", "/abs/./Dockerfile", "/abs/Dockerfile"),
        ("svc", "cwd://docker/web", "docker/web"),
        ("github.com/org/repo", "docker/web", "docker/web"),
    ],
)
def test_a_dockerfile_is_looked_for_as_buildx_does(
    context: str, dockerfile: str, path: str
) -> None:
    assert dockerfile_path(context, dockerfile) == path

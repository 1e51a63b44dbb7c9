"""Hosts as a command line names them."""

from __future__ import annotations

import pytest

from tests.support.errors import outcome
from whalebuild.docker.cli import DockerCalls
from whalebuild.docker.hosts import host_environment, host_names
from whalebuild.errors import UsageError


@pytest.mark.parametrize(
    ("host", "docker_host", "context"),
    [
        ("ssh://deploy@prod", "ssh://deploy@prod", None),
        ("unix:///run/docker.sock", "unix:///run/docker.sock", None),
        ("prod", None, "prod"),
        ("default", None, "default"),
    ],
)
def test_what_docker_is_told(
    monkeypatch: pytest.MonkeyPatch, host: str, docker_host: str | None, context: str | None
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere")
    monkeypatch.setenv("DOCKER_CONTEXT", "elsewhere")
    calls = DockerCalls(host_environment(host))
    try:
        env = calls.environment
        assert (env.get("DOCKER_HOST"), env.get("DOCKER_CONTEXT")) == (docker_host, context)
    finally:
        calls.close()


@pytest.mark.parametrize("host", ["", "ftp://x", "ssh://", "--help", "://x"])
def test_what_is_no_host(host: str) -> None:
    assert isinstance(outcome(lambda: host_environment(host)), UsageError)


def test_names() -> None:
    assert host_names(["ssh://a", "ssh://me@b:22/", "prod"]) == ["a", "me@b:22", "prod"]
    assert host_names(["ssh://a", "a"]) == ["ssh://a", "a"]
    assert host_names(["tcp://me:hunter2@b"])[0].count("hunter2") == 0
    assert isinstance(outcome(lambda: host_names(["a", "a"])), UsageError)

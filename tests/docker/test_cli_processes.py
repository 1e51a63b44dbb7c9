"""No process of docker's outlives us."""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from whalebuild.docker import processes
from whalebuild.docker.buildx import Buildx
from whalebuild.docker.cli import DockerCalls
from whalebuild.docker.compose import ComposeProject
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.reference import Reference

# What an abandoned Popen of python-on-whales says when it is collected.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")

Docker = Callable[[str], Path]
SLEEPS = "echo $$ >pid; echo '{}' >&2; exec sleep 60"
STUBBORN = "trap '' TERM; echo $$ >pid; echo '{}' >&2; while :; do sleep 0.05; done"


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def started(engine: Buildx, folder: Path) -> tuple[Iterator[str], int]:
    """A stream that has begun, and the process behind it."""
    stream = engine.bake({}, builder=None, allow=())
    assert next(stream) == "{}\n"
    pid = int((folder / "pid").read_text())
    assert is_alive(pid)
    return stream, pid


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """python-on-whales leaves its Popen to the garbage collector: here, and not in other tests."""
    yield
    gc.collect()


def test_closing_a_stream_stops_its_process(docker: Docker) -> None:
    folder = docker(SLEEPS)
    with Buildx() as engine:
        stream, pid = started(engine, folder)
        stream.close()  # type: ignore[attr-defined] # a generator
        assert not is_alive(pid)


def test_closing_a_pull_stops_its_process(docker: Docker) -> None:
    line = """echo '{"id":"web","text":"Pulling"}' >&2"""
    model = """echo '{"name":"shop"}'"""
    pulls = f"echo $$ >pid; {line}; exec sleep 60"
    folder = docker(f'case "$*" in *config*) {model} ;; *) {pulls} ;; esac')
    with ComposeProject() as project:
        pull = project.pull({"web": Reference("web")})
        assert next(pull).text == "Pulling"
        pid = int((folder / "pid").read_text())
        pull.close()
        assert not is_alive(pid)


def test_an_error_while_reading_a_stream_stops_its_process(docker: Docker) -> None:
    folder = docker(SLEEPS)
    pids = []

    def read() -> None:
        with Buildx() as engine:
            _stream, pid = started(engine, folder)
            pids.append(pid)
            raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        read()
    assert not is_alive(pids[0])


def test_leaving_the_engine_stops_what_still_runs(docker: Docker) -> None:
    folder = docker(SLEEPS)
    with Buildx() as engine:
        stream, pid = started(engine, folder)
    assert not is_alive(pid)
    del stream


def test_a_process_that_ignores_the_request_is_killed(
    docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.2)
    folder = docker(STUBBORN)
    begun = time.monotonic()
    with Buildx() as engine:
        _, pid = started(engine, folder)
    assert not is_alive(pid)
    assert 0.2 <= time.monotonic() - begun < 3


def test_nothing_is_stopped_after_a_command_has_ended(
    docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its number may be another process's by now."""
    killed: list[int] = []
    docker("echo '{}' >&2; exit 1")
    with Buildx() as engine:
        with pytest.raises(CommandFailedError):
            list(engine.bake({}, builder=None, allow=()))
        monkeypatch.setattr(processes.os, "kill", lambda pid, _: killed.append(pid))
    assert killed == []


def test_a_command_that_is_watched_ends_when_the_watch_raises(docker: Docker) -> None:
    folder = docker(SLEEPS)

    def watch() -> None:
        if (folder / "pid").exists():
            raise KeyError

    calls = DockerCalls()
    with contextlib.closing(calls):
        with pytest.raises(KeyError):
            calls.run(["info"], watch=watch)
        assert not is_alive(int((folder / "pid").read_text()))
        assert not list(calls.scratch.glob("*.pid"))

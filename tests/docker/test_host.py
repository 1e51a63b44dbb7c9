"""A host's engine over real processes: a shell script stands in for docker."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from whalebuild.docker.host import DockerHost
from whalebuild.errors import EngineError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.reference import Reference
from whalebuild.published.host_images import HostImage, RunningImage

Docker = Callable[[str], Path]
LISTS = 'echo "$*" >>calls\ncase "$*" in *" ls "*) echo one; echo one; echo two ;; *) %s ;; esac\n'


def test_images_are_inspected_each_once(docker: Docker) -> None:
    folder = docker(LISTS % "cat answer")
    inspected = [{"Id": "sha256:1", "RepoTags": ["acme/web:v1"]}, {"Id": None}, 3]
    (folder / "answer").write_text(json.dumps(inspected))
    with DockerHost() as host:
        assert host.images() == (HostImage("sha256:1", (Reference("acme/web", "v1"),)),)
    calls = (folder / "calls").read_text().splitlines()
    assert calls == ["image ls --quiet --no-trunc --all", "image inspect one two"]


def test_running_containers(docker: Docker) -> None:
    folder = docker(LISTS % "cat answer")
    inspected = [{"Image": "sha256:1", "Config": {"Image": "acme/web"}}]
    (folder / "answer").write_text(json.dumps(inspected))
    with DockerHost() as host:
        assert host.running() == (RunningImage("sha256:1", Reference("acme/web")),)
    assert (folder / "calls").read_text().splitlines()[0] == "container ls --quiet --no-trunc"


def test_containers_that_do_not_run_use_their_images_too(docker: Docker) -> None:
    folder = docker(LISTS % "cat answer")
    (folder / "answer").write_text('[{"Image": "sha256:1"}]')
    with DockerHost() as host:
        assert host.used() == (RunningImage("sha256:1", None),)
    assert (folder / "calls").read_text().splitlines()[0] == "container ls --quiet --no-trunc --all"


def test_which_engine_it_is(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    docker("""echo '{"ID": "ABCD:EFGH"}'""")
    with DockerHost() as host:
        assert host.id() == "ABCD:EFGH", "asked of the client: there is no socket"
        monkeypatch.setattr("whalebuild.docker.host.engine_info", lambda _: {"ID": "1-2"})
        assert host.id() == "1-2", "asked of the engine's own socket"


def test_an_engine_without_an_id_is_an_error(docker: Docker) -> None:
    docker("echo '{}'")
    with DockerHost() as host, pytest.raises(EngineError, match="which one it is"):
        host.id()


def test_nothing_is_inspected_where_nothing_is(docker: Docker) -> None:
    folder = docker('echo "$*" >>calls\n')
    with DockerHost() as host:
        assert host.images() == ()
    assert len((folder / "calls").read_text().splitlines()) == 1


def test_one_that_went_away_in_between_is_no_error(docker: Docker) -> None:
    once = "if [ -e gone ]; then cat answer; else touch gone; echo 'No such image: one' >&2; exit 1"
    folder = docker(LISTS % f"{once}; fi")
    (folder / "answer").write_text('[{"Id": "sha256:2"}]')
    with DockerHost() as host:
        assert host.images() == (HostImage("sha256:2"),)


@pytest.mark.parametrize("words", ["No such image: one", "Cannot connect"])
def test_a_failure_that_stays_is_told(docker: Docker, words: str) -> None:
    docker(LISTS % f"echo '{words}' >&2; exit 1")
    with DockerHost() as host, pytest.raises(CommandFailedError) as caught:
        host.images()
    assert words in caught.value.stderr


def test_an_answer_that_is_no_json_is_an_error(docker: Docker) -> None:
    docker(LISTS % "echo hello")
    with DockerHost() as host, pytest.raises(EngineError):
        host.images()

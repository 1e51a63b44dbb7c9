"""What is said of the docker client, its plugins and its engine."""

from __future__ import annotations

import pytest

from whalebuild.doctor.client import judge_buildx, judge_client, judge_compose, version_of
from whalebuild.doctor.engine import judge_engine, judge_store
from whalebuild.doctor.facts import LINUX, MACOS, ClientFacts, EngineAddress, EngineFacts
from whalebuild.doctor.finding import Status
from whalebuild.errors import EngineError, ExitCode
from whalebuild.failures.command_failed import CommandFailedError

NO_CLIENT = EngineError("no docker client on PATH", next_step="install Docker")
# docker 28.5.2
NO_PLUGIN = CommandFailedError("docker: unknown command: docker buildx\n\nRun 'docker --help'\n")
DOWN = CommandFailedError(
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon "
    "running?\n"
)
DENIED = CommandFailedError(
    "permission denied while trying to connect to the Docker daemon socket at "
    'unix:///var/run/docker.sock: Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.51/info": dial unix '
    "/var/run/docker.sock: connect: permission denied\n"
)
DEFAULT = EngineAddress("unix:///var/run/docker.sock", 'context "default"')
BY_VARIABLE = EngineAddress("tcp://192.0.2.1:2375", "DOCKER_HOST")
BY_CONTEXT = EngineAddress("ssh://host", 'context "far"')
GOOD = EngineFacts("28.5.2", containerd_store=True, platform="linux/amd64")
CLASSIC = EngineFacts("28.5.2", containerd_store=False)


def test_a_client_that_is_elsewhere() -> None:
    found = judge_client(NO_CLIENT, "/opt/docker/bin")
    assert (found.status, found.exit_code) == (Status.FAILURE, ExitCode.ENGINE)
    assert found.command == 'export PATH="$PATH:/opt/docker/bin"'
    assert judge_client(NO_CLIENT, None).next_step == "install Docker"


def test_podman_is_no_docker() -> None:
    found = judge_client(ClientFacts("/usr/bin/docker", "podman version 5.4.0"), None)
    assert found.status is Status.WARNING


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("github.com/docker/buildx v0.29.1 a32761aeb3debd39be1eca514af3693af0db334b", (0, 29, 1)),
        ("github.com/docker/buildx 0.29.1+ds1 0.29.1+ds1-4", (0, 29, 1)),
        ("github.com/docker/buildx v0.30.0-rc1 abc", (0, 30, 0)),
        ("Docker version 28.5.2+dfsg4, build 9cc6dea", (28, 5, 2)),
        ("Docker Compose version v2.40", (2, 40, 0)),
        ("of this commit", None),
    ],
)
def test_versions(said: str, version: tuple[int, ...] | None) -> None:
    assert version_of(said) == version


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("github.com/docker/buildx v0.11.2 abc", Status.FAILURE),
        ("github.com/docker/buildx v0.12.0 abc", Status.WARNING),
        ("github.com/docker/buildx v0.20.0 abc", Status.OK),
        ("github.com/docker/buildx v1.0.0 abc", Status.OK),
        ("github.com/docker/buildx of a commit", Status.WARNING),
    ],
)
def test_old_versions_of_buildx(said: str, status: Status) -> None:
    assert judge_buildx(said).status is status


def test_plugins_that_are_not_there() -> None:
    found = judge_buildx(NO_PLUGIN)
    assert (found.status, found.what) == (Status.FAILURE, "the docker client has no buildx")
    assert judge_compose(NO_PLUGIN).status is Status.WARNING


@pytest.mark.parametrize(
    ("error", "address", "system", "command"),
    [
        (DOWN, DEFAULT, LINUX, "sudo systemctl start docker"),
        (DOWN, DEFAULT, MACOS, "open -a Docker"),
        (DOWN, BY_VARIABLE, LINUX, "unset DOCKER_HOST"),
        (DOWN, BY_CONTEXT, LINUX, None),
        (DENIED, DEFAULT, LINUX, 'sudo usermod -aG docker "$USER"'),
    ],
)
def test_an_engine_that_does_not_answer(
    error: EngineError, address: EngineAddress, system: str, command: str | None
) -> None:
    found = judge_engine(error, address, system, None)
    assert (found.status, found.exit_code) == (Status.FAILURE, ExitCode.ENGINE)
    assert found.command == command
    assert found.next_step


def test_a_builder_of_another_driver_does_without_an_engine() -> None:
    found = judge_engine(DOWN, DEFAULT, LINUX, "remote")
    assert found.status is Status.WARNING
    assert "--load" in str(found.next_step)


@pytest.mark.parametrize(
    ("engine", "driver", "auto", "status"),
    [
        (GOOD, "docker", False, Status.OK),
        (CLASSIC, "docker", False, Status.FAILURE),
        (CLASSIC, None, False, Status.FAILURE),
        (CLASSIC, "remote", False, Status.OK),
        (CLASSIC, "docker", True, Status.OK),
        (DOWN, "docker", False, Status.SKIPPED),
    ],
)
def test_image_stores(
    engine: EngineFacts | EngineError, driver: str | None, auto: bool, status: Status
) -> None:
    assert judge_store(engine, driver, auto=auto).status is status

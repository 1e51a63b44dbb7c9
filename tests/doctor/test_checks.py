"""What is looked at, and what is not because something else is broken."""

from __future__ import annotations

import threading

import pytest

from tests.support.builders import NO_BUILDER, FakeBuilders
from tests.support.doctor import IMAGE, FakeClinic
from tests.support.registry import DENIED
from whalebuild.doctor.answers import Choice
from whalebuild.doctor.facts import LintWarning
from whalebuild.doctor.finding import Result, Status, exit_code
from whalebuild.errors import EngineError, ExitCode, UsageError
from whalebuild.failures.classify_http import NoAnswer, no_answer
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.settings import Settings

DOWN = CommandFailedError("Cannot connect to the Docker daemon. Is the docker daemon running?\n")
NO_PLUGIN = CommandFailedError("docker: unknown command: docker buildx\n")
NO_CLIENT = EngineError("no docker client on PATH")
OF_REGISTRY = {"read", "push", "pair"}


def ending(found: dict[str, Result], status: Status) -> set[str]:
    return {name for name, result in found.items() if result.status is status}


def test_all_is_well() -> None:
    found = FakeClinic().examine()
    assert ending(found, Status.OK) == set(found)
    assert list(found)[:3] == ["client", "buildx", "compose"]
    assert list(found)[-1] == "pair"


def test_no_client_is_said_once() -> None:
    clinic = FakeClinic(
        client_=NO_CLIENT,
        buildx=NO_CLIENT,
        compose=NO_CLIENT,
        engine_=NO_CLIENT,
        plan_=NO_CLIENT,
        builders=FakeBuilders({"default": NO_CLIENT}),
    )
    found = clinic.examine()
    assert ending(found, Status.FAILURE) == {"client"}
    assert {"buildx", "engine", "store", "builder", "build", "project"} <= ending(
        found, Status.SKIPPED
    )
    assert exit_code(found.values()) is ExitCode.ENGINE


def test_no_buildx_is_said_once() -> None:
    builders = FakeBuilders({"default": NO_PLUGIN})
    found = FakeClinic(buildx=NO_PLUGIN, plan_=NO_PLUGIN, builders=builders).examine()
    assert ending(found, Status.FAILURE) == {"buildx"}
    assert found["project"].findings[0].what == "there is no buildx"


def test_an_engine_that_is_down_is_said_once() -> None:
    builders = FakeBuilders({"default": DOWN})
    found = FakeClinic(engine_=DOWN, builders=builders).examine()
    assert ending(found, Status.FAILURE) == {"engine"}
    assert found["read"].status is Status.OK, "the registry needs no engine"


def test_an_engine_that_hangs_ends_with_its_time() -> None:
    never = threading.Event()
    found = FakeClinic(engine_=never.wait, seconds=0.5).examine()
    never.set()
    assert "engine" in ending(found, Status.FAILURE)
    assert "did not answer within" in found["engine"].findings[0].what


def test_a_builder_that_does_not_exist() -> None:
    builders = FakeBuilders({"farm": NO_BUILDER})
    choice = Choice(None, "farm", "BUILDX_BUILDER")
    found = FakeClinic(builders=builders, choice=choice).examine()
    assert ending(found, Status.FAILURE) == {"builder"}
    assert {"build", "platforms", "dockerfile"} <= ending(found, Status.SKIPPED)


def test_a_registry_that_is_down_is_said_once() -> None:
    down = no_answer("GET https://acme.test/v2/", NoAnswer.TIMEOUT)
    found = FakeClinic(ping_=down).examine()
    assert ending(found, Status.FAILURE) == {"registry"}
    assert ending(found, Status.SKIPPED) == OF_REGISTRY


def test_a_registry_that_refuses_to_be_read() -> None:
    clinic = FakeClinic()
    clinic.registry.failures = {f"{verb} {IMAGE}:latest": DENIED for verb in ("HEAD", "GET")}
    found = clinic.examine()
    assert ending(found, Status.FAILURE) == {"read"}
    assert found["pair"].findings[0].what == "it cannot be read"
    assert exit_code(found.values()) is ExitCode.REFUSED


def test_a_read_only_look_tries_no_upload() -> None:
    clinic = FakeClinic()
    found = clinic.examine(push=False)
    assert found["push"].status is Status.SKIPPED
    assert not any("upload" in request for request in clinic.registry.requests)


def test_what_a_bake_would_refuse_is_said() -> None:
    refused = UsageError("it would be replaced by one for linux/arm64")
    found = FakeClinic(decided_=refused).examine()
    assert ending(found, Status.FAILURE) == {"pair"}
    assert exit_code(found.values()) is ExitCode.USAGE


@pytest.mark.parametrize("image", [None, IMAGE])
def test_no_project(image: str | None) -> None:
    found = FakeClinic(plan_=None, settings=Settings(image=image)).examine()
    assert ending(found, Status.FAILURE) == set()
    skipped = {"project", "dockerfile"}
    without = {"registry", "login", *OF_REGISTRY}
    assert ending(found, Status.SKIPPED) == (skipped if image else skipped | without)


def test_broken_settings() -> None:
    broken = UsageError("whalebuild.toml: unknown setting")
    found = FakeClinic(broken=broken, plan_=broken).examine()
    assert ending(found, Status.FAILURE) == {"settings"}
    assert found["project"].findings[0].what == "the settings cannot be read"


def test_a_broken_bake_file() -> None:
    found = FakeClinic(plan_=UsageError("buildx cannot read the bake file")).examine()
    assert ending(found, Status.FAILURE) == {"project"}
    assert found["registry"].findings[0].what == "the project could not be read"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("dockerfile parse error on line 2: unknown instruction: TELEPORT", ExitCode.USAGE),
        ("failed to solve: some words of the frontend", ExitCode.BUILD),
    ],
)
def test_a_dockerfile_that_buildkit_refuses_is_a_failure(words: str, code: ExitCode) -> None:
    refused = LintWarning("Dockerfile", 2, "", words, refused=True)
    found = FakeClinic(lint_={"app": (refused,)}).examine()
    assert ending(found, Status.FAILURE) == {"dockerfile"}
    (finding,) = (f for f in found["dockerfile"].findings if f.status is Status.FAILURE)
    assert finding.what == f"Dockerfile, line 2: {words}"
    assert finding.next_step
    assert exit_code(found.values()) is code


def test_a_check_of_dockerfiles_is_given_nothing_to_make() -> None:
    clinic = FakeClinic()
    clinic.examine()
    (definition,) = clinic.linted
    assert definition["target"]
    for target in definition["target"].values():
        assert not {"output", "cache-to"} & set(target)

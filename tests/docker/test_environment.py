"""Variables of docker and buildx in the user's environment: what our calls make of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from whalebuild.bakefile.request import BakeRequest
from whalebuild.docker.builders import DockerBuilders
from whalebuild.docker.buildx import Buildx
from whalebuild.docker.environment import changes, looks_up_variables
from whalebuild.errors import EngineError
from whalebuild.failures.command_failed import CommandFailedError

Docker = Callable[[str], Path]
RELATIVE, NO_LOOKUP = "BUILDX_BAKE_FILE_RELATIVE_PATHS", "BUILDX_BAKE_DISABLE_VARS_ENV_LOOKUP"
# Answers every call, and keeps its words and its environment.
ANSWER = """
printf '%s\\n' "$@" >words; env >environment
while [ $# -gt 0 ]; do [ "$1" = --metadata-file ] && echo '{}' >"$2"; shift; done
echo '{}'
"""
# As buildx before 0.31 answers to a flag that it does not know.
OLD = f'case "$*" in *--var=*) echo "ERROR: unknown flag: --var" >&2; exit 1;; esac; {ANSWER}'


def environment(folder: Path) -> dict[str, str]:
    lines = (folder / "environment").read_text().splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def words(folder: Path) -> list[str]:
    return (folder / "words").read_text().splitlines()


@pytest.mark.parametrize(
    ("call", "kept"),
    [
        # The user's own file: what the variable says of its paths holds.
        (lambda engine: engine.print_bake(BakeRequest(files=("a/b.hcl",))), True),
        # A file of ours lies elsewhere, and names paths of the working folder.
        (lambda engine: engine.print_bake(BakeRequest(definition={"target": {}})), False),
        (lambda engine: list(engine.bake({"target": {}}, builder=None, allow=())), False),
    ],
    ids=["a file of the user's", "a definition to read", "a bake"],
)
def test_paths_are_the_working_folders_in_files_of_ours_alone(
    docker: Docker, monkeypatch: pytest.MonkeyPatch, call: Callable[[Buildx], object], kept: bool
) -> None:
    folder = docker(ANSWER)
    monkeypatch.setenv(RELATIVE, "1")
    with Buildx() as engine:
        call(engine)
    assert (RELATIVE in environment(folder)) is kept


@pytest.mark.parametrize("mode", ["tty", "rawjson", "nonsense"])
def test_no_call_draws_on_a_terminal(
    docker: Docker, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """`bake --print` fails where it cannot: "failed to get console"."""
    folder = docker(ANSWER)
    monkeypatch.setenv("BUILDKIT_PROGRESS", mode)
    with Buildx() as engine:
        for call in (
            lambda: engine.print_bake(BakeRequest()),
            lambda: list(engine.bake({}, builder=None, allow=())),
            lambda: engine.drop_broken(None),
        ):
            call()
            assert "BUILDKIT_PROGRESS" not in environment(folder)


@pytest.mark.parametrize(("value", "looks_up"), [("1", False), ("true", False), ("0", True)])
def test_variables_of_a_request_count_whatever_buildx_looks_up(
    docker: Docker, monkeypatch: pytest.MonkeyPatch, value: str, looks_up: bool
) -> None:
    folder = docker(ANSWER)
    monkeypatch.setenv(NO_LOOKUP, value)
    with Buildx() as engine:
        engine.print_bake(BakeRequest(targets=("app",), variables={"TAG": "v 1"}))
    assert ("--var=TAG=v 1" in words(folder)) is not looks_up
    assert environment(folder).get("TAG") == ("v 1" if looks_up else None)
    assert environment(folder)[NO_LOOKUP] == value, "what it keeps out stays out"


def test_a_buildx_that_knows_no_such_flag_looks_them_up(
    docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = docker(OLD)
    monkeypatch.setenv(NO_LOOKUP, "1")
    with Buildx() as engine:
        engine.print_bake(BakeRequest(variables={"TAG": "v1"}))
    assert environment(folder)["TAG"] == "v1"
    docker("echo 'ERROR: boom' >&2; exit 1")
    with Buildx() as engine, pytest.raises(CommandFailedError, match="cannot be used"):
        engine.print_bake(BakeRequest(variables={"TAG": "v1"}))


def test_warnings_beside_a_list_are_no_part_of_it(
    docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BUILDKIT_COLORS, BUILDX_CPU_PROFILE and docker's own configuration bring some."""
    warning = "echo 'WARNING: could not create memory profile' >&2"
    listed = """echo '[{"name": "app"}]'"""
    folder = docker(ANSWER.replace("echo '{}'\n", f"{warning}; {listed}\n"))
    monkeypatch.setenv(NO_LOOKUP, "1")
    with Buildx() as engine:
        assert engine.target_names(BakeRequest(variables={"TAG": "v1"})) == ("app",)
    assert "--var=TAG=v1" in words(folder)
    docker("echo Welcome")
    with Buildx() as engine, pytest.raises(EngineError, match="something else than JSON"):
        engine.target_names(BakeRequest())


def test_a_builder_is_tried_with_its_own_platform(
    docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = docker(ANSWER)
    monkeypatch.setenv("DOCKER_DEFAULT_PLATFORM", "linux/s390x")
    with DockerBuilders() as builders:
        builders.try_build("farm", [])
    assert "DOCKER_DEFAULT_PLATFORM" not in environment(folder)


def test_what_is_not_ours_to_change_stays() -> None:
    env = {"BUILDX_BUILDER": "ci", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "DEBUG": "1"}
    assert changes(env) == {}
    assert changes({**env, "BUILDKIT_PROGRESS": "tty"}) == {"BUILDKIT_PROGRESS": None}
    assert changes(env, {"BUILDX_BUILDER": "other"}) == {"BUILDX_BUILDER": "other"}
    assert looks_up_variables({})

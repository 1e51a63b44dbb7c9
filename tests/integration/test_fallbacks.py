"""Where the published image cannot simply be taken, and where a build fails."""

from __future__ import annotations

import pytest

from tests.integration.pairs import CODE, COPYING, ON_DEPS, RAN, Pair
from tests.integration.sandbox import Sandbox
from tests.support.marks import rarely

INPUTS = "requirements-1.txt"


@pytest.fixture
def undetermined(pair: Pair) -> Pair:
    """The base image, which no reading of the Dockerfile can see into, has ENV MARK=1."""
    pair.write(ON_DEPS.replace("COPY requirements.txt", "COPY requirements-$MARK.txt", 1) + CODE)
    (pair.folder / INPUTS).write_text(f"{pair.repository}\none\n")
    return pair


@pytest.mark.extended
def test_inputs_that_cannot_be_told_are_left_to_buildkit(undetermined: Pair, fresh: str) -> None:
    pair = undetermined
    shown = pair.whalebuild("plan", check=True).stdout
    because = "because its inputs cannot be told"
    assert f"app-deps: BuildKit is asked in every bake, {because}" in shown
    assert "the value of MARK cannot be told here (line 3)" in shown
    assert RAN in pair.bake().stderr
    deps = pair.digest()
    again = pair.bake(engine=fresh)
    assert RAN not in again.stderr, "the bundle's cache is all that it needs"
    assert again["deps"]["action"] == "reused"
    assert pair.digest() == deps, "another index of the same image was pushed, and not kept"
    assert pair.tags() == ["deps", "latest"]
    pair.check_whole()


@pytest.mark.extended
def test_inputs_that_cannot_be_told_with_a_remote_builder(
    sandbox: Sandbox, undetermined: Pair, fresh: str
) -> None:
    pair = undetermined
    with sandbox.remote_builder("asked", {fresh: ""}) as builder:
        words = ("--builder", builder)
        pair.bake(*words)
        deps = pair.digest()
        pair.change_code("two")
        assert RAN not in pair.bake(*words).stderr
        assert pair.digest() == deps
        assert pair.prints() == "two"
        (pair.folder / INPUTS).write_text(f"{pair.repository}\nother\n")
        assert pair.bake(*words)["deps"]["action"] == "built"
    assert pair.digest() != deps
    assert pair.prints("latest", "cat", "/opt/venv/installed").endswith("\nother")
    assert pair.tags() == ["deps", "latest"]
    pair.check_whole()


@pytest.mark.extended
def test_an_argument_that_an_image_does_not_hand_down(pair: Pair, fresh: str) -> None:
    handed = ON_DEPS.replace("COPY req", "ARG MESSAGE=handed-down\nCOPY req")
    pair.write(handed + "RUN echo $MESSAGE > /message\n" + CODE)
    planned = pair.plan()["app"]
    assert planned["pinned"] is False
    assert "ARG MESSAGE of stage dependencies" in planned["unpinned_because"]
    pair.bake()
    deps = pair.digest()
    pair.change_code("two")
    again = pair.bake(engine=fresh)
    assert RAN not in again.stderr, "the bundle's cache is all that it needs"
    assert (pair.digest(), pair.prints(), again["deps"]["action"]) == (deps, "two", "reused")
    assert pair.prints("latest", "cat", "/message") == "handed-down"


@pytest.mark.extended
@pytest.mark.parametrize("driver", ["docker", rarely("remote")])
def test_an_application_that_fails_after_its_dependencies_were_rebuilt(
    sandbox: Sandbox, pair: Pair, fresh: str, driver: str
) -> None:
    nodes = {fresh: ""} if driver == "remote" else {}
    with sandbox.remote_builder("failing", nodes) as builder:
        words = ("--builder", builder) if nodes else ()
        pair.bake(*words)
        before = {tag: pair.digest(tag) for tag in pair.tags()}
        pair.change_requirements("two")
        pair.write(COPYING + "RUN echo oops && false\n" + CODE)
        failed = pair.whalebuild("bake", *words)
        assert failed.returncode == 4, failed.stderr
        assert RAN in failed.stderr
        after = {tag: pair.digest(tag) for tag in pair.tags()}
        if driver == "remote":
            assert after == before, "nothing moves before everything is built"
        # With the docker driver :deps may have moved; both tags are whole all the same.
        assert (after.keys(), after["latest"]) == (before.keys(), before["latest"])
        pair.check_whole()

        pair.write(COPYING + CODE)
        assert RAN not in pair.bake(*words).stderr, "the engine still has what it built"
    installed = pair.prints("latest", "cat", "/opt/venv/installed")
    assert installed.splitlines()[-1] == "two"
    assert pair.tags() == ["deps", "latest"]
    pair.check_whole()

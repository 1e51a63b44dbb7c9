from __future__ import annotations

import json

import pytest

from tests.support.bake import BakeWorld
from tests.support.progress import recording
from whalebuild.buildkit.events import Step
from whalebuild.errors import BuildError, RefusedError, UnreachableError
from whalebuild.failures.command_failed import CommandFailedError

PUSH_FAILED = (
    "ERROR: target app: failed to solve: failed to push acme/web:latest: unexpected status from "
    "PUT request to https://r.io/v2/web/manifests/latest: 503 Service Unavailable\n"
)


Bake = tuple[list[str], Exception | None]


def world(*bakes: Bake) -> BakeWorld:
    """A world whose engine says this; a bake that does not fail pushes."""
    made = BakeWorld()
    made.engine.bakes = list(bakes)
    return made


def good(name: str = "pulled") -> list[Bake]:
    """What the engine says in the two waves of a bake that goes well."""
    return [(recording(name, "app-deps"), None), (recording(name, "app"), None)]


def test_the_definition_goes_to_the_builder_of_the_settings() -> None:
    one = world(*good())
    one.set(builder="ci", allow=("fs.read=/x",))
    one.bake()
    assert {made[1:] for made in one.engine.baked} == {("ci", ("fs.read=/x",))}
    assert one.console.begun == [("app-deps",), ("app",)]


def test_a_bake_tells_what_happened() -> None:
    one = world(*good())
    result = one.bake()
    assert [(t.target, t.steps_run, t.steps_cached) for t in result.targets] == [
        ("app-deps", 0, 3),
        ("app", 1, 4),
    ]
    assert (result.published, result.retries, result.seconds) == (True, (), 10)
    digests = {name: made["containerimage.digest"] for name, made in result.metadata.items()}
    assert digests == {target.target: target.digest for target in result.targets}


def test_the_console_sees_every_line_and_every_event() -> None:
    one = world(*good("cached"))
    one.bake()
    console = one.console
    assert console.lines == [*recording("cached", "app-deps"), *recording("cached", "app")]
    assert any(isinstance(event, Step) and event.cached for event in console.events)
    assert console.notes == []


def test_a_failed_push_is_tried_again_and_what_ran_counts_as_run() -> None:
    deps, app = good()
    again = [line.replace('"cached": false', '"cached": true') for line in app[0]]
    one = world(deps, (app[0], CommandFailedError(PUSH_FAILED)), (again, None))
    result = one.bake()
    assert one.engine.built == [["app-deps"], ["app"], ["app"]]
    assert [target.steps_run for target in result.targets] == [0, 1]
    assert [retry.reason for retry in result.retries] == ["503 Service Unavailable"]
    assert len(one.console.notes) == 1
    assert "publishing app: 503 Service Unavailable" in one.console.notes[0]


def test_a_push_that_keeps_failing_is_unreachable_and_nothing_else_is_pushed() -> None:
    one = world(*(([], CommandFailedError(PUSH_FAILED)) for _ in range(3)))
    with pytest.raises(UnreachableError) as caught:
        one.bake()
    assert caught.value.what.endswith("503 Service Unavailable")
    assert caught.value.log is None
    assert one.engine.built == [["app-deps"]] * 3


def test_a_refused_push_is_not_tried_again() -> None:
    denied = CommandFailedError("ERROR: failed to push acme/web:deps: denied: no\n")
    one = world(([], denied))
    with pytest.raises(RefusedError):
        one.bake()
    assert one.engine.built == [["app-deps"]]


def test_a_failing_step_is_shown_with_its_log_and_is_not_retried() -> None:
    """Its log says 503; a step may print anything."""
    lines = recording("failed", "app-deps")
    one = world((lines, CommandFailedError("".join(lines))))
    with pytest.raises(BuildError) as caught:
        one.bake()
    assert one.engine.built == [["app-deps"]]
    log = str(caught.value.log)
    assert log.startswith("> [app-deps dependencies 2/2] RUN echo hello")
    assert "\nhello\n503 Service Unavailable\n" in log
    assert "   3 | >>> RUN echo hello" in log
    assert str(caught.value.cause).endswith("did not complete successfully: exit code: 3")


def test_the_words_of_a_first_attempt_are_not_shown_for_the_second() -> None:
    first = [*recording("failed", "app-deps")[:-1], PUSH_FAILED]
    lines = recording("failed", "app-deps")
    one = world(
        (first, CommandFailedError(PUSH_FAILED)), (lines, CommandFailedError("".join(lines)))
    )
    with pytest.raises(BuildError) as caught:
        one.bake()
    assert str(caught.value.log).count("Dockerfile.bad:3") == 1
    assert str(caught.value.log).count("\nhello\n") == 1


def test_a_login_that_the_engine_repeats_is_not_shown() -> None:
    said = "ERROR: failed to push acme/web:deps: denied: you sent S3CRET and Basic YWRhOng=\n"
    vertex = {"digest": "d", "name": "exporting", "error": said}
    one = world(([json.dumps({"vertexes": [vertex]}) + "\n", said], CommandFailedError(said)))
    one.registry.secret = "S3CRET"
    with pytest.raises(RefusedError) as caught:
        one.bake()
    shown = [str(caught.value.cause), caught.value.what, *one.console.lines, *one.console.notes]
    assert all("you sent *** and Basic ***" in line for line in (shown[0], *one.console.lines))
    assert len(one.console.lines) == 2
    assert not [text for text in shown if "S3CRET" in text or "YWRhOng" in text]


NOT_FOUND = (
    "ERROR: failed to solve: failed to resolve source metadata for {image}: {image}: not found\n"
)


@pytest.mark.parametrize("there", [True, False])
def test_an_image_that_the_engine_does_not_find_is_asked_for(there: bool) -> None:
    """It says so as well where its own request was cut off."""
    deps, app = good()
    one = world()
    image = f"debian:latest@{one.base()}" if there else f"debian:latest@sha256:{'1' * 64}"
    failed = CommandFailedError(NOT_FOUND.format(image=image))
    one.engine.bakes = [([], failed), deps, app]
    if there:
        reasons = [retry.reason for retry in one.bake().retries]
        assert reasons == ["the engine did not find what the registry has"]
        assert len(one.engine.baked) == 3
    else:
        with pytest.raises(BuildError):
            one.bake()
        assert len(one.engine.baked) == 1


BROKEN = (
    "ERROR: failed to solve: failed to resolve source metadata for r.io/base:1@sha256:12: failed "
    'commit on ref "{ref}": commit failed: unexpected commit digest sha256:34, expected sha256:12: '
    "failed precondition\n"
)


@pytest.mark.parametrize("part", ["manifest", "config", "layer"])
def test_a_builder_is_to_drop_what_it_keeps_broken_of_an_image(part: str) -> None:
    """That it cannot drop it fails nothing by itself."""
    one = world(([], CommandFailedError(BROKEN.format(ref=f"{part}-sha256:12"))), *good())
    one.set(builder="ci")
    assert len(one.bake().retries) == 1
    assert one.engine.dropped == [("ci", 1)]

"""Which step failed where BuildKit exports an image and its cache at the same time (recorded)."""

from __future__ import annotations

import random

import pytest

from tests.support.progress import FAILED_CACHES, side_by_side
from whalebuild.buildkit.events import Event, Message, Step, parse_line
from whalebuild.buildkit.progress import BuildState

CANCELLED = "context canceled"


def folded(name: str) -> BuildState:
    state = BuildState(["app"])
    feed(state, [event for line in side_by_side(name) for event in parse_line(line)])
    return state


def feed(state: BuildState, events: list[Event]) -> None:
    for event in events:
        state.apply(event)


def ended(name: str, at: float, error: str = "") -> Step:
    return Step(name, name, started=1.0, completed=at, cached=False, error=error)


@pytest.mark.parametrize("name", FAILED_CACHES)
def test_a_refused_cache_is_what_failed_and_not_the_push_that_it_cancelled(name: str) -> None:
    state = folded(name)
    failed = state.failed_step()
    assert failed is not None
    assert failed.error.startswith("error writing manifest blob: ")
    assert state.failed_export == "cache"


def test_a_refused_image_is_what_failed_and_not_the_cache_that_it_cancelled() -> None:
    state = folded("image-put-403")
    assert state.failed_export == "to image"


def test_nothing_failed_where_all_went_well() -> None:
    state = folded("success")
    assert state.failed_step() is None
    assert state.failed_export == ""
    assert state.exported_cache, "whichever of the two ended last"


@pytest.mark.parametrize("name", [*FAILED_CACHES, "image-put-403"])
def test_it_is_the_one_that_ended_first_whatever_buildx_says_and_in_whichever_order(
    name: str,
) -> None:
    expected = folded(name).failed_export
    ends = [e for line in side_by_side(name) for e in parse_line(line) if isinstance(e, Step)]
    last = {step.digest: step for step in ends}
    for seed in range(5):
        shuffled: list[Event] = [*last.values()]
        random.Random(seed).shuffle(shuffled)
        state = BuildState(["app"])
        feed(state, shuffled)
        assert state.failed_export == expected


def test_a_step_on_another_machine_may_end_earlier_by_its_clock() -> None:
    state = BuildState(["app"])
    feed(state, [ended("exporting to image", 5.0, "denied")])
    feed(state, [ended("exporting cache to registry", 2.0, f"rpc error: {CANCELLED}")])
    assert state.failed_export == "to image"


def test_a_cache_that_the_bake_file_may_lose_fails_nothing() -> None:
    """With ignore-error, BuildKit reports the error and goes on."""
    lost, refused = "error writing layer blob: denied", "failed to push r.io/web: unavailable"
    state = BuildState(["app"])
    feed(state, [ended("exporting cache to GitHub Actions Cache", 2.0, lost)])
    feed(state, [ended("exporting to image", 3.0, refused)])
    assert state.failed_export == "cache", "as far as the steps tell"
    state.apply(Message(f"ERROR: failed to solve: {refused}"))
    assert state.failed_export == "to image"


def test_a_second_attempt_starts_without_the_errors_of_the_first() -> None:
    state = folded("cache-put-403")
    state.begin_attempt()
    assert state.failed_step() is None
    assert state.built == {"app"}, "its steps are done; whether it was pushed is not known"
    feed(state, [event for line in side_by_side("success") for event in parse_line(line)])
    assert state.failed_step() is None

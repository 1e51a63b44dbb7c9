"""Folding recorded streams; what they recorded is said with each."""

from __future__ import annotations

import json

import pytest

from tests.support.progress import recording
from whalebuild.buildkit.events import Log, Message, Step, Transfer, parse_line
from whalebuild.buildkit.progress import BuildState, failure_log, pulled_bytes

BOTH = ("app-deps", "app")


def folded(name: str, targets: tuple[str, ...] = BOTH) -> BuildState:
    state = BuildState(targets)
    feed(state, name)
    return state


def feed(state: BuildState, name: str) -> None:
    for line in recording(name):
        for event in parse_line(line):
            state.apply(event)


def step(digest: str, name: str, **changes: object) -> Step:
    values = {"started": 1.0, "completed": 2.0, "cached": False, "error": "", **changes}
    return Step(digest, name, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "target", "run", "cached"),
    [
        ("cached", "app-deps", 0, 2),
        ("cached", "app", 1, 3),
        ("pulled", "app-deps", 0, 3),
        ("pulled", "app", 1, 4),
        ("failed", "app", 1, 0),
    ],
)
def test_instructions_are_counted_as_run_or_cached(
    name: str, target: str, run: int, cached: int
) -> None:
    """FROM, LINK and BuildKit's own steps are none; a step that targets share counts for each."""
    totals = folded(name).totals(target)
    assert (totals.run, totals.cached) == (run, cached)


def test_seconds_are_from_the_first_step_to_the_last() -> None:
    seconds = folded("pulled").totals("app").seconds
    assert seconds == pytest.approx(7.066 - 4.317, abs=0.01)
    assert BuildState(BOTH).totals("app").seconds == 0


def test_layers_are_counted_once_however_often_and_wherever_they_are_reported() -> None:
    state = folded("pulled")
    layers = 99 + 113 + 50_781_463 + 31_460_286
    assert state.totals("app").pulled == state.totals("app-deps").pulled == layers
    assert pulled_bytes(state.steps.values()) == layers
    assert pulled_bytes(folded("cached").steps.values()) == 0


def test_transfers_that_are_no_layers_are_not_pulled() -> None:
    state = BuildState(["app"])
    state.apply(Transfer("d", "transferring context:", 5_000, 0, done=True))
    state.apply(Transfer("d", "extracting sha256:abc", 5_000, 0, done=True))
    assert pulled_bytes(state.steps.values()) == 0


def test_a_build_of_one_target_owns_all_steps() -> None:
    state = BuildState(["app"])
    state.apply(step("a", "[base 2/3] RUN x"))
    state.apply(step("b", "exporting to image"))
    assert state.totals("app").run == 1


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("[app linux/amd64 base 1/2] RUN x", "app"),
        ("[app-deps] exporting to image", "app-deps"),
        ("[app internal] load build context", "app"),
        ("[internal] load local bake definitions", ""),
        ("docker-image://debian", ""),
    ],
)
def test_the_owner_is_told_by_the_name(name: str, owner: str) -> None:
    assert BuildState(BOTH).owner(name) == owner


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("[app linux/arm64->amd64 base 2/4] RUN pip install", True),
        ("[2/4] COPY a b", True),
        ("[base 1/4] FROM debian", False),
        ("[app final 1/1] LINK COPY --link a /a", False),
        ("[app internal] load build context", False),
        ("exporting to image", False),
    ],
)
def test_instructions_are_what_makes_something(name: str, expected: bool) -> None:
    state = BuildState(["app"])
    state.apply(step("a", name))
    assert state.steps["a"].is_instruction is expected


@pytest.mark.parametrize(
    ("name", "exported", "imported"),
    [
        ("exporting to image", "to image", ""),
        ("[app] exporting to image", "to image", ""),
        ("[app] exporting cache to registry", "cache", ""),
        ("exporting cache to GitHub Actions Cache", "cache", ""),
        ("[app] importing cache manifest from r.io/x@sha256:1", "", "r.io/x@sha256:1"),
        ("importing cache manifest from gha:123", "", "gha:123"),
        ("[app 1/2] RUN echo exporting to image", "", ""),
    ],
)
def test_what_buildkit_does_by_itself_is_told_by_the_name(
    name: str, exported: str, imported: str
) -> None:
    state = BuildState(["app"])
    state.apply(step("a", name))
    assert (state.steps["a"].exported, state.steps["a"].imported) == (exported, imported)


def test_a_target_is_built_when_it_is_exported() -> None:
    state = BuildState(BOTH)
    state.apply(step("a", "[app 1/1] RUN x"))
    assert state.built == frozenset()
    state.apply(step("b", "[app] exporting to image", error="503"))
    assert state.built == {"app"}
    state.begin_attempt()
    assert state.built == {"app"}, "what is done stays done"


def test_a_failed_import_is_not_what_a_build_failed_of() -> None:
    state = BuildState(["app"])
    state.apply(step("a", "importing cache manifest from r.io/x", error="not found"))
    assert state.failed_imports == {"r.io/x": "not found"}
    assert state.failed_step() is None
    state.apply(step("b", "exporting cache to registry", error="503"))
    assert state.failed_export == "cache"


def test_what_fails_after_the_last_cache_was_exported_failed_of_no_step() -> None:
    """BuildKit leaves out layers that do not fit, and has no space for its own notes then."""
    state = BuildState(["app"])
    assert not state.exported_cache
    state.apply(step("a", "exporting to image", completed=1.5))
    assert not state.exported_cache
    state.apply(step("b", "exporting cache to registry"))
    assert state.exported_cache
    state.apply(step("c", "[2/2] RUN fill", error="no space left on device"))
    assert not state.exported_cache


def test_the_log_of_a_failure_is_the_step_its_output_and_the_place() -> None:
    state = folded("failed")
    log = failure_log(state)
    assert log is not None
    lines = log.splitlines()
    assert lines[0].startswith("> [app-deps dependencies 2/2] RUN echo hello;")
    assert lines[1:4] == ["hello", "503 Service Unavailable", "Dockerfile.bad:3"]
    assert any(line.startswith("   3 | >>> RUN echo hello") for line in lines)
    assert not any(line.startswith("ERROR: ") for line in lines)
    seen = failure_log(state, log_shown=True)
    assert seen is not None
    assert seen.splitlines() == [lines[0], *lines[3:]]


def test_a_step_that_was_only_cancelled_is_not_blamed() -> None:
    state = BuildState(BOTH)
    state.apply(step("a", "[app 1/1] RUN long", error="context canceled: context canceled"))
    state.apply(step("b", "[app-deps 1/1] RUN bad", error="exit code: 1"))
    failed = state.failed_step()
    assert failed is not None
    assert failed.digest == "b"


def test_a_build_without_failure_has_no_log_of_one() -> None:
    assert failure_log(folded("cached")) is None


def test_a_retry_does_not_turn_run_steps_into_cached_ones() -> None:
    state = BuildState(["app"])
    state.begin_attempt()
    state.apply(step("run", "[1/2] RUN pip install"))
    state.apply(step("push", "exporting to image", error="503 Service Unavailable"))
    state.apply(Message("ERROR: 503 Service Unavailable"))
    state.begin_attempt()
    assert state.failed_step() is None
    assert state.messages == []
    state.apply(step("run", "[1/2] RUN pip install", cached=True))
    state.apply(step("new", "[2/2] COPY a b"))
    totals = state.totals("app")
    assert (totals.run, totals.cached) == (2, 0)


def test_a_whole_recorded_build_fed_twice_counts_each_step_once() -> None:
    state = folded("pulled")
    before = [state.totals(target) for target in BOTH]
    state.begin_attempt()
    feed(state, "pulled")
    assert [state.totals(target) for target in BOTH] == before


def test_warnings_are_kept_once() -> None:
    state = BuildState(["app"])
    line = json.dumps({"warnings": [{"vertex": "a", "short": "aGk="}]})
    for event in [*parse_line(line), *parse_line(line)]:
        state.apply(event)
    assert list(state.warnings) == ["hi"]


def test_output_that_is_no_text_is_shown_as_far_as_possible() -> None:
    state = BuildState(["app"])
    state.apply(Log("a", b"caf\xe9\n"))
    state.apply(step("a", "[1/1] RUN x", error="exit code: 1"))
    assert failure_log(state) == "> [1/1] RUN x\ncaf\ufffd"


BY_DIGEST = {"app_linux-amd64": ("linux/amd64",), "app_linux-arm64": ("linux/arm64",)}
BY_TAG = {"app": ("linux/amd64", "linux/arm64")}


@pytest.mark.parametrize(
    ("platforms", "name", "blamed"),
    [
        (BY_DIGEST, "[app_linux-arm64 build 1/2] RUN false", ("linux/arm64",)),
        (BY_DIGEST, "[app_linux-arm64 linux/amd64 build 1/2] RUN false", ("linux/arm64",)),
        (BY_DIGEST, "[app_linux-arm64 internal] load metadata for x", ("linux/arm64",)),
        (BY_DIGEST, "[internal] load remote bake definitions", ()),
        (BY_TAG, "[linux/arm64 build 1/2] RUN false", ("linux/arm64",)),
        (BY_TAG, "[linux/amd64->arm64 build 1/2] RUN false", ("linux/arm64",)),
        (BY_TAG, "[linux/arm64->linux/amd64 build 1/2] RUN false", ("linux/amd64",)),
        (BY_TAG, "[build 1/2] RUN echo linux/arm64", ("linux/amd64", "linux/arm64")),
        ({}, "[linux/arm64 build 1/2] RUN false", ()),
    ],
)
def test_the_platforms_of_a_failed_step_are_told(
    platforms: dict[str, tuple[str, ...]], name: str, blamed: tuple[str, ...]
) -> None:
    state = BuildState(list(platforms) or ["app"])
    state.apply(step("one", name, error="it failed", completed=2.0))
    assert state.failed_platforms(platforms) == blamed


def test_a_step_that_platforms_share_fails_for_all_of_them() -> None:
    state = BuildState(list(BY_DIGEST))
    for target in BY_DIGEST:
        state.apply(step("one", f"[{target} build 1/2] RUN false", error="no", completed=2.0))
    assert state.failed_platforms(BY_DIGEST) == ("linux/amd64", "linux/arm64")


def test_a_build_without_failure_failed_for_no_platform() -> None:
    assert BuildState(list(BY_DIGEST)).failed_platforms(BY_DIGEST) == ()

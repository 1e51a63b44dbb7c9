from __future__ import annotations

import itertools

import pytest

from tests.fakes import GOOD_FACTS, FakeConsole, FakeEngine, recording
from whalebuild.core.bakefile import Target
from whalebuild.core.definition import BuildOptions, generate, make_jobs
from whalebuild.core.errors import BuildError, RefusedError, UnreachableError
from whalebuild.core.events import Step
from whalebuild.core.failures import CommandFailedError
from whalebuild.core.pairs import Image, Pair
from whalebuild.core.plan import Plan
from whalebuild.core.references import Reference
from whalebuild.core.retry import RetryPolicy
from whalebuild.core.settings import Settings
from whalebuild.workflows.baking import Baker
from whalebuild.workflows.retrying import Retrier

PUSH_FAILED = (
    "ERROR: target app: failed to solve: failed to push acme/web:latest: unexpected status from "
    "PUT request to https://r.io/v2/web/manifests/latest: 503 Service Unavailable\n"
)


def plan(*, load: bool = False) -> Plan:
    pair = Pair(
        Image(Target("app", {}), (Reference("acme/web", "latest"),)),
        Image(Target("app-deps", {}), (Reference("acme/web", "deps"),)),
        derived=True,
    )
    options = BuildOptions(load=load)
    jobs = make_jobs([pair], options)
    settings = Settings(builder="ci", allow=("fs.read=/x",))
    made = generate(jobs, options, {})
    return Plan((pair,), jobs, made, options, settings, "docker-bake.hcl", GOOD_FACTS)


def baker(engine: FakeEngine, console: FakeConsole, attempts: int = 3) -> Baker:
    retrier = Retrier(RetryPolicy(attempts, 180.0), console.note, lambda _: None)
    return Baker(engine, console, retrier, itertools.count(10).__next__)


Bake = tuple[list[str], Exception | None]


def good(name: str = "pulled") -> list[Bake]:
    """What the engine says in the two waves of a bake that goes well."""
    return [(recording(name, "app-deps"), None), (recording(name, "app"), None)]


def names(engine: FakeEngine) -> list[list[str]]:
    return [made["group"]["default"]["targets"] for made, _, _ in engine.baked]


def test_the_dependencies_are_published_before_the_application() -> None:
    engine = FakeEngine(bakes=good())
    console = FakeConsole()
    baker(engine, console).bake(plan())
    assert names(engine) == [["app-deps"], ["app"]]
    assert console.begun == [("app-deps",), ("app",)]
    assert engine.baked[0][0]["target"] == plan().definition["target"]
    assert {made[1:] for made in engine.baked} == {("ci", ("fs.read=/x",))}


def test_a_bake_tells_what_happened() -> None:
    digests = {name: {"containerimage.digest": f"sha256:{name}"} for name in ("app", "app-deps")}
    one = baker(FakeEngine(bakes=good(), metadata=digests), FakeConsole())
    result = one.bake(plan())
    assert [(t.target, t.digest, t.steps_run, t.steps_cached) for t in result.targets] == [
        ("app-deps", "sha256:app-deps", 0, 3),
        ("app", "sha256:app", 1, 4),
    ]
    assert (result.published, result.retries, result.seconds) == (True, (), 1)
    assert one.metadata == digests


def test_the_console_sees_every_line_and_every_event() -> None:
    console = FakeConsole()
    baker(FakeEngine(bakes=good("cached")), console).bake(plan())
    assert console.lines == [*recording("cached", "app-deps"), *recording("cached", "app")]
    assert any(isinstance(event, Step) and event.cached for event in console.events)
    assert console.notes == []


def test_load_publishes_nothing() -> None:
    engine = FakeEngine(bakes=[(recording("cached", "app"), None)])
    result = baker(engine, FakeConsole()).bake(plan(load=True))
    assert not result.published
    assert [target.target for target in result.targets] == ["app"]


def test_a_failed_push_is_tried_again_and_what_ran_counts_as_run() -> None:
    deps, app = good()
    again = [line.replace('"cached": false', '"cached": true') for line in app[0]]
    engine = FakeEngine(bakes=[deps, (app[0], CommandFailedError(PUSH_FAILED)), (again, None)])
    console = FakeConsole()
    result = baker(engine, console).bake(plan())
    assert names(engine) == [["app-deps"], ["app"], ["app"]]
    assert [target.steps_run for target in result.targets] == [0, 1]
    assert [retry.reason for retry in result.retries] == ["503 Service Unavailable"]
    assert len(console.notes) == 1
    assert "publishing app: 503 Service Unavailable" in console.notes[0]


def test_a_push_that_keeps_failing_is_unreachable_and_nothing_else_is_pushed() -> None:
    engine = FakeEngine(bakes=[([], CommandFailedError(PUSH_FAILED)) for _ in range(3)])
    with pytest.raises(UnreachableError) as caught:
        baker(engine, FakeConsole()).bake(plan())
    assert caught.value.what.endswith("503 Service Unavailable")
    assert caught.value.log is None
    assert names(engine) == [["app-deps"]] * 3


def test_a_refused_push_is_not_tried_again() -> None:
    denied = CommandFailedError("ERROR: failed to push acme/web:deps: denied: no\n")
    engine = FakeEngine(bakes=[([], denied), ([], None)])
    with pytest.raises(RefusedError):
        baker(engine, FakeConsole()).bake(plan())
    assert names(engine) == [["app-deps"]]


def test_a_failing_step_is_shown_with_its_log_and_is_not_retried() -> None:
    """Its log says 503; a step may print anything."""
    lines = recording("failed", "app-deps")
    engine = FakeEngine(bakes=[(lines, CommandFailedError("".join(lines))), ([], None)])
    with pytest.raises(BuildError) as caught:
        baker(engine, FakeConsole()).bake(plan())
    assert names(engine) == [["app-deps"]]
    log = str(caught.value.log)
    assert log.startswith("> [app-deps dependencies 2/2] RUN echo hello")
    assert "\nhello\n503 Service Unavailable\n" in log
    assert "   3 | >>> RUN echo hello" in log
    assert str(caught.value.cause).endswith("did not complete successfully: exit code: 3")


def test_the_words_of_a_first_attempt_are_not_shown_for_the_second() -> None:
    first = [*recording("failed", "app-deps")[:-1], PUSH_FAILED]
    lines = recording("failed", "app-deps")
    engine = FakeEngine(
        bakes=[
            (first, CommandFailedError(PUSH_FAILED)),
            (lines, CommandFailedError("".join(lines))),
        ]
    )
    with pytest.raises(BuildError) as caught:
        baker(engine, FakeConsole()).bake(plan())
    assert str(caught.value.log).count("Dockerfile.bad:3") == 1
    assert str(caught.value.log).count("\nhello\n") == 1

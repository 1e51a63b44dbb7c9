"""Whether containers work."""

from __future__ import annotations

import pytest

from whalebuild.compose.containers import Container
from whalebuild.compose.health import HealthState, judge

GRACE = 5.0


def container(**given: object) -> Container:
    return Container("c1", "shop-web-1", "web", "sha256:1", **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "up_for"),
    [
        ({"health": "healthy"}, 0.0),
        ({}, GRACE),
        ({"status": "exited"}, 0.0),
        ({"status": "exited", "restart_policy": "on-failure"}, 0.0),
        ({"health": "healthy", "restarts": 3}, 0.0),
    ],
    ids=["healthy", "up for long enough", "work done", "done for good", "restarted long ago"],
)
def test_what_works(given: dict[str, object], up_for: float) -> None:
    """A container that has restarted before it was seen first is not blamed for that."""
    assert judge([container(**given)], {"c1": 3}, {"c1": up_for}, GRACE) == HealthState()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"health": "unhealthy"}, "it is unhealthy"),
        ({"status": "exited", "exit_code": 3}, "it ended with exit code 3"),
        (
            {"status": "exited", "restart_policy": "unless-stopped"},
            "it ended with exit code 0",
        ),
        (
            {"status": "restarting", "exit_code": 1},
            "it keeps ending, the last time with exit code 1",
        ),
        (
            {"restarts": 1, "exit_code": 0, "health": "starting"},
            "it keeps ending",
        ),
        ({"status": "dead"}, "it is dead"),
        ({"status": "paused"}, "it is paused"),
        ({"status": "created", "error": "port is taken"}, "the engine cannot start it"),
    ],
)
def test_what_does_not_work(given: dict[str, object], reason: str) -> None:
    problem = judge([container(**given)], {}, {}, GRACE).problem
    assert problem
    assert (problem.service, problem.container, problem.reason) == ("web", "c1", reason)


@pytest.mark.parametrize(
    ("given", "up_for", "what"),
    [
        ({"health": "starting"}, 100.0, "its health check"),
        ({}, 4.9, "it to stay up"),
        ({"status": "created"}, 0.0, "its start"),
    ],
)
def test_what_may_work_yet(given: dict[str, object], up_for: float, what: str) -> None:
    verdict = judge([container(**given)], {}, {"c1": up_for}, GRACE)
    assert verdict.waiting
    assert verdict.problem is None
    assert verdict.waiting == {"shop-web-1": what}


def test_what_was_said_is_told() -> None:
    said = judge([container(health="unhealthy", health_log=" HTTP 500\n")], {}, {}, GRACE)
    assert said.problem
    assert said.problem.output == "HTTP 500"

"""The table that ends a deploy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.deploy import DeployWorld
from tests.support.project import service
from whalebuild.cli.output.deploy import deploy_table
from whalebuild.compose.model import UpdateOrder
from whalebuild.deploy.result import DeployAction, DeployResult
from whalebuild.errors import Retry
from whalebuild.text import short_digest


@pytest.fixture
def world(tmp_path: Path) -> DeployWorld:
    return DeployWorld(
        tmp_path, (service("web"), service("db", "postgres:17", pull_policy="never"))
    )


def test_the_rows(world: DeployWorld) -> None:
    world.project.names["postgres:17"] = "sha256:db"
    one = world.publish("1")
    world.deploy()
    two = world.publish("2")
    lines = deploy_table(world.deploy(order=UpdateOrder.START_FIRST)).splitlines()
    assert lines[0].split() == ["SERVICE", "IMAGE", "WAS", "NOW", "ACTION"]
    assert lines[1].split()[2:] == [
        short_digest(one.digest),
        short_digest(two.digest),
        "updated",
        "(start-first)",
    ]
    assert lines[2].split()[1:4] == ["postgres:17", "-", "-"]
    assert lines[2].endswith("as compose has it: its pull_policy is never")


@pytest.mark.parametrize(
    ("result", "summary", "how"),
    [
        (
            {"done": DeployAction.PLANNED},
            "dry run, nothing was changed: a deploy downloads ",
            "to be started",
        ),
        (
            {"done": DeployAction.PULLED},
            "pulled, nothing was started: downloaded ",
            "to be started",
        ),
        ({"done": DeployAction.UNCHANGED}, "nothing to deploy: all of it runs already", "started"),
        ({"done": DeployAction.DEPLOYED, "number": 4}, "deployment 4: downloaded ", "started"),
        (
            {"done": DeployAction.ROLLED_BACK, "number": 4, "to": 1},
            "deployment 4, back to 1: downloaded ",
            "started",
        ),
    ],
)
def test_the_summary(world: DeployWorld, result: dict[str, object], summary: str, how: str) -> None:
    world.publish("1")
    retries = (Retry("pulling web", "reset", 1, 0.5),)
    made = DeployResult(plan=world.plan("web"), retries=retries, **result)  # type: ignore[arg-type]
    table = deploy_table(made).splitlines()
    assert table[1].endswith(f"  {how}")
    assert table[-1].startswith(summary)
    assert "1 retry" in table[-1]

"""After a deploy that worked, images of old deployments go; that they do not is no failure."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.deploy import DeployWorld
from tests.support.volumes import FakeVolumes
from whalebuild.cli.deploy_session import DeploySession
from whalebuild.deploy.result import DeployAction, DeployResult
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.published.kept import kept_name
from whalebuild.settings import Settings


@pytest.fixture
def world(tmp_path: Path) -> DeployWorld:
    made = DeployWorld(tmp_path)
    for content in ("1", "2", "3"):
        made.publish(content)
        made.deploy()
    return made


def tidied(world: DeployWorld, done: DeployAction, **settings: Any) -> DeployResult:
    session = SimpleNamespace(
        settings=Settings(keep=1, **settings),
        state=world.folder,
        engine="ENGINE",
        volumes=FakeVolumes(),
        project=world.project,
        record=world.record,
        host=world.host,
        console=world.console,
    )
    return DeploySession.tidied(session, DeployResult(done, world.plan()))  # type: ignore[arg-type]


def test_what_is_beyond_keep_goes(world: DeployWorld) -> None:
    result = tidied(world, DeployAction.DEPLOYED)
    assert result.pruned
    assert len(result.pruned.removed) == 2
    kept = [name for name in world.project.names if name.startswith("whalebuild-kept:")]
    assert kept == [str(kept_name(world.runs()[0]))]


@pytest.mark.parametrize(
    ("done", "settings"),
    [
        (DeployAction.DEPLOYED, {"prune": False}),
        (DeployAction.UNCHANGED, {}),
        (DeployAction.ROLLED_BACK, {}),
    ],
)
def test_it_is_a_deploy_that_worked_and_a_setting(
    world: DeployWorld, done: DeployAction, settings: dict[str, bool]
) -> None:
    before = dict(world.project.names)
    assert tidied(world, done, **settings).pruned is None
    assert world.project.names == before


def test_that_it_cannot_be_done_is_said(world: DeployWorld) -> None:
    world.host.used = _lost  # type: ignore[method-assign]
    result = tidied(world, DeployAction.DEPLOYED)
    assert (result.done, result.pruned) == (DeployAction.DEPLOYED, None)
    assert world.console.notes[-1].startswith("images of old deployments were not removed: ")


def _lost() -> Any:
    raise CommandFailedError("Cannot connect to the Docker daemon")

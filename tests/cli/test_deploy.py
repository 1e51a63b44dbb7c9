"""``whalebuild deploy`` and ``rollback`` as commands, over a project in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.support.deploy import ENDED, DeployWorld
from tests.support.host import FakeHost
from tests.support.registry import BUSY
from tests.support.volumes import FakeVolumes
from whalebuild.cli.app import app
from whalebuild.docker import compose, host, volumes
from whalebuild.registry import client as registry_module

GRACE = ("--grace", "0")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> DeployWorld:
    made = DeployWorld(tmp_path / "state")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHALEBUILD_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(compose, "ComposeProject", lambda *_, **__: made.project)
    monkeypatch.setattr(host, "DockerHost", lambda *_: FakeHost(made.project))
    kept = FakeVolumes()
    monkeypatch.setattr(volumes, "DockerVolumes", lambda _: kept)
    monkeypatch.setattr(registry_module, "RegistryClient", lambda **_: made.registry)
    return made


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, [*words], prog_name="whalebuild")


def test_a_deploy_and_a_rollback(world: DeployWorld) -> None:
    one = world.publish("1")
    shown = invoke("deploy", *GRACE)
    assert shown.exit_code == 0, shown.stderr
    assert "started" in shown.stdout
    assert "deployment 1: downloaded " in shown.stdout
    world.publish("2")
    assert json.loads(invoke("deploy", "--format", "json", *GRACE).stdout)["deployment"] == 2
    told = json.loads(invoke("rollback", "--format", "json", *GRACE).stdout)
    assert (told["done"], told["deployment"], told["to"]) == ("rolled back", 3, 1)
    assert told["services"][0]["version"] == str(one)
    assert world.runs() == [one.digest]


@pytest.mark.parametrize(
    ("flag", "done", "pulled"),
    [("--dry-run", "planned", False), ("--pre-pull", "pulled", True)],
)
def test_what_starts_nothing(world: DeployWorld, flag: str, done: str, pulled: bool) -> None:
    one = world.publish("1")
    told = json.loads(invoke("deploy", flag, "--format", "json").stdout)
    assert (told["done"], told["deployment"]) == (done, None)
    assert (world.runs(), one.digest in world.project.names.values()) == ([], pulled)
    assert world.history.deployments == ()


def test_a_failed_deploy_is_exit_code_8(world: DeployWorld) -> None:
    world.publish("1", looks=ENDED)
    failed = invoke("deploy", "--format", "json", *GRACE)
    assert failed.exit_code == 8
    assert "web: it ended with exit code 3" in json.loads(failed.stdout)["error"]["what"]


def test_a_registry_that_is_down_is_exit_code_6(world: DeployWorld) -> None:
    world.publish("1")
    world.registry.down = BUSY
    assert invoke("deploy", "--retry-attempts", "1").exit_code == 6
    assert not world.record.path.exists()


@pytest.mark.parametrize("words", [("rollback",), ("deploy", "--warm", "--pre-pull")])
def test_what_cannot_be_done_is_exit_code_2(world: DeployWorld, words: tuple[str, ...]) -> None:
    assert invoke(*words).exit_code == 2
    assert world.asked("up", "pull") == []

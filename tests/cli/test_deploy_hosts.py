"""``deploy``, ``rollback`` and ``history`` on several hosts, over projects in memory."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.support.deploy import ENDED, DeployWorld
from tests.support.host import FakeHost
from tests.support.registry import BUSY, FakeRegistry
from tests.support.volumes import FakeVolumes
from whalebuild.cli.app import app
from whalebuild.docker import compose, host, volumes
from whalebuild.docker.engine_api import EngineApi
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.registry import client as registry_module

GRACE = ("--grace", "0")
A, B, C = "ssh://a", "tcp://b:2375", "c"  # the last one is a context


class OneOf(FakeHost):
    """An engine with an ID of its own."""

    engine = ""

    def id(self) -> str:
        super().id()
        return self.engine


class Worlds:
    """Hosts with one registry."""

    def __init__(self, folder: Path) -> None:
        self.registry = FakeRegistry()
        self.of = {
            name: DeployWorld(folder / f"state-{at}", registry=self.registry)
            for at, name in enumerate((A, B, C))
        }
        self.volumes = {name: FakeVolumes() for name in self.of}
        self.engines = {name: f"ENGINE-{at}" for at, name in enumerate(self.of)}
        for each in self.of.values():
            each.project.looks = self.of[A].project.looks

    def publish(self, content: str, looks: dict[str, object] | None = None) -> str:
        return str(self.of[A].publish(content, looks=looks).digest)

    def runs(self) -> list[list[str]]:
        return [each.runs() for each in self.of.values()]

    def host(self, api: EngineApi) -> OneOf:
        name = where(api)
        found = OneOf(self.of[name].project)
        found.engine = self.engines[name]
        found.down = name in self.down
        return found

    down: Sequence[str] = ()


def where(api: EngineApi) -> str:
    env = api.calls.environment
    return env.get("DOCKER_HOST") or env["DOCKER_CONTEXT"]


@pytest.fixture
def worlds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Worlds:
    made = Worlds(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHALEBUILD_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere")
    monkeypatch.setattr(compose, "ComposeProject", lambda api, **_: made.of[where(api)].project)
    monkeypatch.setattr(host, "DockerHost", lambda api, _: made.host(api))
    monkeypatch.setattr(volumes, "DockerVolumes", lambda api: made.volumes[where(api)])
    monkeypatch.setattr(registry_module, "RegistryClient", lambda **_: made.registry)
    return made


def invoke(*words: str, hosts: Sequence[str] = (A, B, C)) -> Result:
    named = [word for each in hosts for word in ("--host", each)]
    return CliRunner().invoke(app, [*words, *named], prog_name="whalebuild")


def told(*words: str, code: int = 0) -> Any:
    shown = invoke(*words, "--format", "json")
    assert shown.exit_code == code, shown.stderr
    return json.loads(shown.stdout)


def fails_on(world: DeployWorld, digest: str) -> None:
    """A version works on all hosts but one."""
    world.project.looks = {**world.project.looks, digest: ENDED}


@pytest.mark.parametrize("parallel", ["1", "2", "9"])
def test_all_of_them(worlds: Worlds, parallel: str) -> None:
    one = worlds.publish("1")
    found = told("deploy", *GRACE, "--parallel", parallel)
    assert (found["schema"], found["done"]) == ("whalebuild.deploys/1", True)
    assert [each["host"] for each in found["hosts"]] == ["a", "tcp://b:2375", "c"]
    assert [each["result"]["deployment"] for each in found["hosts"]] == [1, 1, 1]
    assert [each["result"]["schema"] for each in found["hosts"]] == ["whalebuild.deploy/1"] * 3
    assert worlds.runs() == [[one]] * 3
    assert [len(each.there) for each in worlds.volumes.values()] == [1, 1, 1]


def test_the_table_has_a_column_of_hosts(worlds: Worlds) -> None:
    worlds.publish("1")
    shown = invoke("deploy", *GRACE, hosts=(A, C))
    lines = shown.stdout.splitlines()
    assert lines[0].split()[:2] == ["HOST", "SERVICE"]
    assert [line.split()[:2] for line in lines[1:3]] == [["a", "web"], ["c", "web"]]
    assert [line.split(":")[0] for line in lines[-2:]] == ["a", "c"]


def test_the_registry_is_asked_once(worlds: Worlds) -> None:
    worlds.publish("1")
    asked: list[str] = []
    for name in ("head_manifest", "manifest", "get_manifest", "digest"):
        real = getattr(worlds.registry, name, None)
        if real:
            setattr(worlds.registry, name, _counted(real, name, asked))
    assert invoke("deploy", *GRACE, hosts=(A,)).exit_code == 0
    once = len(asked)
    assert once
    asked.clear()
    assert invoke("deploy", *GRACE, hosts=(B, C)).exit_code == 0
    assert len(asked) == once


def _counted(real: Callable[..., Any], name: str, asked: list[str]) -> Callable[..., Any]:
    def call(*words: Any, **more: Any) -> Any:
        asked.append(name)
        return real(*words, **more)

    return call


@pytest.mark.parametrize("parallel", ["1", "2", "3"])
def test_one_that_fails(worlds: Worlds, parallel: str) -> None:
    one = worlds.publish("1")
    told("deploy", *GRACE)
    two = worlds.publish("2")
    fails_on(worlds.of[B], two)
    found = told("deploy", *GRACE, "--parallel", parallel, code=8)
    assert worlds.runs() == [[one]] * 3, "all of them run what ran before"
    a, b, c = found["hosts"]
    assert (a["end"], a["back_to"], b["end"]) == ("gone back", 1, "failed")
    # Of two at a time, the third one is begun if the first one is done before the second one fails.
    ends = {"1": {"not begun"}, "2": {"not begun", "gone back"}, "3": {"gone back"}}
    assert c["end"] in ends[parallel]
    assert b["error"]["exit_code"] == 8
    assert "rolled back: web" in b["error"]["what"]
    assert not found["done"]
    history = told("history")
    outcomes = [
        [each["outcome"] for each in one["history"]["deployments"]] for one in history["hosts"]
    ]
    assert outcomes[:2] == [["done", "done", "done"], ["done", "rolled back"]]


def test_one_that_fails_in_words(worlds: Worlds) -> None:
    worlds.publish("1")
    invoke("deploy", *GRACE)
    fails_on(worlds.of[B], worlds.publish("2"))
    shown = invoke("deploy", *GRACE)
    assert shown.exit_code == 8
    assert (
        "error: the deploy failed on tcp://b:2375: a went back, c was not begun; " in shown.stderr
    )
    assert (
        "whalebuild: a: going back to deployment 1, since it failed on tcp://b:2375" in shown.stderr
    )
    rows = {line.split()[0]: line for line in shown.stdout.splitlines()[1:4]}
    assert rows["a"].endswith("gone back")
    assert rows["tcp://b:2375"].endswith("failed")
    assert rows["c"].endswith("not begun")


def test_without_going_back(worlds: Worlds) -> None:
    one = worlds.publish("1")
    told("deploy", *GRACE)
    two = worlds.publish("2")
    fails_on(worlds.of[B], two)
    found = told("deploy", *GRACE, "--no-rollback", code=8)
    assert [each["end"] for each in found["hosts"]] == ["done", "failed", "not begun"]
    assert (worlds.of[A].runs(), worlds.of[C].runs()) == ([two], [one])


def test_a_first_deploy_has_nothing_to_go_back_to(worlds: Worlds) -> None:
    one = worlds.publish("1")
    fails_on(worlds.of[C], one)
    found = told("deploy", *GRACE, code=8)
    assert [each["end"] for each in found["hosts"]] == ["not gone back"] * 2 + ["failed"]
    assert "no deployment before" in found["hosts"][0]["error"]["what"]


def test_what_ran_it_already_stays(worlds: Worlds) -> None:
    one = worlds.publish("1")
    told("deploy", *GRACE)
    two = worlds.publish("2")
    assert invoke("deploy", *GRACE, hosts=(A,)).exit_code == 0
    fails_on(worlds.of[B], two)
    found = told("deploy", *GRACE, code=8)
    assert [each["end"] for each in found["hosts"]] == ["done", "failed", "not begun"]
    assert worlds.runs() == [[two], [one], [one]]


def test_nothing_is_begun_where_one_cannot_be_reached(worlds: Worlds) -> None:
    worlds.publish("1")
    worlds.down = (C,)
    shown = invoke("deploy", *GRACE)
    assert shown.exit_code == 3
    assert "error: c: " in shown.stderr
    assert worlds.runs() == [[]] * 3


def test_nothing_is_begun_where_one_cannot_pull(
    worlds: Worlds, monkeypatch: pytest.MonkeyPatch
) -> None:
    worlds.publish("1")

    def refuse(*_: object) -> None:
        raise CommandFailedError("Error response from daemon: no space left on device")

    monkeypatch.setattr(worlds.of[C].project, "pull", refuse)
    shown = invoke("deploy", *GRACE)
    assert shown.exit_code == 3
    assert "error: c: " in shown.stderr
    assert worlds.runs() == [[]] * 3
    assert all(not each.history.deployments for each in worlds.of.values())


def test_a_registry_that_is_down(worlds: Worlds) -> None:
    worlds.publish("1")
    worlds.registry.down = BUSY
    assert invoke("deploy", *GRACE, "--retry-attempts", "1").exit_code == 6
    assert worlds.runs() == [[]] * 3


def test_one_engine_under_two_names(worlds: Worlds) -> None:
    worlds.engines[C] = worlds.engines[A]
    shown = invoke("deploy", *GRACE)
    assert shown.exit_code == 2
    assert "error: a and c are the same engine" in shown.stderr


@pytest.mark.parametrize("hosts", [(A, A), ("ftp://a", B), ("ssh://", B), ("", B), ("-x", A)])
def test_hosts_that_cannot_be(worlds: Worlds, hosts: tuple[str, ...]) -> None:
    shown = invoke("deploy", hosts=hosts)
    assert shown.exit_code == 2, shown.stderr
    assert "host" in shown.stderr


def test_a_host_that_somebody_else_deploys_to(worlds: Worlds) -> None:
    worlds.publish("1")
    invoke("deploy", *GRACE)
    worlds.publish("2")
    labels = {"dev.whalebuild.project": "shop", "dev.whalebuild.purpose": "lock"}
    worlds.volumes[C].create("whalebuild-shop-lock-4", labels)
    shown = invoke("deploy", *GRACE, "--no-wait")
    assert shown.exit_code == 8
    assert "error: c: another deploy of shop is under way" in shown.stderr
    assert [len(each.there) for each in worlds.volumes.values()] == [1, 1, 2], "none is held"


def test_what_would_be_done(worlds: Worlds) -> None:
    worlds.publish("1")
    found = told("deploy", "--dry-run")
    assert [each["result"]["done"] for each in found["hosts"]] == ["planned"] * 3
    assert worlds.runs() == [[]] * 3
    found = told("deploy", "--pre-pull")
    assert [each["result"]["done"] for each in found["hosts"]] == ["pulled"] * 3
    assert worlds.runs() == [[]] * 3


def test_back_on_all_of_them(worlds: Worlds) -> None:
    one = worlds.publish("1")
    told("deploy", *GRACE)
    two = worlds.publish("2")
    told("deploy", *GRACE)
    found = told("rollback", *GRACE)
    assert [each["result"]["to"] for each in found["hosts"]] == [1, 1, 1]
    assert worlds.runs() == [[one]] * 3
    told("rollback", "2", *GRACE, code=2)
    assert invoke("rollback", "2", *GRACE, hosts=(B,)).exit_code == 0
    assert worlds.runs() == [[one], [two], [one]]


def test_one_that_cannot_go_back_keeps_all_at_the_new_one(worlds: Worlds) -> None:
    one = worlds.publish("1")
    told("deploy", *GRACE)
    two = worlds.publish("2")
    told("deploy", *GRACE)
    fails_on(worlds.of[C], one)
    found = told("rollback", *GRACE, code=8)
    assert [each["end"] for each in found["hosts"]] == ["gone back", "gone back", "failed"]
    assert worlds.runs() == [[two]] * 3


def test_one_host_is_as_ever(worlds: Worlds) -> None:
    worlds.publish("1")
    found = json.loads(invoke("deploy", *GRACE, "--format", "json", hosts=(B,)).stdout)
    assert found["schema"] == "whalebuild.deploy/1"
    shown = invoke("history", hosts=(B,))
    assert shown.stdout.split()[0] == "NOW"
    assert "b:2375" not in shown.stderr


def test_a_setting_names_them(worlds: Worlds, tmp_path: Path) -> None:
    worlds.publish("1")
    (tmp_path / "whalebuild.toml").write_text(f'hosts = ["{A}", "{B}"]\n')
    assert invoke("deploy", *GRACE, hosts=()).exit_code == 0
    assert [len(each) for each in worlds.runs()] == [1, 1, 0]
    shown = invoke("history", hosts=())
    assert [line for line in shown.stdout.splitlines() if line.endswith(":")] == [
        "a:",
        "tcp://b:2375:",
    ]
    refused = invoke("prune", hosts=())
    assert refused.exit_code == 2
    assert "name one of them with --host" in refused.stderr
    assert invoke("prune", hosts=(A,)).exit_code == 0


@pytest.mark.parametrize("parallel", ["1", "2"])
def test_an_interrupt(worlds: Worlds, parallel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while the second one waits for its health; the first one is done."""
    one = worlds.publish("1")
    told("deploy", *GRACE)
    worlds.publish("2", looks={"health": "starting"})
    project = worlds.of[A].project
    project.looks = {}
    sent = threading.Event()
    real = worlds.of[B].project.containers

    def interrupted(ids: Any = None) -> Any:
        found = real(ids)
        if any(each.health == "starting" for each in found) and not sent.is_set():
            sent.set()
            signal.raise_signal(signal.SIGINT)
        return found

    monkeypatch.setattr(worlds.of[B].project, "containers", interrupted)
    shown = invoke("deploy", "--grace", "0", "--parallel", parallel, "--timeout", "20")
    assert shown.exit_code == 130, shown.stderr
    assert worlds.runs() == [[one]] * 3, shown.stderr

"""``whalebuild history`` and ``whalebuild prune``, over one record of deployments."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.support.host import FakeHost
from tests.support.project import FakeProject, model, service
from tests.support.record import begun, done, ended, running, text, version
from tests.support.volumes import FakeVolumes
from whalebuild.cli.app import app
from whalebuild.deployments.record import Outcome
from whalebuild.docker import compose, host, volumes
from whalebuild.published.kept import kept_name
from whalebuild.state.lock import deployment_lock
from whalebuild.state.records import FileRecord


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeProject:
    """A project of one service, its engine, and a state folder of the test's own."""
    made = FakeProject(model(service("web")))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHALEBUILD_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr(compose, "ComposeProject", lambda *_, **__: made)
    monkeypatch.setattr(host, "DockerHost", lambda *_: FakeHost(made))
    kept = FakeVolumes()
    monkeypatch.setattr(volumes, "DockerVolumes", lambda _: kept)
    return made


@pytest.fixture
def record(tmp_path: Path) -> FileRecord:
    made = FileRecord(tmp_path / "state", "ENGINE", "shop")
    made.path.parent.mkdir(parents=True)
    entries = [
        *done(1, web="1"),
        begun(2, running(web="2"), running(web="1")),
        ended(2, running(web="1"), Outcome.ROLLED_BACK, "web: it is\nunhealthy" + 80 * "!"),
        *done(3, web="3"),
        *done(4, to=1, web="1"),
    ]
    lines = text(entries)
    made.path.write_text(f"{lines[:50]}\n{lines}")
    return made


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, [*words], prog_name="whalebuild")


def test_the_table(project: FakeProject, record: FileRecord) -> None:
    project.run("web", version("1"))
    shown = invoke("history")
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert lines[0].split() == [
        "NOW",
        "N",
        "WHEN",
        "WHAT",
        "SERVICES",
        "OUTCOME",
        "DOWNLOADED",
        "SECONDS",
    ]
    one = str(version("1").digest)[:19]
    assert lines[1].startswith("*    1  2026-11-27 ")
    assert "rolled back: web: it is unhealthy!!!" in lines[2]
    assert "!" * 80 in lines[2]  # a pipe gets all of it
    assert f"rollback to 1  web {one}…  done" in lines[4]
    assert lines[4].endswith("5.8 KB      4.5")
    assert lines[-1] == "* deployment 1 is what is meant to run now"
    assert shown.stderr == f"whalebuild: line 1 of {record.path} cannot be read and is skipped\n"


def test_a_service_that_somebody_changed_is_told(project: FakeProject, record: FileRecord) -> None:
    project.run("web", version("9"))
    one, nine = (str(version(name).digest)[:19] for name in "19")
    assert (
        f"web runs {nine}, not what the record says ({one}): somebody has changed it outside "
        "whalebuild" in invoke("history").stderr
    )
    project.running.clear()
    assert f"web does not run; the record says {one}" in invoke("history").stderr


def test_an_interrupted_one(project: FakeProject, record: FileRecord) -> None:
    record.add(begun(5, running(web="5"), running(web="1")))
    shown = invoke("history")
    assert "interrupted" in shown.stdout.splitlines()[5]
    assert "a deployment of web was interrupted, and " in shown.stderr
    project.run("web", version("5"))
    five = str(version("5").digest)[:19]
    assert f"interrupted, and web runs {five}; deploy again" in invoke("history").stderr
    project.running.clear()
    assert "interrupted, and nothing of web runs; deploy" in invoke("history").stderr


def test_a_project_that_was_never_deployed(project: FakeProject, tmp_path: Path) -> None:
    shown = invoke("history")
    assert shown.exit_code == 0
    assert shown.stdout.startswith("shop has not been deployed yet")
    assert not (tmp_path / "state").exists(), "looking makes nothing"


def test_the_json_form(project: FakeProject, record: FileRecord) -> None:
    project.run("web", version("9"))
    told = json.loads(invoke("history", "--format", "json").stdout)
    assert [each["number"] for each in told.pop("deployments")] == [1, 2, 3, 4]
    assert told == {
        "schema": "whalebuild.history/1",
        "project": "shop",
        "engine": "ENGINE",
        "file": str(record.path),
        "effective": 1,
        "warmed": [],
        "damaged_lines": [1],
        "unsure": [],
        "strays": [
            {
                "service": "web",
                "recorded": str(version("1")),
                "found": [version("9").digest],
            }
        ],
    }


def test_one_deployment_in_json(project: FakeProject, record: FileRecord) -> None:
    told = json.loads(invoke("history", "--format", "json").stdout)["deployments"]
    assert told[3] == {
        "configured": {},
        "number": 4,
        "act": "rollback",
        "to": 1,
        "outcome": "done",
        "reason": None,
        "began": "2026-11-27T09:44:26+00:00",
        "ended": "2026-11-27T09:44:26+00:00",
        "services": {"web": str(version("1"))},
        "before": {"web": None},
        "running": {"web": str(version("1"))},
        "downloaded_bytes": 5800,
        "seconds": 4.5,
    }
    assert told[1]["reason"].startswith("web: it is\nunhealthy")


def test_a_record_that_cannot_be_read_is_an_error(project: FakeProject, tmp_path: Path) -> None:
    (tmp_path / "state/deployments/ENGINE/shop.jsonl").mkdir(parents=True)
    failed = invoke("history", "--format", "json")
    assert failed.exit_code == 2
    assert json.loads(failed.stdout)["error"]["what"] == "cannot read the record of deployments"


@pytest.fixture
def pruned(project: FakeProject, record: FileRecord) -> FakeProject:
    for name in "123":
        project.has(version(name))
        project.tag(str(version(name).digest), kept_name(str(version(name).digest)))
    project.run("web", version("1"))
    return project


def test_pruning(pruned: FakeProject) -> None:
    dry = invoke("prune", "--keep", "1", "--dry-run")
    assert dry.exit_code == 0
    assert dry.stdout.splitlines()[-1] == "2 images to be removed, 1 kept"
    shown = invoke("prune", "--keep", "1")
    lines = shown.stdout.splitlines()
    assert lines[0].split() == ["STATE", "DIGEST", "IMAGE", "WHY"]
    assert {line.split()[0] for line in lines[1:3]} == {"removed"}
    assert lines[3].endswith("registry.test/acme/web:latest  a container uses it")
    assert lines[-1] == "2 images removed, 1 kept"
    assert set(pruned.names.values()) == {version("1").digest}


def test_what_is_kept_by_default_and_by_setting(
    pruned: FakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = json.loads(invoke("prune", "--format", "json").stdout)
    assert (told["schema"], told["keep"], told["done"]) == ("whalebuild.prune/1", 5, True)
    assert [each["digest"] for each in told["removed"]] == [version("2").digest]
    monkeypatch.setenv("WHALEBUILD_KEEP", "1")
    told = json.loads(invoke("prune", "--format", "json").stdout)
    assert [each["digest"] for each in told["removed"]] == [version("3").digest]


def test_pruning_takes_the_lock(pruned: FakeProject, record: FileRecord, tmp_path: Path) -> None:
    with deployment_lock(record.lock, print, wait=False, verb="deploy", scratch=tmp_path):
        refused = invoke("prune", "--no-wait", "--format", "json")
        assert refused.exit_code == 8
        error = json.loads(refused.stdout)["error"]
        assert error["what"] == "another deploy of shop is under way"
        assert f"pid {os.getpid()}" in error["cause"]
        assert invoke("prune", "--dry-run").exit_code == 0, "a dry run needs no lock"


def test_keeping_nothing_is_wrong(pruned: FakeProject) -> None:
    assert invoke("prune", "--keep", "0").exit_code == 2


def test_nothing_to_prune(project: FakeProject) -> None:
    shown = invoke("prune")
    assert shown.stdout == "nothing to prune: the host has no image that the record names\n"

"""Migrations: before anything is stopped, never on the way back; and what hangs ends in time."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.deploys import PATIENT, Host, Running, Web
from tests.integration.processes import own_processes
from tests.integration.sandbox import Sandbox
from tests.support.marks import extended
from wbsandbox.polling import Poller

PROJECT = Path(__file__).parent / "projects/migrations"


@pytest.fixture(scope="module")
def engine(sandbox: Sandbox) -> Iterator[str]:
    with sandbox.fresh_engine("host") as engine:
        yield engine


@pytest.fixture
def host(sandbox: Sandbox, engine: str, tmp_path: Path, web: Web) -> Iterator[Host]:
    host = Host(
        sandbox, engine, tmp_path / "host", web.image, extra={"PYTHON": sandbox.python_image}
    )
    host.write((PROJECT / "compose.yaml").read_text())
    host.extra["TMPDIR"] = str(tmp_path / "scratch")
    (tmp_path / "scratch").mkdir()
    yield host
    host.compose("down", "--timeout", "0", "--volumes", check=False)


def publish(web: Web, release: str, job: str = "", how: str = "") -> str:
    """Publish a release whose migration works, "fails" or "hangs"."""
    app = web.pair.folder / "app"
    shutil.copy(PROJECT / "app/migrate.py", app)
    (app / "job.json").write_text(json.dumps(job))
    return web.publish(release, how=how)


def one(host: Host, service: str) -> Running:
    [found] = [each for each in host.containers() if each.service == service]
    return found


def runs(host: Host) -> list[str]:
    """The releases whose migration was started, as the database has it."""
    return host.run("docker", "exec", one(host, "db").id, "cat", "/data/runs").stdout.split()


def stays(host: Host) -> dict[str, str]:
    return {each.service: each.id for each in host.containers() if each.service != "migrate"}


def leaves_nothing(host: Host) -> None:
    """No trial, no child, no scratch folder."""
    assert not [c for c in host.containers() if "dev.whalebuild.trial" in c.labels]
    assert [words for _, words in own_processes() if b"compose" in words.split(b"\0")[0]] == []
    assert list(Path(host.extra["TMPDIR"]).iterdir()) == []


def test_migrations(web: Web, host: Host) -> None:
    """One that works, one that fails, one that hangs, and back."""
    first = publish(web, "1")
    host.whalebuild("deploy", check=True)
    assert (host.digests(), runs(host)) == ([first], ["1"])
    before, db = stays(host), one(host, "db").id

    publish(web, "2", "fails")
    with Poller(host.url, PATIENT) as poller:
        poller.wait_for("1")
        failed = host.whalebuild("deploy")
    assert failed.returncode == 8, failed.stderr
    assert "migrate: the job ended with exit code 3; its container is still there" in failed.stderr
    assert "relation orders exists" in failed.stderr
    assert f"web {first[:19]}, worker {first[:19]} were not stopped, and run" in failed.stderr
    assert (poller.failures, set(poller.releases)) == ([], {"1"})
    assert stays(host) == before
    assert one(host, "migrate").status == "exited"

    third = publish(web, "3")
    host.whalebuild("deploy", check=True)
    assert (host.digests(), runs(host)) == ([third], ["1", "2", "3"])
    assert host.digests("worker") == [third]

    back = host.whalebuild("rollback")
    assert back.returncode == 0, back.stderr
    assert "migrate is left as it is" in back.stderr
    assert (host.digests(), runs(host)) == ([first], ["1", "2", "3"]), "no old job runs"
    assert one(host, "db").id == db
    leaves_nothing(host)


@pytest.mark.extended
def test_the_way_back_of_a_failed_deploy_runs_no_migration(web: Web, host: Host) -> None:
    first = publish(web, "1")
    host.whalebuild("deploy", check=True)
    publish(web, "2", how="unhealthy")
    failed = host.whalebuild("deploy")
    assert failed.returncode == 8
    assert "rolled back: " in failed.stderr
    assert (host.digests(), runs(host)) == ([first], ["1", "2"])
    assert one(host, "migrate").status == "exited"


@pytest.mark.extended
def test_one_that_hangs_ends_at_the_deadline(web: Web, host: Host) -> None:
    first = publish(web, "1")
    host.whalebuild("deploy", check=True)
    before = stays(host)
    publish(web, "2", "hangs")
    failed = host.whalebuild("deploy", "--timeout", "20")
    assert failed.returncode == 8
    assert "the job has not ended after 20.0 s, and was stopped" in failed.stderr
    assert "waiting for the end of job migrate" in failed.stderr
    assert (host.digests(), stays(host)) == ([first], before)
    assert one(host, "migrate").status == "exited"
    leaves_nothing(host)


@pytest.mark.extended
@pytest.mark.parametrize("sent", [signal.SIGINT, extended(signal.SIGTERM), extended(signal.SIGHUP)])
def test_interrupted_in_a_job(web: Web, host: Host, sent: signal.Signals) -> None:
    first = publish(web, "1")
    host.whalebuild("deploy", check=True)
    before = stays(host)
    publish(web, "2", "hangs")
    with host.started("deploy") as process:
        process.wait_for_text("waiting for the end of job migrate")
        process.popen.send_signal(sent)
        assert process.end() == 130
    assert f"interrupted by {sent.name}" in process.stderr
    assert f"now web {first[:19]} runs, and its health check succeeds" in process.stderr
    assert (host.digests(), stays(host)) == ([first], before)
    assert one(host, "migrate").status == "exited"
    leaves_nothing(host)


@pytest.mark.extended
def test_compose_by_hand_finds_nothing_to_do_but_the_job(web: Web, host: Host) -> None:
    publish(web, "1")
    host.whalebuild("deploy", check=True)
    publish(web, "2")
    host.whalebuild("deploy", check=True)
    before, job = stays(host), one(host, "migrate").id
    host.compose("up", "--detach")
    assert (stays(host), one(host, "migrate").id) == (before, job)
    assert runs(host) == ["1", "2", "2"], "compose starts a job again that has ended"

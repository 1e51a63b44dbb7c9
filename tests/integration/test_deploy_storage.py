"""A service whose socket lies in a volume: a second one beside it would take the socket away."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.deploys import PATIENT, Host, Web
from tests.integration.sandbox import Sandbox
from tests.integration.web_app import REASONS
from wbsandbox.polling import Poller

PROJECT = Path(__file__).parent / "projects/socket"


@pytest.fixture(scope="module")
def engine(sandbox: Sandbox) -> Iterator[str]:
    with sandbox.fresh_engine("host") as engine:
        yield engine


@pytest.fixture
def host(sandbox: Sandbox, engine: str, tmp_path: Path, web: Web) -> Iterator[Host]:
    extra = {"PYTHON": sandbox.python_image}
    host = Host(sandbox, engine, tmp_path / "host", web.image, extra=extra)
    host.write((PROJECT / "compose.yaml").read_text())
    shutil.copy(PROJECT / "socket_proxy.py", host.folder)
    shutil.copy(PROJECT / "app/socket_app.py", web.pair.folder / "app")
    yield host
    host.compose("down", "--timeout", "0", "--volumes", check=False)


def answers(host: Host, release: str) -> None:
    with Poller(host.url, PATIENT) as poller:
        poller.wait_for(release)
    assert poller.failures == []


def test_it_is_not_tried(web: Web, host: Host) -> None:
    """What fails is switched back; no trial has made the socket its own in between."""
    first = web.publish("1")
    host.compose("up", "--detach", "--wait", "--quiet-pull")
    answers(host, "1")
    web.publish_broken("2", how="unhealthy")
    failed = host.whalebuild("deploy", "web")
    assert failed.returncode == 8, failed.stderr
    assert "web: not start-first: both versions would write to" in failed.stderr
    assert "start-first-volumes" in failed.stderr
    assert "-trial-" not in failed.stderr
    assert f"rolled back: web {first[:19]} runs again" in failed.stderr
    assert host.digests() == [first]
    answers(host, "1")


@pytest.mark.extended
def test_what_a_trial_breaks_is_said(web: Web, host: Host) -> None:
    """The user says that two versions may write there, and is wrong."""
    first = web.publish("1")
    host.compose("up", "--detach", "--wait", "--quiet-pull")
    (host.folder / "whalebuild.toml").write_text('start-first-volumes = ["run"]\n')
    web.publish_broken("2", how="unhealthy")
    failed = host.whalebuild("deploy", "web")
    assert failed.returncode == 8
    assert REASONS["unhealthy"] in failed.stderr
    assert "trying the new version beside the old one" in failed.stderr
    assert "nothing was stopped, but what runs does not all work" in failed.stderr
    assert f"web {first[:19]} runs, but its health check fails" in failed.stderr
    assert host.digests() == [first]

"""The project of django_like.py itself, with plain docker compose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.deploys import PATIENT
from tests.integration.django_like import JOB, SERVED, Site, Team
from tests.integration.projects.django_like.manage import REASONS
from tests.integration.sandbox import Sandbox
from wbsandbox.polling import Poller


@pytest.fixture
def site(sandbox: Sandbox, tmp_path: Path, repository: str) -> Iterator[tuple[Team, Site]]:
    team = Team.at(sandbox, tmp_path / "team", repository)
    with sandbox.fresh_engine("host") as engine:
        site = Site(sandbox, engine, tmp_path / "site", team.image)
        yield team, site
        site.down()


def health_of(host: Site) -> list[str]:
    """Of the containers of web, what their health checks have found."""
    form = "{{.State.Health.Status}}"
    names = [each.name for each in host.of("web")]
    return host.run("docker", "inspect", "--format", form, *names).stdout.split()


@pytest.mark.extended
def test_interrupted_in_the_drain_no_request_fails(site: tuple[Team, Site]) -> None:
    """What was told to drain serves nobody, so that the new version stays until it is replaced."""
    team, host = site
    host.extra |= {"WHALEBUILD_DEPLOY_GRACE": "1"}
    first = team.publish("1")
    assert host.whalebuild("deploy").returncode == 0
    team.publish("2")
    with Poller(host.url, PATIENT) as poller:
        poller.wait_for("1 one")
        with host.started("deploy") as process:
            process.wait_for_text("hook drain: running")
            process.wait_until(lambda: "unhealthy" in health_of(host))
            process.interrupt()
            assert process.end() == 130
        poller.wait_for("1 one")
        assert poller.failures == []
    assert host.digests("web") == [first]


@pytest.mark.soak
def test_it_runs(site: tuple[Team, Site]) -> None:
    team, host = site
    first = team.publish("1", revision=2)
    host.compose("up", "--detach", "--wait", "--quiet-pull", *SERVED, "proxy")
    assert {name: host.digests(name) for name in SERVED} == {
        name: [first] * count for name, count in SERVED.items()
    }
    [job] = host.of(JOB)
    assert job.status == "exited"
    with Poller(host.url, PATIENT) as poller:
        poller.wait_for("1 one")
        before = host.started_at("db")
        host.compose("restart", "web")
        poller.wait_until(lambda: poller.failures != [])
        poller.wait_for("1 one")
        assert host.started_at("db") == before

    team.publish("2", revision=1)
    host.compose("pull", "--quiet", "--policy", "always")
    down = host.compose("up", "--detach", check=False)
    assert down.returncode != 0
    assert REASONS["unknown revision"] in host.compose("logs", JOB).stdout
    # What compose does: the new migration runs when the old version is already gone.
    assert [c for c in host.of("web") if c.status == "running"] == []

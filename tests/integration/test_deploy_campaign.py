"""Deployments of all kinds, one after another, of a project that clients use all the while."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.deploy_campaign import Campaign
from tests.integration.deploy_steps import Kind, choose
from tests.integration.django_like import SERVED, Site, Team
from tests.integration.sandbox import Sandbox

#: Runs the long one again from its seed.
SEED = "WHALEBUILD_CAMPAIGN_SEED"


@pytest.fixture
def team(sandbox: Sandbox, tmp_path: Path, repository: str) -> Team:
    return Team.at(sandbox, tmp_path / "team", repository)


@pytest.fixture
def site(sandbox: Sandbox, tmp_path: Path, team: Team) -> Iterator[Site]:
    with sandbox.fresh_engine("host") as engine:
        site = Site(sandbox, engine, tmp_path / "site", team.image)
        yield site
        site.down()


def test_each_kind_comes_before_one_comes_again() -> None:
    assert {step.kind for step in choose(1, len(Kind))} == set(Kind)
    assert choose(7, 30) == choose(7, 30) != choose(8, 30)
    assert choose(7, 30)[:6] == choose(7, 30)[:6]


@pytest.mark.extended
def test_six_deployments(team: Team, site: Site) -> None:
    run(team, site, seed=28721, count=6)


@pytest.mark.soak
def test_thirty_deployments(team: Team, site: Site) -> None:
    run(team, site, seed=int(os.environ.get(SEED) or random.randrange(1 << 32)), count=30)


def run(team: Team, site: Site, *, seed: int, count: int) -> None:
    print(f"{SEED}={seed}")
    with Campaign(team, site, seed) as campaign:
        campaign.begin()
        for step in choose(seed, count):
            campaign.do(step)
        assert campaign.problems == []
        as_compose_has_it(site)


def as_compose_has_it(site: Site) -> None:
    """A ``docker compose up`` by hand finds nothing to do."""
    site.whalebuild("deploy", check=True)
    before = [c.id for c in site.containers() if c.service in {"db", "proxy", *SERVED}]
    site.compose("up", "--detach")
    assert [c.id for c in site.containers() if c.service in {"db", "proxy", *SERVED}] == before

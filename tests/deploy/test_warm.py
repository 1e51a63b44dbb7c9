"""Plans to pull dependencies ahead of their applications."""

from __future__ import annotations

from collections import defaultdict

import pytest

from tests.support.configurations import FakeConfigurations
from tests.support.errors import outcome
from tests.support.host import FakeHost
from tests.support.platforms import AMD64
from tests.support.project import NOW, FakeProject, model, service
from tests.support.published_pair import CODE, REPOSITORY, PublishedPair
from tests.support.retrier import patiently
from whalebuild.deploy.configurer import Configurer
from whalebuild.deploy.plan import DeployPlan, ServiceAction
from whalebuild.deploy.planner import DeployPlanner
from whalebuild.deploy.record import History
from whalebuild.deploy.warm import plan_warm
from whalebuild.errors import UsageError
from whalebuild.published.lookup import ManifestLookup


@pytest.fixture
def world() -> PublishedPair:
    made = PublishedPair()
    made.registry.blobs = defaultdict(lambda: b"{}")
    return made


def warm(world: PublishedPair, *names: str) -> DeployPlan:
    web, job = service("web", f"{REPOSITORY}:latest"), service("job", pull_policy="never")
    project = FakeProject(model(web, job))
    registry = world.registry
    lookup = ManifestLookup(patiently(registry))  # type: ignore[arg-type]
    planner = DeployPlanner(
        *(project, FakeHost(project), lookup, History()),
        Configurer(project, FakeConfigurations(), History()),
        grace=1.0,
        now=lambda: NOW,
    )
    return plan_warm(planner, names)


def test_dependencies_are_pulled_ahead(world: PublishedPair) -> None:
    plan = warm(world)
    actions = {name: each.action for name, each in plan.services.items()}
    assert actions == {"web": ServiceAction.WARM, "job": ServiceAction.PLAIN}
    version = plan.services["web"].version
    assert version
    assert version.tag == "deps"
    [diff] = plan.diffs
    assert (diff.to.digest, diff.to.image.digest) == (version.digest, world.deps[AMD64].digest)
    assert plan.notes == ()


def test_it_is_said_where_that_does_not_pay(world: PublishedPair) -> None:
    world.apps = {p: world.registry.image(p, CODE) for p in world.apps}
    world.publish()
    [note] = warm(world, "web").notes
    assert note.startswith(f"web: this does not pay: {REPOSITORY}:latest has other layers")


def test_without_dependencies_there_is_nothing_to_pull(world: PublishedPair) -> None:
    del world.registry.held[f"{REPOSITORY}:deps"]
    plan = warm(world, "web")
    assert (plan.changes, plan.diffs) == ((), ())
    assert plan.services["web"].why == f"{REPOSITORY}:latest is no pair of whalebuild's"


def test_an_unknown_service(world: PublishedPair) -> None:
    assert isinstance(outcome(lambda: warm(world, "wed")), UsageError)

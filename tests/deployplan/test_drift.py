from __future__ import annotations

import pytest

from tests.support.errors import outcome
from tests.support.host import FakeHost
from tests.support.project import FakeProject, model, service
from tests.support.record import begun, done, history, running, version
from whalebuild.deployplan.drift import Drift, find_drift
from whalebuild.errors import EngineError
from whalebuild.oci.reference import Reference
from whalebuild.published.kept import kept_name

RECORD = history(*done(1, web="1", db=None))


@pytest.fixture
def project() -> FakeProject:
    return FakeProject(model(service("web"), service("db")))


def drifts(project: FakeProject) -> list[Drift]:
    return list(find_drift(project, FakeHost(project), RECORD))


def test_all_is_as_recorded(project: FakeProject) -> None:
    project.run("web", version("1"))
    assert drifts(project) == []


def test_an_image_that_has_only_the_name_that_keeps_it(project: FakeProject) -> None:
    one = version("1")
    project.run("web", one)
    project.names = {str(kept_name(str(one.digest))): str(one.digest)}
    assert drifts(project) == []


@pytest.mark.parametrize("status", ["exited", "created", "dead"])
def test_a_service_that_does_not_run(project: FakeProject, status: str) -> None:
    project.run("web", version("1"), status=status, restart_policy="always")
    assert drifts(project) == [Drift("web", version("1"), ())]


def test_another_version_runs(project: FakeProject) -> None:
    project.run("web", version("1"))
    project.run("web", version("2"))
    digests = (str(version("1").digest), str(version("2").digest))
    assert drifts(project) == [Drift("web", version("1"), digests)]


def test_what_should_not_run_runs(project: FakeProject) -> None:
    project.run("web", version("1"))
    project.run("db", version("9", "db"))
    assert drifts(project) == [Drift("db", None, (str(version("9").digest),))]


def test_an_image_that_the_engine_has_lost_goes_by_its_id(project: FakeProject) -> None:
    project.run("web", version("2"))
    project.names.clear()
    assert drifts(project) == [Drift("web", version("1"), (str(version("2").digest),))]


def test_trials_and_single_runs_are_none(project: FakeProject) -> None:
    project.run("web", version("1"))
    project.run("web", version("2"), oneoff=True)
    project.start_trial("web", Reference("registry.test/acme/web", "latest"))
    assert drifts(project) == []


def test_what_an_interrupted_deployment_was_about_is_left_out(project: FakeProject) -> None:
    project.run("web", version("2"))
    unsure = history(*done(1, web="1"), begun(2, running(web="2"), running(web="1")))
    assert find_drift(project, FakeHost(project), unsure) == ()
    assert "containers" not in {verb for verb, *_ in project.asked}, "there is nothing to ask"


def test_an_engine_that_is_lost_is_an_error(project: FakeProject) -> None:
    host = FakeHost(project, down=True)
    assert isinstance(outcome(lambda: find_drift(project, host, RECORD)), EngineError)

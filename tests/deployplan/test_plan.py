"""What a deploy is going to do with a service."""

from __future__ import annotations

from dataclasses import replace

import pytest

from whalebuild.compose.containers import Container
from whalebuild.compose.model import Model, Service, UpdateOrder
from whalebuild.deployplan.plan import (
    DeployPlan,
    RunningVersion,
    ServiceAction,
    ServiceChange,
    chosen_services,
    decide_service,
    host_name,
    needs_override,
    running_version,
)
from whalebuild.errors import UsageError
from whalebuild.oci.reference import Reference
from whalebuild.published.host_images import HostImage

ONE, TWO = (f"sha256:{digit * 64}" for digit in "12")
REPO = "reg.example/acme/web"
LATEST = Reference(REPO, "latest")
WEB = Service("web", LATEST)


def version(digest: str, tag: str | None = "latest") -> Reference:
    return Reference(REPO, tag, digest)


def container(image: str = ONE, **given: object) -> Container:
    named = {"image_name": LATEST, **given}
    return Container("c1", "shop-web-1", "web", image, **named)  # type: ignore[arg-type]


def test_services_are_those_that_were_named() -> None:
    model = Model("shop", {"web": WEB, "db": Service("db", None)}, {})
    assert [s.name for s in chosen_services(model, ())] == ["web", "db"]
    assert [s.name for s in chosen_services(model, ("db",))] == ["db"]
    with pytest.raises(UsageError) as unknown:
        chosen_services(model, ("wed",))
    assert 'did you mean "web"' in str(unknown.value.cause)


@pytest.mark.parametrize(
    ("runs", "action"),
    [(None, ServiceAction.START), (TWO, ServiceAction.UPDATE), (ONE, ServiceAction.UNCHANGED)],
)
def test_what_becomes_of_a_service(runs: str | None, action: ServiceAction) -> None:
    running = RunningVersion(version(runs), runs) if runs else None
    assert decide_service(WEB, version(ONE), running, None).action is action


def test_two_indexes_of_one_image_are_one_version() -> None:
    """With a graph driver: the same image, pulled by the digest of another index."""
    running = RunningVersion(version(TWO), "sha256:id", frozenset({"sha256:id", ONE, TWO}))
    assert decide_service(WEB, version(ONE), running, None).action is ServiceAction.UNCHANGED


@pytest.mark.parametrize(
    ("asked", "file", "found"),
    [
        (None, None, UpdateOrder.STOP_FIRST),
        (None, UpdateOrder.START_FIRST, UpdateOrder.START_FIRST),
        (UpdateOrder.STOP_FIRST, UpdateOrder.START_FIRST, UpdateOrder.STOP_FIRST),
        (UpdateOrder.START_FIRST, None, UpdateOrder.START_FIRST),
    ],
)
def test_the_order_is_the_file_s_unless_it_is_given(
    asked: UpdateOrder | None, file: UpdateOrder | None, found: UpdateOrder
) -> None:
    made = decide_service(
        replace(WEB, order=file), version(ONE), RunningVersion(version(TWO), TWO), asked
    )
    assert made.order is found


def test_what_uses_the_host_s_network_cannot_be_started_first() -> None:
    service = replace(WEB, exclusive="it uses the host's network", on_host_network=True)
    made = decide_service(
        service, version(ONE), RunningVersion(version(TWO), TWO), UpdateOrder.START_FIRST
    )
    assert made.order is UpdateOrder.STOP_FIRST
    assert made.why == "not start-first: it uses the host's network"


def test_the_version_that_runs_is_named_by_the_digest_it_was_pulled_by() -> None:
    """With a graph driver an image's ID is another digest than a registry's."""
    images = {"sha256:id": HostImage("sha256:id", digests=(Reference(REPO, digest=TWO),))}
    found = running_version([container("sha256:id")], images, WEB, None)
    assert found == RunningVersion(version(TWO), "sha256:id")
    nameless = running_version([container(ONE)], {ONE: HostImage(ONE)}, WEB, None)
    assert nameless == RunningVersion(version(ONE), ONE)


def test_of_several_versions_the_recorded_one_counts() -> None:
    """A switch that was killed may leave both."""
    both = [container(ONE), container(TWO)]
    known = version(TWO, "v2")
    assert running_version(both, {}, WEB, known) == RunningVersion(known, TWO)
    assert running_version(both, {}, WEB, None) == RunningVersion(version(ONE), ONE)


@pytest.mark.parametrize(
    "given", [{"status": "exited", "exit_code": 1}, {"oneoff": True}, {"status": "created"}]
)
def test_what_does_not_run_is_no_version(given: dict[str, object]) -> None:
    assert running_version([container(**given)], {}, WEB, None) is None


@pytest.mark.parametrize(
    ("named", "ran", "needed"),
    [
        (LATEST, version(ONE), False),
        (Reference(REPO), version(ONE), False),
        (Reference(REPO, "v2"), version(ONE, "v1"), True),
        (Reference("reg.example/acme/shop", "latest"), version(ONE), True),
        (Reference(REPO, digest=ONE), version(ONE, None), False),
        (Reference(REPO, digest=TWO), version(ONE, None), True),
        (None, version(ONE), True),
    ],
)
def test_a_file_that_names_another_image_is_overridden(
    named: Reference | None, ran: Reference, needed: bool
) -> None:
    assert needs_override(Service("web", named), ran) is needed


def test_the_name_on_a_host() -> None:
    assert host_name(version(ONE)) == LATEST
    assert host_name(version(ONE, None)) == version(ONE, None)


def test_a_job_that_is_done_counts_as_what_it_ran() -> None:
    done = container(ONE, status="exited")
    assert running_version([done], {}, WEB, None) == RunningVersion(version(ONE), ONE)


def test_what_changes() -> None:
    model = Model("shop", {"web": WEB}, {})
    same = ServiceChange(WEB, ServiceAction.UNCHANGED, version(ONE), version(ONE), ONE)
    new = ServiceChange(replace(WEB, name="job"), ServiceAction.START, version(TWO))
    plain = ServiceChange(Service("db", None), ServiceAction.PLAIN)
    plan = DeployPlan(model, {"web": same, "job": new, "db": plain})
    assert plan.pairs == (same, new)
    assert plan.changes == (new,)
    assert (plan.to_start, plan.left) == (("web", "job", "db"), ())


def test_what_is_left_as_it_is_is_not_started() -> None:
    model = Model("shop", {"web": WEB}, {})
    new = ServiceChange(WEB, ServiceAction.START, version(TWO))
    lost = ServiceChange(Service("db", None), ServiceAction.UNREACHABLE)
    held = ServiceChange(Service("job", None), ServiceAction.HELD)
    plan = DeployPlan(model, {"db": lost, "web": new, "job": held})
    assert (plan.to_start, plan.left, plan.changes) == (("web",), (lost, held), (new,))

"""Plans to pull dependencies ahead of the applications that are built on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from whalebuild.bakefile.pair_names import names_of_image, with_tag
from whalebuild.bundle.lock import Lock
from whalebuild.bundle.published import PublishedApp, PublishedDeps
from whalebuild.compose.model import Service
from whalebuild.deployplan.plan import (
    DeployPlan,
    ServiceAction,
    ServiceChange,
    chosen_services,
)
from whalebuild.deployplan.planner import DeployPlanner, all_of
from whalebuild.deployplan.pull_policy import not_pulled
from whalebuild.deployplan.resolve import not_published
from whalebuild.errors import RefusedError
from whalebuild.oci.reference import Reference
from whalebuild.published.download import ImageDiff
from whalebuild.published.lookup import ManifestLookup


def plan_warm(planner: DeployPlanner, names: Sequence[str]) -> DeployPlan:
    """Plan to pull what is published as ``:deps``, of services with a pair.

    Raises:
        UsageError: A service is unknown.
        WhalebuildError: The registry refused, or could not be reached.
    """
    decided = {each.name: _decide(planner, each) for each in chosen_services(planner.model, names)}
    changes = {name: change for name, (change, _) in decided.items()}
    apps = {name: app for name, (_, app) in decided.items() if app}
    read = {
        name: Reference(each.version.repository, each.version.tag)
        for name, each in changes.items()
        if each.version
    }
    plan = all_of(planner.with_diffs(changes, tuple(names), read=read))
    notes = [
        f"{name}: this does not pay: {app.reference} has other layers than its dependencies (its "
        "last stage is not FROM them), and is downloaded as a whole"
        for name, app in apps.items()
        for diff in plan.diffs
        if diff.to.digest == _digest(changes[name]) and not _shares(planner.lookup, app, diff)
    ]
    return replace(plan, notes=(*plan.notes, *notes))


def _decide(planner: DeployPlanner, service: Service) -> tuple[ServiceChange, PublishedApp | None]:
    """What becomes of a service; with its application where the dependencies are pulled."""
    why = not_pulled(service, on_host=False)
    if why or service.image is None:
        return ServiceChange(service, ServiceAction.PLAIN, why=why), None
    named = with_tag(service.image)
    app = _published(planner, named)
    deps = _dependencies(planner.lookup, named) if app and app.record else None
    if deps is None:
        why = f"{named} is no pair of whalebuild's"
        return ServiceChange(service, ServiceAction.PLAIN, why=why), None
    version = Reference(deps.reference.repository, deps.reference.tag, deps.bundle.digest)
    return ServiceChange(service, ServiceAction.WARM, version), app


def _published(planner: DeployPlanner, named: Reference) -> PublishedApp | None:
    """What a registry has; None where it has nothing, or is silent on what the host has."""
    on_host = planner.seen.image(named) is not None
    try:
        found = planner.lookup.app(named)
    except RefusedError:
        if not on_host:
            raise
        return None
    if found is None and not on_host:
        raise not_published(named)
    return found


def _dependencies(lookup: ManifestLookup, named: Reference) -> PublishedDeps | None:
    for reference in names_of_image(named).deps:
        found = lookup.deps(reference)
        if found and isinstance(found.lock, Lock):
            return found
    return None


def _shares(lookup: ManifestLookup, app: PublishedApp, deps: ImageDiff) -> bool:
    """Whether an application has all layers of its dependencies."""
    image = lookup.child(app.reference, deps.to.platform)
    return image is not None and {layer.digest for layer in deps.layers} <= set(image.layers)


def _digest(change: ServiceChange) -> str | None:
    return change.version.digest if change.version else None

"""Removes images of earlier deployments that a host needs no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from whalebuild.deploy.prune import Needed, Needless, Needs, Pruning, plan_pruning
from whalebuild.deploy.record import History
from whalebuild.failures.engine_messages import engine_error
from whalebuild.failures.failure import CommandFailedError
from whalebuild.oci.reference import Reference
from whalebuild.ports import Host, Project
from whalebuild.settings import DEFAULT_KEEP


def prune(
    project: Project, host: Host, records: Mapping[str, History], keep: int, *, dry_run: bool
) -> Pruning:
    """Take the names away by which images of the project's old deployments stay on the host.

    Args:
        project: Whose deployments.
        host: The engine.
        records: All records of the engine, by project. What others need stays; how much they keep
            is not known here, and is the default at the least.
        keep: How many good deployments stay.
        dry_run: Only tell what would be done.

    Raises:
        WhalebuildError: The project cannot be read, or there is no engine.
    """
    own = project.model().name
    others = {
        name: (history, max(keep, DEFAULT_KEEP)) for name, history in records.items() if name != own
    }
    try:
        services = project.model().services.values()
        named = frozenset(each.image for each in services if each.image)
        needs = Needs(keep, records.get(own, History()), others, host.used(), named)
        planned = plan_pruning(needs, host.images())
        return planned if dry_run else _carried_out(project, planned)
    except CommandFailedError as failed:
        raise engine_error(failed) from None


def _carried_out(project: Project, planned: Pruning) -> Pruning:
    removed: list[Needless] = []
    kept = list(planned.kept)
    for each in planned.removed:
        # Not a list that stops at the first one: each name that can go does.
        stays = [name for name in each.names if _stays(project, name)]
        if stays:
            kept.append(Needed(each.digest, each.images, "a container has come to use it"))
        else:
            removed.append(each)
    return replace(planned, removed=tuple(removed), kept=tuple(kept), done=True)


def _stays(project: Project, name: Reference) -> bool:
    """Take a name away; True where it could not be, since the image is in use."""
    return not project.untag(name) and project.image_id(name) is not None

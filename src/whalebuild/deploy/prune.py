"""Removes images of old deployments that a host does not need any more.

Images are decided on first, as values; then the names are taken away by which they stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from whalebuild.bakefile.pair_names import with_tag
from whalebuild.deployments.history import reasons_to_keep, recorded_versions
from whalebuild.deployments.record import History
from whalebuild.deployplan.plan import host_name
from whalebuild.deployplan.ports import Project
from whalebuild.oci.reference import Reference, familiar
from whalebuild.published.host_images import HostImage, RunningImage
from whalebuild.published.kept import kept_name
from whalebuild.published.ports import Host
from whalebuild.settings import DEFAULT_KEEP
from whalebuild.text import human_bytes
from whalebuild.values import dataclass


@dataclass(frozen=True)
class RemovableImage:
    """An image that goes.

    Attributes:
        images: What the record calls it.
        names: What is taken away for that; its last name takes the image along.
        size: Bytes that it takes at the most: it may share layers with what stays.
    """

    digest: str
    images: tuple[Reference, ...]
    names: tuple[Reference, ...]
    size: int = 0


@dataclass(frozen=True)
class KeptImage:
    """An image that stays, and why."""

    digest: str
    images: tuple[Reference, ...]
    why: str


@dataclass(frozen=True)
class Pruning:
    """What becomes of the images that the record names and the host has.

    Attributes:
        done: Whether the names were taken away, and not only looked up.
    """

    keep: int
    removed: tuple[RemovableImage, ...]
    kept: tuple[KeptImage, ...]
    done: bool = False


@dataclass(frozen=True)
class KeepRules:
    """What must stay.

    Attributes:
        keep: How many deployments of the project count.
        history: The project's record.
        others: The other records of the engine, with how many deployments of theirs count.
        used: Images of the engine's containers, running or not.
        named: What the project's files name now.
    """

    keep: int
    history: History
    others: Mapping[str, tuple[History, int]]
    used: Sequence[RunningImage]
    named: frozenset[Reference] = frozenset()


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
    project_name = project.model().name
    others = {
        name: (history, max(keep, DEFAULT_KEEP))
        for name, history in records.items()
        if name != project_name
    }
    services = project.model().services.values()
    named = frozenset(each.image for each in services if each.image)
    rules = KeepRules(keep, records.get(project_name, History()), others, host.used(), named)
    planned = plan_pruning(rules, host.listed())
    return planned if dry_run else _carry_out(project, planned)


def may_prune(history: History, keep: int, names: Mapping[str, str]) -> bool:
    """Whether a host has an image of the record that no good deployment needs any more.

    Args:
        history: The record.
        keep: How many good deployments stay.
        names: IDs of the host's images, by their names in docker's short form.
    """
    there = {*names.values(), *(name.rpartition("@")[2] for name in names)}
    old = {each.digest or "" for each in recorded_versions(history)} - {
        *reasons_to_keep(history, keep)
    }
    return any(each in there or familiar(str(kept_name(each))) in names for each in old if each)


def pruned_in_words(pruning: Pruning) -> str:
    """What a pruning after a deploy removed, in a line; empty for nothing."""
    count = len(pruning.removed)
    if not count:
        return ""
    images = "1 image" if count == 1 else f"{count} images"
    size = sum(each.size for each in pruning.removed)
    most = f", {human_bytes(size)} at the most" if size else ""
    return f"removed {images} of old deployments{most}; keep = {pruning.keep}"


def plan_pruning(rules: KeepRules, images: Iterable[HostImage]) -> Pruning:
    """Decide on each image that the project's record has ever named, and the host has."""
    all_images = tuple(images)
    reasons = _reasons(rules)
    removed: list[RemovableImage] = []
    kept: list[KeptImage] = []
    for digest, named in _by_digest(recorded_versions(rules.history)).items():
        same = [image for image in all_images if image.stands_for(digest)]
        if not same:
            continue
        why = "a container uses it" if _is_used(digest, same, rules.used) else reasons.get(digest)
        if why:
            kept.append(KeptImage(digest, named, why))
            continue
        tags = {tag for image in same for tag in image.tags}
        by_deploys = _set_by_deploys(named, tags) - _set_by_deploys(rules.named, tags)
        names = (*sorted(by_deploys, key=str), *_names(digest, named, same))
        if tags - by_deploys:
            # Other tags are the user's: they keep it.
            shown = ", ".join(sorted(map(str, tags - by_deploys)))
            kept.append(KeptImage(digest, named, f"it has the name {shown}"))
        elif names:
            size = sum(image.size for image in same)
            removed.append(RemovableImage(digest, named, names, size))
    return Pruning(rules.keep, tuple(removed), tuple(kept))


def _carry_out(project: Project, planned: Pruning) -> Pruning:
    removed: list[RemovableImage] = []
    kept = list(planned.kept)
    for each in planned.removed:
        if _untag(project, each.names):
            kept.append(KeptImage(each.digest, each.images, "a container has come to use it"))
        else:
            removed.append(each)
    return replace(planned, removed=tuple(removed), kept=tuple(kept), done=True)


def _untag(project: Project, names: Sequence[Reference]) -> Sequence[Reference]:
    """Take names away; those that are left, since a container uses the image.

    Every name is tried, also after one that could not be taken away, and again while it is there:
    given a digest, the containerd image store may take another name of the same image
    (``ImageDelete`` in ``daemon/containerd/image_delete.go`` of moby).
    """
    left = names
    for _ in names:
        for name in left:
            project.untag(name)
        left = [name for name in left if project.image_id(name) is not None]
    return left


def _reasons(rules: KeepRules) -> dict[str, str]:
    """Digests that records need, each with the first reason; the project's own come first."""
    reasons = dict(reasons_to_keep(rules.history, rules.keep))
    for project, (history, keep) in rules.others.items():
        for digest, why in reasons_to_keep(history, keep).items():
            reasons.setdefault(digest, f"project {project}: {why}")
    return reasons


def _by_digest(versions: Iterable[Reference]) -> dict[str, tuple[Reference, ...]]:
    found: dict[str, list[Reference]] = {}
    for version in sorted(versions, key=str):
        if version.digest:
            found.setdefault(version.digest, []).append(version)
    return {digest: tuple(named) for digest, named in found.items()}


def _is_used(digest: str, images: Iterable[HostImage], used: Iterable[RunningImage]) -> bool:
    ids = {digest, *(image.id for image in images)}
    return any(each.id in ids or (each.name and each.name.digest == digest) for each in used)


def _set_by_deploys(versions: Iterable[Reference], tags: Iterable[Reference]) -> set[Reference]:
    """Those of a host's tags that a deploy of one of these versions has set."""
    known = {familiar(str(host_name(with_tag(version)))) for version in versions}
    return {tag for tag in tags if familiar(str(tag)) in known}


def _names(
    digest: str, named: Iterable[Reference], images: Sequence[HostImage]
) -> Iterator[Reference]:
    """The names to take away: the kept name last, by which another run finds the image again."""
    repositories = {familiar(version.repository): version.repository for version in named}
    pulled_from = {
        familiar(r.repository) for image in images for r in image.digests if r.digest == digest
    }
    for familiar_name, repository in sorted(repositories.items()):
        if familiar_name in pulled_from:
            yield Reference(repository, digest=digest)
    if any(kept_name(digest) in image.kept for image in images):
        yield kept_name(digest)

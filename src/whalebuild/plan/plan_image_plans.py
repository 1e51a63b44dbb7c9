"""What becomes of single images, and why: dependencies, and applications on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from whalebuild.bakefile.images import Job
from whalebuild.bundle.app_key import AppMaterial
from whalebuild.bundle.lock import Lock
from whalebuild.bundle.published import PublishedApp, PublishedDeps
from whalebuild.inputs.values import FileEntry, Undetermined
from whalebuild.oci.reference import Reference
from whalebuild.plan.advice import Advice, Split
from whalebuild.plan.decision import Action, Decision
from whalebuild.plan.pins_stand import Stand, stand_of
from whalebuild.plan.placement import Runs


@dataclass(frozen=True)
class DepsPlan:
    """What becomes of one dependencies image.

    Attributes:
        published: What stands under each of its references, in their order.
        source: The bundle that is reused, or whose caches are imported.
        lock: What it is made from, or why that cannot be told.
        contexts: Named contexts that pin external images.
        files: The files that it reads.
        moved: External images that have moved since, though the pin keeps the old one.
        runs: Its RUN instructions; none where its inputs cannot be told.
        surplus: Published platforms that the pair is not for any more; they are dropped.
    """

    job: Job
    decision: Decision
    published: tuple[PublishedDeps | None, ...]
    source: PublishedDeps | None
    lock: Lock | Undetermined
    contexts: Mapping[str, str]
    files: tuple[FileEntry, ...] = ()
    advice: tuple[Advice, ...] = ()
    splits: tuple[Split, ...] = ()
    moved: tuple[str, ...] = ()
    runs: tuple[Runs, ...] = ()
    surplus: tuple[str, ...] = ()

    @property
    def reused(self) -> bool:
        """Whether it is taken as it is."""
        return self.decision.action is Action.REUSE

    @property
    def stand(self) -> Stand | None:
        """What applications stand on, as far as nothing has to be built first."""
        if not self.reused or self.source is None:
            return None
        return stand_of(self.source.reference.repository, self.source.bundle, self.surplus)

    @property
    def adopted(self) -> bool:
        """Whether it is another scope's, and still to be published under its own reference."""
        return self.reused and self.elsewhere

    @property
    def elsewhere(self) -> bool:
        """Whether one of its references does not have what the source has."""
        return any(not _same(found, self.source) for found in self.published)

    @property
    def moves(self) -> bool:
        """Whether its tag is to be set although its images are published."""
        return self.elsewhere or bool(self.surplus)


class AppAction(Enum):
    """What becomes of an application."""

    BUILD = "build"
    TAG = "tag"  # it is there, and only further tags are missing
    NOTHING = "nothing"


@dataclass(frozen=True)
class AppPlan:
    """What becomes of one application image.

    Attributes:
        reason: Why it is built.
        pins: Names of the contexts under which its build finds the dependencies.
        unpinned: Why it builds the dependencies' stage itself, where it does.
        contexts: Named contexts that pin external images.
        material: What it is made from; None where that cannot be told.
        missing: References that do not have the published image yet.
        moved: External images of its own stages that have moved since.
        runs: The RUN instructions of its own stages; none where its inputs cannot be told.
    """

    job: Job
    action: AppAction
    reason: str
    pins: tuple[str, ...]
    unpinned: str | None
    contexts: Mapping[str, str]
    material: AppMaterial | None
    published: PublishedApp | None
    missing: tuple[Reference, ...] = ()
    moved: tuple[str, ...] = ()
    runs: tuple[Runs, ...] = ()


def _same(one: PublishedDeps | None, other: PublishedDeps | None) -> bool:
    """Whether both have the same images made from the same; caches are in one repository alone."""
    if one is None or other is None:
        return one is other
    return one.bundle.images == other.bundle.images and one.lock == other.lock

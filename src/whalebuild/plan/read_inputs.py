"""Finds out what images are made from: reads files and registries, and makes locks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace

from whalebuild.bakefile.target import Target
from whalebuild.bundle.lock import Lock, make_lock
from whalebuild.dockerfile.parser import Dockerfile
from whalebuild.errors import UsageError
from whalebuild.inputs.find import build_of, find_inputs
from whalebuild.inputs.values import (
    Address,
    BaseImage,
    Build,
    ContextFiles,
    StageInputs,
    Undetermined,
)
from whalebuild.plan.addresses import Addresses
from whalebuild.plan.base_images import BaseImages
from whalebuild.plan.pins import flat_pins
from whalebuild.plan.ports import SourceTree
from whalebuild.values import dataclass

Digests = Mapping[str, str]


@dataclass(frozen=True)
class StageReading:
    """What was read about the inputs of a target's stage."""

    target: Target
    dockerfile: Dockerfile
    build: Build
    inputs: StageInputs
    files: ContextFiles
    linked: Mapping[str, str] = field(default_factory=dict)

    @property
    def images(self) -> tuple[BaseImage, ...]:
        """The external images without a digest of their own."""
        every = (image for closure in self.inputs.closures for image in closure.images)
        return tuple(image for image in dict.fromkeys(every) if not image.digest)

    def told(self, digests: Digests) -> dict[Address, str]:
        """What is behind its addresses, of what ``digests`` has."""
        return {each: digests[each.key] for each in self.inputs.addresses if each.key in digests}

    def lock(self, digests: Digests) -> Lock | Undetermined:
        """Make the lock with these digests of external images, by ``BaseImage.key``.

        One without a digest may be the builder's alone, and be another one under its name later.
        So may be what is behind an address (``Address.key``) that its server does not tell.
        """
        untold = next((each for each in self.inputs.addresses if each.key not in digests), None)
        if untold:
            lines = (each.line for each in self.inputs.remotes if each.url == untold.url)
            return Undetermined(
                f"what is behind {untold.url} may change, and its server does not tell what it is",
                next(lines, None),
            )
        unknown = next((image for image in self.images if image.key not in digests), None)
        if unknown:
            return Undetermined(
                f"its registry does not have {unknown.reference} or does not answer, so that its "
                "digest is not known"
            )
        return self.lock_by_names(digests)

    def lock_by_names(self, digests: Digests) -> Lock | Undetermined:
        """Make the lock; an external image without a digest counts by its name."""
        pins = dict.fromkeys(self.inputs.platforms, digests)
        return make_lock(self.inputs, self.files, pins=pins, targets=self.linked)


@dataclass
class InputReader:
    """Reads targets.

    Attributes:
        all_targets: All targets of the bake file.
        platform: The builder's own platform, where it is known.
        addresses: Asks for what is behind addresses; None where that is to be BuildKit's.
    """

    tree: SourceTree
    bases: BaseImages
    all_targets: Mapping[str, Target]
    platform: str | None = None
    addresses: Addresses | None = None

    def read(
        self, target: Target, platforms: tuple[str, ...], stands_on: Mapping[str, str] | None = None
    ) -> StageReading | Undetermined:
        """Read what a target's stage is made from.

        Args:
            target: The target.
            platforms: The platforms that are asked for.
            stands_on: Named contexts in the place of stages, ``target:…``; what those targets are
                made from is left out.
        """
        given = dict(target.contexts) | dict(stands_on or {})
        target = target.with_attributes(contexts=given or None)
        try:
            dockerfile = self.tree.dockerfile(target)
        except UsageError as unreadable:  # what is asked for was read before; this one is linked
            return Undetermined(unreadable.what)
        if dockerfile is None:
            return Undetermined(f"its Dockerfile is in {target.context}, and not here")
        build = build_of(target, platforms=platforms, build_platform=self.platform)
        inputs = find_inputs(dockerfile, target.stage, build)
        if isinstance(inputs, Undetermined):
            return inputs
        inline = target.dockerfile_inline
        files = self.tree.context_files(inputs, build, None if inline else target.dockerfile)
        if isinstance(files, Undetermined):
            return files
        left_out = {name.removeprefix("target:") for name in (stands_on or {}).values()}
        linked = self._linked(inputs, platforms, left_out)
        if isinstance(linked, Undetermined):
            return linked
        return StageReading(target, dockerfile, build, inputs, files, linked)

    def pin(self, images: Iterable[BaseImage], pinned: Mapping[str, str]) -> dict[str, str]:
        """Digests of external images: those of ``pinned``, else those that they have now."""
        wanted = list(images)
        known = {image.key: pinned[image.key] for image in wanted if image.key in pinned}
        return known | self.bases.digests(image for image in wanted if image.key not in known)

    def pin_addresses(
        self, reading: StageReading, pinned: Mapping[str, str], *, follow: bool
    ) -> dict[str, str]:
        """What is behind addresses: as pinned, else what is there now.

        Args:
            reading: What has the addresses.
            pinned: What was behind them, by ``Address.key``.
            follow: Whether to ask for what is pinned, too.
        """
        wanted = reading.inputs.addresses
        known = {each.key: pinned[each.key] for each in wanted if each.key in pinned}
        if self.addresses is None or (not follow and len(known) == len(wanted)):
            return known
        asked = wanted if follow else [each for each in wanted if each.key not in known]
        kept = {} if follow else known
        return kept | self.addresses.identities(asked, pinned)

    def drifted_bases(self, reading: StageReading, lock: Lock) -> tuple[str, ...]:
        """External images and addresses with something else behind them than a lock pins."""
        pinned = flat_pins(lock)
        now = self.bases.digests(reading.images)
        now |= self.pin_addresses(reading, pinned, follow=True)
        return tuple(key for key, digest in now.items() if pinned.get(key, digest) != digest)

    def _linked(
        self, inputs: StageInputs, platforms: tuple[str, ...], left_out: set[str]
    ) -> dict[str, str] | Undetermined:
        """Keys of the targets that stand in the place of named contexts."""
        keys = dict.fromkeys(left_out, "")
        for name in dict.fromkeys(c.target for c in inputs.contexts if c.target):
            if name in keys:
                continue
            other = self.all_targets.get(name)
            others = {n: t for n, t in self.all_targets.items() if n != name}
            if other is None:
                return Undetermined(f"there is no target {name}")
            # Targets that use each other in a circle run out of targets.
            reading = replace(self, all_targets=others).read(other, platforms)
            if isinstance(reading, Undetermined):
                return Undetermined(f"target {name}: {reading}")
            lock = reading.lock(self.bases.digests(reading.images))
            if isinstance(lock, Undetermined):
                return Undetermined(f"target {name}: {lock}")
            keys[name] = lock.key
        return keys

"""Decides what becomes of dependencies, from what is read and what is published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from whalebuild.bakefile.images import BuildOptions, PairImage
from whalebuild.bakefile.target import Target
from whalebuild.bundle.annotations import NoLock
from whalebuild.bundle.lock import Lock
from whalebuild.bundle.published import PublishedDeps
from whalebuild.inputs.values import Undetermined
from whalebuild.plan.advice import advise, explain_code_changes
from whalebuild.plan.decision import Decision, decide
from whalebuild.plan.pins import base_contexts, flat_pins, skips_cache
from whalebuild.plan.placement import runs_of
from whalebuild.plan.plan import DepsPlan
from whalebuild.plan.read_inputs import InputReader, StageReading
from whalebuild.plan.root_image import root_image
from whalebuild.published.lookup import ManifestLookup
from whalebuild.values import dataclass


@dataclass(frozen=True)
class DepsPlanner:
    """Decides about dependencies.

    Attributes:
        lookup: What is published; None where the registry is not to be asked.
        follow: Whether external images are taken as they are now, and not as they are pinned.
        thorough: Whether to find out which pinned images have another digest by now.
        lasting: Whether the platforms are those of every bake, and not of this run alone.
        lost: Digests of published images that the registry does not have any more.
    """

    input_reader: InputReader
    lookup: ManifestLookup | None
    options: BuildOptions
    follow: bool
    thorough: bool
    lasting: bool
    lost: frozenset[str] = frozenset()

    def decide(self, image: PairImage, application: Target | None) -> DepsPlan:
        """Decide about one image; ``application`` is one that is built on it."""
        reading = self.input_reader.read(image.target, image.platforms)
        own = self._published(image)
        tried = [self._try(image, reading, own, found) for found in self._candidates(image, own)]
        plan = next((each for each in tried if each.reused), tried[0])
        if plan.reused and plan.source and image.platforms and self.lasting:
            surplus = (p for p in plan.source.bundle.images if p not in image.platforms)
            plan = replace(plan, surplus=tuple(surplus))
        if isinstance(reading, Undetermined) or not isinstance(plan.lock, Lock):
            return plan
        size = self._size(plan.source) if self.thorough else None
        final = (
            application.stage if application and application.same_dockerfile(image.target) else None
        )
        advice = advise(
            reading.dockerfile,
            reading.inputs,
            final=final,
            files=reading.files,
            deps_bytes=size,
        )
        drifted: tuple[str, ...] = ()
        if self.thorough and self.lookup:
            drifted = self.input_reader.drifted_bases(reading, plan.lock)
        splits = explain_code_changes(
            plan.decision.changes, reading.dockerfile, reading.inputs, reading.files
        )
        runs = runs_of(reading.inputs)
        return replace(
            plan,
            advice=advice,
            splits=splits,
            drifted_bases=drifted,
            runs=runs,
            image_bytes=size,
        )

    def _published(self, image: PairImage) -> tuple[PublishedDeps | None, ...]:
        if self.lookup is None:
            return (None,) * len(image.references)
        return tuple(self.lookup.deps(reference) for reference in image.references)

    def _candidates(
        self, image: PairImage, own: tuple[PublishedDeps | None, ...]
    ) -> list[tuple[PublishedDeps | None, ...]]:
        """What may be reused: what is published, else what another scope has."""
        if self.lookup is None or image.seed is None:
            return [own]
        seed = self.lookup.deps(image.seed)
        # A manifest can be put only where its children are.
        if seed is None or any(ref.repository != image.seed.repository for ref in image.references):
            return [own]
        seeded = (seed,) * len(own)
        return [own, seeded] if any(own) else [seeded]

    def _try(
        self,
        image: PairImage,
        reading: StageReading | Undetermined,
        own: tuple[PublishedDeps | None, ...],
        found: tuple[PublishedDeps | None, ...],
    ) -> DepsPlan:
        source = next((each for each in found if each), None)
        if isinstance(reading, Undetermined):
            return DepsPlan(
                image, self._decision(image, reading, reading, found), own, source, reading, {}
            )
        pinned = _pinned(source)
        plan = self._planned(image, reading, own, found, self._digests(reading, pinned))
        if plan.reused or not any(each.key in pinned for each in reading.inputs.addresses):
            return plan
        # What is built fetches what is there now.
        now = {
            k: v for k, v in pinned.items() if k not in {a.key for a in reading.inputs.addresses}
        }
        return self._planned(image, reading, own, found, self._digests(reading, now))

    def _planned(
        self,
        image: PairImage,
        reading: StageReading,
        own: tuple[PublishedDeps | None, ...],
        found: tuple[PublishedDeps | None, ...],
        digests: Mapping[str, str],
    ) -> DepsPlan:
        source = next((each for each in found if each), None)
        lock = self._lock(reading, digests, _pinned(source))
        decision = self._decision(image, reading, lock, found)
        contexts = base_contexts(reading.inputs.closures, digests)
        return DepsPlan(
            *(image, decision, own, source, lock),
            contexts,
            reading.files.entries,
            addresses=reading.told(digests),
            base=root_image(reading, contexts),
        )

    def _decision(
        self,
        image: PairImage,
        reading: StageReading | Undetermined,
        lock: Lock | Undetermined,
        published: tuple[PublishedDeps | None, ...],
    ) -> Decision:
        platforms = lock.platforms if isinstance(lock, Lock) else image.platforms
        stages = None
        if isinstance(reading, StageReading):
            stages = {part.label for c in reading.inputs.closures for part in c.stages}
        anew = self.options.no_cache or skips_cache(image.target, stages)
        return decide(lock, published, platforms=platforms, no_cache=anew, lost=self.lost)

    def _digests(self, reading: StageReading, pinned: Mapping[str, str]) -> dict[str, str]:
        if self.lookup is None:
            return dict(pinned)
        follow = self.follow or reading.target.attributes.get("pull") is True
        images = self.input_reader.pin(reading.images, {} if follow else pinned)
        return images | self.input_reader.pin_addresses(reading, pinned, follow=follow)

    def _lock(
        self, reading: StageReading, digests: Mapping[str, str], pinned: Mapping[str, str]
    ) -> Lock | Undetermined:
        """Make the lock, unless a new base image brings instructions of its own."""
        new = [each for each in reading.images if digests.get(each.key) != pinned.get(each.key)]
        found = self.input_reader.bases.with_triggers(new) if self.lookup else None
        if found:
            return Undetermined(f"{found.reference} brings instructions of its own (ONBUILD)")
        return reading.lock(digests) if self.lookup else reading.lock_by_names(digests)

    def _size(self, source: PublishedDeps | None) -> int | None:
        """Bytes of the published dependencies image, of its first platform."""
        image = next(iter(source.bundle.images.values()), None) if source else None
        if source is None or image is None or self.lookup is None:
            return None
        found = self.lookup.image(source.reference.repository, image.digest, image.size)
        return found.manifest.size if found.manifest else None


def _pinned(source: PublishedDeps | None) -> dict[str, str]:
    if source is None or isinstance(source.lock, NoLock):
        return {}
    return flat_pins(source.lock)

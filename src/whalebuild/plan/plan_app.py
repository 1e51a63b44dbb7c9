"""Decides what becomes of applications, from what is read and what is published."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field

from whalebuild.bakefile.app_base import BaseNeeds
from whalebuild.bakefile.images import BuildOptions, PairImage
from whalebuild.bakefile.target import Target
from whalebuild.bundle.app_key import AppMaterial, material
from whalebuild.bundle.build_inputs import BuildInputs, build_inputs
from whalebuild.bundle.index import Bundle
from whalebuild.bundle.lock import Lock, compare
from whalebuild.bundle.published import PublishedApp
from whalebuild.inputs.values import Address, Undetermined
from whalebuild.oci.reference import Reference
from whalebuild.plan.app_cache import app_cache
from whalebuild.plan.base_needs import needs_of_dependencies
from whalebuild.plan.decision import DepsAction
from whalebuild.plan.pins import (
    base_contexts,
    flat_pins,
    lost_arguments,
    skips_cache,
    stage_names,
    target_context,
    target_contexts,
    with_dates_of,
)
from whalebuild.plan.placement import RunLines, left_of, runs_of
from whalebuild.plan.plan import AppAction, AppPlan, DepsPlan
from whalebuild.plan.ports import NO_ATTESTATIONS
from whalebuild.plan.read_inputs import InputReader, StageReading
from whalebuild.plan.root_image import root_image
from whalebuild.published.lookup import ManifestLookup
from whalebuild.values import dataclass


@dataclass(frozen=True)
class _Made:
    """What an application is made from, as far as that can be told; ``untold`` says why not."""

    contexts: Mapping[str, str]
    material: AppMaterial | None = None
    inputs: BuildInputs = field(default_factory=BuildInputs)
    drifted_bases: tuple[str, ...] = ()
    addresses: Mapping[Address, str] = field(default_factory=dict)
    untold: Undetermined | None = None


@dataclass(frozen=True)
class AppPlanner:
    """Decides about applications; see ``plan_deps.DepsPlanner``."""

    input_reader: InputReader
    lookup: ManifestLookup | None
    options: BuildOptions
    follow: bool
    thorough: bool

    def decide(self, image: PairImage, deps: DepsPlan) -> AppPlan:
        """Decide about one image."""
        published = self.lookup.app(image.references[0]) if self.lookup else None
        unpinned = self._unpinned(image, deps)
        pins = () if unpinned else stage_names(image.on_dependencies, deps.image.target)
        reading = self._read(image, deps, pinned=bool(pins))
        additions = self.input_reader.tree.additions(image.target)
        made = self._made(reading, image, deps, published)
        action, reason, missing = self._action(image, deps, made.material, published)
        if action is AppAction.BUILD and made.addresses:
            made = self._made(reading, image, deps, published, builds=True)
        if made.untold:
            reason = f"its inputs cannot be told: {made.untold}"
        return AppPlan(
            image,
            action,
            reason,
            pins,
            unpinned,
            made.contexts,
            made.material,
            published,
            missing,
            made.drifted_bases,
            self._runs(image, deps, reading, pinned=bool(pins)),
            app_cache(image, _kept_bundle(deps), published, made.inputs, self.options),
            attested=NO_ATTESTATIONS not in additions,
            needs=_needs(image, pins, reading),
            addresses=_fetched(made.addresses, deps, pinned=bool(pins)),
            base=_own_base(image, reading, made.contexts),
        )

    def _runs(
        self,
        image: PairImage,
        deps: DepsPlan,
        reading: StageReading | Undetermined,
        *,
        pinned: bool,
    ) -> tuple[RunLines, ...]:
        """The RUN instructions of its own build; that of the rest has none of its app base's."""
        if isinstance(reading, Undetermined):
            return ()
        runs = runs_of(reading.inputs)
        return left_of(runs, deps.runs) if pinned and image.app_base else runs

    def _made(
        self,
        reading: StageReading | Undetermined,
        image: PairImage,
        deps: DepsPlan,
        published: PublishedApp | None,
        *,
        builds: bool = False,
    ) -> _Made:
        """What an application is made from; where it is built, with what is to be fetched now."""
        if isinstance(reading, Undetermined):
            return _Made(deps.contexts, untold=reading)
        digests = self._digests(reading, deps, published, builds=builds)
        contexts = base_contexts(reading.inputs.closures, digests)
        lock = reading.lock(digests) if self.lookup else reading.lock_by_names(digests)
        if isinstance(lock, Undetermined):
            return _Made(contexts, untold=lock)
        return _Made(
            contexts,
            material(lock, image.target, self.input_reader.tree.additions(image.target)),
            build_inputs(lock, reading.files),
            self._drifted_bases(reading, lock, deps),
            reading.told(digests),
        )

    def _read(
        self, image: PairImage, deps: DepsPlan, *, pinned: bool
    ) -> StageReading | Undetermined:
        """Read what an application is made from, without the stages that it takes ready-made.

        On its app base it is read whole: what that sets (``ENV``) decides what is copied after it.
        """
        apart = pinned and image.app_base is None
        stands_on = target_contexts(image.target, deps.image.target) if apart else {}
        return self.input_reader.read(image.target, image.platforms, stands_on)

    def _drifted_bases(self, reading: StageReading, lock: Lock, deps: DepsPlan) -> tuple[str, ...]:
        """External images with another digest by now, without those of the dependencies."""
        if not self.thorough or self.lookup is None:
            return ()
        of_deps = flat_pins(deps.lock) if isinstance(deps.lock, Lock) else {}
        drifted = self.input_reader.drifted_bases(reading, lock)
        return tuple(key for key in drifted if key not in of_deps)

    def _unpinned(self, image: PairImage, deps: DepsPlan) -> str | None:
        """Why the application cannot be built on the published image; None if it can."""
        if image.app_base and image.app_base.refused:
            return image.app_base.refused
        app, target = image.on_dependencies, deps.image.target
        names = stage_names(app, target)
        more = [p for p in image.platforms if p not in deps.image.platforms]
        if more and deps.image.platforms:
            return f"that one is not for {', '.join(more)}"
        if not names:
            return "its Dockerfile has no such stage by name, and no named context links to it"
        stage = (target.stage or "").lower()
        given = app.contexts.get(stage)
        if stage not in names or given == target_context(target):
            return None  # a context replaces whatever stage there is, with buildx alone too
        if given is not None:
            return f"its named context {stage} is {given}"
        return (
            _foreign_labels(app, target)
            or self._needs_own_stage(app, stage)
            or self._differing(image, deps)
        )

    def _needs_own_stage(self, app: Target, stage: str) -> str | None:
        """Say what an image in the place of a stage would not have; None if nothing."""
        dockerfile = self.input_reader.tree.dockerfile(app)
        if dockerfile is None:
            return f"its Dockerfile is in {app.context}, and not here"
        found = dockerfile.stage(stage)
        final = dockerfile.stage(app.stage) if app.stage else dockerfile.stages[-1]
        lost = lost_arguments(dockerfile, found, final, app.args) if found and final else None
        if lost is None:
            return None
        return (
            f"line {lost[1]} may use ARG {lost[0]} of stage {stage}, which an image does not hand "
            f"down: write ARG {lost[0]}=… in its own stage, or move it out of that one"
        )

    def _differing(self, image: PairImage, deps: DepsPlan) -> str | None:
        """Say if the application's target would build that stage otherwise; None if not."""
        target = deps.image.target
        if target.made_of == image.target.made_of:
            return None
        two = f'target "{image.name}" would build that stage {{}} target "{target.name}"'
        own = self._own_lock(image.target, deps)
        if isinstance(own, Lock) and isinstance(deps.lock, Lock):
            differing = ", ".join(change.name for change in compare(deps.lock, own))
            return (
                None if own.key == deps.lock.key else f"{two.format('otherwise than')}: {differing}"
            )
        why = own if isinstance(own, Undetermined) else deps.lock
        return f"it cannot be told whether {two.format('as')} does: {why}"

    def _own_lock(self, application: Target, deps: DepsPlan) -> Lock | Undetermined:
        """The lock of the dependencies' stage as the application's target would build it."""
        target = deps.image.target
        dockerfile = self.input_reader.tree.dockerfile(application)
        like = with_dates_of(target, application, dockerfile) if dockerfile else application
        own = self.input_reader.read(
            like.with_attributes(target=target.stage), deps.image.platforms
        )
        pins = flat_pins(deps.lock) if isinstance(deps.lock, Lock) else {}
        return own.lock_by_names(pins) if isinstance(own, StageReading) else own

    def _digests(
        self,
        reading: StageReading,
        deps: DepsPlan,
        published: PublishedApp | None,
        *,
        builds: bool,
    ) -> dict[str, str]:
        """External images: as the dependencies have them, else as the last build had them.

        So is what is behind addresses; but what is built fetches what is there now.
        """
        pinned = flat_pins(deps.lock) if isinstance(deps.lock, Lock) else {}
        if self.lookup is None:
            return pinned
        follow = self.follow or reading.target.attributes.get("pull") is True
        last = published.record.bases if published and published.record and not follow else {}
        images = self.input_reader.pin(reading.images, {**last, **pinned})
        kept = pinned if builds else {**last, **pinned}
        return images | self.input_reader.pin_addresses(reading, kept, follow=False)

    def _action(
        self,
        image: PairImage,
        deps: DepsPlan,
        made_of: AppMaterial | None,
        published: PublishedApp | None,
    ) -> tuple[AppAction, str, tuple[Reference, ...]]:
        reason = self._asked(image.target) or _reason(deps, made_of, published)
        if reason or published is None or self.lookup is None:
            return AppAction.BUILD, reason, ()
        others = ((ref, self.lookup.manifest(ref)) for ref in image.references[1:])
        digest = published.manifest.digest
        missing = tuple(ref for ref, found in others if not found or found.digest != digest)
        if any(reference.repository != image.references[0].repository for reference in missing):
            return AppAction.BUILD, f"{missing[0]} does not have it", ()
        return (AppAction.TAG if missing else AppAction.NOTHING), "", missing

    def _asked(self, target: Target) -> str:
        if not self.options.publishes:
            return "it was asked for"
        if self.options.force:
            return "--force was given"
        return "its target has no-cache" if skips_cache(target) else ""


def _needs(
    image: PairImage, pins: Collection[str], reading: StageReading | Undetermined
) -> BaseNeeds:
    """What an application needs of the image that it stands on."""
    if image.app_base:
        return image.app_base.needs
    if isinstance(reading, Undetermined):
        return BaseNeeds(f"its inputs cannot be told: {reading}")
    return needs_of_dependencies(reading, pins)


def _own_base(
    image: PairImage, reading: StageReading | Undetermined, contexts: Mapping[str, str]
) -> Reference | None:
    """The external image that an application stands on by itself, not by its app base."""
    if image.app_base or isinstance(reading, Undetermined):
        return None
    return root_image(reading, contexts)


def _foreign_labels(application: Target, dependencies: Target) -> str | None:
    """Say which labels the application would have from the target of its dependencies."""
    foreign = sorted(dependencies.labels.keys() - application.labels.keys())
    if not foreign:
        return None
    return (
        f'its image would have labels of target "{dependencies.name}" ({", ".join(foreign)}): '
        "give both targets the same ones"
    )


def _fetched(
    addresses: Mapping[Address, str], deps: DepsPlan, *, pinned: bool
) -> dict[Address, str]:
    """The addresses that an application's own build fetches."""
    ready = flat_pins(deps.lock) if pinned and isinstance(deps.lock, Lock) else {}
    return {each: told for each, told in addresses.items() if each.key not in ready}


def _kept_bundle(deps: DepsPlan) -> Bundle | None:
    """The published bundle with its caches; None where another one certainly takes its place."""
    rebuilt = deps.decision.action is DepsAction.REBUILD
    return None if rebuilt or deps.source is None else deps.source.bundle


def _reason(deps: DepsPlan, made_of: AppMaterial | None, published: PublishedApp | None) -> str:
    """Why an application has to be built; empty if it need not be."""
    if published is None:
        return "it is not published yet"
    deps_image = deps.deps_image
    if deps_image is None:
        asked = deps.decision.action is DepsAction.ASK
        return "its dependencies may change" if asked else "its dependencies change"
    if made_of is None:
        return "its inputs cannot be told"
    record = published.record
    if record is None:
        return f"it cannot be told what {published.reference} was made from"
    if record.key == made_of.key(deps_image.images):
        return ""
    other = set(published.platforms) != set(made_of.lock.platforms)
    return "its platforms change" if other else "its code or its other inputs changed"

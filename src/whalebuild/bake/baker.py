"""Runs a plan: builds by digest, verifies, publishes, and tells what happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from whalebuild.bake.cache_export import CacheExporter, TargetsByImage
from whalebuild.bake.cache_import import CacheImports
from whalebuild.bake.concurrent import ConcurrentBakes
from whalebuild.bake.outcome import BuiltImages, DepsOutcome, PushedImage, app_index, outcome
from whalebuild.bake.partial.part import ImagePart, Part, make_part
from whalebuild.bake.ports import BuilderNotes
from whalebuild.bake.publish import Publisher
from whalebuild.bake.result import BakeResult, ImageResult, make_result, metadata_of
from whalebuild.bake.runner import BuildxRunner
from whalebuild.bake.verify import PushVerifier
from whalebuild.bakefile.images import Role
from whalebuild.buildkit.console import Console
from whalebuild.oci.manifest import Descriptor, digest_of
from whalebuild.oci.registry import Registry
from whalebuild.plan.definition import CacheExport, GeneratedTarget, Output
from whalebuild.plan.pins import DepsImage
from whalebuild.plan.plan import AppAction, AppPlan, DepsPlan, Plan
from whalebuild.plan.ports import Engine
from whalebuild.published.download import NextPull
from whalebuild.published.next_pull import estimate_next_pull
from whalebuild.runtime.retrier import Retrier
from whalebuild.runtime.retrying_registry import RetryingRegistry


@dataclass
class Baker:
    """Runs one plan on an engine, showing progress on a console.

    Attributes:
        metadata: Buildx's metadata by target afterwards, with the digests that were published.
        warnings: What was not as it should be, though it failed nothing.
    """

    engine: Engine
    registry: Registry
    console: Console
    retrier: Retrier
    notes: BuilderNotes
    clock: Callable[[], float] = time.monotonic
    metadata: Mapping[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def bake(self, plan: Plan) -> BakeResult:
        """Build, publish (or load), and tell what happened.

        Nothing that is published moves before all images are built, pushed and verified; only
        buildx's docker driver, which cannot push by digest, moves tags earlier: ``:deps`` first.

        Raises:
            WhalebuildError: The build failed, the registry refused or could not be reached, or
                what was pushed is not whole.
        """
        begun = self.clock()
        bake = self._begin(plan)
        images = bake.publish() if plan.options.publishes else bake.load()
        self.metadata = metadata_of(images, bake.run.metadata)
        return self._result(bake, images, begun, published=plan.options.publishes)

    def bake_part(self, plan: Plan) -> tuple[Part, BakeResult]:
        """Build and push what a partial bake is to build, and publish nothing.

        Raises:
            WhalebuildError: As :meth:`bake`; staging tags are deleted then.
        """
        begun = self.clock()
        bake = self._begin(plan)
        part, images = bake.part()
        self.metadata = metadata_of(images, bake.run.metadata)
        return part, self._result(bake, images, begun, published=False)

    def _begin(self, plan: Plan) -> _Bake:
        self.warnings.clear()
        imports = CacheImports(self._reader, self._warn)
        run = BuildxRunner(
            *(self.engine, self.registry, self.console, self.retrier),
            *(imports, plan.settings, plan.others),
        )
        ladder = CacheExporter(plan, run, self.registry, self.notes, self.console.note, self._warn)
        publisher = self._publisher(plan)
        strict = plan.settings.if_unchanged
        tagger = Publisher(publisher, ConcurrentBakes(publisher, self._warn, strict=strict))
        if plan.output is Output.TAG:
            run.about_to_push = partial(tagger.about_to_push, plan)
        return _Bake(plan, run, publisher, tagger, ladder, self.registry, self.clock)

    def _result(
        self, bake: _Bake, images: Sequence[ImageResult], begun: float, *, published: bool
    ) -> BakeResult:
        return make_result(
            images,
            bake.run.states,
            self.retrier.retries,
            warnings=self.warnings,
            published=published,
            seconds=self.clock() - begun,
        )

    @property
    def _reader(self) -> RetryingRegistry:
        return RetryingRegistry(self.registry, self.retrier)

    def _publisher(self, plan: Plan) -> PushVerifier:
        platform = plan.facts.platform if plan.facts else None
        return PushVerifier(self._reader, self._warn, platform)

    def _warn(self, text: str) -> None:
        """Say that something is not as it should be, now and in the result."""
        self.warnings.append(text)
        self.console.note(f"warning: {text}")


@dataclass
class _Bake:
    """One bake under way."""

    plan: Plan
    run: BuildxRunner
    publisher: PushVerifier
    tagger: Publisher
    ladder: CacheExporter
    registry: Registry
    clock: Callable[[], float]

    def load(self) -> list[ImageResult]:
        """Build, and publish nothing."""
        targets = [target for deps in self.plan.deps for target in self.plan.deps_targets(deps)]
        for app in self.plan.apps:
            targets += self.plan.app_targets(app, self.plan.deps_of(app).deps_image)
        self.run.run(targets, "building")
        by_image = _by_image(targets)
        made = (image for image in self.plan.images if image.name in by_image)
        return [
            ImageResult(image, "built", self._digest(by_image[image.name]), by_image[image.name])
            for image in made
        ]

    def publish(self) -> list[ImageResult]:
        """Build by digest, verify, publish ``:deps``, then the applications."""
        try:
            built = self.build()
            if self.plan.settings.if_unchanged:
                self.tagger.check(self.plan)
            images = self.tagger.publish(self.plan, built)
        finally:
            self.ladder.tidy()
        told = {app.image.name: self._next_pull(app, built) for app in self.plan.apps}
        return [replace(each, next_pull=told.get(each.image.name)) for each in images]

    def part(self) -> tuple[Part, list[ImageResult]]:
        """Build a portion, and leave what is pushed to be published by ``merge``."""
        try:
            built = self.build()
        except BaseException:
            self.ladder.tidy()
            raise
        part = make_part(self.plan, built, self.run.metadata, self.ladder.staged)
        here = self.plan.options.built_here
        entries = [entry for entry in part.images if here(entry.image.platforms)]
        return part, [self._part_of(entry, built) for entry in entries]

    def build(self) -> BuiltImages:
        """Build and push, and verify what was pushed."""
        deps_targets = self._push(self._deps_targets)
        outcomes = {deps.image.name: self._outcome(deps, deps_targets) for deps in self.plan.deps}
        building = [app for app in self.plan.apps if app.action is AppAction.BUILD]
        if self.plan.output is Output.TAG:
            needed = dict.fromkeys(app.image.deps for app in building)
            self.tagger.keep([outcomes[name] for name in needed])
        app_targets = self._push(
            lambda export: {
                app.image.name: self._app_targets(app, outcomes[app.image.deps], export)
                for app in building
            }
        )
        pushed = {name: self._collect(targets) for name, targets in app_targets.items() if targets}
        return BuiltImages(outcomes, pushed, {**deps_targets, **app_targets})

    def _push(self, make: Callable[[CacheExport | None], TargetsByImage]) -> TargetsByImage:
        if self.plan.output is Output.TAG and self.plan.settings.if_unchanged:
            # The push sets tags: everything is built before, and they are looked at.
            targets = [target.unpushed() for each in make(None).values() for target in each]
            self.run.run(targets, "building")
            self.tagger.check(self.plan)
        return self.ladder.build(make)

    def _deps_targets(self, export: CacheExport | None) -> dict[str, tuple[GeneratedTarget, ...]]:
        return {deps.image.name: self.plan.deps_targets(deps, export) for deps in self.plan.deps}

    def _outcome(self, deps: DepsPlan, targets: TargetsByImage) -> DepsOutcome:
        mine = targets[deps.image.name]
        tagged = self.plan.output is Output.TAG
        if not mine and deps.source is None:  # a portion's platforms are none of its own
            return DepsOutcome(deps, None, changed=False, deps_image=DepsImage("", "", {}))
        return outcome(deps, self._collect(mine) if mine else None, tagged=tagged)

    def _app_targets(
        self, app: AppPlan, deps: DepsOutcome, export: CacheExport | None
    ) -> tuple[GeneratedTarget, ...]:
        # Another portion may change dependencies that this one leaves as they are: with the new
        # bundle go all the old caches of applications.
        others = self.plan.options.portion is not None and not deps.plan.reused
        needed = deps.changed or others or not self._has_cache(app, deps)
        return self.plan.app_targets(app, deps.deps_image, export if needed else None)

    def _has_cache(self, app: AppPlan, deps: DepsOutcome) -> bool:
        """Whether the published bundle has the application's cache for every platform."""
        source = deps.plan.source
        if source is None:
            return False
        covered: set[str] = set()
        here = self.plan.options.built_here(app.image.platforms)
        platforms = here or tuple(deps.deps_image.images)
        for cache in source.bundle.cache(Role.APP, platforms, app.image.name):
            covered.update(cache.platforms)
        return covered.issuperset(platforms)

    def _collect(self, targets: Sequence[GeneratedTarget]) -> PushedImage:
        pushed = self.publisher.collect(targets, self.run.metadata)
        self.run.fresh.update(pushed.digests.values())
        self.tagger.pushed(pushed)
        return pushed

    def _next_pull(self, app: AppPlan, built: BuiltImages) -> Mapping[str, NextPull] | None:
        """What a host with the version before downloads of an application that was built."""
        pushed = built.apps.get(app.image.name)
        if pushed is None or app.published is None:
            return None
        index = app_index(pushed, app.material, built.deps[app.image.deps].deps_image)
        of_index = Descriptor(digest_of(index), len(index))
        return estimate_next_pull(self.registry, app.published, pushed.images, of_index, self.clock)

    def _part_of(self, entry: ImagePart, built: BuiltImages) -> ImageResult:
        """What became of a portion's image."""
        image, done = entry.image, entry.pushed
        action = "built" if done else "reused" if image.role is Role.DEPS else "unchanged"
        there = entry.source.digest if entry.source else entry.published[0]
        digest = done[-1].digest if done else there
        platforms = self.plan.options.built_here(image.platforms)
        return ImageResult(image, action, digest, built.targets.get(image.name, ()), platforms)

    def _digest(self, targets: Sequence[GeneratedTarget]) -> str | None:
        metadata = self.run.metadata.get(targets[-1].name) or {}
        digest = metadata.get("containerimage.digest")
        return digest if isinstance(digest, str) else None


def _by_image(targets: Iterable[GeneratedTarget]) -> dict[str, tuple[GeneratedTarget, ...]]:
    found: dict[str, tuple[GeneratedTarget, ...]] = {}
    for target in targets:
        found[target.image.name] = (*found.get(target.image.name, ()), target)
    return found

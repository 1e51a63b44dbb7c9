"""Runs a plan: builds by digest, verifies, publishes, and tells what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace

from whalebuild.bake.cache_export import CacheExporter, TargetsByImage
from whalebuild.bake.cache_import import CacheImports
from whalebuild.bake.cache_renewal import CacheRenewal
from whalebuild.bake.concurrent import ConcurrentBakes
from whalebuild.bake.mounts import LayerMounts
from whalebuild.bake.moved import MovedInputs
from whalebuild.bake.on_stub import AppOnStub, OnStub
from whalebuild.bake.other_targets import OtherTargets
from whalebuild.bake.outcome import (
    BuiltImages,
    DepsOutcome,
    PushedImage,
    PushedTarget,
    app_index,
    deps_outcome,
    pushed_target,
)
from whalebuild.bake.partial.part import ImagePart, Part, make_part
from whalebuild.bake.ports import BakeEngine, BuilderNotes
from whalebuild.bake.publish import Publisher
from whalebuild.bake.result import BakeResult, ImageAction, ImageResult, Warnings, make_result
from whalebuild.bake.runner import BuildxRunner, apart
from whalebuild.bake.verify import PushVerifier
from whalebuild.bake.verify_on_stub import StubVerifier
from whalebuild.bakefile.images import Role
from whalebuild.buildkit.console import Console
from whalebuild.buildkit.metadata import image_digest
from whalebuild.oci.manifest import Descriptor, digest_of
from whalebuild.oci.registry import Registry
from whalebuild.plan.definition import CacheExport, GeneratedTarget, Output
from whalebuild.plan.pins import DepsImage
from whalebuild.plan.plan import AppAction, AppPlan, DepsPlan, Plan
from whalebuild.plan.ports import Web
from whalebuild.published.download import NextPull
from whalebuild.published.next_pull import estimate_next_pull
from whalebuild.runtime.retrier import Retrier
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.runtime.threads import Submit, one_at_a_time, side_by_side
from whalebuild.text import human_bytes
from whalebuild.values import dataclass


@dataclass
class Baker:
    """One bake of a plan.

    Attributes:
        clock: Seconds since the command began.
        token: Makes a random text, for staging tags that no other bake has.
        web: Asks what is behind addresses.
    """

    plan: Plan
    engine: BakeEngine
    registry: Registry
    console: Console
    retrier: Retrier
    notes: BuilderNotes
    clock: Callable[[], float]
    token: Callable[[], str]
    web: Web | None = None
    _submit: Submit = field(default_factory=Submit)

    def __post_init__(self) -> None:
        """Put together what a bake consists of: running, caches, verification, tags."""
        plan, registry = self.plan, RetryingRegistry(self.registry, self.retrier)
        self._warnings = Warnings(self.console.note)
        warn = self._warnings.warn
        platform = plan.facts.platform if plan.facts else None
        self._verifier = PushVerifier(registry, warn, platform)
        others = ConcurrentBakes(registry, warn, strict=plan.settings.if_unchanged)
        self._publisher = Publisher(plan, registry, self._verifier, others)
        self._runner = BuildxRunner(
            *(self.engine, self.registry, self.console, self.retrier),
            *(CacheImports(registry, warn), plan.settings, plan.all_targets),
            LayerMounts(registry, plan, platform),
            self._publisher.about_to_push if plan.output is Output.TAG else None,
            plan.facts,
        )
        self._others = OtherTargets(plan, self.engine, self.registry, self.console, self.retrier)
        self._cache_exporter = CacheExporter(
            *(plan, self._runner, self.registry, self.notes),
            *(self.console.note, warn, self.token),
        )
        self._cache_renewal = CacheRenewal(
            self._runner, self._cache_exporter, self.console.note, warn
        )
        self._on_stub = OnStub(
            *(plan, self.engine, self._runner, registry, self.console.note),
            one_at_a_time(self._pushing),
        )
        self._moved = MovedInputs(self.web, self.retrier, warn)
        self._stub_verifier = StubVerifier(plan, self.engine, self._runner)

    def bake(self) -> BakeResult:
        """Build, publish (or load), and tell what happened.

        Targets that are no pair come first: where one fails, nothing is published.
        Nothing that is published changes before all images are built, pushed and verified; only
        buildx's docker driver, which cannot push by digest, sets tags earlier: ``:deps`` first.

        Raises:
            WhalebuildError: The build failed, the registry refused or could not be reached, or
                what was pushed is not whole.
        """
        others = self._others.run()
        publishes = self.plan.options.publishes
        results = self._publish() if publishes else self._load()
        result = self._result(results, published=publishes)
        return replace(
            result,
            others=tuple(others),
            printed=self._others.printed,
            bytes_pulled=result.bytes_pulled + sum(other.bytes_pulled for other in others),
            metadata={**self._others.metadata, **result.metadata},
        )

    def bake_part(self) -> tuple[Part, BakeResult]:
        """Build and push what a partial bake is to build, and leave it to ``merge`` to publish.

        Raises:
            WhalebuildError: As :meth:`bake`; staging tags are deleted then.
        """
        try:
            built = self._build()
        except BaseException:
            self._cache_exporter.delete_staged()
            raise
        part = make_part(self.plan, built, self._cache_exporter.staged)
        here = self.plan.options.built_here
        entries = [entry for entry in part.images if here(entry.image.platforms)]
        results = [self._part_of(entry, built) for entry in entries]
        return part, self._result(results, published=False)

    def _result(self, results: Sequence[ImageResult], *, published: bool) -> BakeResult:
        return make_result(
            results,
            self._runner.states,
            self.retrier.retries,
            warnings=self._warnings.texts,
            published=published,
            seconds=self.clock(),
            metadata=self._runner.metadata,
        )

    def _load(self) -> list[ImageResult]:
        """Build, and publish nothing."""
        targets = [target for deps in self.plan.deps for target in self.plan.deps_targets(deps)]
        for app in self.plan.apps:
            targets += self.plan.app_targets(app, self.plan.deps_of(app).deps_image)
        self._runner.run(targets, "building")
        by_image = _by_image(targets)
        built = ((i, by_image[i.name]) for i in self.plan.images if i.name in by_image)
        return [
            ImageResult(image, ImageAction.BUILT, self._digest(targets), targets)
            for image, targets in built
        ]

    def _publish(self) -> list[ImageResult]:
        """Build by digest, verify, publish ``:deps``, then the applications."""
        try:
            built = self._build()
            if self.plan.settings.if_unchanged:
                self._publisher.check_unchanged()
            results = self._publisher.publish(built)
        finally:
            self._cache_exporter.delete_staged()
        pulls = {app.image.name: self._next_pull(app, built) for app in self.plan.apps}
        verified = self._stub_verifier.done
        return [
            replace(
                each,
                next_pull=pulls.get(each.image.name),
                verified=verified.get(each.image.name, ()),
            )
            for each in results
        ]

    def _build(self) -> BuiltImages:
        """Build and push, and verify what was pushed."""
        deps_targets = self._push(self._deps_targets)
        pushed_deps = [deps.image for deps in self.plan.deps if deps_targets[deps.image.name]]
        verified = side_by_side(
            self._submit, apart(pushed_deps), lambda name: self._verified(deps_targets[name])
        )
        outcomes = {
            deps.image.name: self._outcome(deps, verified.get(deps.image.name))
            for deps in self.plan.deps
        }
        building = [app for app in self.plan.apps if app.action is AppAction.BUILD]
        if self.plan.output is Output.TAG:
            needed = dict.fromkeys(app.image.deps for app in building)
            self._publisher.restore_bundles([outcomes[name] for name in needed])
        app_targets, built = self._apps(building, outcomes)
        apps = {app.image.name: app for app in building}
        pushed = {name: self._moved.app(apps[name], each) for name, each in built.items()}
        stubs = {name: self._on_stub.new_stubs(outcome) for name, outcome in outcomes.items()}
        return BuiltImages(outcomes, pushed, {**deps_targets, **app_targets}, stubs)

    def _apps(
        self, building: Sequence[AppPlan], outcomes: Mapping[str, DepsOutcome]
    ) -> tuple[TargetsByImage, dict[str, PushedImage]]:
        """Build and push applications: their targets, and what was pushed."""
        for app in building:
            self._on_stub.begin(app, outcomes[app.image.deps])
        prepared = ((a, self._on_stub.prepare(a, outcomes[a.image.deps])) for a in building)
        on_stub = {a.image.name: self._on_stub.tried(on) for a, on in prepared}

        def make(app: AppPlan, export: CacheExport | None) -> tuple[GeneratedTarget, ...]:
            on = on_stub[app.image.name]
            if on is None:
                return self.plan.app_targets(app, outcomes[app.image.deps].deps_image, export)
            return self._on_stub.targets(on, export)

        def all_of(export: CacheExport | None) -> TargetsByImage:
            return {
                a.image.name: make(a, export if self._exports(a, outcomes[a.image.deps]) else None)
                for a in building
            }

        targets = self._push(all_of)
        if self.plan.options.verify:
            self._compare(on_stub, targets, outcomes)
        cached = (a for a in building if (on := on_stub[a.image.name]) is None or on.caches)
        self._cache_renewal.renew(((a, targets[a.image.name]) for a in cached), make)
        built = [app for app in building if targets[app.image.name]]
        pushed = side_by_side(
            self._submit,
            apart(app.image for app in built),
            lambda name: self._pushed(on_stub[name], targets[name]),
        )
        return targets, {
            app.image.name: pushed[app.image.name].made_with(app.cache.record.inputs)
            for app in built
        }

    def _compare(
        self,
        on_stub: Mapping[str, AppOnStub | None],
        targets: TargetsByImage,
        outcomes: Mapping[str, DepsOutcome],
    ) -> None:
        """Compare what was built on stubs with ordinary builds, before it is pushed."""
        for app in self.plan.apps:
            if on := on_stub.get(app.image.name):
                builds = self._on_stub.builds(on, targets[app.image.name])
                self._stub_verifier.check(app, outcomes[app.image.deps], builds)
            self.console.note(self._stub_verifier.told(app))

    def _pushing(self, what: str, done: int, total: int) -> None:
        self.console.progress(what, f"{human_bytes(done)} of {human_bytes(total)}", done)

    def _push(self, make: Callable[[CacheExport | None], TargetsByImage]) -> TargetsByImage:
        if self.plan.output is Output.TAG and self.plan.settings.if_unchanged:
            # The push sets tags: everything is built before, and they are looked at.
            targets = [target.unpushed() for each in make(None).values() for target in each]
            self._runner.run(targets, "building")
            self._publisher.check_unchanged()
        return self._cache_exporter.build(make)

    def _deps_targets(self, export: CacheExport | None) -> dict[str, tuple[GeneratedTarget, ...]]:
        return {deps.image.name: self.plan.deps_targets(deps, export) for deps in self.plan.deps}

    def _outcome(self, deps: DepsPlan, verified: PushedImage | None) -> DepsOutcome:
        tagged = self.plan.output is Output.TAG
        if verified is None and deps.source is None:  # a portion's platforms are none of its own
            return DepsOutcome(deps, None, changed=False, deps_image=DepsImage("", "", {}))
        if verified is None:
            return deps_outcome(deps, None, tagged=tagged)
        return deps_outcome(self._moved.deps(deps, verified), verified, tagged=tagged)

    def _exports(self, app: AppPlan, deps: DepsOutcome) -> bool:
        """Whether the cache of an application is exported."""
        # Another portion may change dependencies that this one leaves as they are: with the new
        # bundle go all the old caches of applications.
        others = self.plan.options.portion is not None and not deps.plan.reused
        return bool(deps.changed or others or app.cache.stale)

    def _pushed(self, on: AppOnStub | None, targets: Sequence[GeneratedTarget]) -> PushedImage:
        """What was pushed of an application, or is pushed now."""
        if on is None:
            return self._verified(targets)
        built = (self._pushed_target(target) for target in targets)
        pushed = self._verifier.with_caches(self._on_stub.push(on, targets), on.app.image, built)
        self._runner.fresh.update(pushed.digests.values())
        self._publisher.note_push(pushed)
        return pushed

    def _verified(self, targets: Sequence[GeneratedTarget]) -> PushedImage:
        pushed = self._verifier.verify(targets[0].image, map(self._pushed_target, targets))
        self._runner.fresh.update(pushed.digests.values())
        self._publisher.note_push(pushed)
        return pushed

    def _pushed_target(self, target: GeneratedTarget) -> PushedTarget:
        return pushed_target(
            target,
            self._runner.metadata.get(target.name) or {},
            exported=target.name in self._runner.exported,
            missed=target.image.name in self._cache_renewal.missed,
        )

    def _next_pull(self, app: AppPlan, built: BuiltImages) -> Mapping[str, NextPull] | None:
        """What a host with the version before downloads of an application that was built."""
        pushed = built.apps.get(app.image.name)
        if pushed is None or app.published is None:
            return None
        index = app_index(pushed, app, built.deps[app.image.deps].deps_image)
        of_index = Descriptor(digest_of(index), len(index))
        return estimate_next_pull(
            *(self.registry, app.published, pushed.images, of_index, self.clock),
            manifests=pushed.manifests,
        )

    def _part_of(self, entry: ImagePart, built: BuiltImages) -> ImageResult:
        """What became of a portion's image."""
        image, done = entry.image, entry.pushed
        kept = ImageAction.REUSED if image.role is Role.DEPS else ImageAction.UNCHANGED
        published = entry.source.digest if entry.source else entry.published[0]
        digest = done[-1].digest if done else published
        platforms = self.plan.options.built_here(image.platforms)
        action = ImageAction.BUILT if done else kept
        return ImageResult(image, action, digest, built.targets.get(image.name, ()), platforms)

    def _digest(self, targets: Sequence[GeneratedTarget]) -> str | None:
        return image_digest(self._runner.metadata.get(targets[-1].name) or {})


def _by_image(targets: Iterable[GeneratedTarget]) -> dict[str, tuple[GeneratedTarget, ...]]:
    found: dict[str, tuple[GeneratedTarget, ...]] = {}
    for target in targets:
        found[target.image.name] = (*found.get(target.image.name, ()), target)
    return found

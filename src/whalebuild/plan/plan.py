"""What a bake will do and why, as one value that is shown or run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from enum import Enum

from whalebuild.bakefile.app_base import BaseNeeds
from whalebuild.bakefile.images import BuildOptions, PairImage, Role
from whalebuild.bakefile.others import OtherTarget
from whalebuild.bakefile.target import TARGET_CONTEXT, Target
from whalebuild.builder.facts import BuilderFacts
from whalebuild.bundle.app_key import AppMaterial
from whalebuild.bundle.lock import Lock
from whalebuild.bundle.published import PublishedApp, PublishedDeps
from whalebuild.inputs.values import Address, FileEntry, Undetermined
from whalebuild.oci.manifest import Manifest
from whalebuild.oci.reference import Reference
from whalebuild.plan.advice import Advice, StageSplit
from whalebuild.plan.app_cache import AppCache
from whalebuild.plan.decision import Decision, DepsAction
from whalebuild.plan.definition import (
    APART,
    CacheExport,
    Definition,
    GeneratedTarget,
    Output,
    generate_target,
    make_definition,
    output_of,
    platform_groups,
)
from whalebuild.plan.pins import DepsImage, deps_image_of
from whalebuild.plan.placement import Placement, RunLines, placements_of
from whalebuild.plan.short_way import long_because
from whalebuild.settings import Settings
from whalebuild.values import dataclass

# What production runs on as a rule.
USUAL_PLATFORM = "linux/amd64"


@dataclass(frozen=True)
class DepsPlan:
    """What becomes of one dependencies image.

    Attributes:
        published: What is published under each of its references, in their order.
        source: The bundle that is reused, or whose caches are imported.
        lock: What it is made from, or why that cannot be told.
        contexts: Named contexts that pin external images.
        files: The files that it reads.
        drifted_bases: External images whose tag has another digest by now; the pin keeps the old.
        runs: Its RUN instructions; none where its inputs cannot be told.
        surplus: Published platforms that the pair is not for any more; they are dropped.
        image_bytes: What the published image of one platform weighs, where that was looked up.
        addresses: What is behind addresses that nothing pins.
        base: The external image that it stands on, by digest; None where that is not known.
    """

    image: PairImage
    decision: Decision
    published: tuple[PublishedDeps | None, ...]
    source: PublishedDeps | None
    lock: Lock | Undetermined
    contexts: Mapping[str, str]
    files: tuple[FileEntry, ...] = ()
    advice: tuple[Advice, ...] = ()
    splits: tuple[StageSplit, ...] = ()
    drifted_bases: tuple[str, ...] = ()
    runs: tuple[RunLines, ...] = ()
    surplus: tuple[str, ...] = ()
    image_bytes: int | None = None
    addresses: Mapping[Address, str] = field(default_factory=dict)
    base: Reference | None = None

    @property
    def reused(self) -> bool:
        """Whether it is taken as it is."""
        return self.decision.action is DepsAction.REUSE

    @property
    def deps_image(self) -> DepsImage | None:
        """The image that applications are built on; None where it has to be built first."""
        if not self.reused or self.source is None:
            return None
        return deps_image_of(self.source.reference.repository, self.source.bundle, self.surplus)

    @property
    def adopted(self) -> bool:
        """Whether it is reused, and still to be published under one of its references."""
        return self.reused and self.differs_from_source

    @property
    def differs_from_source(self) -> bool:
        """Whether one of its references does not have what the source has."""
        return any(not _same(found, self.source) for found in self.published)

    @property
    def needs_tag(self) -> bool:
        """Whether its tag is to be set although its images are published."""
        return self.differs_from_source or bool(self.surplus)


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
        drifted_bases: External images of its own stages whose tag has another digest by now.
        runs: The RUN instructions of its own stages; none where its inputs cannot be told.
        cache: What becomes of its cache.
        attested: Whether buildx attests it where the bake file says nothing of that.
        needs: What it needs of the image that it stands on.
        addresses: What is behind addresses that nothing pins and that its build fetches.
        base: The external image that it stands on, by digest; None where that is not known, or
            where it stands on its dependencies.
    """

    image: PairImage
    action: AppAction
    reason: str
    pins: tuple[str, ...]
    unpinned: str | None
    contexts: Mapping[str, str]
    material: AppMaterial | None
    published: PublishedApp | None
    missing: tuple[Reference, ...] = ()
    drifted_bases: tuple[str, ...] = ()
    runs: tuple[RunLines, ...] = ()
    cache: AppCache = field(default_factory=AppCache)
    attested: bool = True
    needs: BaseNeeds = field(default_factory=BaseNeeds)
    addresses: Mapping[Address, str] = field(default_factory=dict)
    base: Reference | None = None


@dataclass(frozen=True)
class Plan:
    """A bake, decided.

    Attributes:
        all_targets: Every target of the bake file: images may link to them.
        others: Requested targets that are no pair, as buildx is going to be given them.
        manifests: Those that were read of images that something is built on, by digest.
    """

    deps: tuple[DepsPlan, ...]
    apps: tuple[AppPlan, ...]
    options: BuildOptions
    settings: Settings
    source: str
    facts: BuilderFacts | None
    all_targets: Mapping[str, Target]
    others: tuple[OtherTarget, ...] = ()
    manifests: Mapping[str, Manifest] = field(default_factory=dict)

    @property
    def output(self) -> Output:
        """Where images go."""
        return output_of(self.options, self.facts.driver if self.facts else None)

    @property
    def images(self) -> tuple[PairImage, ...]:
        """All images that it is about, dependencies first."""
        return (*(deps.image for deps in self.deps), *(app.image for app in self.apps))

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms of all images, whether they are built here or not."""
        of_pairs = (p for image in self.images for p in image.platforms)
        of_others = (p for other in self.others for p in other.target.platforms)
        return tuple(dict.fromkeys((*of_pairs, *of_others)))

    @property
    def nothing_to_do(self) -> bool:
        """Whether a bake would build and push nothing at all."""
        if self.others or not all(deps.reused and not deps.needs_tag for deps in self.deps):
            return False
        return all(app.action is AppAction.NOTHING for app in self.apps)

    @property
    def rebuild_needed(self) -> bool:
        """Whether dependencies have to be built."""
        return any(not deps.reused for deps in self.deps)

    @property
    def to_build(self) -> tuple[DepsPlan | AppPlan, ...]:
        """What is going to be built, dependencies first."""
        deps = (deps for deps in self.deps if not deps.reused)
        return (*deps, *(app for app in self.apps if app.action is AppAction.BUILD))

    @property
    def unusual_platform(self) -> str | None:
        """The builder's own platform, where it is published because nothing names a platform.

        None where it is the usual one.
        """
        own = self.facts.platform if self.facts else None
        named = all(image.platforms for image in self.images)
        return None if named or not self.options.publishes or own == USUAL_PLATFORM else own

    def deps_of(self, app: AppPlan) -> DepsPlan:
        """The dependencies of an application."""
        return next(deps for deps in self.deps if deps.image.name == app.image.deps)

    def long_because(self, app: AppPlan) -> str:
        """Why an application is built on its whole app base; empty where the stub will do."""
        if not app.pins:
            return app.unpinned or "it is built by itself"
        return long_because(app.image, app.needs, self.options, self.facts)

    def uses_caches(self, app: AppPlan) -> bool:
        """Whether caches serve the build of an application.

        On a stub they serve the stages beside it; what copies from the context alone needs none.
        """
        return bool(self.long_because(app)) or app.needs.side

    def placements(self, planned: DepsPlan | AppPlan) -> tuple[Placement, ...]:
        """Where each platform of an image is built, as far as it is known what the nodes can do."""
        if self.facts is None:
            return ()
        own = (self.facts.platform,) if self.facts.platform else ()
        platforms = planned.image.platforms or own
        known = planned.runs or tuple(RunLines(platform) for platform in platforms)
        return placements_of(known, self.facts.nodes)

    def deps_targets(
        self, deps: DepsPlan, export: CacheExport | None = None
    ) -> tuple[GeneratedTarget, ...]:
        """Targets that build and push the dependencies; none where they are reused.

        With ``--load`` and ``--read-only`` they are built by themselves only if nothing else was
        asked for.

        Args:
            deps: The dependencies.
            export: How to export their cache; None for no export.
        """
        wanted = any(self.deps_of(app) is deps for app in self.apps)
        if deps.reused or (wanted and not self.options.publishes):
            return ()
        image = deps.image
        # By tag an index is pushed whole, with all its platforms.
        stale = deps.decision.platforms if self.output in APART else image.platforms
        targets = []
        for each in self._groups(tuple(p for p in image.platforms if p in stale)):
            cache = export.reference(image, each) if export else None
            targets.append(
                generate_target(
                    *(image, each, self.options, self.output),
                    contexts=deps.contexts,
                    cache_from=published_caches(deps.source, Role.DEPS, each),
                    cache_to=cache,
                )
            )
        return tuple(targets)

    def app_targets(
        self, app: AppPlan, deps_image: DepsImage | None, export: CacheExport | None = None
    ) -> tuple[GeneratedTarget, ...]:
        """Targets that build and push an application.

        Args:
            app: The application.
            deps_image: The dependencies image to build on; None where it is not published.
            export: How to export its cache; None for no export.
        """
        image, deps = app.image, self.deps_of(app)
        if deps_image and app.pins:
            image = replace(image, target=image.on_dependencies)
        source = deps.source
        # Without an image to build on, it builds the dependencies' stages too.
        bases = app.contexts if deps_image else {**deps.contexts, **app.contexts}
        own = self.facts.platform if self.facts else None
        targets = []
        for platforms in self._groups(image.platforms):
            pinned = deps_image.contexts(app.pins, platforms, own) if deps_image else {}
            known = platforms or ((own,) if own else ())
            caches = published_caches(source, Role.APP, known, image.name)
            # One cache alone: see ``platform_groups``. That of an application which never stands on
            # the published image has the steps of the dependencies, too.
            if not deps_image if app.pins else not caches:
                caches = published_caches(source, Role.DEPS, known)
            cache = export.reference(image, platforms) if export else None
            targets.append(
                generate_target(
                    *(image, platforms, self.options, self.output),
                    contexts={**bases, **pinned},
                    cache_from=caches,
                    cache_to=cache,
                )
            )
        return tuple(targets)

    def _groups(self, platforms: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        """The platforms of each target: of those that this bake builds."""
        built = self.options.built_here(platforms)
        nothing = self.options.portion is not None and not built
        nodes = self.facts.nodes if self.facts else ()
        return () if nothing else platform_groups(built, self.output, nodes)

    def preview(self) -> Definition:
        """The bake definition as far as it is known before anything is built.

        An application on dependencies that are to be built is linked to their target here, and
        pinned to the image that was pushed when it is run. A run sets some of the tags only after
        what was pushed is verified.
        """
        targets: list[GeneratedTarget] = []
        by_digest = CacheExport() if self.options.publishes else None
        for deps in self.deps:
            targets += self.deps_targets(deps, by_digest)
        for app in self.apps:
            deps = self.deps_of(app)
            deps_image = deps.deps_image
            exports = self.uses_caches(app) and (app.cache.stale or not deps.reused)
            export = by_digest if exports else None
            if app.action is not AppAction.BUILD:
                continue
            for target in self.app_targets(app, deps_image, export):
                targets.append(target if deps_image else self._linked(target, app, deps))
        return make_definition(
            [_with_all_tags(target).target for target in targets],
            self.all_targets,
            [other.target for other in self.others],
        )

    def _linked(self, target: GeneratedTarget, app: AppPlan, deps: DepsPlan) -> GeneratedTarget:
        apart = self.output in APART and len(app.image.platforms) > 1
        if apart or not self.options.publishes:
            return target
        contexts = dict(target.attributes.get("contexts") or {})
        contexts |= dict.fromkeys(app.pins, f"{TARGET_CONTEXT}{deps.image.name}")
        linked = target.with_attributes(contexts=contexts or None)
        if app.image.app_base is None:
            return linked
        inline = app.image.on_dependencies.dockerfile_inline
        return linked.with_attributes(dockerfile_inline=inline)


def _with_all_tags(target: GeneratedTarget) -> GeneratedTarget:
    if not target.target.tags or target.staged:
        return target
    tags = [str(reference) for reference in target.image.references]
    return target.with_attributes(tags=tags)


def published_caches(
    source: PublishedDeps | None, role: str, platforms: tuple[str, ...], target: str = ""
) -> tuple[Reference, ...]:
    """The caches of one image in published dependencies; no platform stands for all."""
    if source is None:
        return ()
    bundle = source.bundle
    wanted = platforms or tuple(bundle.images)
    caches = bundle.cache(role, wanted, target)
    return tuple(Reference(source.reference.repository, digest=cache.digest) for cache in caches)


def _same(one: PublishedDeps | None, other: PublishedDeps | None) -> bool:
    """Whether both have the same images made from the same; caches are in one repository alone."""
    if one is None or other is None:
        return one is other
    return one.bundle.images == other.bundle.images and one.lock == other.lock

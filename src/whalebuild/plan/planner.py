"""Reads what a plan needs - bake file, Dockerfiles, engine, registry - and makes the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from whalebuild.bakefile.entitlements import consent_of
from whalebuild.bakefile.images import BuildOptions, PairImage, Role, pair_images, portion_of
from whalebuild.bakefile.others import OtherTarget, as_asked, check_names
from whalebuild.bakefile.request import BakeRequest
from whalebuild.bakefile.target import Target
from whalebuild.builder.choose import BuilderChooser
from whalebuild.builder.probe import BuilderProbe
from whalebuild.errors import UsageError
from whalebuild.oci.manifest import Manifest
from whalebuild.oci.platform import parse_platforms, resolve
from whalebuild.oci.reference import Reference
from whalebuild.oci.registry import Registry
from whalebuild.plan.addresses import Addresses
from whalebuild.plan.base_images import BaseImages
from whalebuild.plan.consent import check_consent, with_consent
from whalebuild.plan.definition import linked_targets
from whalebuild.plan.other_targets import with_caches
from whalebuild.plan.plan import AppAction, AppPlan, DepsPlan, Plan
from whalebuild.plan.plan_app import AppPlanner
from whalebuild.plan.plan_deps import DepsPlanner
from whalebuild.plan.ports import PlanEngine, SourceTree, Web
from whalebuild.plan.read_bakefile import BakeFileReader
from whalebuild.plan.read_inputs import InputReader
from whalebuild.published.lookup import ManifestLookup
from whalebuild.runtime.retrier import Retrier
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.runtime.threads import Submit
from whalebuild.settings import Settings
from whalebuild.values import dataclass


@dataclass(frozen=True)
class Planner:
    """Makes plans.

    Attributes:
        ask: Whether to look at the engine and the registry; ``--print`` needs neither.
        thorough: Whether to find out, too, which pinned base images have another digest now, how
            large dependencies are, and what could be written instead.
        web: Asks what is behind addresses; None leaves that to BuildKit.
    """

    engine: PlanEngine
    registry: Registry
    tree: SourceTree
    settings: Settings
    retrier: Retrier
    ask: bool = True
    thorough: bool = False
    web: Web | None = None

    def plan(self, request: BakeRequest, options: BuildOptions) -> Plan:
        """Read and decide.

        Raises:
            WhalebuildError: Something about the request, the bake file, the Dockerfile, the
                engine or the registry does not allow a bake.
        """
        submit = Submit()
        probe = BuilderProbe(self.engine, self.retrier.announce)
        chooser = BuilderChooser(probe, self.settings.builder, publishes=options.publishes)
        first_facts = submit(chooser.look) if self.ask else None
        reader = BakeFileReader(self.engine, self.tree, self.settings, self.thorough)
        found, all_targets, source = reader.targets(request)
        if self.settings.platform:
            options = replace(options, platforms=self.settings.platform)
        images = _checked(pair_images(found.pairs, options))
        others = found.others
        if options.load:
            others = tuple(reader.loaded(request, others))
        others = tuple(as_asked(other, options) for other in others)
        check_names(others, images)
        if options.portion:
            _check_portion(others)
        consent = consent_of(self.settings.allow, request.overrides, request.check_files)
        if self.ask:
            built = [*(image.target for image in images), *(other.target for other in others)]
            every = [*built, *linked_targets(built, all_targets).values()]
            # What is derived of a target has nothing that the target has not.
            written = [target for target in every if target.name in all_targets]
            check_consent(written, consent, self.tree.real_path)
        registry = RetryingRegistry(self.registry, self.retrier)
        lookup = ManifestLookup(registry, submit)
        if self.ask:
            lookup.begin(_references(images))
        platforms = _platforms(images) | {p for other in others for p in other.target.platforms}
        facts = chooser.choose(first_facts.result(), platforms) if first_facts else None
        platform = facts.platform if facts else None
        if platform:
            images = tuple(replace(i, platforms=resolve(i.platforms, platform)) for i in images)
        with_nodes = submit(partial(probe.with_nodes, facts, platforms)) if facts else None
        if options.portion:
            options = replace(options, portion=portion_of(images, options.portion, platform))
        bases = BaseImages(registry, submit)
        # A part is merged by what it is made from: that has to be the same on every machine.
        web = self.web if self.ask and not options.portion else None
        addresses = Addresses(web, self.retrier, submit)
        input_reader = InputReader(self.tree, bases, all_targets, platform, addresses)
        deps, apps = self._decide(images, options, input_reader, lookup)
        if platform and options.publishes:
            for app in apps:
                _keep_platforms(app, platform)
        facts = with_nodes.result() if with_nodes else None
        settings = with_consent(chooser.settings_of_bake(self.settings, facts), consent)
        cached = tuple(with_caches(other, deps, apps) for other in others)
        return Plan(
            *(deps, apps, options, settings, source, facts, all_targets, cached),
            manifests={
                **bases.manifests,
                **{str(ref.digest): m for ref, m in _stood_on(lookup, deps, apps) if m},
            },
        )

    def _decide(
        self,
        images: Sequence[PairImage],
        options: BuildOptions,
        input_reader: InputReader,
        lookup: ManifestLookup,
    ) -> tuple[tuple[DepsPlan, ...], tuple[AppPlan, ...]]:
        published = lookup if self.ask else None
        follow = options.pull or self.settings.base == "follow"
        # A flag is for one run: what it leaves out stays.
        lasting = self.settings.origin("platform") != "--platform" and not options.portion
        deps_planner = DepsPlanner(
            *(input_reader, published, options),
            follow=follow,
            thorough=self.thorough,
            lasting=lasting,
        )
        app_planner = AppPlanner(
            input_reader, published, options, follow=follow, thorough=self.thorough
        )
        decided = _decide_each(images, deps_planner, app_planner)
        lost = _lost(lookup, *decided)
        if not lost:
            return decided
        return _decide_each(images, replace(deps_planner, lost=lost), app_planner)


def _decide_each(
    images: Sequence[PairImage], deps_planner: DepsPlanner, app_planner: AppPlanner
) -> tuple[tuple[DepsPlan, ...], tuple[AppPlan, ...]]:
    applications = _applications(images)
    deps: dict[str, DepsPlan] = {}
    apps = []
    for image in images:  # dependencies first
        if image.role is Role.DEPS:
            deps[image.name] = deps_planner.decide(image, applications.get(image.name))
        else:
            apps.append(app_planner.decide(image, deps[image.deps]))
    return tuple(deps.values()), tuple(apps)


def _lost(
    lookup: ManifestLookup, deps: Sequence[DepsPlan], apps: Sequence[AppPlan]
) -> frozenset[str]:
    """Find images that applications would be built on, and that the registry has lost."""
    stood_on = _stood_on(lookup, deps, apps)
    return frozenset(str(reference.digest) for reference, found in stood_on if found is None)


def _stood_on(
    lookup: ManifestLookup, deps: Sequence[DepsPlan], apps: Sequence[AppPlan]
) -> list[tuple[Reference, Manifest | None]]:
    """The published images that applications are built on; None for one that is lost."""
    needed = {app.image.deps for app in apps if app.action is AppAction.BUILD and app.pins}
    references = [
        Reference(each.source.reference.repository, digest=image.digest)
        for each in deps
        if each.reused and each.source and each.image.name in needed
        for image in each.source.bundle.images.values()
    ]
    lookup.begin(references)
    return [(reference, lookup.manifest(reference)) for reference in references]


def _check_portion(others: Sequence[OtherTarget]) -> None:
    """Refuse a partial bake of what is no pair: it would be done on every machine.

    Raises:
        UsageError: There is such a target.
    """
    if others:
        raise UsageError(
            f'"{others[0].name}" is no pair: {others[0].why} (--partial)',
            cause="the parts of a pair are its platforms; other targets have none",
            next_step="name the pairs' targets: whalebuild bake --partial TARGET…",
        )


def _platforms(images: Sequence[PairImage]) -> frozenset[str]:
    return frozenset(platform for image in images for platform in image.platforms)


def _keep_platforms(app: AppPlan, own: str) -> None:
    """Refuse to replace other machines' image by one for this one where nobody has asked for it.

    Raises:
        UsageError: The application is published for other platforms, and no platform is named.
    """
    published = app.published.platforms if app.published else ()
    if app.image.platforms or not published or own in published:
        return
    listed = ", ".join(f'"{platform}"' for platform in published)
    raise UsageError(
        f"{app.image.references[0]} is for {', '.join(published)}: "
        f"it would be replaced by one for {own}",
        cause="no platform is named, so that the builder's own is built",
        next_step=f"name what production runs: --platform {','.join(published)}, or "
        f"platform = [{listed}] in the settings",
    )


def _checked(images: tuple[PairImage, ...]) -> tuple[PairImage, ...]:
    """Check the platforms, and write them in one form."""
    return tuple(
        replace(image, platforms=parse_platforms(image.platforms, where=_where(image)))
        for image in images
    )


def _where(image: PairImage) -> str:
    return f'platforms of target "{image.name}"'


def _references(images: Sequence[PairImage]) -> list[Reference]:
    seeds = [image.seed for image in images if image.seed]
    return [*(reference for image in images for reference in image.references), *seeds]


def _applications(images: Sequence[PairImage]) -> Mapping[str, Target]:
    """For each dependencies image an application that is built on it."""
    return {image.deps: image.target for image in reversed(images) if image.role is not Role.DEPS}

"""What the services of a compose project are given, so that they start from what is published.

Only what cannot be wrong. compose reads an override as it is, whatever has changed on the disk
since it was written. So the published dependencies do not stand in the place of a stage, as they do
in a bake, but are imported as a cache: BuildKit takes a step of it only where the step and all that
it reads are the same. Named contexts pin base images alone, as the published dependencies were made
from them; without that a base image that has moved would make every step another one. See
docs/adr/0015-compose-override.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field

from whalebuild.bakefile.images import Role
from whalebuild.bakefile.target import Target
from whalebuild.compose.builds import ServiceBuild
from whalebuild.errors import UsageError
from whalebuild.oci.platform import parse_platforms
from whalebuild.oci.reference import Reference
from whalebuild.override.match import Absolute, candidates, differing_arguments
from whalebuild.plan.cache_options import published_cache
from whalebuild.plan.decision import DepsAction
from whalebuild.plan.plan import AppPlan, DepsPlan, Plan, published_caches
from whalebuild.values import dataclass

#: Names of the stages of a target's Dockerfile.
StageNames = Callable[[Target], Collection[str]]


@dataclass(frozen=True)
class Given:
    """What one service is given.

    Attributes:
        service: Its name.
        target: The bake target whose published images serve it; None where none does.
        left_out: Why it is given nothing; empty where it is given something.
        deps: The published dependencies, by digest.
        reused: Whether these are made from what is on the disk now; None where it cannot be told.
        reasons: What differs where they are not, or why it cannot be told.
        contexts: Base images by digest (``additional_contexts``).
        caches: Published caches by digest (``cache_from``).
        notes: What else is to be known.
    """

    service: str
    target: str | None = None
    left_out: str = ""
    deps: Reference | None = None
    reused: bool | None = None
    reasons: tuple[str, ...] = ()
    contexts: Mapping[str, str] = field(default_factory=dict)
    caches: tuple[Reference, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def cache_from(self) -> tuple[str, ...]:
        """The caches as compose has them."""
        fields = (published_cache(reference) for reference in self.caches)
        return tuple(",".join(f"{k}={v}" for k, v in each.items()) for each in fields)


def give(
    builds: Sequence[ServiceBuild], plan: Plan, absolute: Absolute, stages: StageNames
) -> tuple[Given, ...]:
    """Tell what each service that is built is given.

    Args:
        builds: The services.
        plan: What a bake would do; it has what is published.
        absolute: See ``match.Absolute``.
        stages: Finds the names that a named context would replace a stage of.
    """
    return tuple(_give(build, plan, absolute, stages) for build in builds)


def _give(build: ServiceBuild, plan: Plan, absolute: Absolute, stages: StageNames) -> Given:
    name = build.service
    if build.uncached:
        return Given(name, left_out="its build has no_cache")
    found = candidates(build, plan.apps, absolute)
    if not found:
        return Given(name, left_out="no pair of the bake file has its Dockerfile and context")
    app = found[0]
    deps, target = plan.deps_of(app), app.image.name
    if deps.source is None:
        why = f"nothing is published yet as {deps.image.references[0]}"
        return Given(name, target, left_out=why)
    platforms, why = _platforms(build, plan, deps)
    if why:
        return Given(name, target, left_out=why)
    caches = _caches(app, deps, platforms)
    if not caches:
        why = f"{deps.source.reference} has no cache for {', '.join(platforms)}"
        return Given(name, target, left_out=why)
    action = deps.decision.action
    return Given(
        name,
        target,
        deps=deps.source.pinned,
        reused=None if action is DepsAction.ASK else deps.reused,
        reasons=deps.decision.reasons,
        contexts=_pins(build, app, deps, stages(app.image.target)),
        caches=caches,
        notes=tuple(_notes(build, found)),
    )


def _platforms(build: ServiceBuild, plan: Plan, deps: DepsPlan) -> tuple[tuple[str, ...], str]:
    """The platforms that a service is built for, and why nothing serves these."""
    own = plan.facts.platform if plan.facts else None
    try:
        platforms = parse_platforms(build.platforms, where=f'service "{build.service}"')
    except UsageError as wrong:
        return (), str(wrong)
    platforms = platforms or ((own,) if own else ())
    published = tuple(deps.source.bundle.images) if deps.source else ()
    if platforms and not set(platforms) & set(published):
        given = ", ".join(platforms)
        return platforms, f"it is built for {given}, and :deps is for {', '.join(published)}"
    return platforms or published, ""


def _caches(app: AppPlan, deps: DepsPlan, platforms: tuple[str, ...]) -> tuple[Reference, ...]:
    """The caches that have its steps.

    That of an application which stands on the published image has the stages beside it alone. That
    of another one has the steps of its dependencies, too, and two caches with the same steps get in
    each other's way (docs/adr/0008).
    """
    of_app = published_caches(deps.source, Role.APP, platforms, app.image.name)
    of_deps = published_caches(deps.source, Role.DEPS, platforms)
    if not app.pins and of_app:
        return of_app
    return tuple(dict.fromkeys((*of_deps, *of_app)))


def _pins(
    build: ServiceBuild, app: AppPlan, deps: DepsPlan, stages: Collection[str]
) -> dict[str, str]:
    """Base images by digest, but for what somebody has named by himself."""
    taken = {*build.contexts, *app.image.target.contexts, *stages}
    pinned = {**deps.contexts, **app.contexts}
    return {name: value for name, value in sorted(pinned.items()) if name not in taken}


def _notes(build: ServiceBuild, found: Sequence[AppPlan]) -> list[str]:
    app = found[0]
    notes = []
    if len(found) > 1:
        others = ", ".join(other.image.name for other in found[1:])
        notes.append(f"target {app.image.name} was chosen; {others} has the same Dockerfile")
    differing = differing_arguments(build, app.image.target)
    if differing:
        notes.append(
            f"target {app.image.name} has other build arguments ({', '.join(differing)}): "
            "what uses them is built here"
        )
    return notes

"""Where platforms are built, as text; pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from whalebuild.builder.nodes import How
from whalebuild.plan.placement import Site
from whalebuild.plan.plan import Plan
from whalebuild.plan.plan_image_plans import AppAction, AppPlan, DepsPlan

# The platform that goes without saying.
_USUAL = "linux/amd64"
# What to do about emulation.
ELSEWHERE = (
    "run them on $BUILDPLATFORM and copy what they make, or give the builder a node of that kind "
    "(whalebuild builder create)"
)


def site_lines(sites: Sequence[Site], platforms: Sequence[str]) -> list[str]:
    """One line for each platform of an image."""
    known = {site.platform: site for site in sites}
    lines = [_line(known[p]) if p in known else p for p in platforms or known]
    return lines or ["the one of the builder"]


def site_notes(plan: Plan) -> list[str]:
    """What a bake says of platforms before it begins: what will be slow, and what cannot run."""
    notes = [note for image in _built(plan) for note in _notes(plan, image)]
    return notes + platform_hint(plan)


def platform_hint(plan: Plan) -> list[str]:
    """What to think of where nothing says for which platform an image is."""
    own = plan.facts.platform if plan.facts else None
    if own in {None, _USUAL} or not plan.options.publishes:
        return []
    if all(job.platforms for job in plan.jobs):
        return []
    setting = f'platform = ["{_USUAL}"]'
    hint = f"no platform is named: this publishes for {own}, the builder's own"
    return [f"{hint}; write what production runs into the settings, say {setting}"]


def _built(plan: Plan) -> Iterator[DepsPlan | AppPlan]:
    yield from (deps for deps in plan.deps if not deps.reused)
    yield from (app for app in plan.apps if app.action is AppAction.BUILD)


def _notes(plan: Plan, image: DepsPlan | AppPlan) -> Iterator[str]:
    for site in plan.sites(image):
        where = f"{image.job.name}: {site.platform} on node {site.node}"
        if site.impossible:
            yield (
                f"warning: {where} cannot run RUN on {_lines(site.impossible)}: "
                "it needs the cache to have what they make"
            )
        if site.emulated:
            yield f"{where}: RUN on {_lines(site.emulated)} under emulation, many times slower"


def _line(site: Site) -> str:
    words = f"{site.platform} {_how(site)}"
    others = []
    if site.emulated:
        others.append(f"RUN on {_lines(site.emulated)} under emulation")
    if site.impossible:
        others.append(f"RUN on {_lines(site.impossible)} cannot run: no QEMU is registered")
    return f"{words}; {', '.join(others)}" if others else words


def _how(site: Site) -> str:
    if site.how is How.NATIVE:
        return f"natively on node {site.node}"
    if site.emulated or site.impossible:
        return f"on node {site.node}, which is of another kind"
    return f"on node {site.node}, where nothing has to be emulated"


def _lines(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers))
    return f"line{'s' if len(numbers) > 1 else ''} {shown}"

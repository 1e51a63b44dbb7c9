"""A plan, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from whalebuild.bakefile.images import PairImage
from whalebuild.bakefile.others import OtherTarget
from whalebuild.builder.nodes import Execution
from whalebuild.bundle.lock import Change, Lock
from whalebuild.cli.output.after_boundary import after_boundary
from whalebuild.cli.output.table import columns
from whalebuild.dockerfile.dependencies import is_manifest
from whalebuild.inputs.values import FileEntry
from whalebuild.plan.advice import Advice, StageSplit
from whalebuild.plan.decision import DepsAction
from whalebuild.plan.line_costs import line_costs
from whalebuild.plan.placement import Placement
from whalebuild.plan.plan import USUAL_PLATFORM, AppAction, AppPlan, DepsPlan, Plan
from whalebuild.settings import KEYS, TARGETS, Settings, Value
from whalebuild.text import human_bytes, short_digest

SCHEMA = "whalebuild.plan/1"
_SHORT = 12
_MANY = 6
# What to do about emulation.
_ELSEWHERE = (
    "run them on $BUILDPLATFORM and copy what they make, or give the builder a node of that kind "
    "(whalebuild builder create)"
)


def plan_text(plan: Plan, width: int | None = None) -> str:
    """What a bake would do and why, and the settings with their origins."""
    lines = [f"from {plan.source}"]
    if plan.facts:
        facts = plan.facts
        platform = f", {facts.platform}" if facts.platform else ""
        lines.append(f"builder {facts.builder} (driver {facts.driver}{platform})")
    for other in plan.others:
        lines += ["", *_other_lines(other)]
    for deps in plan.deps:
        lines += ["", *_deps_lines(plan, deps)]
    for app in plan.apps:
        lines += ["", *_app_lines(plan, app)]
    lines += [f"hint: {hint}" for hint in platform_hint(plan)]
    lines += ["", "settings"]
    rows = [
        (f"  {name}", _shown(value), f"({origin})")
        for name, value, origin in _settings(plan.settings)
    ]
    return "\n".join([*lines, *columns(rows, width)])


def announcement(plan: Plan) -> list[str]:
    """What a bake says before it begins: a line for each image; one for all if it is nothing."""
    if not plan.nothing_to_do:
        return [*decision_lines(plan), *_cache_notes(plan), *placement_notes(plan)]
    names = [image.name for image in plan.images]
    shown = ", ".join(names[:_MANY]) + (f" and {len(names) - _MANY} more" if names[_MANY:] else "")
    are = "are published as they are" if len(names) > 1 else "is published as it is"
    return [f"nothing to do: {shown} {are}; --force bakes anyway"]


def decision_lines(plan: Plan) -> list[str]:
    """One line for each image or other target: what becomes of it and why."""
    lines = [f"{other.name}: {line}" for other in plan.others for line in _other_headlines(other)]
    lines += [f"{deps.image.name}: {_headline(deps)}" for deps in plan.deps]
    return lines + [f"{app.image.name}: {_app_headline(app)}" for app in plan.apps]


def _cache_notes(plan: Plan) -> list[str]:
    """Which caches a bake exports again, and why."""
    building = (app for app in plan.apps if app.action is AppAction.BUILD)
    apps = (app for app in building if app.cache.stale and plan.uses_caches(app))
    return [f"{app.image.name}: {_cache(plan, app)}" for app in apps if plan.options.publishes]


def placement_notes(plan: Plan) -> list[str]:
    """What a bake says of platforms before it begins: what will be slow, and what cannot run."""
    notes = [note for planned in plan.to_build for note in _notes_of(plan, planned)]
    return notes + platform_hint(plan)


def platform_hint(plan: Plan) -> list[str]:
    """A warning where an image gets the builder's platform, because nothing names another."""
    own = plan.unusual_platform
    if own is None:
        return []
    setting = f'platform = ["{USUAL_PLATFORM}"]'
    hint = f"no platform is named: this publishes for {own}, the builder's own"
    return [f"{hint}; write what production runs into the settings, say {setting}"]


def _deps_lines(plan: Plan, deps: DepsPlan) -> Iterator[str]:
    image = deps.image
    origin = "derived from the application's Dockerfile" if image.derived else "bake file"
    if image.guess:
        origin = f"guessed {image.guess}"
    if image.boundary:
        origin = f"the app base: {image.boundary}"
    yield f"{image.name}: {_headline(deps)}"
    yield f"  is        the dependencies ({origin}){_also(image)}"
    yield from _built_from(plan, deps, built=not deps.reused)
    files = [entry for entry in deps.files if entry.kind != "dir"]
    manifests = [entry for entry in files if is_manifest(entry.path)]
    code = [entry for entry in files if entry not in manifests]
    if isinstance(deps.lock, Lock):
        yield f"  manifests {_names(manifests) or 'none'}"
        yield f"  others    {_names(code) or 'none'}"
        yield from _hanging("base      ", list(_bases(deps)))
    if plan.options.publishes:
        label = "publishes " if not deps.reused or deps.needs_tag else "keeps     "
        yield from _hanging(label, [str(reference) for reference in image.references])
    for split in deps.splits:
        yield from _split(split)
    yield from _advice(deps.advice)


def _other_lines(other: OtherTarget) -> Iterator[str]:
    """A target that is no pair."""
    target = other.target
    headline, *hints = _other_headlines(other)
    yield f"{other.name}: {headline}"
    inline = "the bake file's own Dockerfile" if target.dockerfile_inline else target.dockerfile
    yield f"  builds    {_stage(target.stage)} of {inline} in {target.context}"
    yield f"  platforms {', '.join(target.platforms) or 'the one of the builder'}"
    if other.references:
        yield from _hanging("pushes    ", [str(reference) for reference in other.references])
    for output in () if other.references or target.call else target.outputs:
        options = [value for key, value in output.items() if key != "type"]
        yield f"  makes     {' '.join([output.get('type', '?'), *options])}"
    for hint in hints:
        yield f"  hint      {hint}"


def _other_headlines(other: OtherTarget) -> list[str]:
    """What becomes of a target that is no pair, and what would make one of it."""
    does = "pushed" if other.references else "built"
    if other.target.call:
        does = "done"
    hints = [other.hint] if other.hint else []
    return [f"{does} as buildx does it, for it is no pair: {other.why}", *hints]


def _also(image: PairImage) -> str:
    """The other targets that are the same image."""
    return f", and that of {', '.join(image.also)}" if image.also else ""


def _headline(deps: DepsPlan) -> str:
    decision = deps.decision
    if decision.action is DepsAction.REUSE and deps.source:
        key = deps.lock.key if isinstance(deps.lock, Lock) else ""
        adopted = f" of {deps.source.reference}" if deps.adopted else ""
        dropped = f"; drop {', '.join(deps.surplus)}" if deps.surplus else ""
        digest = short_digest(deps.source.bundle.digest)
        return f"reuse @{digest}{adopted} (key {key[:_SHORT]}){dropped}"
    if decision.action is DepsAction.ASK:
        return (
            "BuildKit is asked in every bake, because its inputs cannot be told: "
            f"{decision.reasons[0]}"
        )
    reasons = [_change(change) for change in decision.changes] or list(decision.reasons)
    more = f" and {len(reasons) - _MANY} more" if len(reasons) > _MANY else ""
    return f"rebuild because {', '.join(reasons[:_MANY])}{more}"


def _app_lines(plan: Plan, app: AppPlan) -> Iterator[str]:
    image = app.image
    yield f"{image.name}: {_app_headline(app)}"
    yield f"  is        the application{_also(image)}"
    yield from _built_from(plan, app, built=app.action is AppAction.BUILD)
    yield f"  on        {_stands_on(plan, app)}"
    yield from after_boundary(plan, app)
    for name in app.drifted_bases:
        yield f"  base      {name} has moved since; --pull takes the new one"
    if app.cache.stale and plan.uses_caches(app):
        yield f"  cache     {_cache(plan, app)}"
    references = [str(reference) for reference in image.references]
    if app.action is AppAction.NOTHING:
        yield from _hanging("keeps     ", references)
    elif plan.options.publishes:
        wanted = [str(ref) for ref in app.missing] or references
        yield from _hanging("publishes ", wanted)
    elif plan.options.load:
        yield "  loads     the image into the local engine, publishes nothing"
    else:
        yield "  publishes nothing (--read-only)"


def _stands_on(plan: Plan, app: AppPlan) -> str:
    """What an application is built on, and what of that a fresh engine downloads."""
    name = app.image.deps
    if app.unpinned:
        return f"its own build of {name}"
    why = plan.long_because(app)
    if not why and app.needs.rest.runs:
        return f"the stub of {name}, with the tools of its small RUNs: no more is downloaded of it"
    if not why:
        return f"the stub of {name}: nothing of the image itself is downloaded"
    if app.image.app_base is None:
        return f"the published image of {name}: {why}"
    size = plan.deps_of(app).image_bytes
    weight = f" ({human_bytes(size)})" if size is not None else ""
    return f"the published image of {name}, which is downloaded{weight}: {why}"


def _cache(plan: Plan, app: AppPlan) -> str:
    """Why an application's cache may not have what its build needs, and what becomes of it."""
    reasons = ", ".join(app.cache.stale[:_MANY])
    if app.action is not AppAction.BUILD:
        return f"the published one may not serve ({reasons}): --force renews it"
    if not plan.options.publishes:
        return f"the published one may not serve ({reasons})"
    return f"a new one is exported, because {reasons}"


def _app_headline(app: AppPlan) -> str:
    match app.action:
        case AppAction.NOTHING:
            return "nothing to do, it is published as it is"
        case AppAction.TAG:
            return f"published as it is; tags {', '.join(str(ref.tag) for ref in app.missing)}"
        case AppAction.BUILD:
            alone = f"; not on the published image: {app.unpinned}" if app.unpinned else ""
            return f"build, because {app.reason}{alone}"


def _built_from(plan: Plan, planned: DepsPlan | AppPlan, *, built: bool) -> Iterator[str]:
    image = planned.image
    stage, file = _stage(image.target.stage), image.target.dockerfile
    what = f"the first part of {file}" if image.boundary else f"{stage} of {file}"
    yield f"  builds    {what} in {image.target.context}"
    if built:
        placements = plan.placements(planned)
        yield from _hanging("platforms ", placement_lines(placements, image.platforms))
        if any(placement.emulated or placement.impossible for placement in placements):
            yield f"            better: {_ELSEWHERE}"
    else:
        yield f"  platforms {', '.join(image.platforms) or 'the one of the builder'}"


def placement_lines(placements: Sequence[Placement], platforms: Sequence[str]) -> list[str]:
    """One line for each platform of an image."""
    known = {placement.platform: placement for placement in placements}
    lines = [_placement_line(known[p]) if p in known else p for p in platforms or known]
    return lines or ["the one of the builder"]


def _placement_line(placement: Placement) -> str:
    words = f"{placement.platform} {_how(placement)}"
    others = []
    if placement.emulated:
        others.append(f"RUN on {_lines(placement.emulated)} under emulation")
    if placement.impossible:
        others.append(f"RUN on {_lines(placement.impossible)} cannot run: no QEMU is registered")
    return f"{words}; {', '.join(others)}" if others else words


def _how(placement: Placement) -> str:
    if placement.how is Execution.NATIVE:
        return f"natively on node {placement.node}"
    if placement.emulated or placement.impossible:
        return f"on node {placement.node}, which is of another kind"
    return f"on node {placement.node}, where nothing has to be emulated"


def _notes_of(plan: Plan, planned: DepsPlan | AppPlan) -> Iterator[str]:
    for placement in plan.placements(planned):
        where = f"{planned.image.name}: {placement.platform} on node {placement.node}"
        if placement.impossible:
            yield (
                f"warning: {where} cannot run RUN on {_lines(placement.impossible)}: "
                "it needs the cache to have what they make"
            )
        if placement.emulated:
            yield f"{where}: RUN on {_lines(placement.emulated)} under emulation, many times slower"


def _bases(deps: DepsPlan) -> Iterator[str]:
    if isinstance(deps.lock, Lock):
        pins = {name: d for table in deps.lock.bases.values() for name, d in table.items()}
        for name, digest in pins.items():
            drifted = name in deps.drifted_bases
            moved = "; it has moved since, --pull takes the new one" if drifted else ""
            yield f"{name.partition('@')[0]} at {short_digest(digest)}{moved}"


def _split(split: StageSplit) -> Iterator[str]:
    read = split.read
    yield _at(read.line, read.instruction)
    shown = ", ".join(split.files[:3])
    yield f"            reads code ({shown}), which made the key change"
    if split.before:
        yield f"            split stage {split.stage} there:"
        yield f"              up to line {split.before[-1].line}: the dependencies stage"
        yield f"              from line {read.line} on: another one, FROM {split.stage}"


def _advice(advice: Sequence[Advice]) -> Iterator[str]:
    for each in advice:
        yield _at(each.line, each.problem)
        yield f"            costs: {each.cost}"
        yield f"            better: {each.instead}"


def _change(change: Change) -> str:
    if change.before and change.after and change.what != "is missing":
        return f"{change} ({change.before[:8]}→{change.after[:8]})"
    return str(change)


def _at(line: int, text: str) -> str:
    return f"  line {line:<4} {text}"


def _names(entries: Iterable[FileEntry]) -> str:
    names = [entry.name for entry in entries]
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    return ", ".join(names[:_MANY]) + more


def _stage(stage: str | None) -> str:
    return f'stage "{stage}"' if stage else "the last stage"


def _hanging(label: str, values: Sequence[str]) -> Iterator[str]:
    for number, value in enumerate(values):
        yield f"  {label if number == 0 else ' ' * len(label)}{value}"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "-"
    return "-" if value is None else str(value)


def _lines(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers))
    return f"line{'s' if len(numbers) > 1 else ''} {shown}"


def plan_json(plan: Plan) -> dict[str, Any]:
    """The versioned form of a plan."""
    facts = plan.facts
    return {
        "schema": SCHEMA,
        "source": plan.source,
        "publish": plan.options.publishes,
        "builder": facts
        and {"name": facts.builder, "driver": facts.driver, "platform": facts.platform},
        "rebuild": plan.rebuild_needed,
        "targets": [
            *(_deps_json(plan, deps) for deps in plan.deps),
            *(_app_json(plan, app) for app in plan.apps),
        ],
        "others": [_other_json(other) for other in plan.others],
        "settings": {
            name: {"value": value, "origin": origin}
            for name, value, origin in _settings(plan.settings)
        },
    }


def _settings(settings: Settings) -> Iterator[tuple[str, Value, str]]:
    """Settings with their values and what set them; last those of single targets."""
    for name in KEYS:
        yield name, settings.value(name), settings.origin(name)
    for target, own in settings.targets.items():
        for name, (value, origin) in own.items():
            yield f"{TARGETS}.{target}.{name}", value, origin


def _deps_json(plan: Plan, deps: DepsPlan) -> dict[str, Any]:
    image, lock = deps.image, deps.lock
    known = lock if isinstance(lock, Lock) else None
    files = [entry for entry in deps.files if entry.kind != "dir"]
    return {
        "target": image.name,
        "role": image.role,
        "action": deps.decision.action.value,
        "reasons": list(deps.decision.reasons),
        "changes": [asdict(change) for change in deps.decision.changes],
        "key": known and known.key,
        "undetermined": None if known else str(lock),
        "published": [found and found.bundle.digest for found in deps.published],
        "stage": image.target.stage,
        "derived": image.derived,
        "app_base": image.boundary,
        "image_bytes": deps.image_bytes,
        "guessed": image.guess,
        "also": list(image.also),
        "context": image.target.context,
        "dockerfile": image.target.dockerfile,
        "tags": [str(reference) for reference in image.references],
        "platforms": list(image.platforms),
        "sites": _placements_json(plan, deps),
        "platforms_dropped": list(deps.surplus),
        "inputs": {
            "manifests": [entry.name for entry in files if is_manifest(entry.path)],
            "other": [entry.name for entry in files if not is_manifest(entry.path)],
        },
        "bases": dict(known.bases) if known else {},
        "bases_moved": list(deps.drifted_bases),
        "advice": [asdict(advice) for advice in deps.advice],
        "splits": [
            {
                "stage": split.stage,
                "line": split.read.line,
                "instruction": split.read.instruction,
                "files": list(split.files),
                "dependencies_to_line": split.before[-1].line if split.before else None,
            }
            for split in deps.splits
        ],
    }


def _app_json(plan: Plan, app: AppPlan) -> dict[str, Any]:
    image = app.image
    return {
        "target": image.name,
        "role": image.role,
        "action": app.action.value,
        "reasons": [app.reason] if app.action is AppAction.BUILD else [],
        "dependencies": image.deps,
        "also": list(image.also),
        "pinned": bool(app.pins),
        "unpinned_because": app.unpinned,
        "on_stub": not plan.long_because(app),
        "whole_because": plan.long_because(app) or None,
        "after_boundary": [asdict(cost) for cost in line_costs(plan, app)],
        "patch": asdict(patch) if (patch := image.app_base and image.app_base.patch) else None,
        "stage": image.target.stage,
        "context": image.target.context,
        "dockerfile": image.target.dockerfile,
        "tags": [str(reference) for reference in image.references],
        "bases": dict(app.material.lock.bases) if app.material else {},
        "bases_moved": list(app.drifted_bases),
        "missing_tags": [str(reference) for reference in app.missing],
        "cache": {"stale": list(app.cache.stale), "other_files": list(app.cache.files)},
        "platforms": list(image.platforms),
        "sites": _placements_json(plan, app),
    }


def _other_json(other: OtherTarget) -> dict[str, Any]:
    target = other.target
    return {
        "target": other.name,
        "because": other.why,
        "hint": other.hint,
        "call": target.call,
        "output": [dict(output) for output in target.outputs],
        "stage": target.stage,
        "context": target.context,
        "dockerfile": target.dockerfile,
        "tags": [str(reference) for reference in other.references],
        "platforms": list(target.platforms),
    }


def _placements_json(plan: Plan, image: DepsPlan | AppPlan) -> list[dict[str, Any]]:
    """Where each platform is built: the node, and how its programs run there."""
    return [
        asdict(placement) | {"how": placement.how.value} for placement in plan.placements(image)
    ]

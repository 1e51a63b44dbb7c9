"""Results, plans and errors as text; pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from whalebuild.core.definition import Job
from whalebuild.core.errors import WhalebuildError
from whalebuild.core.plan import Plan
from whalebuild.core.results import BakeResult, TargetResult
from whalebuild.core.settings import KEYS
from whalebuild.core.units import human_bytes, human_seconds

_SHORT_DIGEST = len("sha256:") + 12


def result_table(result: BakeResult) -> str:
    """The short table that ends every bake."""
    heads = ("TARGET", "IMAGE", "DIGEST", "PLATFORMS", "RUN", "CACHED", "PULLED", "TIME")
    rows = [heads, *(row for target in result.targets for row in _result_rows(target))]
    return "\n".join(["", *_columns(rows), "", _summary(result)])


def plan_text(plan: Plan) -> str:
    """What a bake would do and why, and the settings with their origins."""
    lines = [f"from {plan.source}"]
    if plan.facts:
        lines.append(f"builder {plan.facts.builder} (driver {plan.facts.driver})")
    for job in plan.jobs:
        lines += ["", *_job_lines(plan, job)]
    lines += ["", "settings"]
    rows = [
        (f"  {name}", _shown(plan.settings.value(name)), f"({plan.settings.origin(name)})")
        for name in KEYS
    ]
    return "\n".join([*lines, *_columns(rows)])


def error_text(error: WhalebuildError) -> str:
    """What happened, why, and what to do next."""
    lines = [error.log, ""] if error.log else []
    lines.append(f"error: {error.what}")
    if error.cause:
        lines.append(f"  cause: {error.cause}")
    if error.next_step:
        lines.append(f"  next:  {error.next_step}")
    return "\n".join(lines)


def _result_rows(target: TargetResult) -> Iterator[tuple[str, ...]]:
    first, *others = target.tags
    yield (
        target.target,
        first,
        (target.digest or "-")[:_SHORT_DIGEST],
        ",".join(target.platforms) or "-",
        str(target.steps_run),
        str(target.steps_cached),
        human_bytes(target.bytes_pulled),
        human_seconds(target.seconds),
    )
    for tag in others:
        yield ("", tag, "", "", "", "", "", "")


def _summary(result: BakeResult) -> str:
    done = "published" if result.published else "loaded into the local engine, nothing pushed"
    parts = [f"{done} in {human_seconds(result.seconds)}"]
    parts.append(f"{human_bytes(result.bytes_pulled)} of layers pulled")
    if result.retries:
        waited = human_seconds(sum(retry.waited for retry in result.retries))
        reasons = ", ".join(dict.fromkeys(retry.reason for retry in result.retries))
        count = len(result.retries)
        noun = "retry" if count == 1 else "retries"
        parts.append(f"{count} {noun}, {waited} waited ({reasons})")
    return "; ".join(parts)


def _job_lines(plan: Plan, job: Job) -> Iterator[str]:
    origin = "derived from the application's Dockerfile" if plan.is_derived(job) else "bake file"
    yield f"{job.name}: {_ROLES[job.role]} ({origin})"
    yield f"  builds    {_stage(job)} of {job.target.dockerfile} in {job.target.context}"
    yield f"  platforms {', '.join(job.platforms) or 'the one of the builder'}"
    action = "loads     " if plan.options.load else "publishes "
    yield from _hanging(action, [str(reference) for reference in job.references])
    published = plan.published or {}
    states = {True: "published", False: "not published yet", None: "not asked"}
    caches = [f"{ref} ({states[published.get(ref)]})" for ref in job.cache_from]
    yield from _hanging("cache     ", caches)


_ROLES = {"deps": "the dependencies", "app": "the application"}


def _stage(job: Job) -> str:
    return f'stage "{job.target.stage}"' if job.target.stage else "the last stage"


def _hanging(label: str, values: Sequence[str]) -> Iterator[str]:
    for number, value in enumerate(values):
        yield f"  {label if number == 0 else ' ' * len(label)}{value}"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "-"
    return "-" if value is None else str(value)


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    padded = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows)
    return [line.rstrip() for line in padded]

"""Findings about Dockerfiles: BuildKit's lint, and what makes code changes dear."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from whalebuild.doctor.facts import LintWarning
from whalebuild.doctor.finding import Finding, failure, ok, skipped, warning
from whalebuild.errors import UsageError, WhalebuildError
from whalebuild.failures.classify_docker import classify
from whalebuild.failures.messages import as_error
from whalebuild.plan.plan import AppPlan, Plan

_CORRECT = "correct it, and run the doctor again"


def judge_dockerfiles(
    plan: Plan, lint: Mapping[str, tuple[LintWarning, ...]] | WhalebuildError
) -> tuple[Finding, ...]:
    """What BuildKit and whalebuild find in the Dockerfiles.

    Args:
        plan: Made thoroughly.
        lint: BuildKit's warnings by target, or why there are none.
    """
    found = [*_advice(plan), *_patches(plan.apps)]
    if isinstance(lint, WhalebuildError):
        return (*found, skipped(f"BuildKit could not check it: {lint.why}"))
    found += _lint(lint.values())
    return tuple(found) or (ok("nothing found"),)


def _lint(by_target: Iterable[tuple[LintWarning, ...]]) -> Iterator[Finding]:
    """Each once: targets of one Dockerfile have the same."""
    every = dict.fromkeys(each for found in by_target for each in found)
    for each in sorted(every, key=lambda one: (one.file, one.line or 0, one.rule)):
        line = f", line {each.line}" if each.line else ""
        if each.refused:
            yield _refused(each, f"{each.file}{line}")
            continue
        yield warning(
            f"{each.file}{line}: {each.detail}",
            cause=f"BuildKit's rule {each.rule}",
            next_step=f"see {each.url}" if each.url else None,
        )


def _refused(found: LintWarning, where: str) -> Finding:
    """A failure, with the exit code of a bake that ends with these words."""
    error = as_error(classify(f"ERROR: {found.detail}"))
    said = failure(UsageError(f"{where}: {found.detail}", cause="BuildKit cannot build it"))
    return replace(said, exit_code=error.exit_code, next_step=error.next_step or _CORRECT)


def _advice(plan: Plan) -> Iterator[Finding]:
    for deps in plan.deps:
        for each in deps.advice:
            yield warning(
                f"{deps.image.target.dockerfile}, line {each.line}: {each.problem}",
                cause=each.cost,
                next_step=each.instead,
            )


def _patches(apps: Iterable[AppPlan]) -> Iterator[Finding]:
    for app in apps:
        base = app.image.app_base
        if base is None or base.patch is None:
            continue
        gain = "nothing runs" if base.patch.short else "less runs"
        for change in base.patch.changes:
            yield warning(
                f"{app.image.target.dockerfile}, line {change.line}: {change.note}",
                cause="a code change costs more than the code, on every fresh machine",
                next_step=f"take the patch: {gain} after the code then",
                command=f"whalebuild plan --patch {app.image.name} | patch -p1",
            )

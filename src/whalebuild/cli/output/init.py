"""What ``init`` found, proposes and wrote, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from whalebuild.cli.output.table import columns
from whalebuild.plan.line_costs import LineCost, line_costs
from whalebuild.plan.plan import AppPlan, Plan
from whalebuild.scaffold.project import Guess
from whalebuild.scaffold.propose import Proposal
from whalebuild.text import human_bytes

SCHEMA = "whalebuild.init/1"


def init_text(proposal: Proposal, plan: Plan | None, unread: str, *, in_full: bool) -> str:
    """What was found, and what would be written.

    Args:
        proposal: The proposal.
        plan: What a bake of a project that has a Dockerfile would do.
        unread: What could not be asked.
        in_full: Whether to show the files' texts.
    """
    found = [
        row
        for guess in proposal.guesses
        for row in ((guess.what, guess.value), ("", f"{_because(guess)} {guess.because}"))
    ]
    lines = columns(found)
    lines += [f"note: {note}" for note in proposal.notes]
    for number, file in enumerate(proposal.files):
        gap = [""] if in_full or not number else []
        lines += [*gap, f"new file {file.path}"]
        lines += _indented(file.text) if in_full else []
    lines += [f"{path} is there, and stays as it is" for path in proposal.kept]
    for more in proposal.to_add:
        lines += ["", f"to be added to {more.path} by you:", *_indented(more.text)]
    if unread:
        what = "what is published is not known" if plan else "the Dockerfile was not looked at"
        lines += ["", f"note: {unread}: {what}"]
    if plan:
        for app in plan.apps:
            lines += ["", *_of_app(plan, app)]
    return "\n".join(lines)


def _because(guess: Guess) -> str:
    return "because" if guess.sure else "a guess:"


def _indented(text: str) -> list[str]:
    return [f"  {line}".rstrip() for line in text.splitlines()]


def _of_app(plan: Plan, app: AppPlan) -> Iterator[str]:
    """Where a Dockerfile is cut, and the patch for it."""
    image = plan.deps_of(app).image
    what = f"the app base: {image.boundary}" if image.boundary else f"stage {image.target.stage}"
    yield f"{app.image.name}: its dependencies are {what}"
    why = plan.long_because(app)
    if why:
        yield f"  a code change needs them whole: {why}"
    else:
        yield "  a code change moves the code alone"
    base = app.image.app_base
    patch = base.patch if base else None
    if patch is None:
        return
    costs = {cost.line: cost for cost in line_costs(plan, app)}
    yield "  a patch would make code changes cheaper, each of them on a fresh machine:"
    for change in patch.changes:
        yield f"    line {change.line}: {change.note}"
        yield f"      saves {_gain(costs.get(change.line))}"
    yield ""
    yield from _indented(patch.diff)


def _gain(cost: LineCost | None) -> str:
    """What a line costs now. How long a command takes is not known before it has run."""
    size = "a download of the app base, whose size is known after the first bake"
    if cost and cost.bytes is not None:
        size = f"a download of {human_bytes(cost.bytes)}"
    run = cost is None or cost.instruction.upper().startswith("RUN")
    return f"{size}{', and the seconds of the command, which a bake shows' if run else ''}"


def next_steps(proposal: Proposal, plan: Plan | None, *, written: bool) -> Iterator[str]:
    """What was done, and what to do next."""
    yield ""
    if written:
        yield f"wrote {', '.join(file.path for file in proposal.files)}"
    elif proposal.files:
        yield "nothing was written"
    elif proposal.builds:
        yield "nothing needs to be written"
    if not proposal.builds:
        yield "next: docker compose up --build runs it here; whalebuild bake publishes it"
        return
    patched = bool(plan and any(a.image.app_base and a.image.app_base.patch for a in plan.apps))
    patch = "whalebuild plan --patch | patch -p1 takes the patch; " if patched else ""
    yield f"next: {patch}whalebuild bake publishes it"


def init_json(
    proposal: Proposal, plan: Plan | None, unread: str, *, written: bool
) -> dict[str, Any]:
    """The versioned form."""
    apps = plan.apps if plan else ()
    return {
        "schema": SCHEMA,
        "found": [asdict(guess) for guess in proposal.guesses],
        "notes": list(proposal.notes),
        "files": [asdict(file) for file in proposal.files],
        "written": written,
        "kept": list(proposal.kept),
        "to_add": [asdict(more) for more in proposal.to_add],
        "not_asked": unread or None,
        "targets": [_target_json(plan, app) for app in apps] if plan else [],
    }


def _target_json(plan: Plan, app: AppPlan) -> dict[str, Any]:
    base = app.image.app_base
    patch = base.patch if base else None
    costs = {cost.line: cost for cost in line_costs(plan, app)}
    return {
        "target": app.image.name,
        "app_base": base.boundary if base else None,
        "long_because": plan.long_because(app) or None,
        "patch": None
        if patch is None
        else {
            "diff": patch.diff,
            "changes": [
                {
                    "line": change.line,
                    "note": change.note,
                    "bytes": costs[change.line].bytes if change.line in costs else None,
                    "seconds": None,
                }
                for change in patch.changes
            ],
        },
    }

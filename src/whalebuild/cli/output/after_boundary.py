"""What comes after an app base, and what could be written instead, as a plan shows it."""

from __future__ import annotations

from collections.abc import Iterator

from whalebuild.cli.output.table import columns
from whalebuild.plan.line_costs import line_costs
from whalebuild.plan.plan import AppPlan, Plan

_WIDE = 50  # characters of an instruction


def after_boundary(plan: Plan, app: AppPlan) -> Iterator[str]:
    """What each line after the boundary costs, and the patch that makes it less."""
    costs = line_costs(plan, app)
    if costs:
        yield "  after the boundary, when code has changed, on a fresh machine:"
        yield from columns(
            [(f"  line {c.line:<4}", _shortened(c.instruction), c.cost) for c in costs]
        )
    patch = app.image.app_base and app.image.app_base.patch
    if not patch:
        return
    for number, change in enumerate(patch.changes):
        label = "            " if number else "  patch     "
        yield f"{label}line {change.line}: {change.note}"
    gain = "nothing runs after the code" if patch.short else "less runs after the code"
    yield f"            then {gain}: whalebuild plan --patch {app.image.name} | patch -p1"


def _shortened(text: str) -> str:
    return text if len(text) <= _WIDE else f"{text[: _WIDE - 1]}…"


def patches(plan: Plan) -> str:
    """The patches for the Dockerfiles of a plan, as ``patch`` and ``git apply`` read them."""
    bases = [app.image.app_base for app in plan.apps]
    found = [base.patch.diff for base in bases if base and base.patch]
    return "".join(dict.fromkeys(found))

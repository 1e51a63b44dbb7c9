"""A plan for machines."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from whalebuild.bundle.lock import Lock
from whalebuild.inputs.find import is_manifest
from whalebuild.plan.decision import Action
from whalebuild.plan.plan import Plan
from whalebuild.plan.plan_image_plans import AppAction, AppPlan, DepsPlan
from whalebuild.settings import KEYS

SCHEMA = "whalebuild.plan/1"


def plan_json(plan: Plan) -> dict[str, Any]:
    """The versioned form of a plan."""
    facts = plan.facts
    return {
        "schema": SCHEMA,
        "source": plan.source,
        "publish": plan.options.publishes,
        "builder": facts
        and {"name": facts.builder, "driver": facts.driver, "platform": facts.platform},
        "rebuild": rebuild_needed(plan),
        "targets": [
            *(_deps(plan, deps) for deps in plan.deps),
            *(_app(plan, app) for app in plan.apps),
        ],
        "settings": {
            name: {"value": plan.settings.value(name), "origin": plan.settings.origin(name)}
            for name in KEYS
        },
    }


def rebuild_needed(plan: Plan) -> bool:
    """Whether dependencies have to be built."""
    return any(deps.decision.action is not Action.REUSE for deps in plan.deps)


def _deps(plan: Plan, deps: DepsPlan) -> dict[str, Any]:
    job, lock = deps.job, deps.lock
    known = lock if isinstance(lock, Lock) else None
    files = [entry for entry in deps.files if entry.kind != "dir"]
    return {
        "target": job.name,
        "role": job.role,
        "action": deps.decision.action.value,
        "reasons": list(deps.decision.reasons),
        "changes": [asdict(change) for change in deps.decision.changes],
        "key": known and known.key,
        "undetermined": None if known else str(lock),
        "published": [found and found.bundle.digest for found in deps.published],
        "stage": job.target.stage,
        "derived": job.name in plan.derived,
        "context": job.target.context,
        "dockerfile": job.target.dockerfile,
        "tags": [str(reference) for reference in job.references],
        "platforms": list(job.platforms),
        "sites": _sites(plan, deps),
        "platforms_dropped": list(deps.surplus),
        "inputs": {
            "manifests": [entry.name for entry in files if is_manifest(entry.path)],
            "other": [entry.name for entry in files if not is_manifest(entry.path)],
        },
        "bases": dict(known.bases) if known else {},
        "bases_moved": list(deps.moved),
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


def _app(plan: Plan, app: AppPlan) -> dict[str, Any]:
    job = app.job
    return {
        "target": job.name,
        "role": job.role,
        "action": app.action.value,
        "reasons": [app.reason] if app.action is AppAction.BUILD else [],
        "dependencies": job.deps,
        "pinned": bool(app.pins),
        "unpinned_because": app.unpinned,
        "stage": job.target.stage,
        "context": job.target.context,
        "dockerfile": job.target.dockerfile,
        "tags": [str(reference) for reference in job.references],
        "bases": dict(app.material.lock.bases) if app.material else {},
        "bases_moved": list(app.moved),
        "missing_tags": [str(reference) for reference in app.missing],
        "platforms": list(job.platforms),
        "sites": _sites(plan, app),
    }


def _sites(plan: Plan, image: DepsPlan | AppPlan) -> list[dict[str, Any]]:
    """Where each platform is built: the node, and how its programs run there."""
    return [asdict(site) | {"how": site.how.value} for site in plan.sites(image)]

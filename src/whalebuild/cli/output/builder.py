"""Builders, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from whalebuild.builder.capabilities import Feature, KnownFrom, misplaced
from whalebuild.builder.listing import Builder
from whalebuild.builder.nodes import RUNNING, Execution, Node, NodePlacement
from whalebuild.builder.view import BuilderView, NodeView, builder_places
from whalebuild.cli.output.table import columns
from whalebuild.text import human_bytes

LIST_SCHEMA = "whalebuild.builders/1"
SCHEMA = "whalebuild.builder/1"
REMOVED_SCHEMA = "whalebuild.builder-removed/1"
_HOW = {
    Execution.NATIVE: "natively",
    Execution.EMULATED: "emulated",
    Execution.UNABLE: "cannot run it",
}
_KNOWN = {KnownFrom.TESTED: "(tested)", KnownFrom.DRIVER: "(by driver)"}


def list_text(builders: Sequence[Builder], width: int | None = None) -> str:
    """One line a builder; ``*`` is behind the current one."""
    rows = [("NAME", "DRIVER", "STATUS", "BUILDS")]
    for each in builders:
        name = f"{each.name}{'*' if each.current else ''}"
        builds = "; ".join(_where(builder_places(each), several=len(each.nodes) > 1)) or "-"
        rows.append((name, each.driver or "-", _status(each), each.error or builds))
    return "\n".join(columns(rows, width, head=True))


def view_text(view: BuilderView, width: int | None = None) -> str:
    """A builder in full."""
    builder = view.builder
    current = ", the current one" if builder.current else ""
    lines = [f"{builder.name} (driver {builder.driver or 'unknown'}{current})"]
    heads = ("  NODE", "ENDPOINT", "STATUS", "BUILDKIT", "CACHE")
    lines += columns([heads, *(_node_row(each) for each in view.nodes)], width, head=True)
    lines += [f"  {each.node.name}: {words}" for each in view.nodes if (words := _problem(each))]
    if view.places:
        lines += ["", "builds"]
        rows = [(f"  {at.platform}", _place(at)) for at in view.places]
        lines += columns(rows, width)
    lines += [f"  beware: {text}" for text in misplaced(builder)]
    if view.features:
        lines += ["", "can", *_features(view.features, width)]
        if not any(feature.known is KnownFrom.TESTED for feature in view.features):
            whole = all(node.status == RUNNING for node in builder.nodes)
            why = "not asked for" if whole else "not all of it runs"
            lines.append(f"  more was not tested: {why}")
    return "\n".join(lines)


def _status(builder: Builder) -> str:
    if builder.error:
        return "error"
    running = sum(node.status == RUNNING for node in builder.nodes)
    if len(builder.nodes) > 1:
        return f"{running} of {len(builder.nodes)} nodes running"
    return builder.nodes[0].status if builder.nodes else "-"


def _where(places: Iterable[NodePlacement], *, several: bool) -> Iterator[str]:
    """Platforms by node and how they are built: ``linux/amd64 natively on farm0``."""
    groups: dict[tuple[str, Execution], list[str]] = {}
    for at in places:
        groups.setdefault((at.node.name, at.how), []).append(at.platform)
    for (node, how), platforms in groups.items():
        yield f"{', '.join(platforms)} {_HOW[how]}" + (f" on {node}" if several else "")


def _place(at: NodePlacement) -> str:
    if at.node.status != RUNNING:
        return f"on {at.node.name}, which does not run"
    if at.how is Execution.UNABLE:
        return f"only stages that run nothing, on {at.node.name}: there is no QEMU for it"
    return f"{_HOW[at.how]} on {at.node.name}"


def _node_row(view: NodeView) -> tuple[str, ...]:
    node = view.node
    usage = view.usage
    cache = "-" if usage is None or usage.total is None else human_bytes(usage.total)
    return (f"  {node.name}", node.endpoint, node.status or "-", node.version or "-", cache)


def _problem(view: NodeView) -> str | None:
    return view.problem or view.node.error


def _features(features: Iterable[Feature], width: int | None) -> list[str]:
    rows = []
    for feature in features:
        why = f": {feature.why}" if feature.why and not feature.able else ""
        answer = "yes" if feature.able else "no"
        rows.append((f"  {feature.name}", answer, f"{_KNOWN[feature.known]}{why}"))
    return columns(rows, width)


def list_json(builders: Iterable[Builder]) -> dict[str, Any]:
    """The versioned form of ``builder ls``."""
    shown = [
        {**_builder_json(each), "nodes": [_node_json(n) for n in each.nodes]} for each in builders
    ]
    return {"schema": LIST_SCHEMA, "builders": shown}


def view_json(view: BuilderView) -> dict[str, Any]:
    """The versioned form of ``builder inspect`` and ``create``; sizes are bytes."""
    nodes = [
        {
            **_node_json(each.node),
            "error": each.problem or each.node.error,
            "cache_bytes": each.usage and each.usage.total,
            "reclaimable_bytes": each.usage and each.usage.reclaimable,
        }
        for each in view.nodes
    ]
    features = [
        {"name": f.name, "able": f.able, "known_by": f.known.value, "why": f.why}
        for f in view.features
    ]
    shown = {**_builder_json(view.builder), "nodes": nodes, "features": features}
    return {"schema": SCHEMA, "builder": shown, "warnings": list(misplaced(view.builder))}


def removed_json(name: str) -> dict[str, Any]:
    """The versioned form of ``builder rm``."""
    return {"schema": REMOVED_SCHEMA, "removed": name}


def _builder_json(builder: Builder) -> dict[str, Any]:
    return {
        "name": builder.name,
        "driver": builder.driver or None,
        "current": builder.current,
        "error": builder.error,
        "platforms": [
            {"platform": at.platform, "node": at.node.name, "how": at.how.value}
            for at in builder_places(builder)
        ],
    }


def _node_json(node: Node) -> dict[str, Any]:
    def those(how: Execution) -> list[str]:
        return [p for p in dict.fromkeys((*node.given, *node.platforms)) if node.how(p) is how]

    return {
        "name": node.name,
        "endpoint": node.endpoint,
        "status": node.status,
        "buildkit": node.version or None,
        "own": node.own,
        "given": list(node.given),
        "native": those(Execution.NATIVE),
        "emulated": those(Execution.EMULATED),
        "unable": those(Execution.UNABLE),
        "error": node.error,
    }

"""Lines of BuildKit's ``--progress rawjson``: recorded ones, and single steps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

DATA = Path(__file__).parent / "data"
#: Of :func:`side_by_side`: those in which the export of the cache failed.
FAILED_CACHES = (
    "cache-put-403",
    "cache-put-403-image-slow",
    "cache-put-401-standard",
    "cache-put-403-standard",
    "cache-put-500-standard",
    "cache-put-503-standard",
)


def recording(name: str, target: str | None = None) -> list[str]:
    """The lines of a recorded ``--progress rawjson`` (buildx 0.29), host names replaced.

    With a target only its lines: what a bake of this target alone would have said.
    """
    lines = (DATA / f"{name}.rawjson").read_text().splitlines(keepends=True)
    return [kept for line in lines if (kept := _of_target(line, target))] if target else lines


def side_by_side(name: str) -> list[str]:
    """The lines of a bake with BuildKit 0.32.2; ``data/buildkit-0.32.2/README.md`` has the names.

    The last line of a bake that failed is buildx's own: the error.
    """
    return recording(f"buildkit-0.32.2/{name}")


def _of_target(line: str, target: str) -> str:
    if not line.startswith("{"):
        return line
    status = json.loads(line)
    steps = [
        v
        for v in status.get("vertexes", ())
        if v["name"].startswith((f"[{target} ", f"[{target}]"))
    ]
    if "vertexes" in status and not steps:
        return ""
    return json.dumps({**status, "vertexes": steps}) + "\n"


def step(name: str, error: str = "", *, cached: bool = False, inputs: Sequence[str] = ()) -> str:
    """One line of BuildKit's stream: a step that has ended, made from those of other names."""
    vertex = {
        "digest": f"sha256:{name}",
        "name": name,
        "started": "2026-01-01T00:00:00Z",
        "completed": "2026-01-01T00:00:01Z",
        "cached": cached,
        "error": error,
        "inputs": [f"sha256:{each}" for each in inputs],
    }
    return json.dumps({"vertexes": [vertex]}) + "\n"


def sent(name: str) -> str:
    """One line of the stream: files of the client are sent in a step."""
    status = {"id": "transferring context:", "vertex": f"sha256:{name}", "current": 1, "total": 1}
    return json.dumps({"statuses": [status]}) + "\n"

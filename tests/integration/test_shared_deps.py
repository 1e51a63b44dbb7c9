"""Applications that share their dependencies: one build of them, a cache for each in one bundle."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.pairs import KIB, ON_DEPS, RAN, Pair
from tests.integration.sandbox import Sandbox, downloaded


def _bake_file(pair: Pair, *names: str) -> None:
    """A target for the dependencies, and one for each application."""
    targets: dict[str, Any] = {
        "deps": {"target": "dependencies", "tags": [f"{pair.image}:deps"]},
        **{name: {"target": name, "tags": [f"{pair.image}:{name}"]} for name in names},
    }
    group = {"default": {"targets": ["deps", *names]}}
    (pair.folder / "docker-bake.json").write_text(json.dumps({"group": group, "target": targets}))


def _write(pair: Pair, *names: str) -> None:
    shared = ON_DEPS.rpartition("FROM dependencies")[0]
    stages = (
        f'FROM dependencies AS {name}\nCOPY --link {name}.sh /app.sh\nCMD ["sh", "/app.sh"]\n'
        for name in names
    )
    pair.write(shared + "".join(stages))
    for name in names:
        (pair.folder / f"{name}.sh").write_text(f"echo {name}\n")


@pytest.mark.extended
def test_applications_share_one_build_of_their_dependencies(
    sandbox: Sandbox, pair: Pair, fresh: str
) -> None:
    _write(pair, "web", "worker")
    _bake_file(pair, "web", "worker")
    made = pair.bake()
    assert made.stderr.count(RAN) == 1
    assert [made.targets[name]["action"] for name in ("deps", "web", "worker")] == ["built"] * 3
    assert [cache[:2] for cache in pair.caches()] == [
        ("app", "web"),
        ("app", "worker"),
        ("deps", ""),
    ]
    images = pair.images("deps")

    _write(pair, "web", "worker", "cron")
    _bake_file(pair, "web", "worker", "cron")
    with sandbox.requests() as requests:
        added = pair.bake(engine=fresh)
    assert RAN not in added.stderr
    actions = [added.targets[name]["action"] for name in ("deps", "web", "worker", "cron")]
    assert actions == ["reused", "unchanged", "unchanged", "built"]
    assert downloaded(requests) <= 32 * KIB
    assert pair.images("deps") == images
    caches = [target for role, target, _ in pair.caches() if role == "app"]
    assert caches == ["cron", "web", "worker"], "every application has its own"
    assert pair.tags() == ["cron", "deps", "web", "worker"]
    pair.check_whole(*pair.tags())
    assert [pair.prints(name) for name in ("web", "worker", "cron")] == ["web", "worker", "cron"]

"""What the registry holds at the end: how large the application's parts are, and which tags."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from wbbench.errors import BenchError
from wbbench.measuring import Bench
from wbbench.track import Track


def note_facts(bench: Bench, tracks: Sequence[Track]) -> None:
    """Take them from what the ways published."""
    tag = bench.sandbox.python_image.rpartition(":")[2]
    base = bench.registry.layers(bench.base, tag)
    sizes = {"base image": sum(base.values())}
    tags: dict[str, list[str]] = {}
    for track in tracks:
        if not track.published or track.shape != "from":
            continue
        tags[track.way.name] = bench.registry.tags(track.repository)
        # buildah compresses differently, and so has other digests for the base image's layers.
        if "code" not in sizes and track.way.name != "buildah":
            with suppress(BenchError):
                deps = bench.registry.layers(track.repository, "deps")
                sizes["dependencies"] = sum(deps[digest] for digest in deps.keys() - base.keys())
                _, sizes["code"] = bench.registry.code(track.repository)
    bench.notes["sizes"], bench.notes["tags"] = sizes, tags

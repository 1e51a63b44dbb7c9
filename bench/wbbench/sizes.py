"""How large the parts of the application are, as the registry has them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from wbbench.errors import BenchError
from wbbench.measuring import Bench
from wbbench.track import Track


def note_sizes(bench: Bench, tracks: Sequence[Track]) -> None:
    """Take them from what one of the ways published."""
    tag = bench.sandbox.python_image.rpartition(":")[2]
    base = bench.registry.layers(bench.base, tag)
    sizes = {"base image": sum(base.values())}
    for track in tracks:
        if not track.published or track.shape != "from" or "buildah" in track.way.name:
            continue
        with suppress(BenchError):
            deps = bench.registry.layers(track.repository, "deps")
            own = [size for digest, size in deps.items() if digest not in base]
            sizes["dependencies"] = sum(own)
            _, sizes["code"] = bench.registry.code(track.repository)
            break
    bench.notes["sizes"] = sizes

"""What the counting proxy itself costs, measured once per run and written next to the numbers."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from statistics import median

from wbbench.measuring import Bench

SMALL_REQUESTS = 100
DOWNLOADS = 3
MEGA = 1_000_000


@dataclass(frozen=True)
class Overhead:
    """Extra time through the proxy."""

    milliseconds_per_request: float
    milliseconds_per_100_megabytes: float


def measure_overhead(bench: Bench) -> Overhead:
    """Compare the same requests, straight to the registry and through the proxy."""
    tag = bench.sandbox.python_image.rpartition(":")[2]
    manifest, digest = bench.registry.image(bench.base, tag)
    small = f"/v2/{bench.base}/manifests/{digest}"
    layer = max(manifest["layers"], key=lambda layer: layer["size"])
    large = f"/v2/{bench.base}/blobs/{layer['digest']}"
    accept = {"Accept": manifest["mediaType"]}
    addresses = (bench.registry.address, bench.proxy.address)
    direct, proxied = (_median(address, small, SMALL_REQUESTS, accept) for address in addresses)
    per_request = (proxied - direct) * 1000
    direct, proxied = (_median(address, large, DOWNLOADS, {}) for address in addresses)
    per_volume = (proxied - direct) * 1000 * 100 * MEGA / layer["size"]
    bench.proxy.take()
    return Overhead(round(per_request, 2), round(per_volume))


def _median(address: str, path: str, times: int, headers: dict[str, str]) -> float:
    connection = http.client.HTTPConnection(address, timeout=60)
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        while answer.read(MEGA):
            pass
        taken.append(time.perf_counter() - began)
    connection.close()
    return median(taken)

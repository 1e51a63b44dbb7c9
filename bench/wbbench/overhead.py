"""What the counting proxy costs, and what the slow link is worth: measured once per run."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from statistics import median

from wbbench.measuring import Bench
from wbbench.wan import THE_WAN

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
    small, accept, large, volume = _requests(bench)
    addresses = (bench.registry.address, bench.proxy.address)
    direct, proxied = (_median(address, small, SMALL_REQUESTS, accept) for address in addresses)
    per_request = (proxied - direct) * 1000
    direct, proxied = (_median(address, large, DOWNLOADS, {}) for address in addresses)
    per_volume = (proxied - direct) * 1000 * 100 * MEGA / volume
    bench.proxy.take()
    return Overhead(round(per_request, 2), round(per_volume))


@dataclass(frozen=True)
class Link:
    """The slow link, as it was set, and as a download and small requests found it."""

    words: str
    megabits_a_second: float
    milliseconds_a_request: float


def measure_wan(bench: Bench) -> Link:
    """Download a layer over the link, and ask for something small on a connection that is open."""
    small, accept, large, volume = _requests(bench)
    with bench.proxy.over(THE_WAN):
        request = _median(bench.proxy.address, small, 10, accept)
        download = _median(bench.proxy.address, large, 1, {})
    bench.proxy.take()
    rate = volume * 8 / 1e6 / (download - 2 * THE_WAN.round_trip)
    return Link(THE_WAN.words, round(rate, 1), round(request * 1000, 1))


def _requests(bench: Bench) -> tuple[str, dict[str, str], str, int]:
    """The path of something small and what to accept; the path of something large and its size."""
    tag = bench.sandbox.python_image.rpartition(":")[2]
    manifest, digest = bench.registry.image(bench.base, tag)
    layer = max(manifest["layers"], key=lambda layer: layer["size"])
    small, large = f"manifests/{digest}", f"blobs/{layer['digest']}"
    accept = {"Accept": manifest["mediaType"]}
    return f"/v2/{bench.base}/{small}", accept, f"/v2/{bench.base}/{large}", layer["size"]


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

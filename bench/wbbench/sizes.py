"""How much of what there is: as the aims have it, or little, to try whether the benchmark runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wbbench.selection import SCALE, SERVICES, WAN_SERVICES


@dataclass(frozen=True)
class Sizes:
    """Services by scenario, and megabytes of the large one."""

    services: Mapping[str, int]
    scale: Mapping[str, int]
    dependencies: int
    code: int


FULL = Sizes({**WAN_SERVICES, **SERVICES}, SCALE, dependencies=2000, code=200)
SMALL = Sizes(
    {name: min(count, 3) for name, count in FULL.services.items()},
    {name: count // 10 for name, count in SCALE.items()},
    dependencies=20,
    code=2,
)

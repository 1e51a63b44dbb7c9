"""How much cache a node holds: the last lines of ``docker buildx du``."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE = re.compile(
    r"^(?P<name>[A-Za-z]+):\s+(?P<number>[\d.]+)\s*(?P<unit>[kMGTP]?)B\s*$", re.MULTILINE
)
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}


@dataclass(frozen=True)
class Usage:
    """Bytes, rounded by buildx to four digits; None where it does not say.

    Attributes:
        total: All that it holds.
        reclaimable: What ``docker buildx prune --all`` would remove.
    """

    total: int | None = None
    reclaimable: int | None = None


def read_usage(text: str) -> Usage:
    """Read what ``docker buildx du`` prints."""
    found = {
        line["name"]: round(float(line["number"]) * _UNITS[line["unit"]])
        for line in _LINE.finditer(text)
    }
    return Usage(found.get("Total"), found.get("Reclaimable"))

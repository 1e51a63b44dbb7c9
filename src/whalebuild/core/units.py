"""Numbers in the words of people: decimal units, as registries and docker use them."""

from __future__ import annotations

_STEP = 1000
_MINUTE = 60


def human_bytes(count: int) -> str:
    """``0 B``, ``8.7 KB``, ``91 MB``."""
    value = float(count)
    for unit in ("B", "KB", "MB"):
        if value < _STEP:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"  # noqa: PLR2004
        value /= _STEP
    return f"{value:.2f} GB"


def human_seconds(seconds: float) -> str:
    """``0.6 s``, ``1 min 12 s``."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes} min {rest} s"

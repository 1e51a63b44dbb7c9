"""Numbers for people."""

from __future__ import annotations

from wbbench.samples import Sample

THOUSAND = 1000
TEN = 10


def size(count: float) -> str:
    """Decimal units, as registries and docker have them."""
    if count < THOUSAND:
        return f"{count:.0f} B"
    for unit in ("kB", "MB"):
        count /= THOUSAND
        if count < THOUSAND:
            return f"{count:.1f} {unit}"
    return f"{count / THOUSAND:.1f} GB"


def seconds(value: float) -> str:
    """Two digits where they can matter."""
    return f"{value:.2f}" if value < TEN else f"{value:.1f}"


def clock(value: float) -> str:
    """Minutes and seconds."""
    return f"{int(value) // 60}:{int(value) % 60:02}"


def outcome(sample: Sample) -> str:
    """One line for one timed run."""
    name = f"{sample.round}  {sample.scenario:<16} {sample.shape:<10} {sample.way:<11}"
    if sample.error:
        first, *more = sample.error.splitlines()
        result = "\n".join([f"FAILED: {first}", *more])
    else:
        moved = f"down {size(sample.down):>9} + base {size(sample.base_down):>9}"
        result = f"{seconds(sample.seconds):>6} s  {moved}, up {size(sample.up):>9}"
        result = f"{result}, {sample.requests:>3} requests"
    return f"{name} {result}"

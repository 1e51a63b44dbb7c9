"""How many examples each property is tried with: some in `make test`, many in `make test-all`."""

from __future__ import annotations

from hypothesis import settings

_GATE, _EXTENDED = 25, 250
# No timing and no chance: the same examples on every machine and in every run.
_SAME = {"deadline": None, "derandomize": True, "database": None}


def register_profiles() -> None:
    """Have ``--hypothesis-profile`` choose between gate (which it is without) and extended."""
    settings.register_profile("gate", max_examples=_GATE, **_SAME)
    settings.register_profile("extended", max_examples=_EXTENDED, **_SAME)
    settings.load_profile("gate")


def examples(*, gate: int, extended: int) -> int:
    """The ``max_examples`` of a property whose examples take longer, or less, than most."""
    return extended if settings().max_examples == _EXTENDED else gate

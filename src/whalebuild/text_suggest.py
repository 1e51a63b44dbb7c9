"""The "did you mean" of every message that names something unknown."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return ``did you mean "…"?`` for the closest known word, or None where none is close."""
    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else None

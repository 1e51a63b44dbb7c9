"""Parts of messages: sizes, durations, short digests, suggestions for a misspelt word.

Sizes are in decimal units, as registries and docker show them.
"""

from __future__ import annotations

from collections.abc import Iterable

_STEP = 1000  # from one unit to the next
_ONE_DIGIT = 9.95  # smaller values are shown with one digit after the point
_MINUTE = 60
_SHORT_DIGEST = len("sha256:") + 12


def shown(name: str) -> str:
    """A file's name for a message: bytes that are not UTF-8 are escaped."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def is_true(word: str) -> bool:
    """Whether a variable of buildx is on: as Go's ``strconv.ParseBool`` reads it."""
    return word in {"1", "t", "T", "true", "TRUE", "True"}


def human_bytes(count: int) -> str:
    """``0 B``, ``8.7 KB``, ``91 MB``."""
    value = float(count)
    for unit in ("B", "KB", "MB"):
        digits = 1 if unit != "B" and value < _ONE_DIGIT else 0
        if round(value, digits) < _STEP:
            return f"{value:.{digits}f} {unit}"
        value /= _STEP
    return f"{value:.2f} GB"


def human_seconds(seconds: float) -> str:
    """``0.6 s``, ``1 min 12 s``."""
    if round(seconds, 1) < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes} min {rest} s"


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return ``did you mean "…"?`` for the closest known word, or None where none is close."""
    import difflib  # noqa: PLC0415 - only of an error

    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else None


def short_digest(digest: str | None) -> str:
    """``sha256:`` and the first 12 digits; empty for no digest."""
    return (digest or "")[:_SHORT_DIGEST]

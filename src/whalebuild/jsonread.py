"""Values of a JSON document that nobody has checked yet.

Each function returns a value of the type it is named after, or raises ``MalformedError``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from whalebuild.oci.platform import LOCAL, parse_platforms

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NAME = re.compile(r"[\w.-]+")
_MOST_BYTES = 1 << 40  # far beyond any manifest
_SHOWN = 80  # characters of a value in a message
T = TypeVar("T")


class MalformedError(ValueError):
    """A value is not what it should be."""


def wrong(value: object, what: str) -> MalformedError:
    """The error for a value that is not ``what``; it shows the value's beginning."""
    return MalformedError(f"{repr(value)[:_SHOWN]} is no {what}")


def text(value: Any) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise wrong(value, "text")
    return value


def name(value: Any) -> str:
    """The name of a target."""
    if not _NAME.fullmatch(text(value)):
        raise wrong(value, "name")
    return str(value)


def table(value: Any) -> dict[str, Any]:
    """A table with values of any type."""
    if not isinstance(value, dict):
        raise wrong(value, "table")
    return value


def listed(value: Any, each: Callable[[Any], T]) -> tuple[T, ...]:
    """A list; ``each`` reads one of its values."""
    if not isinstance(value, list):
        raise wrong(value, "list")
    return tuple(each(item) for item in value)


def maybe(value: Any, read: Callable[[Any], T]) -> T | None:
    """A value that ``read`` reads, or null."""
    return None if value is None else read(value)


def digest(value: Any) -> str:
    """A sha256 digest."""
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise wrong(value, "digest")
    return value


def size(value: Any) -> int:
    """A number of bytes."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _MOST_BYTES:
        raise wrong(value, "size")
    return value


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise wrong(value, "truth value")
    return value


def platform(value: Any) -> str:
    """A platform that an image can have."""
    found = parse_platforms([text(value)], where="platforms")
    if len(found) != 1 or found == (LOCAL,):
        raise wrong(value, "platform")
    return found[0]


def platforms(value: Any) -> tuple[str, ...]:
    """At least one platform, each once."""
    found = listed(value, platform)
    if not found or len(found) != len(set(found)):
        raise wrong(value, "list of platforms")
    return found

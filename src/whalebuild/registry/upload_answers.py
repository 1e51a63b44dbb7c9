"""What the answers to parts of an upload mean: pure functions.

How registries differ here, and where that was seen, is in docs/adr/0004-registry-client.md.
"""

from __future__ import annotations

import re
from dataclasses import replace
from enum import Enum, auto

from whalebuild.failures.classify_http import HttpFailure
from whalebuild.failures.failure import Failure, FailureKind
from whalebuild.registry.transport import Answer

# ``Range: 0-N``; Docker's older documentation writes ``bytes=0-N``. Quay has 0--1 for no byte.
_RANGE = re.compile(r"(?:bytes=)?0-(-1|\d+)", re.ASCII)
_BAD_REQUEST, _INNER = 400, 500
# An upload that is not there any more, or that was never known to this node of a registry.
_FORGOTTEN = frozenset({404, 410})
_OUT_OF_ORDER = 416
_TOO_LARGE = frozenset({413, _OUT_OF_ORDER})  # ghcr.io says 416
_NOT_LIKE_THIS = frozenset({_BAD_REQUEST, 405, 411, 415, 501})
#: Answers to the question how much there is, after which an upload is begun anew.
NO_STATUS = frozenset({_BAD_REQUEST, 405, _OUT_OF_ORDER}) | _FORGOTTEN


class Refusal(Enum):
    """Why a chunk was not taken."""

    OUT_OF_ORDER = auto()  # the registry has another offset than it has told
    TOO_LARGE = auto()
    NO_CHUNKS = auto()
    FORGOTTEN = auto()  # it does not know the upload
    OTHER = auto()  # nothing that another way to send it would change


def why_refused(failure: Failure, offset: int) -> Refusal:
    """Tell why a chunk that begins at the offset was not taken."""
    status = failure.status if isinstance(failure, HttpFailure) else None
    if status == _OUT_OF_ORDER and offset:
        return Refusal.OUT_OF_ORDER
    if status in _TOO_LARGE:
        return Refusal.TOO_LARGE
    if is_forgotten(failure):
        return Refusal.FORGOTTEN
    if status in _NOT_LIKE_THIS and failure.kind is FailureKind.REFUSED:
        return Refusal.NO_CHUNKS
    return Refusal.OTHER


def bytes_there(answer: Answer) -> int | None:
    """How many bytes of the blob the registry has; None where it does not say."""
    told = _RANGE.fullmatch(answer.headers.get("Range", "").strip())
    return int(told[1]) + 1 if told else None


def is_forgotten(failure: Failure) -> bool:
    """Whether the registry does not know the upload any more."""
    if not isinstance(failure, HttpFailure):
        return False
    lost = failure.status == _BAD_REQUEST and failure.kind is FailureKind.TRANSIENT
    return failure.status in _FORGOTTEN or lost


def is_mismatch(failure: Failure) -> bool:
    """Whether what the registry has got does not have the digest that it was sent under."""
    code = failure.code if isinstance(failure, HttpFailure) else ""
    return code == "DIGEST_INVALID" or "did not match uploaded content" in failure.reason


def is_inner(failure: Failure) -> bool:
    """Whether it is an error inside the registry, which says nothing of its load."""
    return isinstance(failure, HttpFailure) and failure.status == _INNER


def passing(failure: Failure) -> Failure:
    """The failure as one after which another try may succeed, since it will be another request."""
    return replace(failure, kind=FailureKind.TRANSIENT)

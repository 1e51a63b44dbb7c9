"""What kind of failure a registry's HTTP answer, or the lack of one, means: pure functions.

The codes are those of the OCI distribution specification (`errors
<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes>`_); what
registries answer beside it is in ``tests/failures/test_classify_http.py`` with its source.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from enum import Enum

from whalebuild.failures.failure import (
    EXPIRED,
    LOST_UPLOAD,
    NO_SCOPE,
    RATE_LIMIT,
    Detail,
    Failure,
    FailureKind,
    redact,
)
from whalebuild.values import dataclass


@dataclass(frozen=True)
class HttpFailure(Failure):
    """A failure of a request, with what only an HTTP answer can tell.

    Attributes:
        status: The answer's status; None if there was no answer.
        code: The first code of the answer's error list, such as ``MANIFEST_UNKNOWN``.
        retry_after: Seconds that the registry asks to wait before another try.
    """

    status: int | None = None
    code: str = ""
    retry_after: float | None = None

    @property
    def asked_wait(self) -> float:
        """Seconds that the registry asks to wait before another try."""
        return self.retry_after or 0.0


class NoAnswer(Enum):
    """Why a request came to nothing without an error from the registry.

    Attributes:
        kind: The kind of failure that it is.
        reason: What happened, in docker's words where docker has some.
        detail: What the next step depends on, if on anything.
    """

    def __init__(self, kind: FailureKind, reason: str, detail: Detail | None = None) -> None:
        self.kind = kind
        self.reason = reason
        self.detail = detail

    REFUSED = (FailureKind.TRANSIENT, "connection refused")
    RESET = (FailureKind.TRANSIENT, "connection reset by peer")
    CLOSED = (FailureKind.TRANSIENT, "unexpected EOF")
    TIMEOUT = (FailureKind.TRANSIENT, "i/o timeout")
    NAME = (FailureKind.TRANSIENT, "no such host")
    NETWORK = (FailureKind.TRANSIENT, "network is unreachable")
    CERTIFICATE = (FailureKind.UNREACHABLE, "x509", Detail.CERTIFICATE)
    PLAIN_HTTP = (
        FailureKind.UNREACHABLE,
        "server gave HTTP response to HTTPS client",
        Detail.PLAIN_HTTP,
    )
    TLS = (FailureKind.UNREACHABLE, "tls")
    TLS_PORT = (FailureKind.UNREACHABLE, "server speaks https and was asked over plain http")
    PROXY = (FailureKind.UNREACHABLE, "the proxy cannot be used")
    REDIRECTS = (FailureKind.UNREACHABLE, "too many redirects")
    NO_REGISTRY = (FailureKind.UNREACHABLE, "the answer is not a registry's")
    # A connection, or something between, that lost bytes; the next answer may be whole.
    WRONG_CONTENT = (FailureKind.TRANSIENT, "the content does not match its digest")
    # What was pushed a moment ago: not every part of a registry knows of it at once.
    NOT_YET = (FailureKind.TRANSIENT, "not found yet")
    TOO_LARGE = (FailureKind.UNREACHABLE, "the content is larger than expected")


_PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Request Entity Too Large",
    425: "Too Early",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    507: "Insufficient Storage",
}
_RATE_LIMIT = re.compile(RATE_LIMIT)
# Registries lose sight of a blob while another push of it ends (distribution before 78456caf):
# https://github.com/docker/buildx/pull/3731
_LOST = re.compile(rf"{LOST_UPLOAD}|manifest_blob_unknown|did not match uploaded content")
_EXPIRED = re.compile(EXPIRED)
# ENOSPC, as distribution's filesystem driver has it in an error's detail.
_DISK_FULL = re.compile(rb'"err":\s*28\b|no space left on device', re.IGNORECASE)
_HTTPS_WANTED = re.compile(r"http request to an https server|http request was sent to https port")
_IMMUTABLE = re.compile(r"immutable|already exists|cannot be overwritten")
_NEVER_CHANGES = frozenset({501, 505})  # of the 5xx
_WORTH_WAITING = frozenset({408, 425, 429})  # of the 4xx
_PROXY_WANTS_LOGIN = frozenset({407, 511})
_LONGEST_TEXT = 300


def from_answer(request: str, status: int, headers: Mapping[str, str], body: bytes) -> HttpFailure:
    """Classify an answer whose status is an error.

    Args:
        request: The request in words, such as ``GET https://host/v2/name/manifests/tag``.
        status: The answer's HTTP status.
        headers: The answer's headers, in any case.
        body: The answer's body, or its beginning.
    """
    code, text = _words(body)
    phrase = f"{status} {_PHRASES.get(status, '')}".strip()
    kind = _kind(status, text.lower())
    if status >= 500 and _DISK_FULL.search(body):
        kind, text = FailureKind.REGISTRY_FULL, "no space left on device"
    # nginx says it in a page, whose words are otherwise left out.
    if status == 400 and _HTTPS_WANTED.search(body.decode("utf-8", "replace").lower()):
        kind, reason = NoAnswer.TLS_PORT.kind, NoAnswer.TLS_PORT.reason
    elif kind is FailureKind.UNREACHABLE:
        reason = NoAnswer.NO_REGISTRY.reason
    else:
        # The number is said as well: "denied" alone reads the same in a 401 and a 429.
        reason = f"{text} ({phrase})" if text else phrase
    evidence = f"{request}: {phrase}" + (f": {text}" if text else "")
    wait = _retry_after(headers)
    if wait:
        evidence = f"{evidence} (it asks to wait {wait:.0f} s)"
    detail = Detail.NO_SCOPE if NO_SCOPE in evidence else None
    return HttpFailure(kind, redact(reason), redact(evidence), status, code, wait, detail=detail)


def no_answer(request: str, why: NoAnswer, detail: str = "") -> HttpFailure:
    """Make the failure of a request that got no answer, or none that can be used.

    Args:
        request: The request in words.
        why: What happened.
        detail: More of it; becomes part of the reason where that alone says too little.
    """
    reason = why.reason
    if detail and why in {NoAnswer.CERTIFICATE, NoAnswer.TLS}:
        reason = f"{reason}: {detail}"
    evidence = f"{request}: {reason}"
    if detail and detail not in evidence:
        evidence = f"{evidence} ({detail})"
    return HttpFailure(why.kind, redact(reason), redact(evidence), detail=why.detail)


def _kind(status: int, text: str) -> FailureKind:  # noqa: PLR0911 - one return a rule
    # ruff: noqa: PLR2004 - statuses are best read as numbers
    if status in {400, 403} and _RATE_LIMIT.search(text):
        return FailureKind.TRANSIENT
    if status in {400, 404, 416} and _LOST.search(text):
        return FailureKind.TRANSIENT
    if status == 401 or (status in {400, 403} and _EXPIRED.search(text)):
        return FailureKind.CREDENTIAL
    if status in _PROXY_WANTS_LOGIN:
        return FailureKind.UNREACHABLE
    if status == 404:
        return FailureKind.MISSING
    if status == 507:
        return FailureKind.REGISTRY_FULL
    if status == 409:  # two writers at once, or a tag that must stay
        return FailureKind.REFUSED if _IMMUTABLE.search(text) else FailureKind.TRANSIENT
    if status in _WORTH_WAITING:
        return FailureKind.TRANSIENT
    if status >= 500:
        return FailureKind.REFUSED if status in _NEVER_CHANGES else FailureKind.TRANSIENT
    return FailureKind.REFUSED if status >= 400 else FailureKind.UNREACHABLE


def _words(body: bytes) -> tuple[str, str]:
    """The first error's code, and the text of all errors; HTML pages are left out."""
    text = body.decode("utf-8", "replace").strip()
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        html = text[:1] == "<"
        return "", "" if html else _short(text.partition("\n")[0])
    if not isinstance(parsed, dict):
        return "", ""
    errors = parsed.get("errors")
    listed = [e for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []
    if not listed:
        # Token servers have {"details": …}, {"error": …} or {"message": …}.
        found = (parsed.get(key) for key in ("message", "details", "error_description", "error"))
        return "", _short(next((text for text in found if isinstance(text, str)), ""))
    said = [f"{str(e.get('code', '')).lower()}: {e.get('message', '')}".strip(": ") for e in listed]
    return str(listed[0].get("code", "")), _short("; ".join(dict.fromkeys(said)))


def _short(text: str) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text)
    return printable if len(printable) <= _LONGEST_TEXT else f"{printable[:_LONGEST_TEXT]}…"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of ``Retry-After`` (RFC 9110, 10.2.3); a date is compared with ``Date``."""
    by_name = {name.lower(): value for name, value in headers.items()}
    wanted = by_name.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(?:\.\d+)?", wanted, re.ASCII):
        return float(wanted)
    try:
        until = parsedate_to_datetime(wanted)
        seconds = (until - parsedate_to_datetime(by_name.get("date", ""))).total_seconds()
    except (TypeError, ValueError):  # no date, or one with and one without a time zone
        return None
    return max(0.0, seconds)

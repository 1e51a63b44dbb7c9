"""Caches that cannot be exported: what BuildKit 0.32.2 says of a registry's standard answers.

``tests/support/data/buildkit-0.32.2`` has the first five as they came, from a docker-container
builder and buildx 0.36.1; the others differ in what was written, as in
``cache/remotecache/export.go``.
"""

from __future__ import annotations

from tests.failures.recorded import DIGEST, REGISTRY, Recorded
from whalebuild.failures.failure import FailureKind

_SOLVE = "ERROR: failed to solve: "
_KINDS = {
    "unknown": FailureKind.TRANSIENT,  # 500
    "unavailable": FailureKind.TRANSIENT,  # 503
    "toomanyrequests": FailureKind.TRANSIENT,  # 429
    "unauthorized": FailureKind.CREDENTIAL,  # 401
    "denied": FailureKind.REFUSED,  # 403
    "unsupported": FailureKind.REFUSED,  # 405
}
_ANSWERS = {
    "401 Unauthorized": FailureKind.CREDENTIAL,
    "403 Forbidden": FailureKind.REFUSED,
    "404 Not Found": FailureKind.MISSING,
    "405 Method Not Allowed": FailureKind.REFUSED,
    "415 Unsupported Media Type": FailureKind.REFUSED,
    "429 Too Many Requests": FailureKind.TRANSIENT,
    "500 Internal Server Error": FailureKind.TRANSIENT,
    "501 Not Implemented": FailureKind.REFUSED,
    "503 Service Unavailable": FailureKind.TRANSIENT,
}

CACHE_MESSAGES = [
    *(
        Recorded(f"cache: PUT {part}, {word}", kind, f"{_SOLVE}error writing {part} blob: {word}")
        for part in ("manifest", "layer", "config")
        for word, kind in _KINDS.items()
    ),
    *(
        Recorded(
            f"cache: PUT manifest {status}",
            kind,
            f"{_SOLVE}error writing manifest blob: unexpected status from PUT request to "
            f'http://{REGISTRY}/v2/x/manifests/{DIGEST}: {status}: {{"errors":[]}}',
        )
        for status, kind in _ANSWERS.items()
    ),
    Recorded(
        "cache: PUT manifest, with words that containerd has no code for",
        FailureKind.REFUSED,
        f"{_SOLVE}error writing manifest blob: unknown: manifest invalid",
    ),
    Recorded(
        "cache: PUT manifest, as a registry answers that does not find it",
        FailureKind.MISSING,
        f"{_SOLVE}error writing manifest blob: unknown: manifest unknown",
    ),
]

"""A host's pulls: what compose 2.40.3 said over docker 28.5.2, with both kinds of image store.

Each is named by the request that failed and by what a registry with faults answered; the lines of
JSON are unwrapped already, as ``compose.pull_progress.compose_error`` does.
"""

from __future__ import annotations

from tests.failures.recorded import DIGEST, LOCAL, REGISTRY, Recorded
from whalebuild.failures.failure import FailureKind

_IMAGE = f"{REGISTRY}/x@{DIGEST}"
_MANIFEST = f"{REGISTRY}/v2/x/manifests/{DIGEST}"
_BLOB = f"{REGISTRY}/v2/x/blobs/{DIGEST}"
_RESOLVE = f'ERROR: Error response from daemon: failed to resolve reference "{_IMAGE}": '
_UNKNOWN = f'ERROR: Error response from daemon: unknown: failed to resolve reference "{_IMAGE}": '
_HEAD = f"{_UNKNOWN}unexpected status from HEAD request to http://{_MANIFEST}: "
_OPEN = "failed to copy: httpReadSeeker: failed open: "
_GET = f"ERROR: error from registry: {_OPEN}unexpected status from GET request to http://"
_DAEMON = "ERROR: Error response from daemon: "
_NO_WORDS = (
    _DAEMON + "error parsing HTTP {} response body: no error details found in HTTP response body: "
    r'"{{\"errors\":[]}}"'
)
_CONFIG = "ERROR: error pulling image configuration: download failed after "

COMPOSE_MESSAGES = [
    Recorded(
        "connection refused",
        FailureKind.TRANSIENT,
        f'{_RESOLVE}failed to do request: Head "https://{_MANIFEST}": dial tcp {REGISTRY}: '
        "connect: connection refused",
    ),
    Recorded(
        "no such host",
        FailureKind.TRANSIENT,
        f'{_RESOLVE}failed to do request: Head "https://r.invalid/v2/x/manifests/{DIGEST}": '
        "dial tcp: lookup r.invalid on 192.0.2.53:53: no such host",
    ),
    Recorded("HEAD manifest 401", FailureKind.CREDENTIAL, f"{_HEAD}401 Unauthorized"),
    Recorded("HEAD manifest 403", FailureKind.REFUSED, f"{_HEAD}403 Forbidden"),
    Recorded(
        "HEAD manifest 404, closed, or reset: the engine says the same of all three",
        FailureKind.MISSING,
        f"{_RESOLVE}{_IMAGE}: not found",
    ),
    Recorded("HEAD manifest 429", FailureKind.TRANSIENT, f"{_HEAD}429 Too Many Requests"),
    Recorded("HEAD manifest 500", FailureKind.TRANSIENT, f"{_HEAD}500 Internal Server Error"),
    Recorded("HEAD manifest 503", FailureKind.TRANSIENT, f"{_HEAD}503 Service Unavailable"),
    Recorded("GET manifest 401", FailureKind.CREDENTIAL, f"{_GET}{_MANIFEST}: 401 Unauthorized"),
    Recorded(
        "GET manifest 404",
        FailureKind.MISSING,
        f"ERROR: {_OPEN}content at https://{_MANIFEST} not found: not found",
    ),
    Recorded(
        "GET manifest 429", FailureKind.TRANSIENT, f"{_GET}{_MANIFEST}: 429 Too Many Requests"
    ),
    Recorded(
        "GET manifest 503", FailureKind.TRANSIENT, f"{_GET}{_MANIFEST}: 503 Service Unavailable"
    ),
    Recorded(
        "GET manifest closed",
        FailureKind.TRANSIENT,
        f'ERROR: {_OPEN}failed to do request: Get "https://{_MANIFEST}": EOF',
    ),
    Recorded(
        "GET manifest, one bit wrong",
        FailureKind.TRANSIENT,
        f'ERROR: failed commit on ref "manifest-{DIGEST}": commit failed: unexpected commit digest '
        f"{DIGEST}, expected {DIGEST}: failed precondition",
    ),
    Recorded(
        "GET blob 404",
        FailureKind.GONE,
        f"ERROR: {_OPEN}could not fetch content descriptor {DIGEST} "
        "(application/vnd.docker.container.image.v1+json) from remote: not found",
    ),
    Recorded("GET blob 429", FailureKind.TRANSIENT, f"{_GET}{_BLOB}: 429 Too Many Requests"),
    Recorded("GET blob 503", FailureKind.TRANSIENT, f"{_GET}{_BLOB}: 503 Service Unavailable"),
    Recorded(
        "GET blob reset",
        FailureKind.TRANSIENT,
        f'ERROR: {_OPEN}failed to do request: Get "https://{_BLOB}": read tcp {LOCAL}->{REGISTRY}: '
        "read: connection reset by peer",
    ),
    Recorded(
        "GET blob reset in its midst",
        FailureKind.TRANSIENT,
        f"ERROR: failed to copy: read tcp {LOCAL}->{REGISTRY}: read: connection reset by peer",
    ),
    Recorded(
        "the engine's disk is full",
        FailureKind.DISK_FULL,
        f"ERROR: failed to extract layer (application/vnd.oci.image.layer.v1.tar+gzip {DIGEST}) to "
        f'overlayfs as "extract-242235808-cDaL {DIGEST}": mount callback failed on /disk/mount: '
        "write /disk/mount/usr/lib/x.pyc: no space left on device",
    ),
    # An answer with words of the registry's own, in the place of its status: an OCI error's
    # message; the proxy said "said so". The others are distribution's.
    Recorded(
        "GET blob 403, 429 with a message",
        FailureKind.UNKNOWN_PULL,
        "ERROR: error from registry: said so",
    ),
    Recorded(
        "GET blob 403, DENIED",
        FailureKind.REFUSED,
        "ERROR: error from registry: requested access to the resource is denied",
    ),
    Recorded(
        "GET blob 429, TOOMANYREQUESTS",
        FailureKind.TRANSIENT,
        "ERROR: error from registry: too many requests",
    ),
    Recorded(
        "GET blob 401, UNAUTHORIZED",
        FailureKind.CREDENTIAL,
        "ERROR: error from registry: authentication required",
    ),
    Recorded(
        "GET blob 503, UNAVAILABLE",
        FailureKind.TRANSIENT,
        "ERROR: error from registry: service unavailable",
    ),
    Recorded(
        "GET blob 500, UNKNOWN", FailureKind.TRANSIENT, "ERROR: error from registry: unknown error"
    ),
    Recorded(
        "the engine is down",
        FailureKind.ENGINE_LOST,
        f"ERROR: unable to get image '{_IMAGE}': Cannot connect to the Docker daemon at "
        "unix:///run/docker.sock. Is the docker daemon running?",
    ),
    # With a graph driver. Blobs are tried again by the engine itself, six times in a minute.
    Recorded(
        "graph driver: connection refused",
        FailureKind.TRANSIENT,
        f'{_DAEMON}Get "http://{REGISTRY}/v2/": dial tcp {REGISTRY}: connect: connection refused',
    ),
    Recorded(
        "graph driver: GET manifest 401",
        FailureKind.CREDENTIAL,
        f"{_DAEMON}unauthorized: authentication required",
    ),
    Recorded(
        "graph driver: GET manifest 403, DENIED",
        FailureKind.REFUSED,
        f"{_DAEMON}pull access denied for {REGISTRY}/x, repository does not exist or may require "
        "'docker login': denied: said so",
    ),
    Recorded("graph driver: GET manifest 403", FailureKind.REFUSED, _NO_WORDS.format(403)),
    Recorded(
        "graph driver: GET manifest 404",
        FailureKind.MISSING,
        f"{_DAEMON}manifest for {_IMAGE} not found: manifest unknown: manifest unknown",
    ),
    Recorded(
        "graph driver: GET manifest 429, TOOMANYREQUESTS",
        FailureKind.TRANSIENT,
        f"{_DAEMON}toomanyrequests: said so",
    ),
    Recorded("graph driver: GET manifest 429", FailureKind.TRANSIENT, _NO_WORDS.format(429)),
    Recorded(
        "graph driver: GET manifest 503",
        FailureKind.TRANSIENT,
        f"{_DAEMON}received unexpected HTTP status: 503 Service Unavailable",
    ),
    Recorded(
        "graph driver: GET manifest closed",
        FailureKind.TRANSIENT,
        f'{_DAEMON}Get "http://{_MANIFEST}": EOF',
    ),
    Recorded(
        "graph driver: GET manifest, one bit wrong",
        FailureKind.TRANSIENT,
        f"ERROR: manifest verification failed for digest {DIGEST}",
    ),
    Recorded("graph driver: GET blob 404", FailureKind.GONE, f"{_CONFIG}attempts=1: unknown blob"),
    Recorded(
        "graph driver: GET blob 403", FailureKind.REFUSED, f"{_CONFIG}attempts=1: denied: said so"
    ),
    Recorded(
        "graph driver: GET blob 503",
        FailureKind.TRANSIENT,
        f"{_CONFIG}attempts=6: received unexpected HTTP status: 503 Service Unavailable",
    ),
    Recorded(
        "graph driver: GET blob reset",
        FailureKind.TRANSIENT,
        f"{_CONFIG}attempts=6: read tcp {LOCAL}->{REGISTRY}: read: connection reset by peer",
    ),
    Recorded("graph driver: GET blob truncated", FailureKind.TRANSIENT, "ERROR: unexpected EOF"),
    Recorded(
        "graph driver: GET blob, one bit wrong",
        FailureKind.TRANSIENT,
        "ERROR: error pulling image configuration: image config verification failed for digest "
        f"{DIGEST}",
    ),
]

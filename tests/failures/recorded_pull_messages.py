"""Base images and caches: what buildx 0.29.1 said, over docker 28.5.2.

Each is named by the request that failed and by what a scripted registry answered. Where an address
follows, the same failure, or the words of the registry that it is named after, was reported there.
"""

from __future__ import annotations

from tests.failures.recorded import DIGEST, LOCAL, REGISTRY, SOLVE, UPLOAD, Recorded
from whalebuild.failures.failure import FailureKind

PULL_MESSAGES = [
    # A platform that a base image lacks
    Recorded(
        "pull: a base image for other platforms; https://github.com/moby/buildkit/issues/1271",
        FailureKind.BUILD,
        f"{SOLVE}failed to resolve source metadata for {REGISTRY}/base/y:1@{DIGEST}: "
        "no match for platform in manifest: not found",
    ),
    # Pulling a base image
    Recorded(
        "pull: HEAD manifest 503; https://github.com/moby/buildkit/issues/1972",
        FailureKind.TRANSIENT,
        f"{SOLVE}{REGISTRY}/base/y:1: failed to resolve source metadata for {REGISTRY}/base/y:1: "
        f"unexpected status from HEAD request to http://{REGISTRY}/v2/base/y/manifests/1: "
        "503 Service Unavailable",
    ),
    Recorded(
        "pull: HEAD manifest 429",
        FailureKind.TRANSIENT,
        f"ERROR: failed to build: failed to run Build function: {REGISTRY}/base/y:1: "
        f"failed to resolve source metadata for {REGISTRY}/base/y:1: unexpected status "
        f"from HEAD request to http://{REGISTRY}/v2/base/y/manifests/1: 429 Too Many "
        "Requests",
    ),
    Recorded(
        "pull: HEAD manifest rst",
        FailureKind.TRANSIENT,
        f"{SOLVE}{REGISTRY}/base/y:1: failed to resolve source metadata for {REGISTRY}/base/y:1: "
        f'failed to do request: Head "https://{REGISTRY}/v2/base/y/manifests/1": read '
        f"tcp {LOCAL}->{REGISTRY}: read: connection reset by peer",
    ),
    Recorded(
        "pull: tls handshake timeout",
        FailureKind.TRANSIENT,
        f"{SOLVE}192.0.2.2:5000/base/y:1: failed to resolve source metadata for "
        "192.0.2.2:5000/base/y:1: failed to do request: Head "
        '"https://192.0.2.2:5000/v2/base/y/manifests/1": net/http: TLS '
        "handshake timeout",
    ),
    Recorded(
        "pull: GET manifest 429 hub; https://github.com/apptension/saas-boilerplate/issues/204",
        FailureKind.TRANSIENT,
        f"{SOLVE}{REGISTRY}/base/y:1: failed to resolve source metadata for {REGISTRY}/base/y:1: "
        "failed to copy: httpReadSeeker: failed open: unexpected status from GET "
        f"request to http://{REGISTRY}/v2/base/y/manifests/{DIGEST}: 429 Too Many "
        "Requests\ntoomanyrequests: You have reached your unauthenticated pull "
        "rate limit. https://www.docker.com/increase-rate-limit",
    ),
    Recorded(
        "pull: GET layer 500",
        FailureKind.TRANSIENT,
        f"{SOLVE}failed to compute cache key: failed to copy: httpReadSeeker: "
        "failed open: unexpected status from GET request to "
        f"http://{REGISTRY}/v2/base/y/blobs/{DIGEST}: 500 Internal Server Error",
    ),
    Recorded(
        "pull: GET layer 429",
        FailureKind.TRANSIENT,
        f"{SOLVE}failed to compute cache key: failed to copy: httpReadSeeker: "
        "failed open: unexpected status from GET request to "
        f"http://{REGISTRY}/v2/base/y/blobs/{DIGEST}: 429 Too Many Requests\ntoomanyrequests",
    ),
    Recorded(
        "pull: GET layer eof",
        FailureKind.TRANSIENT,
        f"{SOLVE}failed to compute cache key: failed to copy: httpReadSeeker: "
        "failed open: failed to do request: Get "
        f'"https://{REGISTRY}/v2/base/y/blobs/{DIGEST}": EOF',
    ),
    Recorded(
        "pull: GET layer truncated; https://github.com/moby/buildkit/issues/2568",
        FailureKind.TRANSIENT,
        f"{SOLVE}failed to compute cache key: short read: expected 300000 bytes "
        "but got 1000: unexpected EOF",
    ),
    Recorded(
        "pull: GET layer wrong bytes",
        FailureKind.TRANSIENT,
        f'{SOLVE}failed to compute cache key: failed commit on ref "layer-{DIGEST}": '
        f"commit failed: unexpected commit digest {DIGEST}, expected {DIGEST}: failed "
        "precondition",
    ),
    Recorded(
        "pull: anon token 503",
        FailureKind.TRANSIENT,
        f"{SOLVE}failed to fetch anonymous token: unexpected status from GET "
        "request to "
        f"http://{REGISTRY}/token?scope=repository%3Abase%2Fy%3Apull&service=reg: 503 "
        "Service Unavailable",
    ),
    Recorded(
        "pull: HEAD manifest 401",
        FailureKind.CREDENTIAL,
        f"ERROR: failed to build: failed to run Build function: {REGISTRY}/base/y:1: "
        f"failed to resolve source metadata for {REGISTRY}/base/y:1: unexpected status "
        f"from HEAD request to http://{REGISTRY}/v2/base/y/manifests/1: 401 Unauthorized",
    ),
    Recorded(
        "pull: HEAD manifest 403",
        FailureKind.REFUSED,
        f"{SOLVE}{REGISTRY}/base/y:1: failed to resolve source metadata for {REGISTRY}/base/y:1: "
        f"unexpected status from HEAD request to http://{REGISTRY}/v2/base/y/manifests/1: "
        "403 Forbidden",
    ),
    Recorded(
        "pull: GET layer 403",
        FailureKind.REFUSED,
        f"{SOLVE}failed to compute cache key: failed to copy: httpReadSeeker: "
        "failed open: unexpected status from GET request to "
        f"http://{REGISTRY}/v2/base/y/blobs/{DIGEST}: 403 Forbidden",
    ),
    Recorded(
        "pull: HEAD manifest 404",
        FailureKind.BUILD,
        f"{SOLVE}{REGISTRY}/base/y:1: failed to resolve source metadata for {REGISTRY}/base/y:1: "
        f"{REGISTRY}/base/y:1: not found",
    ),
    Recorded(
        "pull: GET layer 404",
        FailureKind.GONE,
        f"{SOLVE}failed to compute cache key: failed to copy: httpReadSeeker: "
        f"failed open: could not fetch content descriptor {DIGEST} "
        "(application/vnd.oci.image.layer.v1.tar) from remote: not found",
    ),
    Recorded(
        "pull: GET config 404",
        FailureKind.GONE,
        f"{SOLVE}{REGISTRY}/base/y:1: failed to resolve source metadata for {REGISTRY}/base/y:1: "
        "failed to copy: httpReadSeeker: failed open: could not fetch content "
        f"descriptor {DIGEST} (application/vnd.oci.image.config.v1+json) from remote: "
        "not found",
    ),
    # The registry cache: the manifest can be had, a layer cannot
    Recorded(
        "cache import: layer 404; https://github.com/moby/buildkit/issues/4765",
        FailureKind.GONE,
        f"{SOLVE}failed to compute cache key: failed to copy: httpReadSeeker: "
        f"failed open: could not fetch content descriptor {DIGEST} "
        "(application/vnd.oci.image.layer.v1.tar+gzip) from remote: not found",
    ),
    Recorded(
        "cache import: layer 500",
        FailureKind.TRANSIENT,
        f"{SOLVE}failed to compute cache key: failed to copy: httpReadSeeker: "
        "failed open: unexpected status from GET request to "
        f"http://{REGISTRY}/v2/ci/629952622/blobs/{DIGEST}: 500 Internal Server Error",
    ),
    Recorded(
        "cache import: layer 403",
        FailureKind.REFUSED,
        f"{SOLVE}failed to compute cache key: failed to copy: httpReadSeeker: "
        "failed open: unexpected status from GET request to "
        f"http://{REGISTRY}/v2/ci/223554006/blobs/{DIGEST}: 403 Forbidden",
    ),
    # Exporting a cache
    Recorded(
        "cache export: POST 500",
        FailureKind.TRANSIENT,
        f"{SOLVE}error writing layer blob: unexpected status from POST request to "
        f"http://{REGISTRY}/v2/ci/y/blobs/uploads/: 500 Internal Server Error",
    ),
    Recorded(
        "cache export: POST 429",
        FailureKind.TRANSIENT,
        f"{SOLVE}error writing layer blob: unexpected status from POST request to "
        f"http://{REGISTRY}/v2/ci/y/blobs/uploads/: 429 Too Many Requests",
    ),
    Recorded(
        "cache export: PUT blob 404",
        FailureKind.TRANSIENT,
        f'{SOLVE}error writing layer blob: failed commit on ref "layer-{DIGEST}": '
        f"unexpected status from PUT request to http://{UPLOAD}: 404 Not Found",
    ),
    Recorded(
        "cache export: POST 403",
        FailureKind.REFUSED,
        f"{SOLVE}error writing layer blob: unexpected status from POST request to "
        f"http://{REGISTRY}/v2/ci/y/blobs/uploads/: 403 Forbidden",
    ),
    Recorded(
        "cache export: PUT manifest 400",
        FailureKind.REFUSED,
        f'{SOLVE}error writing manifest blob: failed commit on ref "{DIGEST}": '
        f"unexpected status from PUT request to http://{REGISTRY}/v2/ci/y/manifests/c: "
        "400 Bad Request",
    ),
]

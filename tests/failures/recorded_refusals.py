"""Refused pushes: what buildx 0.29.1 said, over docker 28.5.2.

Each is named by the request that failed and by what a scripted registry answered. Where an address
follows, the same failure, or the words of the registry that it is named after, was reported there.
"""

from __future__ import annotations

from tests.failures.recorded import DIGEST, PUSH, REGISTRY, UPLOAD, Recorded
from whalebuild.failures.failure import FailureKind

REFUSALS = [
    # It wants other credentials
    Recorded(
        "push: POST 401 no challenge",
        FailureKind.CREDENTIAL,
        f"{PUSH}unauthorized",
    ),
    Recorded(
        "push: 401 basic wrong creds; https://github.com/docker/buildx/issues/139",
        FailureKind.CREDENTIAL,
        f"{PUSH}unexpected status from HEAD request to http://{REGISTRY}/v2/x/blobs/{DIGEST}: "
        "401 Unauthorized",
    ),
    Recorded(
        "push: PUT manifest 401 expired meanwhile; https://github.com/docker/buildx/issues/324",
        FailureKind.CREDENTIAL,
        f"{PUSH}unauthorized",
    ),
    Recorded(
        "push: POST 403 ECR token expired; https://github.com/aws/aws-cli/issues/6580",
        FailureKind.CREDENTIAL,
        f"{PUSH}denied: Your authorization token has expired. Reauthenticate and try again.",
    ),
    # Its no
    Recorded(
        "push: POST 403 DENIED",
        FailureKind.REFUSED,
        f"{PUSH}denied",
    ),
    Recorded(
        "push: HEAD 403 all ECR; https://github.com/medic/cht-core/issues/9175",
        FailureKind.REFUSED,
        f"{PUSH}unexpected status from HEAD request to http://{REGISTRY}/v2/x/blobs/{DIGEST}: "
        "403 Forbidden",
    ),
    Recorded(
        "push: POST 403 ghcr; https://github.com/danger/danger-js/issues/1414",
        FailureKind.REFUSED,
        f"{PUSH}denied: permission_denied: write_package",
    ),
    Recorded(
        "push: PUT manifest 403 ghcr installation; https://github.com/eeditiones/jinks/issues/99",
        FailureKind.REFUSED,
        f"{PUSH}denied: installation not allowed to Create organization package",
    ),
    Recorded(
        "push: token but 401 insufficient_scope",
        FailureKind.REFUSED,
        f"{PUSH}push access denied, repository does not exist or may require "
        "authorization: server message: insufficient_scope: authorization failed",
    ),
    Recorded(
        "push: POST 404 NAME_UNKNOWN ECR; https://github.com/aws-actions/amazon-ecr-login/issues/166",
        FailureKind.REFUSED,
        f"{PUSH}unknown: The repository with name 'x' does not exist in the "
        "registry with id '123456789012'",
    ),
    Recorded(
        "push: POST 404 NAME_UNKNOWN distribution",
        FailureKind.REFUSED,
        f"{PUSH}unknown: repository name not known to registry",
    ),
    Recorded(
        "push: POST 404 empty",
        FailureKind.MISSING,
        f"{PUSH}unexpected status from POST request to "
        f"http://{REGISTRY}/v2/x/blobs/uploads/: 404 Not Found",
    ),
    Recorded(
        "push: POST 400 NAME_INVALID",
        FailureKind.REFUSED,
        f"{PUSH}unknown: invalid repository name",
    ),
    Recorded(
        "push: PUT manifest 405",
        FailureKind.REFUSED,
        f"{PUSH}unsupported",
    ),
    Recorded(
        "push: PUT blob 413 nginx",
        FailureKind.REFUSED,
        f"{PUSH}unexpected status from PUT request to http://{UPLOAD}: 413 Request "
        "Entity Too Large: <html>\n<head><title>413 Request Entity Too "
        "Large</title></head>\n<body>\n<center><h1>413 Request Entity Too "
        "Large</h1></center>\n<hr><center>nginx</center>\n</body>\n</html>",
    ),
    Recorded(
        "push: PUT manifest 400 MANIFEST_INVALID",
        FailureKind.REFUSED,
        f"{PUSH}unknown: manifest invalid",
    ),
    Recorded(
        "push: PUT manifest 400 TAG_INVALID ECR immutable; https://github.com/moby/buildkit/issues/3776",
        FailureKind.REFUSED,
        f"{PUSH}unknown: The image tag '1' already exists in the 'x' repository "
        "and cannot be overwritten because the repository is immutable.",
    ),
    Recorded(
        "push: POST 403 quota harbor; https://github.com/goharbor/harbor/issues/17390",
        FailureKind.REFUSED,
        f"{PUSH}denied: adding 1.1 GiB of storage resource, which when updated to "
        "current usage of 9.9 GiB will exceed the configured upper limit of 10.0 "
        "GiB.",
    ),
    Recorded(
        "push: PUT manifest 412 harbor quota; https://github.com/goharbor/harbor/issues/8802",
        FailureKind.REFUSED,
        f"{PUSH}denied: Quota exceeded when processing the request of adding 1.1 "
        "GiB of storage resource, which when updated to current usage of 9.9 GiB "
        "will exceed the configured upper limit of 10.0 GiB.",
    ),
    # imagetools, in which buildx itself speaks to the registry
    Recorded(
        "imagetools: PUT 500",
        FailureKind.TRANSIENT,
        f'ERROR: failed commit on ref "index-{DIGEST}": unexpected status from PUT '
        f"request to http://{REGISTRY}/v2/x/manifests/2: 500 Internal Server Error",
    ),
    Recorded(
        "imagetools: PUT 429",
        FailureKind.TRANSIENT,
        f'ERROR: failed commit on ref "index-{DIGEST}": unexpected status from PUT '
        f"request to http://{REGISTRY}/v2/x/manifests/2: 429 Too Many "
        "Requests\ntoomanyrequests: Rate exceeded",
    ),
    Recorded(
        "imagetools: PUT eof",
        FailureKind.TRANSIENT,
        f'ERROR: failed commit on ref "index-{DIGEST}": failed to do request: Put '
        f'"http://{REGISTRY}/v2/x/manifests/2": EOF',
    ),
    Recorded(
        "imagetools inspect: anon token 429",
        FailureKind.TRANSIENT,
        "ERROR: failed to authorize: failed to fetch anonymous token: unexpected "
        "status from GET request to "
        f"http://{REGISTRY}/token?scope=repository%3Ax%3Apull&service=reg: 429 Too Many "
        "Requests",
    ),
    Recorded(
        "imagetools: PUT 401",
        FailureKind.CREDENTIAL,
        f'ERROR: failed commit on ref "index-{DIGEST}": unexpected status from PUT '
        f"request to http://{REGISTRY}/v2/x/manifests/2: 401 Unauthorized\nunauthorized",
    ),
    Recorded(
        "imagetools: PUT 403",
        FailureKind.REFUSED,
        f'ERROR: failed commit on ref "index-{DIGEST}": unexpected status from PUT '
        f"request to http://{REGISTRY}/v2/x/manifests/2: 403 Forbidden\ndenied",
    ),
    Recorded(
        "imagetools: PUT 400 immutable",
        FailureKind.REFUSED,
        f'ERROR: failed commit on ref "index-{DIGEST}": unexpected status from PUT '
        f"request to http://{REGISTRY}/v2/x/manifests/2: 400 Bad Request\nunknown: The "
        "image tag '2' already exists in the 'x' repository and cannot be "
        "overwritten because the repository is immutable.",
    ),
    Recorded(
        "imagetools: 404",
        FailureKind.MISSING,
        f"ERROR: {REGISTRY}/x:1: not found",
    ),
]

"""Pushes that fail for the moment; and all of them: what buildx 0.29.1 said, over docker 28.5.2.

Each is named by the request that failed and by what a scripted registry answered. Where an address
follows, the same failure, or the words of the registry that it is named after, was reported there.
"""

from __future__ import annotations

from tests.failures.recorded import DIGEST, LOCAL, PUSH, REGISTRY, SOLVE, UPLOAD, Recorded
from tests.failures.recorded_pull_messages import PULL_MESSAGES
from tests.failures.recorded_refusals import REFUSALS
from tests.failures.recorded_reports import REPORTS
from whalebuild.failures.failure import FailureKind

TRANSIENT = [
    # The registry, or the way to it, for the moment
    Recorded(
        "push: POST 500 distribution",
        FailureKind.TRANSIENT,
        f"{PUSH}unknown",
    ),
    Recorded(
        "push: POST 500, docker-registry 2.8 with a full disk: its UNKNOWN, for whatever ails it",
        FailureKind.TRANSIENT,
        f"{PUSH}unknown: unknown error",
    ),
    Recorded(
        "push: POST 500 empty; https://github.com/docker/build-push-action/issues/334",
        FailureKind.TRANSIENT,
        f"{PUSH}unexpected status from POST request to "
        f"http://{REGISTRY}/v2/x/blobs/uploads/: 500 Internal Server Error",
    ),
    Recorded(
        "push: PUT manifest 503 UNAVAILABLE",
        FailureKind.TRANSIENT,
        f"{PUSH}unavailable",
    ),
    Recorded(
        "push: HEAD blob 503",
        FailureKind.TRANSIENT,
        f"{PUSH}unexpected status from HEAD request to http://{REGISTRY}/v2/x/blobs/{DIGEST}: "
        "503 Service Unavailable",
    ),
    Recorded(
        "push: PUT blob 502 nginx; https://github.com/docker/build-push-action/issues/239",
        FailureKind.TRANSIENT,
        f"{PUSH}unexpected status from PUT request to http://{UPLOAD}: 502 Bad Gateway: "
        "<html>\n<head><title>502 Bad "
        "Gateway</title></head>\n<body>\n<center><h1>502 Bad "
        "Gateway</h1></center>\n<hr><center>nginx</center>\n</body>\n</html>",
    ),
    Recorded(
        "push: PUT blob 504",
        FailureKind.TRANSIENT,
        f"{PUSH}unexpected status from PUT request to http://{UPLOAD}: 504 Gateway "
        "Timeout: <html>\n<head><title>504 Gateway "
        "Time-out</title></head>\n<body>\n<center><h1>504 Gateway "
        "Time-out</h1></center>\n<hr><center>nginx</center>\n</body>\n</html>",
    ),
    Recorded(
        "push: PUT manifest 522",
        FailureKind.TRANSIENT,
        f"{PUSH}unexpected status from PUT request to http://{REGISTRY}/v2/x/manifests/1: 522",
    ),
    Recorded(
        "push: POST 408",
        FailureKind.TRANSIENT,
        f"{PUSH}unexpected status from POST request to "
        f"http://{REGISTRY}/v2/x/blobs/uploads/: 408 Request Timeout",
    ),
    Recorded(
        "push: POST 429 hub",
        FailureKind.TRANSIENT,
        f"{PUSH}toomanyrequests",
    ),
    Recorded(
        "push: PUT manifest 429 ECR; https://github.com/aws/aws-cdk/issues/23923",
        FailureKind.TRANSIENT,
        f"{PUSH}toomanyrequests: Rate exceeded",
    ),
    Recorded(
        "push: POST 429 gcr; https://github.com/kubernetes/k8s.io/issues/6431",
        FailureKind.TRANSIENT,
        f"{PUSH}toomanyrequests: Quota exceeded for quota metric 'Requests per "
        "project per region' and limit 'Requests per project per region per "
        "minute per region' of service 'artifactregistry.googleapis.com'",
    ),
    Recorded(
        "push: HEAD blob 429; https://github.com/docker/build-push-action/issues/1194",
        FailureKind.TRANSIENT,
        f"{PUSH}unexpected status from HEAD request to http://{REGISTRY}/v2/x/blobs/{DIGEST}: "
        "429 Too Many Requests",
    ),
    Recorded(
        "push: POST 403 secondary rate limit; https://github.com/markrussinovich/refchecker/pull/67",
        FailureKind.TRANSIENT,
        f"{PUSH}unexpected status from POST request to "
        f"http://{REGISTRY}/v2/x/blobs/uploads/: 403 Forbidden: You have exceeded a "
        "secondary rate limit. Please wait a few minutes before you try again.",
    ),
    Recorded(
        "push: PUT blob eof; https://github.com/electerm/electerm-web-docker/issues/17",
        FailureKind.TRANSIENT,
        f'{PUSH}failed commit on ref "layer-{DIGEST}": failed to do request: Put '
        f'"https://{UPLOAD}": EOF',
    ),
    Recorded(
        "push: PUT blob rst; https://github.com/moby/buildkit/issues/2713",
        FailureKind.TRANSIENT,
        f'{PUSH}failed commit on ref "config-{DIGEST}": failed to do request: Put '
        f'"https://{UPLOAD}": read tcp {LOCAL}->{REGISTRY}: read: connection reset by peer',
    ),
    Recorded(
        "push: POST eof; https://github.com/electerm/electerm-web-docker/issues/17",
        FailureKind.TRANSIENT,
        f'{PUSH}failed to do request: Post "https://{REGISTRY}/v2/x/blobs/uploads/": EOF',
    ),
    Recorded(
        "push: PUT manifest rst; https://github.com/moby/buildkit/issues/3969",
        FailureKind.TRANSIENT,
        f'{PUSH}failed commit on ref "manifest-{DIGEST}": failed to do request: Put '
        f'"https://{REGISTRY}/v2/x/manifests/1": read tcp {LOCAL}->{REGISTRY}: read: connection '
        "reset by peer",
    ),
    Recorded(
        "push: tls handshake timeout; https://github.com/docker/build-push-action/issues/1065",
        FailureKind.TRANSIENT,
        f"{SOLVE}failed to push 192.0.2.2:5000/x:1: failed to do request: Head "
        f'"https://192.0.2.2:5000/v2/x/blobs/{DIGEST}": net/http: TLS handshake '
        "timeout",
    ),
    Recorded(
        "push: refused connection",
        FailureKind.TRANSIENT,
        f"{SOLVE}failed to push 127.0.0.1:1/x:1: failed to do request: Head "
        f'"https://127.0.0.1:1/v2/x/blobs/{DIGEST}": dial tcp 127.0.0.1:1: connect: '
        "connection refused",
    ),
    Recorded(
        "push: no such host; https://github.com/moby/moby/issues/42867",
        FailureKind.TRANSIENT,
        f"{SOLVE}failed to push no-such-host.invalid/x:1: failed to do request: "
        f'Head "https://no-such-host.invalid/v2/x/blobs/{DIGEST}": dial tcp: lookup '
        "no-such-host.invalid on 10.255.255.53:53: no such host",
    ),
    Recorded(
        "push: PUT blob 404 BLOB_UPLOAD_UNKNOWN; https://github.com/GoogleContainerTools/jib/issues/2372",
        FailureKind.TRANSIENT,
        f"{PUSH}unknown: blob upload unknown to registry",
    ),
    Recorded(
        "push: PUT blob 404 BLOB_UPLOAD_INVALID ghcr; https://github.com/dotnet/sdk-container-builds/issues/292",
        FailureKind.TRANSIENT,
        f"{PUSH}unknown: blob upload invalid",
    ),
    Recorded(
        "push: PUT blob 416",
        FailureKind.TRANSIENT,
        f"{PUSH}unknown: invalid content range",
    ),
    Recorded(
        "push: PUT blob 400 DIGEST_INVALID; https://github.com/docker/buildx/pull/3731",
        FailureKind.TRANSIENT,
        f"{PUSH}unknown: provided digest did not match uploaded content",
    ),
    Recorded(
        "push: PUT manifest 400 BLOB_UNKNOWN; https://github.com/docker/buildx/pull/3731",
        FailureKind.TRANSIENT,
        f"{PUSH}unknown: blob unknown to registry",
    ),
    # Getting a token for it
    Recorded(
        "push: anon token 503",
        FailureKind.TRANSIENT,
        f"{SOLVE}failed to fetch anonymous token: unexpected status from GET "
        "request to "
        f"http://{REGISTRY}/token?scope=repository%3Ax%3Apull%2Cpush&service=reg: 503 "
        "Service Unavailable",
    ),
    Recorded(
        "push: anon token 429",
        FailureKind.TRANSIENT,
        f"{SOLVE}failed to fetch anonymous token: unexpected status from GET "
        "request to "
        f"http://{REGISTRY}/token?scope=repository%3Ax%3Apull%2Cpush&service=reg: 429 Too "
        "Many Requests",
    ),
    Recorded(
        "push: anon token rst",
        FailureKind.TRANSIENT,
        f"{SOLVE}failed to fetch anonymous token: Get "
        f'"http://{REGISTRY}/token?scope=repository%3Ax%3Apull%2Cpush&service=reg": '
        f"read tcp {LOCAL}->{REGISTRY}: read: connection reset by peer",
    ),
    Recorded(
        "push: oauth token 500; https://github.com/docker/build-push-action/issues/334",
        FailureKind.TRANSIENT,
        f"{SOLVE}failed to fetch oauth token: unexpected status from POST request "
        f"to http://{REGISTRY}/token: 500 Internal Server Error",
    ),
    Recorded(
        "push: oauth token eof; https://github.com/airbytehq/airbyte/issues/27329",
        FailureKind.TRANSIENT,
        f'{SOLVE}failed to fetch oauth token: Post "http://{REGISTRY}/token": EOF',
    ),
    Recorded(
        "push: oauth token 401",
        FailureKind.CREDENTIAL,
        f"{SOLVE}failed to fetch oauth token: unauthorized: incorrect username or password",
    ),
    Recorded(
        "push: oauth token 401 in the specification's own words, which containerd leaves out",
        FailureKind.CREDENTIAL,
        f"{SOLVE}failed to fetch oauth token: unauthorized",
    ),
    Recorded(
        "push: oauth token 403",
        FailureKind.CREDENTIAL,
        f"{SOLVE}failed to fetch oauth token: denied: denied",
    ),
    Recorded(
        "push: anon token 401",
        FailureKind.CREDENTIAL,
        f"{SOLVE}failed to fetch anonymous token: unexpected status from GET "
        "request to "
        f"http://{REGISTRY}/token?scope=repository%3Ax%3Apull%2Cpush&service=reg: 401 "
        "Unauthorized",
    ),
    Recorded(
        "push: anon token 403",
        FailureKind.REFUSED,
        f"{SOLVE}failed to fetch anonymous token: unexpected status from GET "
        "request to "
        f"http://{REGISTRY}/token?scope=repository%3Ax%3Apull%2Cpush&service=reg: 403 "
        "Forbidden",
    ),
]

REGISTRY_MESSAGES = [*TRANSIENT, *REFUSALS, *PULL_MESSAGES, *REPORTS]

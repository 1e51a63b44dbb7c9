"""What others reported that their registries, caches and engines said.

The program's words are those at the address; names, addresses and digests are made up.
"""

from __future__ import annotations

from tests.failures.recorded import DIGEST, Recorded
from whalebuild.failures.failure import FailureKind

REPORTS = [
    # The registry, or the way to it, for the moment
    Recorded(
        "https://github.com/docker/build-push-action/issues/1194",
        FailureKind.TRANSIENT,
        'ERROR: failed to push registry.example/web:1: failed commit on ref "index-'
        f'{DIGEST}": unexpected status from PUT request to '
        "https://registry.example/v2/web/manifests/1: 429 Too Many Requests",
    ),
    Recorded(
        "https://github.com/docker/build-push-action/issues/626",
        FailureKind.TRANSIENT,
        "error: failed to solve: failed to copy: cannot reuse body, request must be retried",
    ),
    Recorded(
        "https://github.com/moby/buildkit/issues/2713",
        FailureKind.TRANSIENT,
        'error: failed to solve: failed to copy: failed to do request: Put "https://registry'
        '.example/v2/web": write tcp 192.0.2.2:48736->192.0.2.3:443: write: connection reset by '
        "peer",
    ),
    Recorded(
        "https://github.com/docker/for-mac/issues/7349",
        FailureKind.TRANSIENT,
        'failed to copy: failed to do request: Put "https://registry.example/v2/web/blobs/uploads'
        '/1": write tcp 192.0.2.2:60764->192.0.2.3:3128: write: broken pipe',
    ),
    Recorded(
        "https://github.com/docker/buildx/issues/324",
        FailureKind.TRANSIENT,
        "failed to solve: rpc error: code = Unknown desc = failed to copy: failed to do request: "
        "Put https://registry.example/v2/web/blobs/uploads/1: write tcp 192.0.2.2:59758->"
        "192.0.2.3:443: use of closed network connection",
    ),
    Recorded(
        "https://github.com/docker/build-push-action/issues/251",
        FailureKind.TRANSIENT,
        f'#26 ERROR: failed commit on ref "layer-{DIGEST}": failed to do request: Put https://'
        "registry.example/v2/web/blobs/upload/1: read tcp 192.0.2.2:48072->192.0.2.3:443: read: "
        "connection timed out",
    ),
    Recorded(
        "https://github.com/docker/buildx/issues/456",
        FailureKind.TRANSIENT,
        "error: failed to solve: rpc error: code = DeadlineExceeded desc = no active session for "
        "d2mw2899j00mfampt13ooz376: context deadline exceeded",
    ),
    Recorded(
        "https://github.com/docker-archive-public/docker.kitematic/issues/3914",
        FailureKind.TRANSIENT,
        "Get https://registry-1.docker.io/v2/: dial tcp: lookup registry-1.docker.io on "
        "192.0.2.3:53: server misbehaving",
    ),
    Recorded(
        "https://github.com/moby/buildkit/issues/5839",
        FailureKind.TRANSIENT,
        'failed to authorize: failed to fetch oauth token: Post "https://auth.docker.io/token": '
        "read: connection reset by peer",
    ),
    Recorded(
        "https://github.com/openshift/origin/issues/17188, docker's own pusher",
        FailureKind.TRANSIENT,
        "error: build error: Failed to push image: blob upload unknown",
    ),
    # Caches, those of GitHub's type included
    Recorded(
        "https://github.com/ptr727/NxWitness/issues/175",
        FailureKind.TRANSIENT,
        "ERROR: failed to solve: error writing layer blob: maximum timeout reached",
    ),
    Recorded(
        "https://github.com/omnigres/omnigres/pull/859",
        FailureKind.TRANSIENT,
        "ERROR: failed to solve: error writing layer blob: error committing cache 396840: Failed "
        "to commit cache.",
    ),
    Recorded(
        "https://github.com/moby/buildkit/issues/2568",
        FailureKind.TRANSIENT,
        "error: failed to solve: failed to compute cache key: failed to read expected number of "
        "bytes: unexpected EOF",
    ),
    Recorded(
        "https://github.com/docker/buildx/issues/681",
        FailureKind.GONE,
        "error: failed to solve: failed to compute cache key: blob not found",
    ),
    Recorded(
        "https://github.com/moby/buildkit/issues/4765",
        FailureKind.GONE,
        f"ERROR: failed to solve: failed to compute cache key: blob {DIGEST} not found",
    ),
    Recorded(
        "https://github.com/docker/build-push-action/issues/422, exporting a cache",
        FailureKind.GONE,
        "error: failed to solve: blob not found",
    ),
    # Credentials
    Recorded(
        "https://github.com/buildkite/elastic-ci-stack-for-aws/issues/178",
        FailureKind.CREDENTIAL,
        "ERROR: denied: Your Authorization Token has expired. Please run 'aws ecr get-login' to "
        "fetch a new one.",
    ),
    Recorded(
        "https://github.com/docker/buildx/issues/1102",
        FailureKind.CREDENTIAL,
        "error: failed to solve: failed to fetch oauth token: authorization server did not "
        "include a token in the response",
    ),
    # The registry's no. ECR answers a HEAD with an expired token like this, too.
    Recorded(
        "https://github.com/insightsengineering/ci-images/pull/91",
        FailureKind.REFUSED,
        "ERROR: failed to solve: failed to push registry.example/web:1: unexpected status from "
        "POST request to https://registry.example/v2/web/blobs/uploads/: 403 Forbidden",
    ),
    Recorded(
        "https://github.com/vllm-project/vllm/issues/48065",
        FailureKind.REFUSED,
        "ERROR: failed to push registry.example/web:1: denied: The repository with name 'web' in "
        "registry with id '1' already has the maximum allowed number of images which is '100000'",
    ),
    Recorded(
        "https://github.com/moby/buildkit/issues/3776, docker's own pusher",
        FailureKind.REFUSED,
        "ERROR: tag invalid: The image tag '1' already exists in the 'web' repository and cannot "
        "be overwritten because the repository is immutable.",
    ),
    Recorded(
        "https://github.com/aws-actions/amazon-ecr-login/issues/166, docker's own pusher",
        FailureKind.REFUSED,
        "name unknown: The repository with name 'web' does not exist in the registry with id '1'",
    ),
    Recorded(
        "https://github.com/moby/buildkit/issues/5487",
        FailureKind.MISSING,
        f'error: failed to solve: error writing manifest blob: failed commit on ref "{DIGEST}": '
        "unexpected status from PUT request to https://registry.example/v2/web/manifests/1: 404 "
        "Not Found",
    ),
    # Engines that go away, and one that is not there
    Recorded(
        "https://github.com/docker/buildx/issues/2789",
        FailureKind.ENGINE_LOST,
        "ERROR: failed to receive status: rpc error: code = Unavailable desc = closing transport "
        'due to: connection error: desc = "error reading from server: EOF", received prior '
        'goaway: code: NO_ERROR, debug data: "graceful_stop"',
    ),
    Recorded(
        "https://github.com/docker/buildx/issues/1079",
        FailureKind.ENGINE_LOST,
        "Error: failed to receive status: rpc error: code = Unavailable desc = closing transport "
        'due to: connection error: desc = "error reading from server: io: read/write on closed '
        'pipe"',
    ),
    Recorded(
        "https://github.com/moby/buildkit/issues/1222",
        FailureKind.ENGINE_LOST,
        "error: failed to receive status: rpc error: code = Unavailable desc = transport is "
        "closing",
    ),
    Recorded(
        "https://github.com/docker/buildx/issues/4063",
        FailureKind.ENGINE_LOST,
        "ERROR: target app: failed to receive status: rpc error: code = Unavailable desc = error "
        "reading from server: context canceled",
    ),
    Recorded(
        "200 services in one bake, on the engine of the benchmark",
        FailureKind.TRANSIENT,
        "ERROR: target svc24-deps: failed to receive status: rpc error: code = NotFound desc = no "
        "such job rd09ozoq2yr7vtc5jn18xkfv8",
    ),
    Recorded(
        "https://github.com/docker/for-win/issues/15026",
        FailureKind.ENGINE_LOST,
        "ERROR: failed to build: failed to solve: Internal: stream terminated by RST_STREAM with "
        "error code: INTERNAL_ERROR",
    ),
    Recorded(
        "https://github.com/moby/buildkit/issues/1222",
        FailureKind.ENGINE_LOST,
        "error: failed to get status: rpc error: code = Unavailable desc = all SubConns are in "
        'TransientFailure, latest connection error: connection error: desc = "transport: error '
        "while dialing: dial unix /run/buildkit/buildkitd.sock: connect: no such file or "
        'directory"',
    ),
]

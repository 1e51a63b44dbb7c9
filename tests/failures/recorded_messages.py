"""What docker, buildx, BuildKit and registries said, where it was recorded, and its kind."""

from __future__ import annotations

from tests.failures.recorded import Recorded
from tests.support.progress import recording
from whalebuild.failures.failure import FailureKind

BUILDX = "buildx 0.29.1 with docker 28.2.2, run here"


MESSAGES = [
    Recorded(
        "buildx 0.29.1, remote driver, docker 28.5.2; the client of the build before was killed",
        FailureKind.TRANSIENT,
        "ERROR: failed to solve: failed to commit nzx8zxakvzsb to 2slhdqx1863e during finalize: "
        "failed to stat active key during commit: snapshot nzx8zxakvzsb does not exist: not found",
    ),
    Recorded(
        "buildx 0.29.1, docker 28.5.2; a proxy answered with 500 and the code UNKNOWN",
        FailureKind.TRANSIENT,
        "ERROR: target app: failed to solve: failed to push 127.0.0.1:5000/acme/web:latest: "
        "unknown: said so",
    ),
    Recorded(
        "buildx 0.29.1, docker 28.5.2; a proxy answered with 503 and the code UNAVAILABLE",
        FailureKind.TRANSIENT,
        "ERROR: target app-deps: failed to solve: failed to push 127.0.0.1:5000/acme/web:deps: "
        "unavailable: said so",
    ),
    # The build itself
    Recorded("tests/data/failed.rawjson", FailureKind.BUILD, recording("failed")[-1]),
    Recorded(
        "https://github.com/ocurrent/current-bench/issues/466",
        FailureKind.BUILD,
        '#22 1.142 Sys_error("No space left on device")\n'
        '#22 ERROR: process "/bin/sh -c opam switch import /app/bench/irmin.opam.export '
        '--no-checksums" did not complete successfully: exit code: 99',
    ),
    Recorded(
        "https://github.com/container2wasm/container2wasm/issues/280",
        FailureKind.BUILD,
        'ERROR: failed to solve: process "/bin/sh -c apt-get update && apt-get install -y '
        'build-essential" did not complete successfully: failed to create endpoint '
        "vh6aabslshu1ylmqye2xv1xk8 on network bridge: failed to add the host (veth29ccddf) <=> "
        "sandbox (veth73bd838) pair interfaces: cannot allocate memory",
    ),
    Recorded(
        "https://github.com/therealthoren/python-selenium-scraper-template/issues/1",
        FailureKind.BUILD,
        "ERROR: failed to solve: failed to compute cache key: failed to calculate checksum of ref "
        '8b4a2281-8212-4d01-b0ac-ed00889d5b56::a1udyhgtxx0o667qy7oblnqbf: "/requirements.txt": '
        "not found",
    ),
    Recorded(
        f"{BUILDX}: a file whose name is not UTF-8",
        FailureKind.BUILD,
        "ERROR: failed to build: failed to solve: Internal: rpc error: code = Internal desc = "
        "grpc: failed to unmarshal the received message: string field contains invalid UTF-8",
    ),
    Recorded(
        f"{BUILDX}: a RUN with a byte that is not UTF-8",
        FailureKind.BUILD,
        "ERROR: failed to build: failed to solve: failed to marshal LLB definition: string field "
        "contains invalid UTF-8",
    ),
    # The request
    Recorded(BUILDX, FailureKind.USAGE, "#1 DONE 0.0s\nERROR: failed to find target ap"),
    Recorded(BUILDX, FailureKind.USAGE, "ERROR: couldn't find a bake definition"),
    Recorded(
        BUILDX,
        FailureKind.USAGE,
        "ERROR: invalid reference format: repository name (library/Bad Ref) must be lowercase",
    ),
    Recorded(
        "https://github.com/stackblitz-labs/bolt.diy/issues/1996",
        FailureKind.USAGE,
        'ERROR: failed to build: failed to solve: target stage "bolt-ai-development" could not '
        "be found",
    ),
    Recorded(
        "https://github.com/docker/buildx/issues/57",
        FailureKind.USAGE,
        "failed to solve: rpc error: code = Unknown desc = failed to solve with frontend "
        "dockerfile.v0: failed to read dockerfile: open /tmp/buildkit-mount199750085/Dockerfile: "
        "no such file or directory",
    ),
    # The engine
    Recorded(
        BUILDX,
        FailureKind.ENGINE_LOST,
        "ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker "
        "daemon running?",
    ),
    Recorded(BUILDX, FailureKind.ENGINE, 'ERROR: no builder "nosuchbuilder" found'),
    Recorded(
        BUILDX,
        FailureKind.ENGINE,
        "docker: unknown command: docker buildx\n\nRun 'docker --help' for more information",
    ),
    Recorded(
        BUILDX,
        FailureKind.ENGINE,
        "unknown flag: --print\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]\n\n"
        "Run 'docker --help' for more information",
    ),
    Recorded(
        "https://github.com/docker/buildx/issues/132",
        FailureKind.ENGINE,
        "docker: 'buildx' is not a docker command.\nSee 'docker --help'",
    ),
    Recorded(
        "https://github.com/launchdarkly/find-code-references/issues/65",
        FailureKind.ENGINE_LOST,
        "ERROR: failed to connect to the docker API at unix:///var/run/docker.sock; check if the "
        "path is correct and if the daemon is running: dial unix /var/run/docker.sock: connect: "
        "no such file or directory",
    ),
    Recorded(
        "https://github.com/microsoft/vscode/issues/251879",
        FailureKind.ENGINE,
        "docker: permission denied while trying to connect to the Docker daemon socket at "
        'unix:///var/run/docker.sock: Head "http://%2Fvar%2Frun%2Fdocker.sock/_ping": dial unix '
        "/var/run/docker.sock: connect: permission denied",
    ),
    Recorded(
        "https://github.com/flanksource/config-db/pull/1751",
        FailureKind.ENGINE,
        "ERROR: failed to build: Cache export is not supported for the docker driver.\nSwitch to "
        "a different driver, or turn on the containerd image store, and try again.",
    ),
    Recorded(
        "https://github.com/guacsec/guac/issues/2832",
        FailureKind.DISK_FULL,
        "ERROR: failed to build: failed to solve: ResourceExhausted: write /var/lib/docker/"
        "overlay2/yp9tg0uq1ufym66lbal7o82n2/diff/guacone-linux-arm64: no space left on device",
    ),
    Recorded(
        "https://github.com/serverless/containers/issues/19",
        FailureKind.DISK_FULL,
        "ERROR: failed to build: failed to solve: ResourceExhausted: failed to read dockerfile: "
        "failed to create temp dir: mkdir /var/lib/docker/tmp/buildkit-mount2667628103: no space "
        "left on device",
    ),
    # The registry cannot be spoken to
    Recorded(
        "https://github.com/docker/buildx/issues/2008",
        FailureKind.UNREACHABLE,
        "ERROR: failed to solve: failed to push www.harbor.com/king/taxi-bus-server:0.1.9: failed "
        'to authorize: failed to fetch oauth token: Post "https://www.harbor.com/service/token": '
        "tls: failed to verify certificate: x509: certificate signed by unknown authority",
    ),
    Recorded(
        "https://github.com/moby/buildkit/issues/2096",
        FailureKind.UNREACHABLE,
        "error: failed to solve: rpc error: code = Unknown desc = failed to do request: Head "
        "https://192.168.137.11:5000/v2/base/demo/blobs/sha256:bb9cdec9c7f337940f7d872274353b66"
        "e118412cbfd433c711361bcf7922aea4:http: "
        "server gave HTTP response to HTTPS client",
    ),
    # The registry, or the way to it, for the moment
    Recorded(
        BUILDX,
        FailureKind.TRANSIENT,
        'ERROR: failed to do request: Head "http://127.0.0.1:1/v2/x/y/manifests/deps": dial tcp '
        "127.0.0.1:1: connect: connection refused",
    ),
    Recorded(
        BUILDX,
        FailureKind.TRANSIENT,
        'ERROR: failed to do request: Head "https://no-such-host.invalid/v2/x/manifests/deps": '
        "dial tcp: lookup no-such-host.invalid on 10.255.255.53:53: no such host",
    ),
    Recorded(
        BUILDX,
        FailureKind.TRANSIENT,
        "ERROR: unexpected status from HEAD request to http://127.0.0.1:5987/v2/503/x/manifests/"
        "deps: 503 Service Unavailable",
    ),
    Recorded(
        "BuildKit's util/push and containerd's remotes/docker/pusher.go, sandbox registry",
        FailureKind.TRANSIENT,
        "ERROR: target app: failed to solve: failed to push registry.example:5000/x:deps: "
        "unexpected status from PUT request to http://registry.example:5000/v2/x/manifests/deps: "
        "503 Service Unavailable",
    ),
    Recorded(
        "https://github.com/PathOS-project/indicator_handbook/issues/88",
        FailureKind.TRANSIENT,
        "error: unexpected status from POST request to https://pathos.docker.imsi.athenarc.gr/v2/"
        "indicator_handbook/blobs/uploads/: 500 Internal Server Error",
    ),
    Recorded(
        "https://github.com/docker/build-push-action/issues/239",
        FailureKind.TRANSIENT,
        "failed to solve: rpc error: code = Unknown desc = unexpected status: 502 Bad Gateway",
    ),
    Recorded(
        "https://github.com/docker/build-push-action/issues/334",
        FailureKind.TRANSIENT,
        "error: failed to solve: rpc error: code = Unknown desc = failed to fetch oauth token: "
        "Get https://auth.docker.io/token?scope=repository%3Abiznetgio%2Fknot-exporter%3Apull%2C"
        "push&service=registry.docker.io: EOF",
    ),
    Recorded(
        "https://github.com/ScribeMD/docker-cache/issues/829",
        FailureKind.TRANSIENT,
        "ERROR: failed to copy: httpReadSeeker: failed open: unexpected status code https://"
        "registry-1.docker.io/v2/library/rust/manifests/sha256:de6e081a4e9c10e70731071cec6f6298"
        "92da1bbaa24b478a96bdc59060674117: "
        "429 Too Many Requests - Server message: toomanyrequests: You have reached your pull "
        "rate limit. You may increase the limit by authenticating and upgrading",
    ),
    Recorded(
        "https://github.com/docker/setup-buildx-action/issues/395",
        FailureKind.TRANSIENT,
        "ERROR: Error response from daemon: toomanyrequests: You have reached your pull rate "
        "limit.",
    ),
    Recorded(
        "https://github.com/docker/buildx/issues/298",
        FailureKind.TRANSIENT,
        "failed to solve: rpc error: code = Unknown desc = failed to copy: read tcp "
        "172.17.0.2:47038->173.194.214.128:443: read: connection reset by peer",
    ),
    Recorded(
        "https://github.com/dagger/dagger/issues/8705",
        FailureKind.TRANSIENT,
        'failed to do request: Head "https://registry-1.docker.io/v2/library/docker/manifests/'
        '24-dind": dial tcp 162.125.2.3:443: i/o timeout',
    ),
    Recorded(
        "https://github.com/docker/build-push-action/issues/761",
        FailureKind.TRANSIENT,
        "ERROR: failed to solve: failed to push ghcr.io/finchsec/kali:latest: failed to copy: "
        "io: read/write on closed pipe",
    ),
    # The registry's no
    Recorded(
        "https://github.com/GoogleCloudPlatform/scion/issues/224",
        FailureKind.REFUSED,
        "ERROR: failed to build: failed to solve: pull access denied, repository does not exist "
        "or may require authorization: server message: insufficient_scope: authorization failed",
    ),
    Recorded(
        "https://github.com/mondoohq/installer/issues/487",
        FailureKind.REFUSED,
        "ERROR: failed to solve: failed to push mondoo/devkit:11.28.1: push access denied, "
        "repository does not exist or may require authorization: server message: "
        "insufficient_scope: authorization failed",
    ),
    Recorded(
        BUILDX,
        FailureKind.REFUSED,
        "ERROR: pull access denied, repository does not exist or may require authorization: "
        "authorization failed: no basic auth credentials",
    ),
    Recorded(
        "https://github.com/docker/buildx/issues/202",
        FailureKind.REFUSED,
        "failed to solve: rpc error: code = Unknown desc = server message: insufficient_scope: "
        "authorization failed",
    ),
    Recorded(
        "distribution/distribution registry/api/errcode/register.go, ErrorCodeDenied",
        FailureKind.REFUSED,
        "denied: requested access to the resource is denied",
    ),
    Recorded(
        "https://github.com/kroxylicious/kroxylicious/pull/2596",
        FailureKind.CREDENTIAL,
        "ERROR: failed to build: failed to solve: failed to fetch anonymous token: unexpected "
        "status from GET request to https://registry.redhat.io/auth/realms/rhcc/protocol/redhat-"
        "docker-v2/auth?scope=repository%3Aubi9%2Fubi-minimal%3Apull&service=docker-registry: "
        "401 Unauthorized",
    ),
    Recorded(
        "https://github.com/jakeswenson/BitBetter/issues/179",
        FailureKind.REFUSED,
        "ERROR: failed to solve: bitbetter/api: failed to authorize: failed to fetch anonymous "
        "token: unexpected status from GET request to https://ghcr.io/token?scope=repository%3A"
        "bitbetter%2Fapi%3Apull&service=ghcr.io: 403 Forbidden",
    ),
    Recorded(
        "https://github.com/earthly/earthly/issues/1873",
        FailureKind.REFUSED,
        "Error: build target: build main: failed to solve: pull access denied, repository does "
        "not exist or may require authorization: authorization status: 401: authorization failed",
    ),
    # Not there
    Recorded(BUILDX, FailureKind.MISSING, "ERROR: 127.0.0.1:5987/404/x:deps: not found"),
    Recorded(
        "https://github.com/Substra/substra-frontend/pull/102",
        FailureKind.MISSING,
        "manifest unknown",
    ),
]

"""Recorded messages of docker, buildx, BuildKit and registries: what each is taken for."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import recording
from whalebuild.core.failures import (
    Failure,
    Kind,
    as_error,
    classify,
    final_error,
    redact,
)

BUILDX = "buildx 0.29.1 with docker 28.2.2, run here"


class Recorded(NamedTuple):
    source: str
    kind: Kind
    text: str


MESSAGES = [
    # The build itself
    Recorded("tests/data/failed.rawjson", Kind.BUILD, recording("failed")[-1]),
    Recorded(
        "https://github.com/ocurrent/current-bench/issues/466",
        Kind.BUILD,
        '#22 1.142 Sys_error("No space left on device")\n'
        '#22 ERROR: process "/bin/sh -c opam switch import /app/bench/irmin.opam.export '
        '--no-checksums" did not complete successfully: exit code: 99',
    ),
    Recorded(
        "https://github.com/container2wasm/container2wasm/issues/280",
        Kind.BUILD,
        'ERROR: failed to solve: process "/bin/sh -c apt-get update && apt-get install -y '
        'build-essential" did not complete successfully: failed to create endpoint '
        "vh6aabslshu1ylmqye2xv1xk8 on network bridge: failed to add the host (veth29ccddf) <=> "
        "sandbox (veth73bd838) pair interfaces: cannot allocate memory",
    ),
    Recorded(
        "https://github.com/therealthoren/python-selenium-scraper-template/issues/1",
        Kind.BUILD,
        "ERROR: failed to solve: failed to compute cache key: failed to calculate checksum of ref "
        '8b4a2281-8212-4d01-b0ac-ed00889d5b56::a1udyhgtxx0o667qy7oblnqbf: "/requirements.txt": '
        "not found",
    ),
    # The request
    Recorded(BUILDX, Kind.USAGE, "#1 DONE 0.0s\nERROR: failed to find target ap"),
    Recorded(BUILDX, Kind.USAGE, "ERROR: couldn't find a bake definition"),
    Recorded(
        BUILDX,
        Kind.USAGE,
        "ERROR: invalid reference format: repository name (library/Bad Ref) must be lowercase",
    ),
    Recorded(
        "https://github.com/stackblitz-labs/bolt.diy/issues/1996",
        Kind.USAGE,
        'ERROR: failed to build: failed to solve: target stage "bolt-ai-development" could not '
        "be found",
    ),
    Recorded(
        "https://github.com/docker/buildx/issues/57",
        Kind.USAGE,
        "failed to solve: rpc error: code = Unknown desc = failed to solve with frontend "
        "dockerfile.v0: failed to read dockerfile: open /tmp/buildkit-mount199750085/Dockerfile: "
        "no such file or directory",
    ),
    # The engine
    Recorded(
        BUILDX,
        Kind.ENGINE,
        "ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker "
        "daemon running?",
    ),
    Recorded(BUILDX, Kind.ENGINE, 'ERROR: no builder "nosuchbuilder" found'),
    Recorded(
        BUILDX,
        Kind.ENGINE,
        "docker: unknown command: docker buildx\n\nRun 'docker --help' for more information",
    ),
    Recorded(
        BUILDX,
        Kind.ENGINE,
        "unknown flag: --print\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]\n\n"
        "Run 'docker --help' for more information",
    ),
    Recorded(
        "https://github.com/docker/buildx/issues/132",
        Kind.ENGINE,
        "docker: 'buildx' is not a docker command.\nSee 'docker --help'",
    ),
    Recorded(
        "https://github.com/launchdarkly/find-code-references/issues/65",
        Kind.ENGINE,
        "ERROR: failed to connect to the docker API at unix:///var/run/docker.sock; check if the "
        "path is correct and if the daemon is running: dial unix /var/run/docker.sock: connect: "
        "no such file or directory",
    ),
    Recorded(
        "https://github.com/microsoft/vscode/issues/251879",
        Kind.ENGINE,
        "docker: permission denied while trying to connect to the Docker daemon socket at "
        'unix:///var/run/docker.sock: Head "http://%2Fvar%2Frun%2Fdocker.sock/_ping": dial unix '
        "/var/run/docker.sock: connect: permission denied",
    ),
    Recorded(
        "https://github.com/flanksource/config-db/pull/1751",
        Kind.ENGINE,
        "ERROR: failed to build: Cache export is not supported for the docker driver.\nSwitch to "
        "a different driver, or turn on the containerd image store, and try again.",
    ),
    Recorded(
        "https://github.com/guacsec/guac/issues/2832",
        Kind.ENGINE,
        "ERROR: failed to build: failed to solve: ResourceExhausted: write /var/lib/docker/"
        "overlay2/yp9tg0uq1ufym66lbal7o82n2/diff/guacone-linux-arm64: no space left on device",
    ),
    Recorded(
        "https://github.com/serverless/containers/issues/19",
        Kind.ENGINE,
        "ERROR: failed to build: failed to solve: ResourceExhausted: failed to read dockerfile: "
        "failed to create temp dir: mkdir /var/lib/docker/tmp/buildkit-mount2667628103: no space "
        "left on device",
    ),
    # The registry cannot be spoken to
    Recorded(
        "https://github.com/docker/buildx/issues/2008",
        Kind.UNREACHABLE,
        "ERROR: failed to solve: failed to push www.harbor.com/king/taxi-bus-server:0.1.9: failed "
        'to authorize: failed to fetch oauth token: Post "https://www.harbor.com/service/token": '
        "tls: failed to verify certificate: x509: certificate signed by unknown authority",
    ),
    Recorded(
        "https://github.com/moby/buildkit/issues/2096",
        Kind.UNREACHABLE,
        "error: failed to solve: rpc error: code = Unknown desc = failed to do request: Head "
        "https://192.168.137.11:5000/v2/base/demo/blobs/sha256:bb9cdec9c7f337940f7d872274353b66"
        "e118412cbfd433c711361bcf7922aea4:http: "
        "server gave HTTP response to HTTPS client",
    ),
    # The registry, or the way to it, for the moment
    Recorded(
        BUILDX,
        Kind.TRANSIENT,
        'ERROR: failed to do request: Head "http://127.0.0.1:1/v2/x/y/manifests/deps": dial tcp '
        "127.0.0.1:1: connect: connection refused",
    ),
    Recorded(
        BUILDX,
        Kind.TRANSIENT,
        'ERROR: failed to do request: Head "https://no-such-host.invalid/v2/x/manifests/deps": '
        "dial tcp: lookup no-such-host.invalid on 10.255.255.53:53: no such host",
    ),
    Recorded(
        BUILDX,
        Kind.TRANSIENT,
        "ERROR: unexpected status from HEAD request to http://127.0.0.1:5987/v2/503/x/manifests/"
        "deps: 503 Service Unavailable",
    ),
    Recorded(
        "BuildKit's util/push and containerd's remotes/docker/pusher.go, sandbox registry",
        Kind.TRANSIENT,
        "ERROR: target app: failed to solve: failed to push registry.example:5000/x:deps: "
        "unexpected status from PUT request to http://registry.example:5000/v2/x/manifests/deps: "
        "503 Service Unavailable",
    ),
    Recorded(
        "https://github.com/PathOS-project/indicator_handbook/issues/88",
        Kind.TRANSIENT,
        "error: unexpected status from POST request to https://pathos.docker.imsi.athenarc.gr/v2/"
        "indicator_handbook/blobs/uploads/: 500 Internal Server Error",
    ),
    Recorded(
        "https://github.com/docker/build-push-action/issues/239",
        Kind.TRANSIENT,
        "failed to solve: rpc error: code = Unknown desc = unexpected status: 502 Bad Gateway",
    ),
    Recorded(
        "https://github.com/docker/build-push-action/issues/334",
        Kind.TRANSIENT,
        "error: failed to solve: rpc error: code = Unknown desc = failed to fetch oauth token: "
        "Get https://auth.docker.io/token?scope=repository%3Abiznetgio%2Fknot-exporter%3Apull%2C"
        "push&service=registry.docker.io: EOF",
    ),
    Recorded(
        "https://github.com/ScribeMD/docker-cache/issues/829",
        Kind.TRANSIENT,
        "ERROR: failed to copy: httpReadSeeker: failed open: unexpected status code https://"
        "registry-1.docker.io/v2/library/rust/manifests/sha256:de6e081a4e9c10e70731071cec6f6298"
        "92da1bbaa24b478a96bdc59060674117: "
        "429 Too Many Requests - Server message: toomanyrequests: You have reached your pull "
        "rate limit. You may increase the limit by authenticating and upgrading",
    ),
    Recorded(
        "https://github.com/docker/setup-buildx-action/issues/395",
        Kind.TRANSIENT,
        "ERROR: Error response from daemon: toomanyrequests: You have reached your pull rate "
        "limit.",
    ),
    Recorded(
        "https://github.com/docker/buildx/issues/298",
        Kind.TRANSIENT,
        "failed to solve: rpc error: code = Unknown desc = failed to copy: read tcp "
        "172.17.0.2:47038->173.194.214.128:443: read: connection reset by peer",
    ),
    Recorded(
        "https://github.com/dagger/dagger/issues/8705",
        Kind.TRANSIENT,
        'failed to do request: Head "https://registry-1.docker.io/v2/library/docker/manifests/'
        '24-dind": dial tcp 162.125.2.3:443: i/o timeout',
    ),
    Recorded(
        "https://github.com/docker/build-push-action/issues/761",
        Kind.TRANSIENT,
        "ERROR: failed to solve: failed to push ghcr.io/finchsec/kali:latest: failed to copy: "
        "io: read/write on closed pipe",
    ),
    # The registry's no
    Recorded(
        "https://github.com/GoogleCloudPlatform/scion/issues/224",
        Kind.REFUSED,
        "ERROR: failed to build: failed to solve: pull access denied, repository does not exist "
        "or may require authorization: server message: insufficient_scope: authorization failed",
    ),
    Recorded(
        "https://github.com/mondoohq/installer/issues/487",
        Kind.REFUSED,
        "ERROR: failed to solve: failed to push mondoo/devkit:11.28.1: push access denied, "
        "repository does not exist or may require authorization: server message: "
        "insufficient_scope: authorization failed",
    ),
    Recorded(
        BUILDX,
        Kind.REFUSED,
        "ERROR: pull access denied, repository does not exist or may require authorization: "
        "authorization failed: no basic auth credentials",
    ),
    Recorded(
        "https://github.com/docker/buildx/issues/202",
        Kind.REFUSED,
        "failed to solve: rpc error: code = Unknown desc = server message: insufficient_scope: "
        "authorization failed",
    ),
    Recorded(
        "distribution/distribution registry/api/errcode/register.go, ErrorCodeDenied",
        Kind.REFUSED,
        "denied: requested access to the resource is denied",
    ),
    Recorded(
        "https://github.com/kroxylicious/kroxylicious/pull/2596",
        Kind.REFUSED,
        "ERROR: failed to build: failed to solve: failed to fetch anonymous token: unexpected "
        "status from GET request to https://registry.redhat.io/auth/realms/rhcc/protocol/redhat-"
        "docker-v2/auth?scope=repository%3Aubi9%2Fubi-minimal%3Apull&service=docker-registry: "
        "401 Unauthorized",
    ),
    Recorded(
        "https://github.com/jakeswenson/BitBetter/issues/179",
        Kind.REFUSED,
        "ERROR: failed to solve: bitbetter/api: failed to authorize: failed to fetch anonymous "
        "token: unexpected status from GET request to https://ghcr.io/token?scope=repository%3A"
        "bitbetter%2Fapi%3Apull&service=ghcr.io: 403 Forbidden",
    ),
    Recorded(
        "https://github.com/earthly/earthly/issues/1873",
        Kind.REFUSED,
        "Error: build target: build main: failed to solve: pull access denied, repository does "
        "not exist or may require authorization: authorization status: 401: authorization failed",
    ),
    # Not there
    Recorded(BUILDX, Kind.MISSING, "ERROR: 127.0.0.1:5987/404/x:deps: not found"),
    Recorded(
        "https://github.com/Substra/substra-frontend/pull/102", Kind.MISSING, "manifest unknown"
    ),
]


@pytest.mark.parametrize(
    "message",
    MESSAGES,
    ids=[f"{m.kind.value}: {m.source.removeprefix('https://github.com/')}" for m in MESSAGES],
)
def test_recorded_messages_are_told_apart(message: Recorded) -> None:
    failure = classify(message.text)
    assert failure.kind is message.kind
    assert failure.evidence in redact(message.text)


@pytest.mark.parametrize("message", [m for m in MESSAGES if m.kind is not Kind.BUILD], ids=repr)
def test_the_reason_is_words_that_can_stand_alone(message: Recorded) -> None:
    reason = classify(message.text).reason
    assert reason[0].isalnum() or reason[0] == "'"
    assert len(reason) > 2


def test_what_a_failing_step_printed_is_no_answer_of_a_registry() -> None:
    log = "#9 0.1 503 Service Unavailable\n#9 0.2 denied: no\nERROR: dial tcp: i/o timeout\n"
    step = 'ERROR: target app: failed to solve: process "/bin/sh -c false" did not complete '
    assert classify(f"{log}{step}successfully: exit code: 1\n").kind is Kind.BUILD


@pytest.mark.parametrize("end", ["exit code: 22", "cannot allocate memory", "signal: killed"])
def test_the_words_of_a_failing_command_are_no_answer_of_a_registry(end: str) -> None:
    command = 'process "/bin/sh -c test $(curl -s url) != 503 Service Unavailable"'
    text = f"ERROR: failed to solve: {command} did not complete successfully: {end}"
    assert classify(text).kind is Kind.BUILD


def test_unknown_words_are_kept_as_evidence() -> None:
    assert classify("one\nERROR: something new\n") == Failure(
        Kind.UNKNOWN, "unknown failure", "ERROR: something new"
    )
    assert classify("") == Failure(Kind.UNKNOWN, "unknown failure", "")


def test_only_the_last_error_counts() -> None:
    assert final_error("ERROR: one\nnote\nERROR: two\nmore\n") == "ERROR: two\nmore"
    assert final_error("no mark\n") == "no mark"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Get https://me:secret@r.io/v2/: EOF", "Get https://r.io/v2/: EOF"),
        ("Get https://me:sec@ret@r.io/v2/: EOF", "Get https://r.io/v2/: EOF"),
        ('Put "http://r.io/u?_state=abc&digest=x": EOF', 'Put "http://r.io/u": EOF'),
        ("r.io/acme/web:deps: not found", "r.io/acme/web:deps: not found"),
        ("mail me@example.org?", "mail me@example.org?"),
    ],
    ids=["user", "at sign in the password", "query", "reference", "no URL"],
)
def test_secrets_in_urls_are_removed(text: str, clean: str) -> None:
    assert redact(text) == clean


word = st.text(alphabet="abcXYZ019-_.~%:!$&'()*+,;=", min_size=1)


@given(word.map("S3CRET".__add__), word.map("T0KEN".__add__))
def test_no_secret_of_a_url_survives(password: str, query: str) -> None:
    url = f"https://user:{password}@registry.example/v2/?token={query}"
    failure = classify(f'ERROR: failed to push: Put "{url}": 503 Service Unavailable')
    assert not {"S3CRET", "T0KEN"} & set(failure.evidence.split("@")[0].split(":"))
    assert "S3CRET" not in failure.evidence
    assert "T0KEN" not in failure.evidence


@pytest.mark.parametrize(
    ("kind", "code", "what"),
    [
        (Kind.USAGE, 2, "the evidence"),
        (Kind.ENGINE, 3, "the Docker engine cannot do this: the reason"),
        (Kind.BUILD, 4, "the build failed"),
        (Kind.UNKNOWN, 4, "the build failed"),
        (Kind.REFUSED, 5, "the registry refused: the reason"),
        (Kind.MISSING, 5, "the registry refused: the reason"),
        (Kind.TRANSIENT, 6, "the registry could not be reached: the reason"),
        (Kind.UNREACHABLE, 6, "the registry could not be reached: the reason"),
    ],
)
def test_every_kind_has_its_exit_code_and_message(kind: Kind, code: int, what: str) -> None:
    error = as_error(Failure(kind, "the reason", "ERROR: the evidence"), log="log of the step")
    assert (error.exit_code, error.what) == (code, what)
    assert (error.cause or error.what) == "the evidence"
    assert error.log == ("log of the step" if code == 4 else None)


@pytest.mark.parametrize(
    ("reason", "step"),
    [
        ("x509: certificate signed by unknown authority", "certificate authority"),
        ("server gave HTTP response to HTTPS client", "insecure registry"),
        ("503 Service Unavailable", "--retry-attempts"),
    ],
)
def test_the_next_step_fits_the_trouble(reason: str, step: str) -> None:
    error = as_error(Failure(Kind.UNREACHABLE, reason, reason))
    assert step in str(error.next_step)

"""Words of buildx 0.29.1 where builders cannot be made or found; hosts replaced."""

from __future__ import annotations

import pytest

from whalebuild.builder.messages import boot_error, creation_error, error_line, unknown_builder
from whalebuild.builder.spec import BuilderSpec
from whalebuild.errors import EngineError, UsageError

TAKEN = (
    'ERROR: existing instance for "farm" but no append mode, specify the node name to make changes '
    "for existing instances\n"
)
NO_CLUSTER = (
    "ERROR: failed to initialize builder farm (farm0): cannot determine Kubernetes namespace, "
    "specify manually: invalid configuration: no configuration has been provided, try setting "
    "KUBERNETES_MASTER environment variable\n"
)
NO_HOST = (
    "ERROR: failed to initialize builder farm (farm0): error during connect: Get "
    '"http://nowhere:2375/v1.51/containers/buildx_buildkit_farm0/json": dial tcp: lookup nowhere '
    "on 192.0.2.53:53: no such host\n"
)
NO_IMAGE = (
    "#1 [internal] booting buildkit\n#1 pulling image moby/buildkit:buildx-stable-1 0.0s done\n"
    "#1 ERROR: Error response from daemon: ...\n------\n > [internal] booting buildkit:\n------\n"
    "ERROR: Error response from daemon: failed to resolve reference "
    '"docker.io/moby/buildkit:buildx-stable-1": failed to do request: Head '
    '"https://registry-1.docker.io/v2/moby/buildkit/manifests/buildx-stable-1": dial tcp: lookup '
    "registry-1.docker.io on 192.0.2.53:53: no such host\n"
)
OLD_STORE_NO_IMAGE = (
    'ERROR: Error response from daemon: Get "https://registry-1.docker.io/v2/": dial tcp: lookup '
    "registry-1.docker.io on 192.0.2.53:53: no such host\n"
)
REFUSED = (
    "ERROR: failed to call diskusage: Unavailable: connection error: desc = "
    '"transport: Error while dialing: dial tcp 192.0.2.1:1234: connect: connection refused"\n'
)
CACHE = (
    "ERROR: failed to build: Cache export is not supported for the docker driver.\n"
    "Switch to a different driver, or turn on the containerd image store, and try again.\n"
)


@pytest.mark.parametrize(
    ("driver", "words", "kind", "what", "step"),
    [
        ("remote", TAKEN, UsageError, 'already a builder "farm"', "builder rm farm"),
        (
            "remote",
            "ERROR: default is a reserved name and cannot be used to identify builder instance\n",
            UsageError,
            "already a builder",
            "another name",
        ),
        ("kubernetes", NO_CLUSTER, EngineError, "there is no cluster", "KUBECONFIG"),
        ("docker-container", NO_HOST, EngineError, "was not made", "docker context ls"),
        (
            "remote",
            "ERROR: unrecognized url scheme foo\n",
            UsageError,
            "an endpoint is not an address",
            "--node",
        ),
        (
            "docker-container",
            "ERROR: failed to parse buildkit config: (1, 1): parsing error: keys cannot contain\n",
            UsageError,
            "its configuration cannot be read",
            "--config",
        ),
        ("remote", "ERROR: something else\n", EngineError, "was not made", ""),
    ],
)
def test_a_builder_that_was_not_made(
    driver: str, words: str, kind: type, what: str, step: str
) -> None:
    error = creation_error(BuilderSpec("farm", driver), words)
    assert type(error) is kind
    assert what in error.what
    assert error.cause
    assert error.cause in words, "buildx's own words"
    assert "(farm0)" not in error.cause
    assert step in str(error.next_step)


@pytest.mark.parametrize("words", [NO_IMAGE, OLD_STORE_NO_IMAGE])
def test_buildkits_image_that_cannot_be_pulled(words: str) -> None:
    error = boot_error("farm", "docker-container", words)
    assert (error.exit_code, error.what) == (3, 'builder "farm" cannot be started')
    assert "registry-1.docker.io" in str(error.cause)
    assert "--driver-opt image=" in str(error.next_step)


def test_pods_that_do_not_start() -> None:
    error = boot_error("farm", "kubernetes", "ERROR: timed out waiting for the pod\n")
    assert "kubectl" in str(error.next_step)


@pytest.mark.parametrize(
    ("words", "plain"),
    [
        (
            REFUSED,
            "transport: Error while dialing: dial tcp 192.0.2.1:1234: connect: connection refused",
        ),
        (CACHE, "Cache export is not supported for the docker driver."),
        ("", ""),
    ],
)
def test_plain_words_are_one_line(words: str, plain: str) -> None:
    assert error_line(words) == plain


def test_an_unknown_builder_is_told_with_what_there_is() -> None:
    error = unknown_builder('ERROR: no builder "fram" found\n', ["farm", "default"])
    assert error
    assert error.what == 'there is no builder "fram"'
    assert error.cause == 'did you mean "farm"?'
    assert unknown_builder("ERROR: other\n", []) is None

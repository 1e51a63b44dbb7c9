"""What buildx says where a builder cannot be made, looked at or removed: a pure function over it.

Recorded with buildx 0.29.1; ``tests/builder/test_messages.py`` has the messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from whalebuild.builder.spec import KUBERNETES, REMOTE, BuilderSpec
from whalebuild.errors import EngineError, UsageError, WhalebuildError
from whalebuild.text import did_you_mean

_TAKEN = re.compile(r"existing instance for|is a reserved name|already exists")
_CLUSTER = re.compile(r"kubernetes|kubeconfig|no configuration has been provided", re.IGNORECASE)
_ADDRESS = re.compile(r"unrecognized url scheme|failed to parse endpoint|invalid endpoint")
_AWAY = re.compile(r"Cannot connect|error during connect|dial |no such host|connection refused")
_IMAGE = re.compile(
    r"failed to resolve reference|pull access denied|manifest unknown|not found|https?://[^/]+/v2/"
)
_NO_BUILDER = re.compile(r'no builder "(?P<name>[^"]*)" found')
_NODES_OWN = re.compile(r"^failed to initialize builder \S+ \(\S+\): ")
_BOILERPLATE = re.compile(r'Unavailable: connection error: desc = "(?P<words>.*)"\s*$')


class BuilderError(EngineError):
    """A builder cannot be used; ``builder`` is its name."""

    def __init__(
        self, builder: str, what: str, *, cause: str | None, next_step: str | None
    ) -> None:
        super().__init__(what, cause=cause, next_step=next_step)
        self.builder = builder


def error_line(stderr: str) -> str:
    """The first line of the last error that buildx printed, without its prefixes."""
    from whalebuild.failures.classify_docker import final_error  # noqa: PLC0415 - of failures alone

    words = final_error(stderr).removeprefix("ERROR: ").removeprefix("failed to build: ")
    words = words.removeprefix("failed to solve: ")
    words = next((line.strip() for line in words.splitlines() if line.strip()), "")
    words = words.removeprefix("failed to call diskusage: ")
    found = _BOILERPLATE.search(words)
    return found["words"].replace('\\"', '"') if found else words


def taken(name: str, words: str | None = None) -> UsageError:
    """There is a builder of this name."""
    return UsageError(
        f'there is already a builder "{name}"',
        cause=words,
        next_step=f"see `whalebuild builder inspect {name}`; remove it with `whalebuild builder rm "
        f"{name}`, or give another name",
    )


def creation_error(spec: BuilderSpec, stderr: str) -> WhalebuildError:
    """Say why a builder, or a node of it, could not be made."""
    words = _NODES_OWN.sub("", error_line(stderr))
    if _TAKEN.search(words):
        return taken(spec.name, words)
    if _ADDRESS.search(words):
        return UsageError(
            f'builder "{spec.name}" was not made: an endpoint is not an address',
            cause=words,
            next_step="correct --node",
        )
    if spec.driver == KUBERNETES and _CLUSTER.search(words):
        return EngineError(
            f'builder "{spec.name}" was not made: there is no cluster',
            cause=words,
            next_step="set KUBECONFIG, or choose a context (`kubectl config use-context`), and see "
            "that `kubectl get pods` works",
        )
    if "buildkit config" in words:
        return UsageError(
            f'builder "{spec.name}" was not made: its configuration cannot be read',
            cause=words,
            next_step="correct the file of --config (TOML, as buildkitd.toml)",
        )
    step = "see `docker context ls` and `docker info`" if _AWAY.search(words) else None
    return EngineError(f'builder "{spec.name}" was not made', cause=words, next_step=step)


def boot_error(name: str, driver: str, stderr: str) -> BuilderError:
    """Say why a builder could not be started."""
    words = error_line(stderr)
    step = f"see `docker buildx inspect --bootstrap {name}`"
    if _IMAGE.search(words):
        step = (
            "see that the engine can pull BuildKit's image, or make the builder with another one: "
            "--driver-opt image=REGISTRY/moby/buildkit:TAG"
        )
    elif driver == KUBERNETES:
        step = "see `kubectl get pods` and `kubectl describe` in the builder's namespace"
    return BuilderError(name, f'builder "{name}" cannot be started', cause=words, next_step=step)


def node_down(name: str, driver: str, endpoint: str, words: str) -> EngineError:
    """Say that a node does not answer."""
    step = "start it, or check its address, the way there and its TLS files"
    if driver != REMOTE:
        step = "look at its engine"
    return EngineError(f"node {name} at {endpoint} does not answer", cause=words, next_step=step)


def unknown_builder(stderr: str, known: Iterable[str]) -> EngineError | None:
    """The error that there is no such builder; None where buildx says something else."""
    found = _NO_BUILDER.search(stderr)
    if found is None:
        return None
    return EngineError(
        f'there is no builder "{found["name"]}"',
        cause=did_you_mean(found["name"], known),
        next_step="see `whalebuild builder ls`",
    )

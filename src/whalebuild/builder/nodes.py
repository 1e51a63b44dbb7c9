"""A builder's nodes, and where each platform is built: natively, or under emulation.

BuildKit names a worker's own platform first, then its variants, then what QEMU is registered for
(``util/archutil`` of moby/buildkit); what a node was given (``buildx create --platform``) stands
before all. Buildx sends a platform to the first node that was given it, else to the first that can
run it, else to the first of all (``build/driver.go`` of docker/buildx).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

# Architectures whose processors run another's programs themselves; arm64 that lacks 32-bit modes
# does not name arm among its platforms.
_ALSO_RUNS = {"amd64": frozenset({"amd64", "386"}), "arm64": frozenset({"arm64", "arm"})}
RUNNING = "running"


class Execution(Enum):
    """How a platform's programs run on a node."""

    NATIVE = "native"
    EMULATED = "emulated"
    UNABLE = "unable"  # no QEMU is registered: only stages that run nothing can be built


@dataclass(frozen=True)
class Node:
    """One node of a builder.

    Attributes:
        endpoint: A docker context's name, or an address.
        status: In buildx's words: running, inactive, stopped, …
        platforms: What it can run, as buildx lists it; none where it does not run.
        given: Those that it was given when it was made.
        own: Its machine's platform, where that is known.
        error: Why nothing is known of it, in buildx's words.
    """

    name: str
    endpoint: str
    status: str = RUNNING
    platforms: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    version: str = ""
    own: str | None = None
    error: str | None = None

    @property
    def natives(self) -> tuple[str, ...]:
        """The platforms whose programs its processor runs.

        Where its machine's is not known, what it was given counts: nodes are given platforms to
        have them built natively.
        """
        own = [self.own] if self.own else list(self.given or self.platforms[:1])
        every = dict.fromkeys((*own, *self.platforms))
        return tuple(platform for platform in every if any(_runs(one, platform) for one in own))

    def how(self, platform: str) -> Execution:
        """How a platform's programs run here."""
        if platform in self.natives:
            return Execution.NATIVE
        return Execution.EMULATED if platform in self.platforms else Execution.UNABLE


@dataclass(frozen=True)
class NodePlacement:
    """Where a platform is built, and how its programs run there."""

    platform: str
    node: Node
    how: Execution


def place(nodes: Sequence[Node], platform: str) -> NodePlacement | None:
    """Tell where buildx would build a platform; None where nothing is known of the nodes."""
    known = [node for node in nodes if node.platforms or node.given]
    if not known:
        return None
    found = (
        next((node for node in known if platform in node.given), None)
        or next((node for node in known if platform in node.platforms), None)
        or known[0]
    )
    return NodePlacement(platform, found, found.how(platform))


def places(nodes: Sequence[Node], platforms: Iterable[str]) -> tuple[NodePlacement, ...]:
    """Tell where each platform is built, as far as it is known."""
    return tuple(found for platform in platforms if (found := place(nodes, platform)))


def _runs(own: str, platform: str) -> bool:
    (system, architecture), (other, wanted) = _parts(own), _parts(platform)
    return system == other and wanted in _ALSO_RUNS.get(architecture, {architecture})


def _parts(platform: str) -> tuple[str, str]:
    system, _, rest = platform.partition("/")
    return system, rest.partition("/")[0]

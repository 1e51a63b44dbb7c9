"""A builder's nodes, and where each platform is built: natively, or under emulation.

BuildKit names a worker's own platform first, then its variants, then what QEMU is registered for
(``util/archutil`` of moby/buildkit); what a node was given (``buildx create --platform``) stands
before all. What the QEMU in BuildKit's image is for (``solver/llbsolver/ops/exec_binfmt.go``) it
does not name.

Buildx sends each platform of a build to the first node that was given it. If none was given one of
them, it sends each to the first node that was given it or can run it, else to the first of all
(``build/resolver/driver.go`` of docker/buildx).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

from whalebuild.values import dataclass

# Architectures whose processors run another's programs themselves; arm64 that lacks 32-bit modes
# does not name arm among its platforms.
_ALSO_RUNS = {"amd64": frozenset({"amd64", "386"}), "arm64": frozenset({"arm64", "arm"})}
# Architectures that every released image of BuildKit has a QEMU for.
_IN_IMAGE = frozenset({"amd64", "arm64", "arm", "386", "ppc64le", "riscv64", "s390x"})
RUNNING = "running"


class Execution(Enum):
    """How a platform's programs run on a node."""

    NATIVE = "native"
    EMULATED = "emulated"  # by a QEMU that is registered there, or comes with BuildKit's image
    UNABLE = "unable"  # there is no QEMU: only stages that run nothing can be built


@dataclass(frozen=True)
class Node:
    """One node of a builder.

    Attributes:
        endpoint: A docker context's name, or an address.
        status: In buildx's words: running, inactive, stopped, …
        platforms: What it can run, as buildx lists it; none where it does not run.
        given: Those that it was given when it was made.
        own: Its machine's platform, where that is known.
        brings_qemu: Whether its BuildKit comes as an image, which has a QEMU for other platforms.
        own_network: Whether it is in a container or pod whose loopback address is its own.
        error: Why nothing is known of it, in buildx's words.
    """

    name: str
    endpoint: str
    status: str = RUNNING
    platforms: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    version: str = ""
    own: str | None = None
    brings_qemu: bool = False
    own_network: bool = False
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
        # Of one that does not run, only its machine is known.
        likely = self.own is not None and not self.platforms and _runs(self.own, platform)
        if likely or platform in self.natives:
            return Execution.NATIVE
        by_image = self.brings_qemu and _in_image(platform)
        emulated = by_image or platform in self.platforms
        return Execution.EMULATED if emulated else Execution.UNABLE

    @property
    def known(self) -> bool:
        """Whether anything is known of what it can run."""
        return bool(self.platforms or self.given or self.own)


@dataclass(frozen=True)
class NodePlacement:
    """Where a platform is built, and how its programs run there."""

    platform: str
    node: Node
    how: Execution


def place(nodes: Sequence[Node], platform: str) -> NodePlacement | None:
    """Tell where buildx would build a platform alone; None where that is not known."""
    return next(iter(places(nodes, [platform])), None)


def places(nodes: Sequence[Node], platforms: Iterable[str]) -> tuple[NodePlacement, ...]:
    """Tell where buildx would build each of the platforms of one build.

    Those of which that is not known are left out: a node that does not run may be able to run them.
    """
    wanted = tuple(dict.fromkeys(platforms))
    if not nodes or not any(node.known for node in nodes):
        return ()
    found = {platform: _given(nodes, platform) for platform in wanted}
    if None in found.values():
        found = {platform: _able(nodes, platform) for platform in wanted}
    return tuple(NodePlacement(p, node, node.how(p)) for p, node in found.items() if node)


def reached(nodes: Sequence[Node], platforms: Iterable[str]) -> tuple[Node, ...]:
    """The nodes that buildx connects to for a build of these platforms."""
    found = [_given(nodes, platform) for platform in platforms]
    if not found:
        return tuple(nodes[:1])
    # It asks all of them what they can run.
    return tuple(nodes) if None in found else tuple(dict.fromkeys(node for node in found if node))


def _given(nodes: Sequence[Node], platform: str) -> Node | None:
    return next((node for node in nodes if platform in node.given), None)


def _able(nodes: Sequence[Node], platform: str) -> Node | None:
    for node in nodes:
        if platform in node.given or platform in node.platforms:
            return node
        if not node.platforms and len(nodes) > 1:
            return None
    return nodes[0]


def _in_image(platform: str) -> bool:
    system, architecture = _parts(platform)
    return system == "linux" and architecture in _IN_IMAGE


def _runs(own: str, platform: str) -> bool:
    (system, architecture), (other, wanted) = _parts(own), _parts(platform)
    return system == other and wanted in _ALSO_RUNS.get(architecture, {architecture})


def _parts(platform: str) -> tuple[str, str]:
    system, _, rest = platform.partition("/")
    return system, rest.partition("/")[0]

"""What is asked of builders; ``docker`` has the answers, ``cli`` hands it in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from whalebuild.builder.facts import BuilderFacts
    from whalebuild.builder.listing import Builder, CacheUsage
    from whalebuild.builder.nodes import Node


class BuilderQuestions(Protocol):
    """What is asked of one builder. Every method but one may raise ``CommandFailedError``."""

    def facts(self, builder: str | None) -> BuilderFacts:
        """Look at the builder (None is the current one), as far as one look tells.

        Nodes are there unless its driver is docker: :meth:`nodes` has that one's.
        """

    def nodes(self, builder: str | None) -> tuple[Node, ...]:
        """Look at the builder's nodes: what each can run, natively or under emulation."""

    def has_builder(self, name: str) -> bool:
        """Whether a builder of this name was made. Raises nothing."""

    def boot(self, builder: str | None) -> BuilderFacts:
        """Start the nodes that do not run, or wait for them; then look at the builder."""


class Builders(Protocol):
    """buildx's builders. Every method but two may raise ``CommandFailedError``."""

    def all(self) -> tuple[Builder, ...]:
        """Look at all builders: those that were made, and every docker context's own."""

    def look(self, name: str | None, *, boot: bool = False) -> Builder:
        """Look at one builder (None is the current one), and start it before if told so."""

    def stored(self, name: str) -> bool:
        """Whether a builder of this name was made, and is no docker context's. Raises nothing."""

    def create(self, arguments: Sequence[str]) -> None:
        """Run ``docker buildx create`` with these arguments."""

    def use(self, name: str) -> None:
        """Have this builder be the current one."""

    def remove(self, name: str, *, keep_state: bool = False) -> None:
        """Remove a builder, and its cache unless the state is kept."""

    def usage(self, builder: str, node: str) -> CacheUsage:
        """How much cache one node holds; fails with the reason where it does not answer."""

    def try_build(self, builder: str, arguments: Sequence[str]) -> None:
        """Build an image of one small file; ``{folder}`` in an argument is a scratch folder."""

    def engine_answers(self) -> bool:
        """Whether an engine answers in the current docker context."""

    def file(self, path: str) -> str | None:
        """The absolute path of a file, None where it cannot be read. Raises nothing."""

"""Looks at a builder: whether it is there, what it can do, and where it builds each platform."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from whalebuild.builder.facts import BuilderFacts
from whalebuild.builder.messages import BuilderError, boot_error, error_line
from whalebuild.builder.nodes import Node, places
from whalebuild.builder.ports import BuilderQuestions
from whalebuild.builder.spec import REMOTE
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.values import dataclass


@dataclass(frozen=True)
class BuilderProbe:
    """Looks at builders.

    Attributes:
        note: Takes a line where the user has to wait.
    """

    engine: BuilderQuestions
    note: Callable[[str], None]

    def facts(self, builder: str | None) -> BuilderFacts:
        """Look at the builder; one that does not run is started, or waited for as buildx does.

        Without that its platform is not known, and a plan has nothing to go by.

        Raises:
            EngineError: There is no such builder, or it cannot be used.
        """
        facts = self.engine.facts(builder)
        if facts.platform or facts.driver == "docker":
            return facts
        self.note(
            f'waiting for builder "{facts.builder}", which does not answer'
            if facts.driver == REMOTE
            else f'starting builder "{facts.builder}"'
        )
        try:
            return self.engine.boot(facts.builder)
        except CommandFailedError as failed:
            raise _down(facts, failed) from None

    def with_nodes(self, facts: BuilderFacts, platforms: Collection[str]) -> BuilderFacts:
        """Add the nodes that these platforms are built on, if buildx tells them.

        Where one of several nodes does not run, and what it can run decides, they are started: a
        bake would do that, and build otherwise than was planned.

        What the docker driver's engine can emulate costs a docker command, 0.2 s, to ask: it is
        asked only if another platform than its own is wanted. (``binfmt_misc`` would cost nothing,
        but is not mounted everywhere, and tells nothing of an engine in a virtual machine.)
        """
        if facts.driver != "docker":
            return self._all_known(facts, platforms)
        if not facts.platform:
            return facts
        own = Node(facts.builder, facts.builder, platforms=(facts.platform,), own=facts.platform)
        if set(platforms) <= {facts.platform}:
            return replace(facts, nodes=(own,))
        try:
            found = self.engine.nodes(facts.builder)
        except CommandFailedError:
            return facts  # the bake goes on as it would have without the question
        return replace(facts, nodes=tuple(replace(node, own=facts.platform) for node in found))

    def _all_known(self, facts: BuilderFacts, platforms: Collection[str]) -> BuilderFacts:
        if len(facts.nodes) <= 1 or len(places(facts.nodes, platforms)) == len(set(platforms)):
            return facts
        idle = ", ".join(node.name for node in facts.nodes if not node.platforms)
        verb = "waiting for" if facts.driver == REMOTE else "starting"
        self.note(f'{verb} node {idle} of builder "{facts.builder}"')
        try:
            return self.engine.boot(facts.builder)
        except CommandFailedError:
            return facts  # the bake says so


def _down(facts: BuilderFacts, failed: CommandFailedError) -> BuilderError:
    if facts.driver != REMOTE:
        return boot_error(facts.builder, facts.driver, failed.stderr)
    addresses = ", ".join(node.endpoint for node in facts.nodes)
    return BuilderError(
        facts.builder,
        f'builder "{facts.builder}" does not answer',
        cause=f"no BuildKit answers at {addresses} ({error_line(failed.stderr)})",
        next_step=f"`whalebuild builder inspect {facts.builder}` says why; or name another "
        "--builder",
    )

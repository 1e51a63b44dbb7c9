"""Makes, starts or waits for the builder before anything is built."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from whalebuild.builder.facts import BuilderFacts
from whalebuild.builder.listing import Builder
from whalebuild.builder.messages import boot_error, creation_error, error_line, node_down
from whalebuild.builder.nodes import RUNNING, Node, reached
from whalebuild.builder.ports import Builders
from whalebuild.builder.reach import check_reach
from whalebuild.builder.spec import CONTAINER, REMOTE, BuilderSpec
from whalebuild.errors import UsageError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.reference import is_loopback
from whalebuild.settings import OWN_NAME


def ensure_builder(
    builders: Builders,
    facts: BuilderFacts,
    platforms: Collection[str],
    note: Callable[[str], None],
    registries: Collection[str] = (),
) -> None:
    """Make the builder if it is missing, or wait for the nodes that these platforms are built on.

    Args:
        builders: buildx's.
        facts: What is known of the builder.
        platforms: The platforms that are going to be built.
        note: Takes a line before the user has to wait.
        registries: Where it is going to push to; one on loopback is reached by the machine's
            network alone.

    Raises:
        EngineError: It cannot be made or started, does not reach the registries, or a node that is
            needed does not answer.
    """
    if facts.missing:
        near = any(map(is_loopback, registries))
        how = f"driver {CONTAINER}{', on the network of the machine' if near else ''}"
        note(f'making builder "{OWN_NAME}" ({how}), once for all bakes')
        made = _make(builders, (("network", "host"),) if near else ())
        check_reach(replace(facts, nodes=made.nodes, missing=False), registries)
    elif down := nodes_down(facts, platforms):
        note(
            f'waiting for node {", ".join(node.name for node in down)} of builder "{facts.builder}"'
        )
        _wait(builders, facts, down)


def nodes_down(facts: BuilderFacts, platforms: Collection[str]) -> tuple[Node, ...]:
    """Remote nodes that buildx connects to for these platforms, and that do not answer.

    Those of other drivers are started by the bake itself.
    """
    if facts.driver != REMOTE:
        return ()
    return tuple(n for n in reached(facts.nodes, sorted(platforms)) if n.status != RUNNING)


def _make(builders: Builders, options: tuple[tuple[str, str], ...]) -> Builder:
    """Make ``--builder auto``'s builder.

    Another bake may do the same at this moment: whoever comes second uses what the first has
    made, and what cannot be started is therefore left for the next try.
    """
    spec = BuilderSpec(OWN_NAME, options=options)
    try:
        builders.create(spec.create_arguments(0))
    except CommandFailedError as failed:
        error = creation_error(spec, failed.stderr)
        if not isinstance(error, UsageError):  # that it is there already
            raise error from None
    try:
        return builders.look(OWN_NAME, boot=True)
    except CommandFailedError as failed:
        raise boot_error(OWN_NAME, CONTAINER, failed.stderr) from None


def _wait(builders: Builders, facts: BuilderFacts, down: tuple[Node, ...]) -> None:
    """Wait for nodes as long as buildx does, 20 s."""
    try:
        nodes = builders.look(facts.builder, boot=True).nodes
    except CommandFailedError:
        nodes = down
    running = {node.name for node in nodes if node.status == RUNNING}
    for node in down:
        if node.name not in running:
            reason = _reason(builders, facts.builder, node)
            raise node_down(node.name, facts.driver, node.endpoint, reason)


def _reason(builders: Builders, builder: str, node: Node) -> str:
    try:
        builders.usage(builder, node.name)
    except CommandFailedError as failed:
        return error_line(failed.stderr)
    return node.status

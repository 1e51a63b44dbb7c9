"""Whether a builder reaches a registry, as far as that follows from how it was made."""

from __future__ import annotations

from collections.abc import Iterable

from whalebuild.builder.facts import BuilderFacts
from whalebuild.builder.messages import BuilderError
from whalebuild.builder.spec import CONTAINER
from whalebuild.oci.reference import is_loopback


def check_reach(facts: BuilderFacts | None, registries: Iterable[str]) -> None:
    """Refuse a registry on loopback where the builder is in a container with its own network.

    Raises:
        BuilderError: There, that address is the container itself: waiting does not help.
    """
    isolated = facts is not None and any(node.own_network for node in facts.nodes)
    registry = next(filter(is_loopback, sorted(registries)), None) if isolated else None
    if facts is None or registry is None:
        return
    step = (
        f"make it anew with the machine's network: `whalebuild builder rm {facts.builder}`, then "
        f"`whalebuild builder create {facts.builder} --driver-opt network=host`"
    )
    where = "a container"
    if facts.driver != CONTAINER:
        where, step = "a pod", "use a builder of another driver"
    raise BuilderError(
        facts.builder,
        f'builder "{facts.builder}" does not reach the registry {registry}',
        cause=f"it runs in {where} with a network of its own, in which that address is "
        f"{where} itself",
        next_step=f"{step}, or name the registry by an address that is reached from there",
    )

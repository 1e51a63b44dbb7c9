"""What a builder can do, and how that is found out."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from whalebuild.builder.listing import Builder
from whalebuild.builder.nodes import RUNNING, Execution, place
from whalebuild.values import dataclass

_DOCKER = "docker"
_USUAL_PLATFORMS = ("linux/amd64", "linux/arm64")


class KnownFrom(StrEnum):
    """Where an answer comes from."""

    TESTED = "tested"  # a build of one small file did it, or failed
    DRIVER = "driver"  # buildx has it so for every builder of this driver


@dataclass(frozen=True)
class Feature:
    """One thing that a builder can do, or not.

    Attributes:
        name: In plain words.
        able: Whether it can.
        why: Why not, in buildx's words.
    """

    name: str
    able: bool
    known: KnownFrom
    why: str | None = None


@dataclass(frozen=True)
class TrialBuild:
    """A feature, and a build that needs it: arguments of ``docker buildx build``."""

    name: str
    arguments: tuple[str, ...]


def trials(builder: Builder) -> tuple[TrialBuild, ...]:
    """Builds that tell what the builder can do: on each of its nodes, where it has several.

    While one of them is down only what the others were given is built: for any other platform
    buildx waits for it.
    """
    whole = all(node.status == RUNNING for node in builder.nodes)
    each = own_platforms(builder) if whole else _given_to_running(builder)
    if not each:
        return ()
    nothing = ("--output", "type=cacheonly")
    where = () if whole and len(each) == 1 else ("--platform", ",".join(each))
    several = each if len(each) > 1 else (_USUAL_PLATFORMS if whole else ())
    cache = "type=local,dest={folder}/cache,mode=max"
    at_once = (*nothing, "--platform", ",".join(several))
    return (
        # A local cache takes one platform.
        TrialBuild(
            "export a cache", (*nothing, *where[:1], *each[: len(where[:1])], "--cache-to", cache)
        ),
        *([TrialBuild("build several platforms at once", at_once)] if several else []),
        TrialBuild("entitlement network.host", (*nothing, *where, "--allow", "network.host")),
        TrialBuild(
            "entitlement security.insecure", (*nothing, *where, "--allow", "security.insecure")
        ),
    )


def _given_to_running(builder: Builder) -> tuple[str, ...]:
    return tuple(node.given[0] for node in builder.nodes if node.status == RUNNING and node.given)


def by_driver(builder: Builder, *, local_engine: bool) -> tuple[Feature, ...]:
    """The features that follow from the driver.

    Args:
        builder: The builder.
        local_engine: Whether there is an engine beside the client, which ``--load`` loads into.
    """
    own = builder.driver == _DOCKER
    why = "the docker driver pushes by tag" if own else None
    no_engine = None if local_engine or own else "no engine answers here to load into"
    return (
        Feature("push by digest", not own, KnownFrom.DRIVER, why),
        Feature("--load", not no_engine, KnownFrom.DRIVER, no_engine),
    )


def own_platforms(builder: Builder) -> tuple[str, ...]:
    """For each running node, a platform that buildx sends to it."""
    running = [node for node in builder.nodes if node.status == RUNNING]
    chosen = []
    for node in running:
        wanted = (*node.given, *filter(None, [node.own]), *node.platforms)
        found = (p for p in wanted if (at := place(builder.nodes, p)) and at.node == node)
        chosen += [platform] if (platform := next(found, None)) else []
    return tuple(dict.fromkeys(chosen))


def main_platforms(builder: Builder) -> tuple[str, ...]:
    """The platforms that a builder builds; variants only of those that are not there themselves."""
    every = dict.fromkeys(p for node in builder.nodes for p in (*node.given, *node.platforms))
    return tuple(p for p in every if p.count("/") == 1 or p.rpartition("/")[0] not in every)


def misplaced(builder: Builder) -> tuple[str, ...]:
    """Sentences about platforms that are not built natively by the node that was given them."""
    return (*_given_in_vain(builder), *_overruled(builder))


def _given_in_vain(builder: Builder) -> Iterator[str]:
    """Platforms that a node's machine does not run natively."""
    for node in builder.nodes:
        for platform in node.given:
            how = node.how(platform)
            if node.own and how is not Execution.NATIVE:
                does = "it emulates" if how is Execution.EMULATED else "it cannot run that"
                yield f"{node.name} was given {platform}, and its machine is {node.own}: {does}"


def _overruled(builder: Builder) -> Iterator[str]:
    """Platforms that an earlier node builds, too, if one is asked for that no node was given."""
    for number, node in enumerate(builder.nodes):
        later = [p for other in builder.nodes[number + 1 :] for p in other.given]
        runs = [platform for platform in later if platform in node.platforms]
        if runs and not node.given:
            yield (
                f"{node.name} was given no platform, and runs {', '.join(runs)}, too: it builds "
                "that wherever a platform is asked for that no node was given; give it its own"
            )

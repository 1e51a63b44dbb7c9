"""The builder in use: there, running, able; and where it builds the platforms that are wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from whalebuild.builder.facts import BuilderFacts
from whalebuild.builder.listing import Builder
from whalebuild.builder.messages import error_line, unknown_builder
from whalebuild.builder.nodes import RUNNING, Execution, Node, places
from whalebuild.builder.reach import check_reach
from whalebuild.builder.spec import REMOTE
from whalebuild.doctor.finding import Finding, failure, ok, skipped, warning
from whalebuild.errors import EngineError, WhalebuildError
from whalebuild.failures.classify_docker import fills_disk
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.platform import LOCAL
from whalebuild.plan.placement import Placement, RunLines
from whalebuild.plan.plan import AppPlan, DepsPlan

_DOCKER = "docker"
_EMULATE = "docker run --privileged --rm tonistiigi/binfmt --install"
_SEE_PLATFORMS = (
    "run them on $BUILDPLATFORM and copy what they make (docs/platforms.md), or give the builder a "
    "node of that platform: `whalebuild builder create`"
)


def judge_builder(found: Builder | WhalebuildError, name: str | None, chosen_by: str) -> Finding:
    """The builder itself.

    Args:
        found: What buildx says of it.
        name: Its name, where one was chosen; None is the docker context's own.
        chosen_by: What chose it: a setting, ``BUILDX_BUILDER`` or ``docker buildx use``.
    """
    if isinstance(found, WhalebuildError):
        return _missing(found, name, chosen_by)
    if found.error and not found.nodes:
        error = EngineError(f'builder "{found.name}" cannot be looked at', cause=found.error)
        return failure(error, _undo(found.name, chosen_by))
    down = [node for node in found.nodes if node.status != RUNNING]
    if down and found.driver == REMOTE:
        return _remote_down(found, down)
    if down:
        names = ", ".join(f"{node.name} ({node.status or 'unknown'})" for node in down)
        return warning(
            f'builder "{found.name}" does not run: {names}',
            cause=next((node.error for node in down if node.error), None),
            next_step="a bake starts it, which takes some seconds",
            command=f"docker buildx inspect --bootstrap {found.name}",
        )
    told = (node.version for node in found.nodes if node.version and "unknown" not in node.version)
    versions = ", ".join(dict.fromkeys(f"BuildKit {version}" for version in told))
    nodes = f", {len(found.nodes)} nodes" if len(found.nodes) > 1 else ""
    return ok(f'"{found.name}" (driver {found.driver}{nodes}){f", {versions}" if versions else ""}')


def judge_trial(failed: WhalebuildError | None) -> Finding:
    """A build of one small file, with an export of its cache."""
    if failed is None:
        return ok("it builds, and exports a cache")
    said = failed.stderr if isinstance(failed, CommandFailedError) else ""
    cause = error_line(said) if said else failed.cause
    if fills_disk(said):
        full = EngineError(
            "the builder's disk is full", cause=cause, next_step="or give it a larger disk"
        )
        return failure(full, "docker buildx prune --all")
    return failure(
        EngineError(
            "a build of one small file fails", cause=cause, next_step="see `docker buildx inspect`"
        )
    )


def judge_reach(facts: BuilderFacts, registries: Iterable[str]) -> Finding | None:
    """Whether the builder reaches the registries, as far as that follows from how it was made."""
    try:
        check_reach(facts, registries)
    except EngineError as error:
        name = facts.builder
        command = (
            f"whalebuild builder rm {name} && "
            f"whalebuild builder create {name} --driver-opt network=host"
        )
        return failure(error, command if facts.driver == "docker-container" else None)
    return None


def run_lines(planned: Iterable[DepsPlan | AppPlan], own: str | None) -> tuple[RunLines, ...]:
    """The RUN instructions of images that were planned without a builder.

    Args:
        planned: The images.
        own: The builder's platform, for those that name none.
    """

    def resolved(platform: str | None) -> str | None:
        return own or platform if platform == LOCAL else platform

    return tuple(
        RunLines(
            resolved(each.platform) or each.platform,
            tuple((resolved(where), lines) for where, lines in each.lines),
        )
        for image in planned
        for each in image.runs
    )


def judge_platforms(
    placements: Sequence[Placement], nodes: Sequence[Node], wanted: Iterable[str]
) -> tuple[Finding, ...]:
    """Where the platforms that are wanted are built.

    Args:
        placements: Of images whose steps are known.
        nodes: The builder's.
        wanted: Platforms that are asked for, whether steps are known or not.
    """
    found = [*_impossible(placements), *_emulated(placements)]
    named = {at.platform for at in placements}
    alone = [at for at in places(nodes, wanted) if at.platform not in named]
    unable = [at.platform for at in alone if at.how is Execution.UNABLE]
    if unable:
        found.append(
            warning(
                f"programs of {', '.join(unable)} cannot run",
                cause=f"{alone[0].node.name} has no QEMU for it",
                next_step=_SEE_PLATFORMS,
                command=_install(unable),
            )
        )
    if found:
        return tuple(found)
    shown = list(dict.fromkeys([*named, *(at.platform for at in alone)]))
    if not shown:
        return (skipped("it is not known what the builder can run"),)
    ways = {p: _way(p, placements, nodes) for p in sorted(shown)}
    return (ok(", ".join(f"{platform} {way}" for platform, way in ways.items())),)


def _missing(error: WhalebuildError, name: str | None, chosen_by: str) -> Finding:
    said = error.stderr if isinstance(error, CommandFailedError) else ""
    unknown = unknown_builder(said, ())
    if unknown is None:
        return failure(error)
    step = f"{chosen_by} names it: choose another one (`whalebuild builder ls`), or make it"
    make = f"whalebuild builder create {name}"
    return failure(unknown, _undo(name, chosen_by) or make).mended_by(None, step)


def _undo(name: str | None, chosen_by: str) -> str | None:
    """What takes back a choice that is no setting of the project's."""
    if chosen_by in {"BUILDX_BUILDER", "WHALEBUILD_BUILDER"}:
        return f"unset {chosen_by}"
    return "docker buildx use default" if name and chosen_by == "docker buildx use" else None


def _remote_down(found: Builder, down: Sequence[Node]) -> Finding:
    names = ", ".join(f"{node.name} at {node.endpoint}" for node in down)
    what = f'builder "{found.name}" does not answer: {names}'
    cause = next((node.error for node in down if node.error), None)
    step = "start the BuildKit there, or check its address, the way there and its TLS files"
    if len(down) == len(found.nodes):
        return failure(EngineError(what, cause=cause, next_step=step))
    return warning(what, cause=cause, next_step=f"{step}; the others build what they were given")


def _impossible(placements: Iterable[Placement]) -> Iterator[Finding]:
    for at in _each(placements):
        if at.impossible:
            yield failure(
                EngineError(
                    f"steps for {at.platform} cannot run: {_lines(at.impossible)}",
                    cause=f"{at.node} is no machine of that platform, and has no QEMU for it",
                    next_step=_SEE_PLATFORMS,
                ),
                _install([at.platform]),
            )


def _emulated(placements: Iterable[Placement]) -> Iterator[Finding]:
    for at in _each(placements):
        if at.emulated and not at.impossible:
            yield warning(
                f"steps for {at.platform} are emulated: {_lines(at.emulated)}",
                cause=f"{at.node} is no machine of that platform: each takes many times as long",
                next_step=_SEE_PLATFORMS,
            )


def _each(placements: Iterable[Placement]) -> tuple[Placement, ...]:
    """Each once: both images of a pair may have the same steps."""
    return tuple(dict.fromkeys(placements))


def _way(platform: str, placements: Sequence[Placement], nodes: Sequence[Node]) -> str:
    at = next(iter(places(nodes, [platform])), None)
    if at is None or at.how is Execution.NATIVE:
        return "natively"
    known = any(each.platform == platform for each in placements)
    return "needs no emulation: no step runs its programs" if known else "emulated"


def _install(platforms: Iterable[str]) -> str:
    wanted = ",".join(dict.fromkeys(p.partition("/")[2].partition("/")[0] for p in platforms))
    return f"{_EMULATE} {wanted}"


def _lines(numbers: Sequence[int]) -> str:
    return f"line{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"

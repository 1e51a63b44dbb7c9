"""The two Dockerfiles of an application that is cut: of its app base, and of the rest.

What was checked against ``frontend/dockerfile/dockerfile2llb/convert.go`` of BuildKit:

- The image's configuration hands down ENV, WORKDIR, USER, LABEL, EXPOSE, VOLUME, STOPSIGNAL, SHELL,
  HEALTHCHECK, ENTRYPOINT, CMD and MAINTAINER: ``init`` copies the same configuration from a stage
  that ``resolveBaseImage`` reads from an image, and ``dispatchStages`` begins with its variables,
  WORKDIR and USER either way. A relative WORKDIR is relative to that of the configuration.
- ARG is not in it (``init`` copies ``state`` and ``buildArgs``): repeated, see ``arguments``.
- ``dispatchEntrypoint`` forgets the CMD unless one stood in the same stage (``cmd.IsSet``, which no
  stage hands down to another): then the CMD is repeated. A CMD in shell form takes the SHELL that
  it finds.
- ``commitToHistory`` writes a line for each ARG and CMD: those of the repeated ones are to be
  dropped. That of RUN names all arguments (``runCommandString``).
- ONBUILD fires where an image is used (``resolveStages``), and TARGETSTAGE is the name of the stage
  that is built (``defaultArgs`` in ``platform.go``): see ``limits``.
- ``--platform`` of FROM counts for an image alone (``init`` takes the parent's).
- COPY --from and mounts find stages by their names, COPY --from by their number too: all stages
  stay where they are. What is not needed is not built (``allReachableStages``).
- ``workdirSet`` is not handed down: a relative WORKDIR gives a warning on an image, which is an
  error with ``check=error=true``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container

from whalebuild.appbase.arguments import repeated
from whalebuild.appbase.limits import needs, why_not
from whalebuild.appbase.values import Boundary, WhyNot
from whalebuild.dockerfile.lines import Instruction
from whalebuild.dockerfile.words import ListError, blank_separated, json_list
from whalebuild.values import dataclass

_STRICT = re.compile(r"error\s*=\s*true", re.IGNORECASE)


@dataclass(frozen=True)
class Tail:
    """The Dockerfile of what comes after the boundary.

    Attributes:
        text: The Dockerfile.
        repeated: How many of its instructions repeat what the app base has: as many lines of the
            history, after those of the app base, are to be dropped.
    """

    text: str
    repeated: int


def base_dockerfile(boundary: Boundary) -> str:
    """The Dockerfile of the app base: the beginning of the file; its last stage is the target."""
    last = boundary.before[-1] if boundary.before else boundary.stage.opening
    return "\n".join([*_lines(boundary)[: last.end], ""])


def tail_dockerfile(
    boundary: Boundary,
    base_name: str,
    *,
    environment: Collection[str] | None = None,
    pinned: Container[str] = (),
) -> Tail | WhyNot:
    """The Dockerfile in which the app base, or its stub, stands in the place of what it is made by.

    Other stages are as they were, and so are line numbers where there is room.

    Args:
        boundary: The boundary.
        base_name: What FROM is to name: an image, or a named context.
        environment: Names of the variables in the app base's configuration; None where it is not
            known, then an ARG that one of them may replace is refused.
        pinned: See ``limits.why_not``.

    Returns:
        The Dockerfile, or why there is none.

    Raises:
        ValueError: ``base_name`` is the name of a stage.
    """
    if boundary.stages.dockerfile.stage(base_name):
        raise ValueError(f"{base_name} is a stage")
    users = _users(boundary)
    in_history = any(step.keyword == "RUN" for step in users)
    arguments = repeated(boundary, environment, in_history=in_history)
    command = _command(boundary)
    refused = (
        why_not(boundary, pinned)
        or _lost(arguments.lost, users)
        or (command if isinstance(command, WhyNot) else None)
        or _strict(boundary)
    )
    if refused:
        return refused
    steps = [*arguments.steps, *([command] if isinstance(command, Instruction) else [])]
    return Tail(_replaced(boundary, base_name, steps), len(steps))


def _replaced(boundary: Boundary, base_name: str, steps: list[Instruction]) -> str:
    lines = _lines(boundary)
    opening = boundary.stage.opening
    end = boundary.before[-1].end if boundary.before else opening.end
    keyword = opening.whole.split()[0]
    new = [" ".join([keyword, base_name, *blank_separated(opening.rest)[1:]])]
    for step in steps:
        new += lines[step.line - 1 : step.end] if step.line else [step.whole]
    room = [""] * (end - opening.line + 1 - len(new))
    return "\n".join([*lines[: opening.line - 1], *new, *room, *lines[end:]])


def _users(boundary: Boundary) -> list[Instruction]:
    """Instructions that see the arguments of the app base."""
    found = needs(boundary)
    side = found.side.values() if found.standing else ()
    return [
        *(tail.step for tail in boundary.tail),
        *(step for stage in side for step in stage.instructions),
    ]


def _lost(lost: Collection[str], users: list[Instruction]) -> WhyNot | None:
    for step in users:
        for name in lost:
            if _may_use(step, name):
                return WhyNot(f"ARG {name} would have another value on an image", step.line)
    return None


def _may_use(step: Instruction, name: str) -> bool:
    # A RUN finds it in its environment, whatever its own text says.
    text = "\n".join([step.text, *step.heredocs])
    return step.keyword == "RUN" or re.search(rf"\$\{{?{re.escape(name)}\b", text) is not None


def _command(boundary: Boundary) -> Instruction | WhyNot | None:
    """The CMD that an ENTRYPOINT after the boundary would forget."""
    later = {step.keyword for step in boundary.after}
    before = [at for at, step in enumerate(boundary.before) if step.keyword == "CMD"]
    if "ENTRYPOINT" not in later or "CMD" in later or not before:
        return None
    command = boundary.before[before[-1]]
    shells = any(step.keyword == "SHELL" for step in boundary.before[before[-1] :])
    if shells and not _is_list(command.rest):
        return WhyNot("CMD would be run by the SHELL after it", command.line)
    return command


def _is_list(text: str) -> bool:
    try:
        return json_list(text) is not None
    except ListError:
        return False


def _strict(boundary: Boundary) -> WhyNot | None:
    stages = boundary.stages
    asked = stages.build.args.get("BUILDKIT_DOCKERFILE_CHECK")
    if not _STRICT.search(asked or stages.dockerfile.directives.check or ""):
        return None
    steps = (tail.step for tail in boundary.tail if tail.step.keyword == "WORKDIR")
    found = next((step for step in steps if not step.rest.startswith("/")), None)
    return WhyNot("a relative WORKDIR is an error here", found.line) if found else None


def _lines(boundary: Boundary) -> list[str]:
    return boundary.text.split("\n")

"""Refuses Dockerfiles that no BuildKit would build, before anything is decided about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from whalebuild.bakefile.contexts import dockerfile_path
from whalebuild.bakefile.target import Target
from whalebuild.dockerfile.fault import find_fault
from whalebuild.dockerfile.parser import Dockerfile
from whalebuild.errors import UsageError
from whalebuild.plan.ports import SourceTree

_SYNTAX_ARG = "BUILDKIT_SYNTAX"


def check_dockerfiles(
    targets: Iterable[Target], known: Mapping[str, Dockerfile], tree: SourceTree
) -> None:
    """Refuse Dockerfiles that cannot be built.

    Args:
        targets: All that are built.
        known: Dockerfiles that were read already, by target.
        tree: Reads the others.

    Raises:
        UsageError: There is one.
    """
    for target in targets:
        if target.call:  # it is asked about the file, not to build it: BuildKit answers
            continue
        dockerfile = known.get(target.name) or _read(target, tree)
        fault = find_fault(dockerfile, _frontend(target)) if dockerfile else None
        if fault:
            line = f", line {fault.line}" if fault.line else ""
            raise UsageError(
                f"{_file(target)}{line}: {fault.what}",
                cause=f'{fault.cause} (target "{target.name}")',
                next_step="correct it: BuildKit builds no such Dockerfile",
            )


def _read(target: Target, tree: SourceTree) -> Dockerfile | None:
    """The Dockerfile; None where it is not here, which buildx may know to do something about."""
    try:
        return tree.dockerfile(target)
    except UsageError:
        return None


def _frontend(target: Target) -> str | None:
    """The frontend that an argument names; None where its value is not the bake file's."""
    value = target.args.get(_SYNTAX_ARG, "")
    return None if value is None else value.partition(" ")[0]


def _file(target: Target) -> str:
    if target.dockerfile_inline:
        return "the bake file's own Dockerfile"
    return dockerfile_path(target.context, target.dockerfile)

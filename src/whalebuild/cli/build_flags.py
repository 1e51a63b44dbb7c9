"""What flags of buildx's make of a bake: overrides, a call, how much is printed."""

from __future__ import annotations

from collections.abc import Sequence

from whalebuild.bakefile.build_flags import BuildFlags
from whalebuild.cli.options import AttributeOptions
from whalebuild.errors import UsageError


def overrides_of(
    given: Sequence[str] | None,
    attributes: AttributeOptions,
    *,
    push: bool,
    call: str | None = None,
) -> list[str]:
    """The values of ``--set``, and those that other flags stand for."""
    written = {name: value for name, value in vars(attributes).items() if value is not None}
    return [*(given or ()), *BuildFlags(push=push, call=call, **written).overrides]


def asked_call(call: str | None, *, check: bool) -> str | None:
    """What ``--call`` and ``--check`` ask of Dockerfiles; None is a build.

    Raises:
        UsageError: They ask for different things.
    """
    method = BuildFlags(call=call).method
    if check and method not in {None, "check"}:
        raise UsageError(
            f"--call {call} and --check exclude each other",
            cause="--check is short for --call check",
            next_step="leave one of them out",
        )
    if check:
        return call if method else "check"
    return call if method else None


def asked_progress(progress: str | None, *, quiet: bool) -> str | None:
    """The progress mode that ``--progress`` and ``--quiet`` ask for.

    Raises:
        UsageError: They ask for different things, as ``docker build`` has it.
    """
    if quiet and progress not in {None, "auto", "quiet"}:
        raise UsageError(
            f"--progress {progress} and --quiet exclude each other",
            cause="--quiet prints no progress",
            next_step="leave one of them out",
        )
    return "quiet" if quiet else progress


def check_shown(*, print_: bool, list_: str | None) -> None:
    """Refuse to show two things.

    Raises:
        UsageError: The definition and a list are asked for.
    """
    if print_ and list_:
        raise UsageError(
            "--print and --list exclude each other",
            cause="each of them is all that is printed",
            next_step="leave one of them out",
        )

"""``whalebuild bake --partial``: its options and its file.

Every bake imports this before it begins to ask docker: it imports little itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from whalebuild.errors import UsageError
from whalebuild.oci.platform import parse_platforms

if TYPE_CHECKING:
    from whalebuild.bake.baker import Baker
    from whalebuild.bake.result import BakeResult
    from whalebuild.bakefile.images import Portion
    from whalebuild.plan.plan import Plan


def check_modes(
    *, push: bool, load: bool, read_only: bool, partial: bool, part_file: Path | None
) -> None:
    """Refuse flags that exclude each other.

    Raises:
        UsageError: Two of them do.
    """
    if load and read_only:
        raise UsageError(
            "--load and --read-only exclude each other",
            cause="one builds for the local engine, the other for every platform",
            next_step="leave one of them out",
        )
    if push and (load or read_only):
        raise UsageError(
            f"--push and {'--load' if load else '--read-only'} exclude each other",
            cause="with the one everything is pushed, with the other nothing",
            next_step="leave one of them out; without both a bake publishes",
        )
    if partial and (load or read_only):
        raise UsageError(
            f"--partial and {'--load' if load else '--read-only'} exclude each other",
            cause="a part is pushed, for `whalebuild merge` to publish it",
            next_step="leave one of them out",
        )
    if part_file is not None and not partial:
        raise UsageError(
            "--part-file was given without --partial",
            cause="only a partial bake writes a part",
            next_step="add --partial, or leave --part-file out",
        )


def check_verify(*, verify: bool, load: bool, read_only: bool, partial: bool) -> None:
    """Refuse ``--verify`` where nothing is built on a stub.

    Raises:
        UsageError: It was given beside another flag.
    """
    others = {"--load": load, "--read-only": read_only, "--partial": partial}
    given = next((flag for flag, is_given in others.items() if is_given), None)
    if verify and given:
        raise UsageError(
            f"--verify and {given} exclude each other",
            cause=f"with {given} every image is built the ordinary way, or on the whole app base",
            next_step="leave one of them out",
        )


def ask_for_portion(platforms: Sequence[str] | None) -> Portion:
    """What ``--platform`` means beside ``--partial``: which of all platforms are built here.

    Raises:
        UsageError: One of them is no platform.
    """
    from whalebuild.bakefile.images import Portion

    wanted = parse_platforms(platforms or (), where="--platform")
    from whalebuild.cli.session import random_token

    return Portion(wanted, random_token())


def portion_note(plan: Plan) -> str:
    """One line on what a partial bake does."""
    here = ", ".join(plan.options.built_here(plan.platforms))
    whole = ", ".join(plan.platforms)
    return f"--partial builds {here} of {whole}; `whalebuild merge` publishes them"


def bake_part(baker: Baker, from_here: Callable[[Path], Path], given: Path | None) -> BakeResult:
    """Bake a portion, and write its part.

    Args:
        baker: Of the portion.
        from_here: Where a path is that was written where the user stands.
        given: The part's file; None for one that says its platforms.

    Raises:
        UsageError: The file cannot be written.
        WhalebuildError: The bake failed; there is no file then.
    """
    from whalebuild.bake.partial.format import part_json

    path = from_here(given or _default_file(baker.plan))
    from whalebuild.state.part_files import claim_part_file, write_part_file

    claim_part_file(path)
    part, result = baker.bake_part()
    write_part_file(path, json.dumps(part_json(part), indent=2) + "\n")
    return replace(result, part=str(path))


def _default_file(plan: Plan) -> Path:
    names = "_".join(plan.options.built_here(plan.platforms)).replace("/", "-")
    return Path(f"whalebuild-part-{names}.json")

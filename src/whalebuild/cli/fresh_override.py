"""A bake that publishes keeps the compose override fresh, where there is one."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from whalebuild.errors import WhalebuildError
from whalebuild.source.compose_lookup import existing_override, find_compose_files, read_own

if TYPE_CHECKING:
    from whalebuild.cli.session import Session


def keep_fresh(session: Session) -> None:
    """Write the override of the project here anew, where whalebuild wrote one before.

    What was published stays published, whatever comes of that.
    """
    files = find_compose_files(Path.cwd(), os.environ)
    path = existing_override(files)
    if path is None:
        return
    from whalebuild.cli.override_file import make_override
    from whalebuild.override.file import targets_of
    from whalebuild.source.override_file import write_override

    try:
        targets = targets_of(read_own(path) or "")
        made = make_override(session, replace(session.request, targets=targets), files, path)
        if not made.fresh:
            write_override(path, made.text)
            session.console.note(f"{path.name} has what was just published")
    except WhalebuildError as failed:
        session.console.note(
            f"warning: {path.name} could not be written anew: {failed.what}; whalebuild override "
            "does it"
        )

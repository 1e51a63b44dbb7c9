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

    The override of a folder above, which compose would find, is about another bake file. Nor is a
    service taken out that the project still builds: this bake may be of other targets or images.
    What was published stays published, whatever comes of that.
    """
    root = Path.cwd()
    files = find_compose_files(root, os.environ)
    path = existing_override(files)
    if path is None or not path.resolve().is_relative_to(root.resolve()):
        return
    from whalebuild.cli.override_file import make_override
    from whalebuild.override.file import targets_of
    from whalebuild.source.override_file import write_override

    console = session.console
    again = f"run whalebuild override in {os.path.relpath(path.parent, session.project.start)}"
    try:
        targets = targets_of(read_own(path) or "")
        made = make_override(session, replace(session.request, targets=targets), files, path)
        if made.lost:
            why = "; ".join(f"{each.service}: {each.left_out}" for each in made.lost)
            console.note(f"warning: {path.name} stays as it is, or it would lose {why}; {again}")
        elif not made.fresh:
            write_override(path, made.text)
            console.note(f"{path.name} has what was just published")
    except WhalebuildError as failed:
        console.note(f"warning: {path.name} could not be written anew: {failed.what}; {again}")

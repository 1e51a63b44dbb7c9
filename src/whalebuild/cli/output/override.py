"""A compose override and what is in it, as text and as JSON."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whalebuild.override.content import Given
from whalebuild.text import short_digest

if TYPE_CHECKING:
    from whalebuild.cli.override_file import Override
    from whalebuild.source.compose_lookup import ComposeFiles

SCHEMA = "whalebuild.override/1"


def override_lines(
    made: Override, files: ComposeFiles, *, written: bool, found: bool
) -> Iterator[str]:
    """What was written, what each service gets, and what to do.

    Args:
        made: The override.
        files: The files of the project.
        written: Whether it was written just now.
        found: Whether compose reads it by itself.
    """
    if made.path:
        state = "written" if written else "up to date" if made.fresh else "not up to date"
        yield f"{_shown(made.path)}: {state}"
    for each in made.given:
        yield from _service(each)
    if made.unbuilt:
        yield f"  not built: {', '.join(made.unbuilt)}"
    if made.path and made.sent_to:
        yield (
            f"  warning: the context of {', '.join(made.sent_to)} has {made.path.name} in it, and "
            f"with COPY . . the image has it, too: add it to .dockerignore"
        )
    if made.path and not found:
        names = [*files.files, made.path]
        yield "compose does not read it by itself: in .env or the environment, set"
        yield f"  COMPOSE_FILE={os.pathsep.join(map(_shown, names))}"


def _service(given: Given) -> Iterator[str]:
    if given.left_out:
        yield f"  {given.service}: left out, {given.left_out}"
        return
    digest = short_digest(given.deps.digest or "") if given.deps else ""
    yield f"  {given.service}: starts from target {given.target}, :deps {digest}{_freshness(given)}"
    for note in given.notes:
        yield f"    {note}"


def _freshness(given: Given) -> str:
    if given.reused:
        return ", which is made from what is here"
    if given.reused is None:
        return f"; whether that is made from what is here BuildKit finds out ({_why(given)})"
    return f"; what differs here is built here ({_why(given)})"


def _why(given: Given) -> str:
    return "; ".join(given.reasons)


def _shown(path: Path) -> str:
    here = Path.cwd()
    path = path.absolute()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def override_json(made: Override, *, written: bool) -> dict[str, Any]:
    """The versioned form."""
    return {
        "schema": SCHEMA,
        "file": str(made.path.absolute()) if made.path else None,
        "fresh": made.fresh,
        "written": written,
        "text": made.text,
        "services": [_as_json(each) for each in made.given],
        "unbuilt": list(made.unbuilt),
        "sent_to": list(made.sent_to),
    }


def _as_json(given: Given) -> dict[str, Any]:
    return {
        "service": given.service,
        "target": given.target,
        "left_out": given.left_out or None,
        "deps": str(given.deps) if given.deps else None,
        "reused": given.reused,
        "reasons": list(given.reasons),
        "additional_contexts": dict(given.contexts),
        "cache_from": list(given.cache_from),
        "notes": list(given.notes),
    }

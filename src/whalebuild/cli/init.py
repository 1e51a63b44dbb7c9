"""``whalebuild init``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from whalebuild.cli import options as opt
from whalebuild.cli.boundary import boundary
from whalebuild.errors import EngineError, RefusedError, UnreachableError, UsageError

if TYPE_CHECKING:
    from whalebuild.plan.plan import Plan
    from whalebuild.scaffold.propose import Proposal

EXAMPLES = (
    ("whalebuild init", "show what would be written, and ask"),
    ("whalebuild init --image ghcr.io/acme/shop --yes", "name the image, and do not ask"),
    ("whalebuild init --dry-run", "show it, and write nothing"),
)
_Image = Annotated[
    str | None,
    typer.Option(
        "--image", metavar="NAME", help="Name of the image to publish; guessed where not given."
    ),
]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")]


def init(
    *,
    image: _Image = None,
    yes: _Yes = False,
    dry_run: opt.DryRun = False,
    format_: opt.OutputFormat = opt.Format.TEXT,
) -> None:
    """Set a project up: a Dockerfile where it has none, or what could be faster in its own.

    Files that are there are never changed.
    """
    with boundary(format_):
        from whalebuild.cli.output.init import init_json, init_text, next_steps
        from whalebuild.source.new_files import write_new_files

        asks = not (yes or dry_run or format_ is opt.Format.JSON)
        terminal = _is_terminal()
        proposal = _propose(Path.cwd(), image, asks=asks and terminal)
        if asks and proposal.files and not terminal:
            raise UsageError(
                "init asks before it writes, and standard input is no terminal",
                next_step="give --yes, or --dry-run to see what would be written",
            )
        plan, unread = _plan(proposal) if proposal.builds else (None, "")
        text = format_ is opt.Format.TEXT
        if text:
            typer.echo(init_text(proposal, plan, unread, in_full=not yes))
        # What machines read is not asked about: --yes is for them, too.
        writes = bool(proposal.files) and not dry_run and (yes or asks)
        if writes and asks:
            writes = typer.confirm("\nWrite this?", default=True, err=True)
        if writes:
            write_new_files(Path.cwd(), ((file.path, file.text) for file in proposal.files))
        typer.echo(
            "\n".join(next_steps(proposal, plan, written=writes))
            if text
            else json.dumps(init_json(proposal, plan, unread, written=writes))
        )


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _propose(root: Path, image: str | None, *, asks: bool) -> Proposal:
    from whalebuild.scaffold.image_name import parse_image
    from whalebuild.scaffold.project import Guess
    from whalebuild.scaffold.propose import propose
    from whalebuild.source.project_files import read_project, read_template

    project = read_project(root)
    given = None
    if image:
        given = Guess("image", parse_image(image, where="--image"), "--image names it")
    proposal = propose(project, read_template, given)
    guessed = next((g for g in proposal.guesses if g.what == "image"), None)
    if not asks or given or guessed is None or guessed.sure:
        return proposal
    name = typer.prompt(
        f"Name of the image (a guess: {guessed.because})", default=guessed.value, err=True
    )
    named = Guess("image", parse_image(name, where="the image's name"), "you said so")
    return propose(project, read_template, named)


def _plan(proposal: Proposal) -> tuple[Plan | None, str]:
    """What a bake of the project as it is would do; or why that cannot be told.

    The registry and the engine are asked once, and not waited for.
    """
    from whalebuild.bakefile.images import BuildOptions
    from whalebuild.cli.session import BakeArguments, open_session

    flags: dict[str, object] = {"retry-attempts": 1, "progress": "plain"}
    if proposal.image:
        flags["image"] = proposal.image
    with open_session(flags, BakeArguments()) as session:
        unread = ""
        for ask in (True, False):
            planner = session.planner(ask=ask, thorough=True)
            try:
                with session.reading():
                    return planner.plan(session.request, BuildOptions()), unread
            except (EngineError, UnreachableError, RefusedError) as failed:
                unread = unread or failed.what
        return None, unread

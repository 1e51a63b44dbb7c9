"""``whalebuild plugin install|uninstall``."""

from __future__ import annotations

import typer

from whalebuild.cli.boundary import boundary
from whalebuild.cli.commands import Verb, VerbGroup

EXAMPLES = (
    ("whalebuild plugin install", "from then on: docker whale bake"),
    ("whalebuild plugin uninstall", "remove the link again"),
)
app = typer.Typer(
    name="plugin",
    cls=VerbGroup,
    help="Have docker know whalebuild as `docker whale`.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.command(cls=Verb)
def install() -> None:
    """Link this program into docker's folder of plugins."""
    with boundary("text"):
        from whalebuild.docker.own_plugin import install_plugin

        made = install_plugin()
        typer.echo(f"{made.link} -> {made.program}\nnow there is: docker whale bake")


@app.command(cls=Verb)
def uninstall() -> None:
    """Remove that link."""
    with boundary("text"):
        from whalebuild.docker.own_plugin import uninstall_plugin

        link = uninstall_plugin()
        typer.echo(f"removed {link}" if link else "there is no such link")

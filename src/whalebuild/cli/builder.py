"""``whalebuild builder ls|create|inspect|rm``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from whalebuild.cli import options as opt
from whalebuild.cli.boundary import boundary
from whalebuild.cli.commands import Verb, VerbGroup
from whalebuild.cli.screen import show

if TYPE_CHECKING:
    from whalebuild.builder.manage import BuilderManager

EXAMPLES = (
    ("whalebuild builder ls", "all builders, and where each platform is built"),
    ("whalebuild builder create --use", "one with a BuildKit of its own, as the current one"),
    (
        "whalebuild builder create farm --node ssh://amd --node ssh://arm",
        "one of two machines, each for its own platform",
    ),
    ("whalebuild builder inspect farm", "what it can do, found out by small builds"),
    ("whalebuild builder rm farm", "remove it with its cache"),
)
app = typer.Typer(
    name="builder",
    cls=VerbGroup,
    help="Builders: what there is, which node builds which platform, and new ones.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

_Name = Annotated[
    str | None,
    Argument(metavar="NAME", help="What it is to be called.", show_default="whalebuild"),
]
_Builder = Annotated[
    str | None,
    Argument(metavar="BUILDER", help="Which one; default: the current one.", show_default=False),
]
_Driver = Annotated[str, Option(metavar="DRIVER", help="docker-container, remote or kubernetes.")]
_Nodes = Annotated[
    list[str] | None,
    Option("--node", metavar="ENDPOINT[=PLATFORMS]", help="A node (repeatable)."),
]
_Options = Annotated[
    list[str] | None,
    Option("--driver-opt", metavar="NAME=VALUE", help="Option of the driver (repeatable)."),
]
_Config = Annotated[
    str | None, Option(metavar="FILE", help="BuildKit's configuration file (buildkitd.toml).")
]
_Use = Annotated[bool, Option("--use", help="Make it the current builder.")]
_Boot = Annotated[
    bool, Option("--bootstrap/--no-bootstrap", help="Start it, and have every node answer.")
]
_Test = Annotated[
    bool,
    Option("--test/--no-test", help="Find out by builds of one small file what it can do."),
]
_KeepState = Annotated[bool, Option("--keep-state", help="Keep its cache for a later builder.")]


@app.command("ls", cls=Verb)
def list_(format_: opt.OutputFormat = opt.Format.TEXT) -> None:
    """List builders, and which node of each builds which platform."""
    with boundary(format_), _manager() as manager:
        from whalebuild.cli.output.builder import list_json, list_text

        with _said("asking docker for its builders"):
            found = manager.list()
        _print(format_, list_json(found), partial(list_text, found))


@app.command(cls=Verb)
def inspect(
    name: _Builder = None, test: _Test = True, format_: opt.OutputFormat = opt.Format.TEXT
) -> None:
    """Show a builder (the current one): its nodes, their caches, and what it can do."""
    with boundary(format_), _manager() as manager:
        from whalebuild.cli.output.builder import view_json, view_text

        with _said("asking its nodes, and trying out what it can do"):
            view = manager.inspect(name, test=test)
        _print(format_, view_json(view), partial(view_text, view))


@app.command(cls=Verb)
def create(
    name: _Name = None,
    driver: _Driver = "docker-container",
    node: _Nodes = None,
    driver_opt: _Options = None,
    config: _Config = None,
    use: _Use = False,
    bootstrap: _Boot = True,
    format_: opt.OutputFormat = opt.Format.TEXT,
) -> None:
    """Make a builder (named "whalebuild" if no name is given) with all its nodes, or none."""
    with boundary(format_), _manager() as manager:
        from whalebuild.builder.spec import make_spec
        from whalebuild.cli.output.builder import view_json, view_text

        spec = make_spec(name, driver, node or (), driver_opt or (), config)
        with _said("making it, and waiting for its nodes"):
            view = manager.create(spec, use=use, boot=bootstrap)
        _print(format_, view_json(view), partial(view_text, view))


@app.command("rm", cls=Verb)
def remove(
    name: Annotated[str, Argument(metavar="BUILDER", help="Which one.", show_default=False)],
    keep_state: _KeepState = False,
    format_: opt.OutputFormat = opt.Format.TEXT,
) -> None:
    """Remove a builder, its daemons and their caches; a remote BuildKit itself stays as it is."""
    with boundary(format_), _manager() as manager:
        from whalebuild.cli.output.builder import removed_json

        with _said("removing it from its nodes"):
            manager.remove(name, keep_state=keep_state)
        _print(format_, removed_json(name), lambda _: f'removed builder "{name}"')


def _said(what: str) -> AbstractContextManager[None]:
    """Say what is being done, if it takes long."""
    from whalebuild.runtime.waiting import said_if_slow

    return said_if_slow(lambda: typer.echo(f"whalebuild: {what}", err=True))


@contextmanager
def _manager() -> Iterator[BuilderManager]:
    from whalebuild.builder.manage import BuilderManager
    from whalebuild.docker.builders import DockerBuilders

    with DockerBuilders() as builders:
        yield BuilderManager(builders, lambda text: typer.echo(f"whalebuild: {text}", err=True))


def _print(format_: opt.Format, values: object, render: Callable[[int | None], str]) -> None:
    if format_ is opt.Format.JSON:
        typer.echo(json.dumps(values))
    else:
        show(render)

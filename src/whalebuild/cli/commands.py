"""Commands of Typer whose help is a page, and whose verbs are imported when they are called."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from whalebuild.cli.help import help_text, terminal_width
from whalebuild.cli.pages import Page, page_of
from whalebuild.cli.verbs import VERBS, front_page


class _Paged:
    """A command whose help is a page."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write it to the formatter."""
        formatter.write(help_text(self.page(ctx), terminal_width()) + "\n")

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Write the first line of it, for a command line that is wrong."""
        page = self.page(ctx)
        formatter.write(f"Usage: {page.path} {page.usage}\n")

    @staticmethod
    def page(ctx: Any) -> Page:
        """What there is to say of it."""
        return page_of(ctx.command, ctx.command_path)


class Verb(_Paged, TyperCommand):
    """A command."""


class VerbGroup(_Paged, TyperGroup):
    """A command that has others below it."""


class Program(VerbGroup):
    """The command line as a whole."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = _Verbs()

    @staticmethod
    def page(ctx: Any) -> Page:
        """What there is to say of it: no verb is imported for that."""
        return front_page(ctx.command_path)


class _Verbs(MutableMapping[str, Any]):
    """Commands by name, each made when it is first wanted."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            module, attribute, _ = VERBS[name]
            self._made[name] = _command(getattr(import_module(module), attribute))
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(VERBS)

    def __len__(self) -> int:
        return len(VERBS)

    def __contains__(self, name: object) -> bool:
        return name in VERBS


def _command(verb: Any) -> Any:
    """The command of a verb's function, or of the application of several."""
    if not isinstance(verb, typer.Typer):
        one = typer.Typer(add_completion=False, rich_markup_mode=None)
        one.command(cls=Verb)(verb)
        verb = one
    return typer.main.get_command(verb)

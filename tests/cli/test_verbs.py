"""What is said of all verbs without importing them is what they say themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer

from whalebuild.cli.app import app
from whalebuild.cli.help import help_text
from whalebuild.cli.pages import page_of
from whalebuild.cli.verbs import VERBS, front_page


@pytest.mark.parametrize("path", ["whalebuild", "docker whale"])
def test_the_front_page_is_that_of_the_command_line(path: str) -> None:
    page = page_of(typer.main.get_command(app), path)
    assert help_text(front_page(path), 100) == help_text(page, 100)


def test_a_verb_is_made_when_it_is_wanted_and_once() -> None:
    commands: Any = typer.main.get_command(app).commands
    assert list(commands) == list(VERBS)
    assert len(commands) == len(VERBS)
    assert "bake" in commands
    assert "baek" not in commands
    assert commands.get("baek") is None
    assert commands["bake"] is commands["bake"]


def test_every_verb_has_the_name_that_it_is_listed_by() -> None:
    def names() -> Iterator[tuple[str, str | None]]:
        commands: Any = typer.main.get_command(app).commands
        for name, command in commands.items():
            yield name, command.name

    assert all(name == own for name, own in names())

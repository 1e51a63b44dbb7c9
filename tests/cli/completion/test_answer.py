"""What may come next on a command line."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import typer

from whalebuild.cli.app import app
from whalebuild.cli.completion.answer import Answer, Candidate, Given, answer
from whalebuild.cli.pages import page_of

ROOT = page_of(typer.main.get_command(app))
KNOWN = {
    "TARGET": ["app", "api", "default"],
    "BUILDER": ["far", "auto"],
    "PLATFORM": ["linux/amd64", "linux/arm64"],
    "SERVICE": ["web", "worker"],
}


def values(kind: str, _: Given) -> Iterable[Candidate]:
    return [(word, "") for word in KNOWN.get(kind, [])]


def complete(line: str) -> Answer:
    """The last word, which ends where the line does, is to be completed."""
    return answer(ROOT, line.split(" "), values)


def words(line: str) -> list[str]:
    return [word for word, _ in complete(line).candidates]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("roll", ["rollback"]),
        ("pl", ["plan", "plugin"]),
        ("builder i", ["inspect"]),
        ("bake a", ["app", "api"]),
        ("bake app a", ["api"]),
        ("bake --no-c", ["--no-cache"]),
        ("deploy --no-w", ["--no-wait"]),
        ("bake --builder f", ["far"]),
        ("bake --builder=f", ["--builder=far"]),
        ("bake --platform linux/am", ["linux/amd64"]),
        ("bake --platform linux/amd64,l", ["linux/amd64,linux/arm64"]),
        ("bake --platform=linux/arm64,", ["--platform=linux/arm64,linux/amd64"]),
        ("bake --no-cache --set x=y a", ["app", "api"]),
        ("bake -t name:tag d", ["default"]),
        ("bake -tname:tag d", ["default"]),
        ("bake --format ", ["text", "json"]),
        ("bake --format=j", ["--format=json"]),
        ("bake -- a", ["app", "api"]),
        ("bake -- --no", []),
        ("builder rm ", ["far", "auto"]),
        ("builder rm far ", []),
        ("deploy w", ["web", "worker"]),
        ("rollback ", []),
        ("nosuch ", []),
        ("bake --nosuch=", []),
        ("completion z", ["zsh"]),
    ],
)
def test_the_last_word_is_completed(line: str, expected: list[str]) -> None:
    if line == "nosuch ":
        assert complete(line).candidates == complete("").candidates
        return
    assert words(line) == expected


@pytest.mark.parametrize(
    "line", ["bake -f ", "bake --file=d", "deploy --env-file ", "merge ", "merge a.json "]
)
def test_files_are_left_to_the_shell(line: str) -> None:
    assert complete(line) == Answer(files=True)


def test_every_verb_is_offered_with_what_it_does() -> None:
    assert {word for word, about in complete("").candidates if about} == {
        page.name for page in ROOT.commands
    }


def test_a_verb_is_told_what_was_given() -> None:
    seen: list[Given] = []

    def note(_: str, given: Given) -> Iterable[Candidate]:
        seen.append(given)
        return ()

    answer(ROOT, ["bake", "-f", "a.hcl", "--file=b.hcl", "--platform", "x", "app", ""], note)
    assert seen[0].page.name == "bake"
    assert seen[0].options == {"--file": ["a.hcl", "b.hcl"], "--platform": ["x"]}
    assert seen[0].words == ["app"]

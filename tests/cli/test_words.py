"""Words of other tools: each is answered by what does it here, which is there indeed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
import typer

from whalebuild.cli.app import app
from whalebuild.cli.words import FLAGS, VERBS, answer_to_flag, answer_to_verb

_GROUP: Any = typer.main.get_command(app)
_COMMANDS: dict[str, Any] = _GROUP.commands


def _options(verb: str) -> set[str]:
    return {option for parameter in _COMMANDS[verb].params for option in parameter.opts}


@pytest.mark.parametrize("answer", sorted({*VERBS.values(), *FLAGS.values()}))
def test_what_is_answered_exists(answer: str) -> None:
    for verb, rest in re.findall(r"`whalebuild ([a-z]+)([^`]*)`", answer):
        assert verb in _COMMANDS, answer
        for flag in re.findall(r"--[a-z-]+", rest):
            assert flag in _options(verb), answer
    outside = re.sub(r"`[^`]*`", "", answer)
    for flag in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", outside):
        assert flag in _options("bake"), answer


@pytest.mark.parametrize("word", VERBS)
def test_a_verb_that_is_answered_is_none_of_ours(word: str) -> None:
    assert word not in _COMMANDS
    assert answer_to_verb(word)


@pytest.mark.parametrize("flag", FLAGS)
def test_a_flag_that_is_answered_is_none_of_bake_s(flag: str) -> None:
    assert flag not in _options("bake")
    assert answer_to_flag(flag, ())


def test_a_flag_of_another_verb_is_answered_by_that_verb() -> None:
    assert answer_to_flag("--load", ["bake"]) == "`whalebuild bake --load`"


def whalebuild(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "whalebuild", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("build", "whalebuild has no build\n  next:  `whalebuild bake` builds"),
        ("up -d", "whalebuild has no up\n  next:  `whalebuild deploy`"),
        ("bake --no-push", "whalebuild bake has no --no-push\n  next:  --load"),
        ("bake --build-arg=TOKEN=secret", "next:  --set '*.args.NAME=VALUE'"),
        ("bake -o out", "has no -o\n  next:  --set '*.output="),
        ("plan --load", "whalebuild plan has no --load\n  next:  `whalebuild bake --load`"),
        ("bake --dry-run", "whalebuild bake has no --dry-run\n  next:  `whalebuild plan`"),
        ("builder build", "No such command 'build'"),
        ("nosuch", "No such command 'nosuch'"),
        ("bake --platfrom x", "--platform"),
    ],
)
def test_a_word_that_is_missing(words: str, said: str) -> None:
    done = whalebuild(*words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "secret" not in done.stderr


def test_machines_get_the_answer_too() -> None:
    done = whalebuild("bake", "--no-push", "--format", "json")
    assert "--read-only" in json.loads(done.stdout)["error"]["next"]

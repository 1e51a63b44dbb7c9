"""A bake in a pull request from a fork."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.support.platforms import AMD64
from tests.support.registry import FakeRegistry
from whalebuild.cli.app import app

SAID = "this pull request is from the fork stranger/web: it reads only"


def bake(*words: str) -> Result:
    return CliRunner().invoke(app, ["bake", *words], prog_name="whalebuild")


@pytest.fixture(autouse=True)
def event(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = project / "event.json"
    head = {"repo": {"full_name": "stranger/web"}}
    path.write_text(json.dumps({"pull_request": {"head": head}}))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(path))
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/web")
    return path


def test_it_reads_only_and_says_so(registry: FakeRegistry) -> None:
    done = bake("--format", "json")
    assert done.exit_code == 0, done.stderr
    assert SAID in done.stderr
    assert json.loads(done.stdout)["published"] is False
    assert registry.tags == {}


def test_push_is_an_order(registry: FakeRegistry) -> None:
    done = bake("--push")
    assert done.exit_code == 0, done.stderr
    assert SAID not in done.stderr
    assert sorted(tag for _, tag in registry.tags) == ["deps", "latest"]


@pytest.mark.parametrize("flag", ["--read-only", "--load"])
def test_a_flag_that_publishes_nothing_needs_no_word(registry: FakeRegistry, flag: str) -> None:
    assert SAID not in bake(flag).stderr
    assert registry.tags == {}


def test_a_partial_bake_leaves_no_part(project: Path, registry: FakeRegistry) -> None:
    (project / "whalebuild.toml").write_text(f'platform = ["{AMD64}"]\n')
    done = bake("--partial", "--platform", AMD64, "--part-file", "part.json")
    assert done.exit_code == 0, done.stderr
    assert SAID in done.stderr
    assert not (project / "part.json").exists()
    assert registry.tags == {}


def test_verify_has_nothing_to_compare(registry: FakeRegistry) -> None:
    assert bake("--verify").exit_code == 0


def test_flags_that_exclude_each_other_do_so_here_too() -> None:
    done = bake("--partial", "--read-only")
    assert done.exit_code == 2
    assert "exclude each other" in done.stderr


@pytest.mark.parametrize("text", ["{", "[" * 200_000], ids=["no JSON", "nested too deeply"])
def test_where_the_event_cannot_be_read_it_reads_only(
    event: Path, registry: FakeRegistry, text: str
) -> None:
    event.write_text(text)
    done = bake()
    assert done.exit_code == 0, done.stderr
    assert "whether this pull request is from a fork is not known" in done.stderr
    assert registry.tags == {}


def test_a_push_publishes(registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_EVENT_NAME", "push")
    assert bake().exit_code == 0
    assert sorted(tag for _, tag in registry.tags) == ["deps", "latest"]

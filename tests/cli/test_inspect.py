"""``whalebuild inspect`` from the command line to its output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.support.published_pair import REPOSITORY, PublishedPair
from whalebuild.cli.app import app
from whalebuild.registry.client import RegistryClient


@pytest.fixture(autouse=True)
def _world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder, and a registry in memory."""
    registry = PublishedPair().registry
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(RegistryClient, "manifest", lambda _, ref, **__: registry.manifest(ref))


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, ["inspect", *words], prog_name="whalebuild")


def test_an_image_needs_neither_engine_nor_bake_file() -> None:
    text = invoke(REPOSITORY)
    assert text.exit_code == 0
    assert ":latest was built on this :deps" in text.stdout
    shown = invoke(f"{REPOSITORY}:latest", "--format", "json", "--platform", "linux/arm64")
    [pair] = json.loads(shown.stdout)["pairs"]
    assert list(pair["shared"]) == ["linux/arm64"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["registry.test/other"], "nothing is published under registry.test/other:deps, "),
        (["Bad Name"], '"Bad Name" is not an image reference (IMAGE)'),
        ([REPOSITORY, "--platform", "linux/amd46"], '"linux/amd46" is not a platform'),
        ([REPOSITORY, "--platform", "linux/s390x"], "nothing is published for linux/s390x"),
        ([REPOSITORY, "--file", "x.hcl"], "IMAGE was given, and options"),
        ([REPOSITORY, "--set", "app.tags="], "IMAGE was given, and options"),
    ],
    ids=["missing", "name", "platform", "other platform", "file", "set"],
)
def test_what_cannot_be_shown_ends_with_2_and_a_message(words: list[str], what: str) -> None:
    done = invoke(*words, "--format", "json")
    assert done.exit_code == 2
    error = json.loads(done.stdout)["error"]
    assert error["what"].startswith(what)
    assert error["next"]

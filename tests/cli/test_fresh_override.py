"""A bake and the override that is there: what happens to it is never the bake's failure."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import whalebuild.cli.override_file as made_by
from whalebuild.bakefile.request import BakeRequest
from whalebuild.cli.fresh_override import keep_fresh
from whalebuild.cli.override_file import Override
from whalebuild.errors import UsageError
from whalebuild.override.file import override_text


class _Session(SimpleNamespace):
    """What is asked of a session."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        super().__init__(console=SimpleNamespace(note=self.notes.append), request=BakeRequest())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COMPOSE_FILE", raising=False)
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    return tmp_path


def keep(monkeypatch: pytest.MonkeyPatch, make: Any) -> list[str]:
    monkeypatch.setattr(made_by, "make_override", make)
    session: Any = _Session()
    keep_fresh(session)
    notes: list[str] = session.notes
    return notes


def _unasked(*_: object) -> Override:
    raise AssertionError("nobody has asked for it")


def test_there_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert keep(monkeypatch, _unasked) == []
    (folder / "compose.override.yaml").write_text("services: {}\n")
    assert keep(monkeypatch, _unasked) == []


def test_it_is_made_for_the_targets_that_it_was_made_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "compose.override.yaml"
    path.write_text(override_text([], ["api"]))
    asked: list[BakeRequest] = []

    def make(_: object, request: BakeRequest, __: object, where: Path) -> Override:
        asked.append(request)
        return Override(where, "new\n", path.read_text(), ())

    assert keep(monkeypatch, make) == ["compose.override.yaml has what was just published"]
    assert [request.targets for request in asked] == [("api",)]
    assert path.read_text() == "new\n"


def test_it_is_left_alone_where_nothing_is_new(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "compose.override.yaml"
    path.write_text(override_text([]))
    same = Override(path, path.read_text(), path.read_text(), ())
    before = path.stat()
    assert keep(monkeypatch, lambda *_: same) == []
    assert path.stat() == before


def test_a_failure_is_a_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "compose.override.yaml").write_text(override_text([]))

    def fail(*_: object) -> Override:
        raise UsageError("the compose project cannot be read")

    (note,) = keep(monkeypatch, fail)
    assert note.startswith("warning: compose.override.yaml could not be written anew")

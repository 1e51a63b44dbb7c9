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
from whalebuild.oci.reference import parse_reference
from whalebuild.override.content import Given
from whalebuild.override.file import override_text


class _Session(SimpleNamespace):
    """What is asked of a session."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        super().__init__(
            console=SimpleNamespace(note=self.notes.append),
            request=BakeRequest(),
            project=SimpleNamespace(start=Path.cwd()),
        )


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
    assert note.endswith("run whalebuild override in .")


def given(*services: str) -> tuple[Given, ...]:
    return tuple(
        Given(each, caches=(parse_reference("r.example/x", where=""),)) for each in services
    )


def test_one_of_a_folder_above_is_that_of_another_project(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "compose.override.yaml"
    path.write_text(override_text(given("api", "worker")))
    before = path.read_text()
    (folder / "api").mkdir()
    monkeypatch.chdir(folder / "api")
    assert keep(monkeypatch, _unasked) == []
    assert path.read_text() == before


def test_one_beside_files_that_are_named_in_a_folder_below_is_of_the_project(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "deploy").mkdir()
    monkeypatch.setenv("COMPOSE_FILE", "deploy/compose.yaml")
    (folder / "deploy/compose.yaml").touch()
    path = folder / "deploy/compose.whalebuild.yaml"
    path.write_text(override_text([]))
    made = Override(path, "new\n", path.read_text(), ())
    assert keep(monkeypatch, lambda *_: made) == [f"{path.name} has what was just published"]


def test_no_service_is_lost(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "compose.override.yaml"
    path.write_text(override_text(given("api", "worker$1", "gone")))
    before = path.read_text()
    left = Given("worker$1", left_out="no pair of the bake file has its Dockerfile and context")
    now = (*given("api"), left, Given("never", left_out="its build has no_cache"))
    made = Override(path, override_text(now), before, now)
    (note,) = keep(monkeypatch, lambda *_: made)
    assert note == (
        "warning: compose.override.yaml stays as it is, or it would lose worker$1: no pair of the "
        "bake file has its Dockerfile and context; run whalebuild override in ."
    )
    assert path.read_text() == before


def test_a_service_that_is_no_longer_built_is_taken_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "compose.override.yaml"
    path.write_text(override_text(given("api", "gone", "image-alone")))
    now = given("api")
    made = Override(path, override_text(now), path.read_text(), now, ("image-alone",))
    assert keep(monkeypatch, lambda *_: made) == [
        "compose.override.yaml has what was just published"
    ]
    assert path.read_text() == override_text(now)

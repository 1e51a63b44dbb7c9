from __future__ import annotations

from pathlib import Path

import pytest

from whalebuild.cli.output.github_place import annotated
from whalebuild.errors import BuildError, Place, UsageError, WhalebuildError

DOCKERFILE = "FROM x\nRUN a\nCOPY . .\nRUN b\n  RUN a\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "services" / "web"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "whalebuild.toml").write_text("")
    (folder / "docker-bake.hcl").write_text("")
    return tmp_path


def at(error: WhalebuildError, root: Path) -> tuple[str | None, int | None]:
    found = annotated(error, {"GITHUB_WORKSPACE": str(root)})
    return found.file, found.line


def failed(place: Place | None) -> BuildError:
    error = BuildError("the build failed", cause="exit code: 1", next_step="see the log")
    error.place = place
    return error


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (Place("Dockerfile", 4, "RUN b"), 4),
        (Place("Dockerfile", 2, "RUN b"), 4),  # the part of a Dockerfile that was cut
        (Place("Dockerfile", 99, "RUN b"), 4),
        (Place("Dockerfile", 2, "RUN a"), 2),
        (Place("Dockerfile", 4, "RUN a"), None),  # either of two
        (Place("Dockerfile", 4, "RUN c"), None),
        (Place("Dockerfile", 4), 4),
        (Place("Dockerfile", 99), None),
        (Place("Dockerfile"), None),
    ],
)
def test_a_line_of_a_dockerfile(folder: Path, place: Place, line: int | None) -> None:
    assert at(failed(place), folder) == ("services/web/Dockerfile", line)


def test_a_file_that_is_not_in_the_repository_is_not_named(folder: Path) -> None:
    assert at(failed(Place("other", 1)), folder) == (None, None)
    assert at(failed(Place("Dockerfile", 1)), folder / "elsewhere") == (None, None)
    assert at(failed(None), folder) == (None, None)


@pytest.mark.parametrize(
    ("what", "cause", "where"),
    [
        ("docker-bake.hcl:1,3-8: Unsupported block type", None, ("docker-bake.hcl", None)),
        ('whalebuild.toml: unknown setting "imag"', None, ("whalebuild.toml", None)),
        (
            "cannot read whalebuild.toml",
            "not TOML: x (at line 3, column 5)",
            ("whalebuild.toml", 3),
        ),
        ("x", "see ./Dockerfile:2: y", ("Dockerfile", 2)),
        ("no-such.toml: x", None, (None, None)),
        ("services/web.json", "Dockerfiles", (None, None)),
    ],
)
def test_a_file_that_a_message_names(
    folder: Path, what: str, cause: str | None, where: tuple[str | None, int | None]
) -> None:
    Path("whalebuild.toml").write_text("\n" * 5)
    file, line = where
    found = at(UsageError(what, cause=cause), folder)
    assert found == (file and f"services/web/{file}", line)


def test_the_command_says_all(folder: Path) -> None:
    error = failed(Place("Dockerfile", 4, "RUN b"))
    said = annotated(error, {"GITHUB_WORKSPACE": str(folder)}).command()
    assert said == (
        "::error file=services/web/Dockerfile,line=4,title=whalebuild::"
        "the build failed%0Aexit code: 1%0Anext: see the log"
    )

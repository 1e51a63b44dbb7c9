"""Where Dockerfiles and ignore files are read from.

``tests/integration/test_build_files.py`` asks BuildKit the same.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.build_files import DOCKERFILES, IGNORED, lay
from whalebuild.source.build_files import find_dockerfile, read_ignore_text


@pytest.mark.parametrize("name", DOCKERFILES)
def test_a_dockerfile_is_found_where_buildkit_finds_it(tmp_path: Path, name: str) -> None:
    files, context, dockerfile, expected = DOCKERFILES[name]
    lay(tmp_path, files)
    place = find_dockerfile(tmp_path, context, dockerfile)
    if expected is not None:
        assert place.read() == expected.encode()
        return
    with pytest.raises(OSError, match=r"\[Errno"):
        place.read()


def test_an_absolute_path_is_taken_as_it_is(tmp_path: Path) -> None:
    lay(tmp_path, {"else/D": "yes", "ctx/": ""})
    assert find_dockerfile(tmp_path, "ctx", f"{tmp_path}/else/D").read() == b"yes"


@pytest.mark.parametrize(
    ("target", "named"), [("../D", "Dockerfile is a link to ../D"), ("E", "E is a link to /D")]
)
def test_a_link_that_leads_out_is_told_from_a_file_that_is_not_there(
    tmp_path: Path, target: str, named: str
) -> None:
    lay(tmp_path, {"D": "", "ctx/E": "-> /D", "ctx/Dockerfile": f"-> {target}"})
    with pytest.raises(FileNotFoundError) as caught:
        find_dockerfile(tmp_path, "ctx", "Dockerfile").read()
    assert named in str(caught.value.strerror)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """BuildKit waits for its text for ever."""
    os.mkfifo(tmp_path / "Dockerfile")
    os.mkfifo(tmp_path / ".dockerignore")
    with pytest.raises(OSError, match="neither a file nor a folder"):
        find_dockerfile(tmp_path, ".", "Dockerfile").read()
    with pytest.raises(OSError, match="neither a file nor a folder"):
        read_ignore_text(tmp_path, None)


@pytest.mark.parametrize("name", IGNORED)
def test_an_ignore_file_is_found_where_buildkit_finds_it(tmp_path: Path, name: str) -> None:
    files, dockerfile, expected = IGNORED[name]
    lay(tmp_path, {"ctx/": "", **files})
    place = find_dockerfile(tmp_path, "ctx", dockerfile)
    assert read_ignore_text(tmp_path / "ctx", place) == expected


@pytest.mark.parametrize(("external", "text"), [(False, ""), (True, "yes")])
def test_an_empty_ignore_file_is_none_to_a_frontend_that_the_dockerfile_names(
    tmp_path: Path, text: str, *, external: bool
) -> None:
    lay(tmp_path, {".dockerignore": "yes", "Dockerfile.dockerignore": ""})
    place = find_dockerfile(tmp_path, ".", "Dockerfile")
    assert read_ignore_text(tmp_path, place, external=external) == text


def test_an_inline_dockerfile_has_the_ignore_file_of_its_context_alone(tmp_path: Path) -> None:
    lay(tmp_path, {".dockerignore": "yes", "Dockerfile.dockerignore": "no"})
    assert read_ignore_text(tmp_path, None) == "yes"

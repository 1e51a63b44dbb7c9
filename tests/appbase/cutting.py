"""Finds boundaries in tests: of the Dockerfiles in ``dockerfiles/``, and of texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.source_tree import FakeTree
from whalebuild.appbase.boundary import find_boundary
from whalebuild.appbase.generated import Tail, tail_dockerfile
from whalebuild.appbase.values import Boundary, WhyNot
from whalebuild.dockerfile.parser import parse_dockerfile
from whalebuild.dockerfile.words import name_values
from whalebuild.inputs.find import find_inputs
from whalebuild.inputs.values import Build, ContextFiles, StageInputs, Undetermined
from whalebuild.source.context import LocalContextFiles

FOLDER = Path(__file__).parent / "dockerfiles"
PLATFORM = "linux/amd64"


def cut_case(name: str, target: str | None = None, **build: Any) -> Boundary:
    """The boundary of a Dockerfile of ``dockerfiles/``."""
    folder = FOLDER / name
    found = _cut(folder, (folder / "Dockerfile").read_text(), target, {}, build)
    assert isinstance(found, Boundary), found
    return found


def cut(
    text: str,
    files: Mapping[str, str] | None = None,
    target: str | None = None,
    options: Mapping[str, Any] | None = None,
    **build: Any,
) -> Boundary:
    """The boundary of a Dockerfile beside requirements.txt, app.py and other files."""
    found = maybe_cut(text, files, target, options, **build)
    assert isinstance(found, Boundary), found
    return found


def maybe_cut(
    text: str,
    files: Mapping[str, str] | None = None,
    target: str | None = None,
    options: Mapping[str, Any] | None = None,
    **build: Any,
) -> Boundary | Undetermined:
    """The boundary as ``cut`` has it, or why there is none."""
    tree = FakeTree(text, contents=files)
    return _cut(tree.root, text, target, options or {}, build)


def tail(boundary: Boundary, **options: Any) -> Tail:
    """The tail's Dockerfile on ``app-base``, whose variables are those that the file sets."""
    found = tail_dockerfile(boundary, "app-base", **({"environment": names(boundary)} | options))
    assert isinstance(found, Tail), found
    return found


def refusal(boundary: Boundary, **options: Any) -> WhyNot:
    """Why there is no tail."""
    found = tail_dockerfile(boundary, "app-base", **({"environment": names(boundary)} | options))
    assert isinstance(found, WhyNot), found
    return found


def names(boundary: Boundary) -> set[str]:
    """The variables of an app base on an external base that has none but PATH."""
    steps = [step for _, part in boundary.parts() for step in part if step.keyword == "ENV"]
    return {"PATH", *(name for step in steps for name, _ in name_values(step.rest, "\\") or ())}


def _cut(
    folder: Path,
    text: str,
    target: str | None,
    options: Mapping[str, Any],
    given: Mapping[str, Any],
) -> Boundary | Undetermined:
    build = Build(**{"platforms": (PLATFORM,), "build_platform": PLATFORM, **given})
    inputs = find_inputs(parse_dockerfile(text), target, build)
    assert isinstance(inputs, StageInputs), inputs
    files = LocalContextFiles(folder).list_files(inputs, build, "Dockerfile")
    assert isinstance(files, ContextFiles), files
    return find_boundary(text, target, build, inputs, files, **options)

"""Makes patches in tests, applies them as people do, and looks at the result again."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support.source_tree import FakeTree
from whalebuild.appbase.boundary import find_boundary
from whalebuild.appbase.values import Boundary
from whalebuild.bakefile.tail import Patch
from whalebuild.dockerfile.parser import parse_dockerfile
from whalebuild.inputs.find import find_inputs
from whalebuild.inputs.values import Build, ContextFiles, StageInputs
from whalebuild.rewrite.patch import make_patch
from whalebuild.source.context import LocalContextFiles

BUILD = Build(platforms=("linux/amd64",), build_platform="linux/amd64")
TOOLS = (("patch", "-p1", "--fuzz=0"), ("git", "apply"))


def analysed(
    folder: Path, text: str, target: str | None = None
) -> tuple[Boundary, ContextFiles] | None:
    """The boundary of a Dockerfile in a folder, and the files that it reads."""
    inputs = find_inputs(parse_dockerfile(text), target, BUILD)
    if not isinstance(inputs, StageInputs):
        return None
    files = LocalContextFiles(folder).list_files(inputs, BUILD, "Dockerfile")
    assert isinstance(files, ContextFiles), files
    found = find_boundary(text, target, BUILD, inputs, files)
    return (found, files) if isinstance(found, Boundary) else None


def content(folder: Path) -> Callable[[str], str | None]:
    return lambda path: (folder / path).read_text() if (folder / path).is_file() else None


def patch_of(folder: Path, text: str, target: str | None = None) -> Patch | None:
    found = analysed(folder, text, target)
    assert found is not None
    again = lambda other: analysed(folder, other, target)  # noqa: E731
    return make_patch(*found, content(folder), again, "Dockerfile")


def written(files: Mapping[str, str]) -> FakeTree:
    """A context; a file whose name begins with ``+`` is executable."""
    tree = FakeTree(None, contents={name.removeprefix("+"): text for name, text in files.items()})
    for name in files:
        if name.startswith("+"):
            (tree.root / name[1:]).chmod(0o755)
    return tree


def applied(patch: Patch, text: str, folder: Path) -> str:
    """The Dockerfile after the patch, by ``patch`` and by ``git apply``, which have to agree."""
    results = []
    for number, tool in enumerate(TOOLS):
        here = folder / str(number)
        here.mkdir()
        (here / "Dockerfile").write_bytes(text.encode())
        subprocess.run(tool, cwd=here, input=patch.diff.encode(), check=True, capture_output=True)
        results.append((here / "Dockerfile").read_bytes().decode())
    assert results[0] == results[1]
    return results[0]

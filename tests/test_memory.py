"""No file is held whole in memory: peaks of processes of their own, with files of 64 MB."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

SIZE = 64 << 20
MOST = 16 << 20  # above what the process has with all modules

_CASES = {
    "a file of a context": """
from whalebuild.source.content_digests import Hashed, hash_files
def run(folder):
    found = hash_files([f"{folder}/file"] * 2, 2 * SIZE)
    assert all(isinstance(each, Hashed) for each in found), found
""",
    "a layer of an app base": """
from whalebuild.rebase.reach import Reach
from whalebuild.rebase.stub import StubLayer, derive_stub
def run(folder):
    with open(f"{folder}/layer.tar", "rb") as tar:
        assert isinstance(derive_stub([tar], [Reach("/app")]), StubLayer)
""",
    "a compressed layer": """
from pathlib import Path
from whalebuild.bake.stubs import open_layer
from whalebuild.docker.exports import ExportFolder
from whalebuild.rebase.reach import Reach
from whalebuild.rebase.stub import StubLayer, derive_stub
def run(folder):
    with open_layer(ExportFolder(Path(folder)), "sha256:gz") as tar:
        assert isinstance(derive_stub([tar], [Reach("/app")]), StubLayer)
""",
    "two builds of a layer": """
from whalebuild.rebase.compare import Build, compare_builds
def run(folder):
    layers = [lambda: open(f"{folder}/layer.tar", "rb")]
    found = compare_builds(Build(b"{}", layers), Build(b"{}", layers), layers)
    assert (found.entries, found.differences) == (3, ()), found
""",
    "a blob that is pushed": """
from pathlib import Path
from whalebuild.registry.streamed import FileSource, Part
def run(folder):
    part = Part(FileSource(Path(folder, "file")), 0, SIZE, lambda *_: None)
    assert sum(map(len, part.pieces())) == SIZE
""",
    "a layer that is written": """
from whalebuild.rebase import stub
from whalebuild.rebase.tree import Entry, Kind
def run(_):
    tool = Entry(Kind.FILE, 0o755, content=bytes(1 << 20))
    assert len(stub._layer((str(n), tool) for n in range(SIZE >> 20)).blob) > 50_000
""",
}
_RUN = """
import sys
SIZE = int(sys.argv[2])
def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) << 10
before = peak()
run(sys.argv[1])
print(peak() - before)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file, and a layer with it: they take no room on the disk."""
    made = tmp_path_factory.mktemp("large")
    for name in ("file", "large"):
        with (made / name).open("wb") as file:
            file.truncate(SIZE)
    folder_of = tarfile.TarInfo("opt")
    folder_of.type, folder_of.mode = tarfile.DIRTYPE, 0o755
    large, small = tarfile.TarInfo("opt/large"), tarfile.TarInfo("opt/small")
    large.size = SIZE
    with (made / "layer.tar").open("wb") as layer:
        layer.write(folder_of.tobuf() + large.tobuf())
        layer.seek(SIZE, os.SEEK_CUR)
        layer.write(small.tobuf() + bytes(1024))
    (made / "blobs/sha256").mkdir(parents=True)
    packed = made / "blobs/sha256/gz"
    with (made / "layer.tar").open("rb") as tar, gzip.open(packed, "wb", compresslevel=1) as to:
        shutil.copyfileobj(tar, to)
    return made


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for the peak")
@pytest.mark.parametrize("case", _CASES)
def test_no_file_is_held_whole(folder: Path, case: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CASES[case] + _RUN, str(folder), str(SIZE)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        check=True,
    )
    assert int(done.stdout) < MOST

"""Digests that earlier runs have found are those of the files as they are now, whatever happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.properties import examples
from whalebuild.dockerfile.parser import parse_dockerfile
from whalebuild.errors import UsageError
from whalebuild.inputs.find import find_inputs
from whalebuild.inputs.values import Build, ContextFiles, StageInputs
from whalebuild.source import content_digests, context_folder
from whalebuild.source.content_digests import Hashed, hash_files, identity_of
from whalebuild.source.context import LocalContextFiles
from whalebuild.state.file_digests import CachedDigests

TICK = 0.012  # seconds: more than the clock of a file system here takes to go on
MTIME = 1_000_000_000


@pytest.fixture
def short_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remember what is a moment old, and digests of small contexts."""
    monkeypatch.setattr(content_digests, "_TICK", int(TICK * 1e9))
    monkeypatch.setattr(context_folder, "_LITTLE", 0)


def listed(
    folder: Path,
    known: CachedDigests | None = None,
    build: Build | None = None,
    dockerfile: str = "Dockerfile",
    files: LocalContextFiles | None = None,
) -> ContextFiles:
    build = build or Build()
    inputs = find_inputs(parse_dockerfile("FROM scratch\nCOPY . /\n"), None, build)
    assert isinstance(inputs, StageInputs), inputs
    files = files or LocalContextFiles(folder, known.of if known else None)
    found = files.list_files(inputs, build, dockerfile)
    assert isinstance(found, ContextFiles), found
    return found


def run(folder: Path, cache: Path) -> ContextFiles:
    """List as a run does that finds what earlier ones have left, and leaves what it found."""
    known = CachedDigests({"XDG_CACHE_HOME": str(cache)})
    found = listed(folder, known)
    known.save()
    return found


NAMES = st.sampled_from(["a", "b", "sub/c", "sub/d"])
Edit = Callable[[Path, Path, bytes], None]
EDITS: list[Edit] = []


def an_edit(edit: Edit) -> Edit:
    EDITS.append(edit)
    return edit


@an_edit
def write(one: Path, _other: Path, content: bytes) -> None:
    one.unlink(missing_ok=True)
    one.write_bytes(content)


@an_edit
def write_in_place_as_if_nothing_was(one: Path, _other: Path, content: bytes) -> None:
    """The same size, and the times that can be set are as they were."""
    if one.is_file() and not one.is_symlink():
        before = one.stat()
        with one.open("r+b") as file:
            file.write((content * before.st_size)[: before.st_size])
        os.utime(one, ns=(before.st_atime_ns, before.st_mtime_ns))


@an_edit
def replace_by_a_new_file_of_the_same_time(one: Path, _other: Path, content: bytes) -> None:
    if one.is_file() and not one.is_symlink():
        before = one.stat()
        new = one.with_name("new")
        new.write_bytes((content * before.st_size)[: before.st_size])
        os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
        new.replace(one)


@an_edit
def touch_back_in_time(one: Path, _other: Path, _content: bytes) -> None:
    if one.exists():
        os.utime(one, (MTIME, MTIME))


@an_edit
def touch_ahead(one: Path, _other: Path, _content: bytes) -> None:
    if one.exists():
        os.utime(one, (time.time() + 3600, time.time() + 3600))


@an_edit
def rename(one: Path, other: Path, _content: bytes) -> None:
    if os.path.lexists(one):
        one.rename(other)


@an_edit
def swap(one: Path, other: Path, _content: bytes) -> None:
    if os.path.lexists(one) and os.path.lexists(other) and one != other:
        aside = one.with_name("aside")
        one.rename(aside)
        other.rename(one)
        aside.rename(other)


@an_edit
def link_hard(one: Path, other: Path, _content: bytes) -> None:
    if one.is_file() and not one.is_symlink() and one != other:
        other.unlink(missing_ok=True)
        other.hardlink_to(one)


@an_edit
def link(one: Path, other: Path, _content: bytes) -> None:
    one.unlink(missing_ok=True)
    one.symlink_to(other.name)


@an_edit
def remove(one: Path, _other: Path, _content: bytes) -> None:
    one.unlink(missing_ok=True)


@an_edit
def change_mode(one: Path, _other: Path, content: bytes) -> None:
    if one.is_file() and not one.is_symlink():
        one.chmod(0o755 if content else 0o600)


@an_edit
def wait(_one: Path, _other: Path, _content: bytes) -> None:
    """What was written is old enough to be remembered."""
    time.sleep(TICK * 1.5)


STEPS = st.lists(
    st.tuples(st.sampled_from(EDITS), NAMES, NAMES, st.binary(max_size=2)), max_size=12
)


@pytest.mark.usefixtures("short_tick")
def test_a_run_that_remembers_finds_what_a_fresh_one_finds() -> None:
    @settings(max_examples=examples(gate=20, extended=400))
    @given(STEPS)
    def holds(steps: list[tuple[Edit, str, str, bytes]]) -> None:
        with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as cache:
            root = Path(name)
            (root / "sub").mkdir()
            for path in ("a", "b", "sub/c"):
                (root / path).write_bytes(b"xy")
            time.sleep(TICK * 1.5)
            run(root, Path(cache))
            for edit, one, other, content in steps:
                edit(root / one, root / other, content)
                assert run(root, Path(cache)) == listed(root), edit.__name__
            assert run(root, Path(cache)) == listed(root)

    holds()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Files whose contents are read."""
    counted: Counter[str] = Counter()
    real = content_digests._hash

    def counting(path: str, *args: object) -> Hashed | OSError:
        counted[path] += 1
        return real(path, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(content_digests, "_hash", counting)
    return counted


@pytest.mark.usefixtures("short_tick")
def test_the_second_run_reads_what_has_changed_alone(tmp_path: Path, read: Counter[str]) -> None:
    context = tmp_path / "context"
    for number in range(300):
        path = context / f"{number % 7}/{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number}\n")
    time.sleep(TICK * 1.5)
    first = run(context, tmp_path / "cache")
    assert len(read) == 300
    read.clear()
    assert run(context, tmp_path / "cache") == first
    assert not read
    (context / "3/3").write_text("4\n")
    assert run(context, tmp_path / "cache") != first
    assert list(read) == [str(context / "3/3")]


def test_a_few_files_are_not_remembered(tmp_path: Path) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "context/a").write_text("a\n")
    os.utime(tmp_path / "context/a", (MTIME, MTIME))
    run(tmp_path / "context", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def hashed(path: Path, now: float) -> Hashed:
    (found,) = hash_files([str(path)], 1, lambda: int(now * 1e9))
    assert isinstance(found, Hashed), found
    return found


def test_what_was_written_just_now_is_not_remembered(tmp_path: Path) -> None:
    """It may be written again within the same tick of the clock, which its times do not show."""
    path = tmp_path / "a"
    path.write_text("a\n")
    changed = path.stat().st_ctime
    assert not hashed(path, changed).identity
    assert not hashed(path, changed + 2).identity
    assert not hashed(path, changed - 3600).identity  # the clock was set back
    assert hashed(path, changed + 4).identity == identity_of(path.stat())
    os.utime(path, (changed + 60, changed + 60))
    assert not hashed(path, changed + 10).identity
    os.utime(path, (MTIME, MTIME))
    assert not hashed(path, path.stat().st_ctime + 2).identity


def test_many_files_are_hashed_as_one_is(tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(23)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * (number * 50_000))
    paths[5].unlink()
    paths[7].unlink()
    paths[7].symlink_to(paths[8])
    at_once = hash_files(list(map(str, paths)), 100 << 20)
    alone = [hash_files([str(path)], 1)[0] for path in paths]
    assert [each.digest for each in at_once if isinstance(each, Hashed)] == [
        each.digest for each in alone if isinstance(each, Hashed)
    ]
    failed = [(at, e.filename) for at, e in enumerate(at_once) if isinstance(e, OSError)]
    assert failed == [(5, str(paths[5])), (7, str(paths[7]))]


@pytest.fixture
def walked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Folders that are listed."""
    counted: Counter[str] = Counter()
    real = os.scandir

    def counting(path: str) -> object:
        counted[str(path)] += 1
        return real(path)

    monkeypatch.setattr(context_folder.os, "scandir", counting)
    return counted


def test_a_context_of_forty_targets_is_walked_once(
    tmp_path: Path, walked: Counter[str], read: Counter[str]
) -> None:
    for number in range(40):
        (tmp_path / f"services/{number}").mkdir(parents=True)
        (tmp_path / f"services/{number}/Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (tmp_path / ".dockerignore").write_text("*.log\n")
    (tmp_path / "services/7/Dockerfile.dockerignore").write_text("services/3\n")
    files = LocalContextFiles(tmp_path)
    found = [
        listed(tmp_path, dockerfile=f"services/{number}/Dockerfile", files=files)
        for number in range(40)
    ]
    folders = [tmp_path, tmp_path / "services", *(tmp_path / f"services/{n}" for n in range(40))]
    assert walked == {str(folder): 1 for folder in folders}
    assert set(read.values()) == {1}
    assert found[0] == found[1] != found[7]


def test_a_named_context_of_the_same_folder_is_walked_with_it(
    tmp_path: Path, walked: Counter[str]
) -> None:
    (tmp_path / "a").write_text("a\n")
    build = Build(contexts={"all": "."})
    inputs = find_inputs(
        parse_dockerfile("FROM scratch\nCOPY . /\nCOPY --from=all . /all/\n"), None, build
    )
    assert isinstance(inputs, StageInputs)
    found = LocalContextFiles(tmp_path).list_files(inputs, build, "Dockerfile")
    assert isinstance(found, ContextFiles)
    assert [entry.name for entry in found.entries] == ["a", "context all: a"]
    assert walked == {str(tmp_path): 1}


def test_a_file_that_becomes_a_link_while_it_is_read_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("/etc/passwd")
    (found,) = hash_files([str(tmp_path / "a")], 1)
    assert isinstance(found, OSError)


def test_a_file_that_cannot_be_read_is_said_whatever_comes_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("a\n")
    (tmp_path / os.fsdecode(b"caf\xe9")).write_text("a\n")
    with pytest.raises(UsageError):
        listed(tmp_path)

    def refused(path: str, *_: object) -> OSError:
        return PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(content_digests, "_hash", refused)
    inputs = find_inputs(parse_dockerfile("FROM scratch\nCOPY . /\n"), None, Build())
    assert isinstance(inputs, StageInputs)
    found = LocalContextFiles(tmp_path).list_files(inputs, Build(), "Dockerfile")
    assert str(found) == f"cannot tell what it reads: {tmp_path}/a: Permission denied (line 2)"


_WORKER = """
import json, sys
from pathlib import Path
from tests.source import test_remembered_digests as tests
from whalebuild.source import content_digests, context_folder
context_folder._LITTLE = 0
content_digests._TICK = 0
root, cache = map(Path, sys.argv[1:])
found = [[e.digest for e in tests.run(root, cache).entries] for _ in range(5)]
print(json.dumps(found))
"""


def test_two_runs_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    root, cache = tmp_path / "context", tmp_path / "cache"
    root.mkdir()
    for number in range(50):
        (root / str(number)).write_text(f"{number}\n")
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", _WORKER, str(root), str(cache)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))},
        )
        for _ in range(2)
    ]
    expected = [entry.digest for entry in listed(root).entries]
    for each in runs:
        out, _ = each.communicate(timeout=60)
        assert json.loads(out) == [expected] * 5
    assert len(list((cache / "whalebuild/files").iterdir())) == 1

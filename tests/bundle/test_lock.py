from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.inputs import find
from whalebuild.bundle.annotations import from_annotations, to_annotations
from whalebuild.bundle.lock import Change, Lock, compare, make_lock
from whalebuild.inputs.values import ContextFiles, FileEntry, Undetermined

TEXT = "FROM x:1 AS deps\nARG A=1\nCOPY . /\nRUN --mount=type=secret,id=s y"
OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64
PLATFORMS = ("linux/amd64", "linux/arm64")


def entry(path: str, digest: str = "d", mode: int = 0o644, kind: str = "file") -> FileEntry:
    return FileEntry(None, path, kind, mode, digest)


def lock(
    *entries: FileEntry,
    text: str = TEXT,
    pins: dict[str, dict[str, str]] | None = None,
    targets: dict[str, str] | None = None,
    **build: Any,
) -> Lock:
    inputs = find(text, **{"platforms": ("linux/amd64",), **build})
    files = ContextFiles(tuple((read, entries) for read in inputs.reads))
    made = make_lock(inputs, files, pins=pins, targets=targets)
    assert isinstance(made, Lock), made
    return made


def changes(old: Lock, new: Lock) -> list[str]:
    return [str(change) for change in compare(old, new)]


FILES = (entry("a", "one"), entry("b", "two"), entry("c/", kind="dir", digest=""))
BASE = lock(*FILES)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (lock(*FILES), []),
        (lock(*reversed(FILES)), []),
        (lock(entry("a", "new"), *FILES[1:]), ["a changed"]),
        (lock(entry("a", "one", 0o755), *FILES[1:]), ["a has another mode (644 → 755)"]),
        (lock(entry("a", "one", kind="link", mode=0), *FILES[1:]), ["a changed"]),
        (lock(*FILES[1:]), ["a removed"]),
        (lock(*FILES, entry("new")), ["new added"]),
        (lock(entry("z", "one"), *FILES[1:]), ["z added", "a removed"]),
        (lock(*FILES, args={"A": "2"}), ["arg A changed"]),
        (lock(*FILES, text=f"{TEXT}\nUSER u"), ["Dockerfile: stage deps changed"]),
        (lock(*FILES, attributes={"network": "host"}), ["network added"]),
        (
            lock(*FILES, text=f"# syntax=docker/dockerfile:1\n{TEXT}"),
            ["the syntax directive added"],
        ),
        (lock(*FILES, pins={"linux/amd64": {"x:1": OLD}}), ["base x:1 moved"]),
        (lock(*FILES, text=f"FROM scratch\n{TEXT}\nFROM deps"), []),
        (lock(*FILES, platforms=("linux/arm64",)), ["platform linux/arm64 is missing"]),
        (lock(*FILES, platforms=PLATFORMS), ["platform linux/arm64 is missing"]),
    ],
)
def test_changes_are_named(other: Lock, expected: list[str]) -> None:
    assert changes(BASE, other) == expected
    assert (other.keys == BASE.keys) is (not expected)


def test_platforms_that_are_not_asked_for_are_no_change() -> None:
    both = lock(*FILES, platforms=PLATFORMS)
    assert both.platforms == PLATFORMS
    assert changes(both, BASE) == []
    assert both.key == lock(*FILES, platforms=PLATFORMS[::-1]).key


def test_a_change_on_several_platforms_is_said_once() -> None:
    old, new = (lock(entry("a", d), platforms=PLATFORMS) for d in ("one", "two"))
    (change,) = compare(old, new)
    assert (change.name, change.what, change.file) == ("a", "changed", True)
    assert change.before != change.after


def test_a_key_that_differs_without_a_known_reason() -> None:
    old = replace(BASE, keys={"linux/amd64": "0" * 64})
    assert compare(old, BASE) == (Change("an input", "changed"),)


def test_images_count_by_their_digests() -> None:
    pins = {"linux/amd64": {"x:1": OLD}}
    found = lock(pins=pins)
    assert found.bases == pins
    assert lock().bases == {"linux/amd64": {}}
    assert lock(pins={"linux/amd64": {"x:1": NEW}}).key != found.key
    assert lock(pins={"linux/arm64": {"x:1": NEW}}).key == lock().key
    pinned = lock(text=f"FROM x:1@{OLD} AS deps")
    assert pinned.bases == {"linux/amd64": {f"x:1@{OLD}": OLD}}


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("docker-image://y:1", "docker-image://y:2", False),
        (f"docker-image://y@{OLD}", f"docker-image://y@{NEW}", False),
        ("./here", "./there", True),
        ("./here", "docker-image://y", False),
        ("target:one", "target:two", True),
        (f"https://e.org/x.git#{'a' * 40}", f"https://e.org/x.git#{'b' * 40}", False),
    ],
)
def test_named_contexts_count_by_what_they_are(before: str, after: str, *, same: bool) -> None:
    targets = {"one": "key", "two": "key"}
    old, new = (lock(contexts={"x:1": value}, targets=targets) for value in (before, after))
    assert (old.key == new.key) is same


def test_another_target_counts_by_its_key() -> None:
    contexts = {"x:1": "target:other"}
    old, new = (lock(contexts=contexts, targets={"other": key}) for key in ("1", "2"))
    assert changes(old, new) == ["context x:1 changed"]
    unknown = make_lock(find(TEXT, contexts=contexts), ContextFiles())
    assert unknown == Undetermined("what target other is made from is not known")


def test_files_of_other_reads_do_not_count() -> None:
    inputs = find("FROM x AS deps\nCOPY a /", platforms=("linux/amd64",))
    (read,) = inputs.reads
    alone = ContextFiles(((read, (entry("a"),)),))
    more = ContextFiles((*alone.by_read, (replace(read, line=99), (entry("b"),))))
    assert make_lock(inputs, alone) == make_lock(inputs, more)


def test_moving_a_stage_changes_nothing() -> None:
    assert lock(*FILES, text=f"# one\nFROM y AS more\n{TEXT}") == BASE


def test_what_is_behind_an_address_counts_where_nothing_pins_it() -> None:
    text = "FROM scratch AS deps\nADD https://x/a /\nCOPY --from=tools / /"
    tools = {"tools": "https://x/tools.git#main"}
    key = "address https://x/a"
    pins = {key: "etag:1", "address https://x/tools.git#main": "commit:1"}
    old = lock(text=text, contexts=tools, pins={PLATFORMS[0]: pins})
    assert old.bases == {PLATFORMS[0]: pins}
    moved = lock(text=text, contexts=tools, pins={PLATFORMS[0]: {**pins, key: "etag:2"}})
    assert changes(old, moved) == ["ADD https://x/a changed"]
    other = {**pins, "address https://x/tools.git#main": "commit:2"}
    moved = lock(text=text, contexts=tools, pins={PLATFORMS[0]: other})
    assert changes(old, moved) == ["context tools changed"]


def test_a_lock_of_what_has_moved_fits_nothing() -> None:
    pins = {p: {"address https://x/a": "etag:1", "base x:1": OLD} for p in PLATFORMS}
    text = "FROM x:1 AS deps\nADD https://x/a /"
    old = lock(text=text, platforms=PLATFORMS, pins=pins)
    spoiled = old.without(["address https://x/a"], [PLATFORMS[0]])
    assert changes(spoiled, old) == ["an input changed"]
    assert spoiled.keys[PLATFORMS[1]] == old.keys[PLATFORMS[1]]
    assert all("address https://x/a" not in table for table in spoiled.bases.values())
    written = from_annotations(to_annotations(spoiled))
    assert written == spoiled


def test_a_login_of_an_address_is_in_no_lock() -> None:
    written = f"FROM scratch AS deps\nADD --checksum={OLD} https://me:secret@x/a /"
    found = lock(text=written)
    assert "ADD https://x/a" in found.facts[PLATFORMS[0]]
    assert not any("secret" in value for value in to_annotations(found).values())

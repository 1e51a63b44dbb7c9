from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whalebuild.bundle.annotations import NoLock, from_annotations, to_annotations
from whalebuild.bundle.lock import Lock, compare
from whalebuild.bundle.lock_grouping import ALL, BY_FOLDER

TEXTS = st.text(max_size=8)
TABLES = st.dictionaries(TEXTS, TEXTS, max_size=4)
PLATFORMS = st.sampled_from(["linux/amd64", "linux/arm64", "local"])


@st.composite
def locks(draw: st.DrawFn) -> Lock:
    keys = draw(st.dictionaries(PLATFORMS, TEXTS, min_size=1))
    each = st.fixed_dictionaries(dict.fromkeys(keys, TABLES))
    return Lock(keys, draw(each), draw(each), draw(each))


def many(count: int) -> Lock:
    files = {f"folder{n % 7}/file{n}.py": f"{n:016x}:644" for n in range(count)}
    files["uv.lock"] = "1:644"
    return Lock({"linux/amd64": "k"}, *({"linux/amd64": table} for table in ({}, files, {})))


@given(locks())
def test_a_lock_comes_back_as_it_went(lock: Lock) -> None:
    written = to_annotations(lock)
    assert all(name.startswith("dev.whalebuild.") for name in written)
    assert from_annotations({**written, "org.opencontainers.image.title": "x"}) == lock


def test_what_is_the_same_on_all_platforms_is_written_once() -> None:
    files = {f"file{n}": "digest" for n in range(50)}
    one, two = (
        Lock(dict.fromkeys(platforms, "k"), files=dict.fromkeys(platforms, files))
        for platforms in (["linux/amd64"], ["linux/amd64", "linux/arm64"])
    )
    grown = sum(map(len, to_annotations(two).values())) - sum(
        map(len, to_annotations(one).values())
    )
    assert grown < 100


@pytest.mark.parametrize("count", [10, 1000, 20_000])
def test_many_files_are_put_together(count: int) -> None:
    lock = many(count)
    written = to_annotations(lock)
    assert max(map(len, written.values())) <= 12_000
    read = from_annotations(written)
    assert isinstance(read, Lock)
    assert read.key == lock.key
    assert read == lock.grouped(read.grouping)
    assert ("uv.lock" in read.files["linux/amd64"]) is (read.grouping < ALL)
    assert (read.grouping > 0) is (count > 10)


def test_locks_of_different_groupings_are_compared_at_the_coarser_one() -> None:
    old = from_annotations(to_annotations(many(1000)))
    assert isinstance(old, Lock)
    assert old.grouping == BY_FOLDER
    files = dict(many(1000).files["linux/amd64"])
    files["folder3/file3.py"] = "changed:644"
    new = Lock({"linux/amd64": "other"}, {"linux/amd64": {}}, {"linux/amd64": files})
    assert [str(change) for change in compare(old, new)] == ["folder3/ changed"]


def test_facts_that_take_too_much_are_left_out() -> None:
    facts = {f"arg {n}": "x" * 16 for n in range(1000)}
    lock = Lock({"linux/amd64": "k"}, {"linux/amd64": facts})
    read = from_annotations(to_annotations(lock))
    assert isinstance(read, Lock)
    assert read.facts == {"linux/amd64": {}}
    assert read.key == lock.key


GOOD = to_annotations(Lock({"linux/amd64": "k"}, files={"linux/amd64": {"a": "1:644"}}))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dev.whalebuild.scheme": None}, "it has no lock"),
        ({"dev.whalebuild.scheme": "99"}, "another version of whalebuild (scheme 99)"),
        ({"dev.whalebuild.keys": None}, "damaged"),
        ({"dev.whalebuild.keys": "{"}, "damaged"),
        ({"dev.whalebuild.keys": '["a"]'}, "damaged"),
        ({"dev.whalebuild.keys": '{"linux/amd64":1}'}, "damaged"),
        ({"dev.whalebuild.keys": '{"linux/amd64":"other"}'}, "damaged"),
        ({"dev.whalebuild.key": None}, "damaged"),
        ({"dev.whalebuild.files": "[]"}, "damaged"),
        ({"dev.whalebuild.files": "[" * 100_000}, "damaged"),
        ({"dev.whalebuild.bases": '{"":[]}'}, "damaged"),
        ({"dev.whalebuild.files-grouping": "7"}, "damaged"),
        ({"dev.whalebuild.files-grouping": "x"}, "damaged"),
    ],
)
def test_annotations_that_cannot_be_read(change: dict[str, str | None], reason: str) -> None:
    changed = {k: v for k, v in {**GOOD, **change}.items() if v is not None}
    found = from_annotations(changed)
    assert isinstance(found, NoLock)
    assert reason in found.reason

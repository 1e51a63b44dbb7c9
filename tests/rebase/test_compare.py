"""The comparison of two builds: what counts as a difference, and what does not."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rebase.trees import ACL, Entry, entry, folder, link, tar, xattr
from whalebuild.errors import VerificationError
from whalebuild.rebase.compare import Build, Comparison, compare_builds, layer_time

CONFIG = {
    "architecture": "amd64",
    "created": "2025-01-01T00:00:00Z",
    "config": {"Env": ["PATH=/bin"], "User": "app"},
    "rootfs": {"diff_ids": ["sha256:1"]},
    "history": [{"created": "2025-01-01T00:00:00Z", "created_by": "COPY . ."}],
}
SINCE = 1000
Layer = Sequence[Entry]


def opened(layer: Layer | bytes) -> Callable[[], AbstractContextManager[BinaryIO]]:
    raw = layer if isinstance(layer, bytes) else tar(layer)
    return lambda: closing(io.BytesIO(raw))


def build(*layers: Layer | bytes, config: Any = CONFIG) -> Build:
    return Build(json.dumps(config).encode(), [opened(layer) for layer in layers])


def compared(one: Build, two: Build, *base: Layer) -> Comparison:
    return compare_builds(one, two, [opened(layer) for layer in base], SINCE)


CODE = [
    folder("app", mode=0o2775, gid=5, pax_headers=xattr("system.posix_acl_default", ACL)),
    entry("app/main.py", content=b"print()", mtime=7, uid=3),
    link("app/current", "main.py"),
    entry("app/again.py", tarfile.LNKTYPE, linkname="app/main.py"),
    entry("app/.wh.old"),
]


def test_the_same_has_no_differences() -> None:
    found = compared(build(CODE, [folder("srv")]), build(CODE, [folder("srv")]))
    assert found == Comparison(layers=2, entries=len(CODE) + 1)


@pytest.mark.parametrize(
    ("at", "changed", "said"),
    [
        (1, entry("app/main.py", content=b"PRINT()", mtime=7, uid=3), "main.py: content is"),
        (1, entry("app/main.py", content=b"print() ", mtime=7, uid=3), "main.py: size is 7"),
        (1, entry("app/main.py", content=b"print()", mtime=8, uid=3), "time is 7, not 8"),
        (1, entry("app/main.py", content=b"print()", mtime=7, uid=4), "(3, 0), not (4, 0)"),
        (
            1,
            entry("app/main.py", content=b"print()", mtime=7, uid=3, mode=0o755),
            "mode is '0o644'",
        ),
        (1, link("app/main.py", "print()", mtime=7, uid=3), "is 'file', not 'symbolic link'"),
        (2, link("app/current", "again.py"), "link is 'main.py', not 'again.py'"),
        (3, entry("app/again.py", tarfile.LNKTYPE, linkname="app/current"), "link is"),
        (0, folder("app", mode=0o2775, gid=5), "xattrs is"),
        (
            0,
            folder("app", mode=0o775, gid=5, pax_headers=CODE[0][0].pax_headers),
            "mode is '0o2775'",
        ),
        (4, entry("app/.wh.new"), "app/.wh.old: is in this build alone"),
        (2, link("app/\udcff", "main.py"), "app/\\xff: is in the other build alone"),
    ],
)
def test_each_property_of_an_entry_counts(at: int, changed: Entry, said: str) -> None:
    other = [*CODE[:at], changed, *CODE[at + 1 :]]
    found = compared(build(CODE), build(other)).differences
    assert any(said in each for each in found), found
    assert all(each.startswith("layer 1: /app") for each in found)


def test_devices() -> None:
    one, two = (
        build([entry("dev/null", tarfile.CHRTYPE, devmajor=1, devminor=minor)]) for minor in (3, 5)
    )
    assert compared(one, two).differences == ("layer 1: /dev/null: device is (1, 3), not (1, 5)",)


def test_another_number_of_layers() -> None:
    found = compared(build(CODE, CODE), build(CODE))
    assert found.differences == ("2 layers above the base, not 1",)


def test_times_of_the_builds_differ() -> None:
    def of(time: int) -> Build:
        return build([folder("made", mtime=time)])

    assert not compared(of(SINCE), of(SINCE + 60)).differences
    assert compared(of(SINCE - 1), of(SINCE + 60)).differences
    assert not compared(of(SINCE - 1), of(SINCE - 1)).differences


BASE = [folder("app", mtime=1), entry("app/a", content=b"a", mtime=2), entry("app/b", mtime=2)]


@pytest.mark.parametrize(
    "repeated",
    [BASE[1:2], BASE[:1], [folder("app", mtime=50)], BASE[:2], [folder("./app/", mtime=9)]],
)
def test_what_repeats_the_base_counts_as_none(repeated: Layer) -> None:
    new = entry("app/new", content=b"new")
    assert not compared(build([*repeated, new]), build([new]), BASE).differences
    assert not compared(build([new]), build([*repeated, new]), BASE).differences
    assert compared(build([*repeated, new]), build([new])).differences, "without the base"


def test_a_folder_of_another_mode_repeats_nothing() -> None:
    found = compared(build([folder("app", mode=0o700)]), build([]), BASE).differences
    assert found == ("layer 1: /app: mode is '0o700', not '0o755'",)


@pytest.mark.parametrize(
    "gone",
    [
        [entry("app/.wh.a")],
        [entry(".wh.app")],
        [entry(".wh..wh..opq")],
        [entry("app/.wh..wh..opq")],
        [entry("app", content=b"a file now")],
        [entry("app/a", content=b"other")],
    ],
)
def test_what_a_layer_between_has_removed_is_not_there(gone: Layer) -> None:
    layers = BASE, gone, [folder("app", mtime=1)]
    assert compared(build([BASE[1]]), build([]), *layers).differences
    below = compared(build(gone, [BASE[1]]), build(gone, []), BASE).differences
    assert below, "also where it was one of the compared ones"


def test_a_whiteout_is_for_what_is_below_its_own_layer() -> None:
    layer = [entry("app/a", content=b"a", mtime=2), entry("app/.wh.a")]
    assert not compared(build([BASE[1]]), build([]), BASE, layer).differences


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"architecture": "arm64"}, 'architecture is "amd64", not "arm64"'),
        ({"config": {"Env": ["PATH=/bin", "A=1"], "User": "app"}}, "config: Env is"),
        ({"config": {"Env": ["PATH=/bin"]}}, 'config: User is "app", not null'),
        ({"history": []}, "history is"),
        ({"history": [{"created_by": "COPY a b"}]}, '"COPY . ."}, not {"created_by": "COPY a b"}'),
        ({"variant": "v8"}, 'variant is null, not "v8"'),
    ],
)
def test_the_configuration_counts(change: dict[str, Any], said: str) -> None:
    (found,) = compared(build(), build(config={**CONFIG, **change})).differences
    assert found.startswith("configuration: ")
    assert said in found


def test_dates_and_digests_of_the_configuration_do_not() -> None:
    other = {
        **CONFIG,
        "created": "2026-01-01T00:00:00Z",
        "rootfs": {"diff_ids": ["sha256:2"]},
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "COPY . ."}],
    }
    assert not compared(build(), build(config=other)).differences


def test_a_damaged_layer_is_an_error_and_no_difference() -> None:
    cut = tar(CODE)[:700]
    with pytest.raises(VerificationError, match="layers of an image cannot be read"):
        compared(build(cut), build(CODE))


@pytest.mark.parametrize(
    ("history", "when"),
    [
        ([{"created": "1970-01-01T00:01:00.123456789Z"}], 60),
        (
            [
                {"created": "1970-01-01T00:01:00Z"},
                {"created": "2025-01-01T00:00:00Z", "empty_layer": True},
            ],
            60,
        ),
        ([{"created_by": "COPY"}], 0),
        ([], 0),
        (None, 0),
    ],
)
def test_the_time_of_the_last_layer(history: Any, when: int) -> None:
    assert layer_time(json.dumps({"history": history}).encode()) == when


_NAMES = st.sampled_from(["a", "a/b", "a/b/c", "d", "d/e"])
_ENTRIES = st.builds(
    entry,
    _NAMES,
    st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE]),
    mode=st.sampled_from([0o644, 0o755, 0o1777]),
    uid=st.integers(0, 2),
    mtime=st.sampled_from([1, 2, SINCE, SINCE + 5]),
)
_LAYERS = st.lists(_ENTRIES, max_size=5, unique_by=lambda each: each[0].name)
_TAILS = st.lists(_LAYERS, max_size=3)


@given(_TAILS, _TAILS, _TAILS)
def test_a_comparison_has_no_sides(one: list[Layer], two: list[Layer], base: list[Layer]) -> None:
    first = compared(build(*one), build(*two), *base)
    second = compared(build(*two), build(*one), *base)
    assert bool(first.differences) == bool(second.differences)


@given(_TAILS, _LAYERS)
def test_what_is_the_same_on_a_base_is_so_without_it(tail: list[Layer], base: Layer) -> None:
    assert not compared(build(*tail), build(*tail), base).differences


@given(_LAYERS, _LAYERS, st.data())
def test_one_changed_mode_is_always_told(base: Layer, layer: Layer, data: st.DataObject) -> None:
    """The reference: a file that only one build has otherwise is another one after the layer."""
    if not layer:
        return
    at = data.draw(st.integers(0, len(layer) - 1))
    info, content = layer[at]
    other = entry(info.name, info.type, content, mode=0o7000, uid=info.uid, mtime=info.mtime)
    changed = [*layer[:at], other, *layer[at + 1 :]]
    found = compared(build(layer), build(changed), base).differences
    assert len(found) == 1
    assert f"/{info.name}: mode is" in found[0]

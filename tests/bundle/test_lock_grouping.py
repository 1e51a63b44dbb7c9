from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whalebuild.bundle.lock_grouping import ALL, BY_FOLDER, CODE, group_files, group_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("requirements.txt", ("requirements.txt", "requirements.txt", "requirements.txt", "files")),
        ("lib/uv.lock", ("lib/uv.lock", "lib/uv.lock", "lib/uv.lock", "files")),
        ("lib/deep/a.py", ("lib/deep/a.py", "lib/", "code", "files")),
        ("a.py", ("a.py", "files at the top", "code", "files")),
        ("context x: lib/a.py", ("context x: lib/a.py", "context x: lib/", "code", "files")),
        ("context x: uv.lock", ("context x: uv.lock",) * 3 + ("files",)),
    ],
)
def test_names_at_each_grouping(name: str, expected: tuple[str, ...]) -> None:
    assert tuple(group_name(name, grouping) for grouping in range(ALL + 1)) == expected


FILES = {"uv.lock": "1", "lib/a": "2", "lib/b": "3", "b.py": "4"}


def test_files_are_put_together_step_by_step() -> None:
    assert group_files(FILES, 0) == FILES
    by_folder = group_files(FILES, BY_FOLDER)
    assert set(by_folder) == {"uv.lock", "lib/", "files at the top"}
    assert by_folder["uv.lock"] == "1"
    assert group_files(by_folder, CODE) == group_files(FILES, CODE)
    assert set(group_files(FILES, CODE)) == {"uv.lock", "code"}
    assert set(group_files(FILES, ALL)) == {"files"}


NAMES = st.sampled_from(["uv.lock", "a", "b", "lib/a", "lib/b", "x/y/z", "context c: lib/a"])
TREES = st.dictionaries(NAMES, st.text("abc", min_size=1, max_size=3), min_size=1)


@given(TREES, TREES, st.integers(0, ALL))
def test_groups_differ_where_files_do(one: dict[str, str], two: dict[str, str], at: int) -> None:
    assert (group_files(one, at) == group_files(two, at)) is (one == two)


@given(TREES, st.integers(0, ALL), st.integers(0, ALL))
def test_a_coarser_grouping_can_be_made_from_a_finer_one(
    files: dict[str, str], one: int, two: int
) -> None:
    finer, coarser = sorted((one, two))
    assert group_files(group_files(files, finer), coarser) == group_files(files, coarser)

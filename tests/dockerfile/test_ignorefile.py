"""Ignore files as github.com/moby/patternmatcher reads them; tables follow its tests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whalebuild.dockerfile import gopath
from whalebuild.dockerfile.gopath import PatternError
from whalebuild.dockerfile.ignorefile import PatternMatcher, read_ignore_file


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("\ufeff# comment\n\n  \na\r\n", ("a",)),
        (" # no comment, as it is indented", ("# no comment, as it is indented",)),
        ("/a\n./b\nc/\nd//e/../f\n/", ("a", "b", "c", "d/f", "/")),
        ("!a\n! /b \n!\n!./c", ("!a", "!b", "!", "!c")),
        ("../x\n.", ("../x", ".")),
    ],
)
def test_ignore_files_are_read_line_by_line(text: str, expected: tuple[str, ...]) -> None:
    assert read_ignore_file(text) == expected


MATCHES = [
    ("**", "dir/file", True),
    ("**/", "file", True),
    ("**/**", "dir/file", True),
    ("dir/**", "dir/dir2/file", True),
    ("dir/**", "dir", False),
    ("dir/**", "other/file", False),
    ("**/dir2/*", "dir/dir2/file", True),
    ("**/dir2/*", "dir/dir2/dir2/file", True),
    ("**/dir2/**", "dir/dir2/dir2/file", True),
    ("**file", "dir/file", True),
    ("**/file", "file", True),
    ("**/file", "dir/otherfile", False),
    ("*/file", "a/b/file", False),
    ("**/file*txt", "dir/dir/file.txt", True),
    ("**/**/*.txt", "dir/dir/file.txt", True),
    ("a**/*.txt", "a/dir/file.txt", True),
    ("a/*.txt", "a/dir/file.txt", False),
    ("a[b-d]e", "ace", True),
    ("a[^b-d]e", "aze", True),
    ("a[^b-d]e", "ace", False),
    ("a\\*b", "a*b", True),
    ("a.|)$(}+{bc", "a.|)$(}+{bc", True),
    ("abc.def", "abcdef", False),
    (".*", ".foo", True),
    (".*", "foo", False),
    ("*?a*", "ba", True),
    ("?", "é", True),
    ("web", "web/src/x.js", True),
    ("a^b", "a^b", True),
]


@pytest.mark.parametrize(("pattern", "path", "expected"), MATCHES)
def test_a_pattern_matches_with_and_without_its_parents(
    pattern: str, path: str, expected: bool
) -> None:
    matcher = PatternMatcher([pattern])
    assert matcher.match(path)[0] is expected
    assert through_parents(matcher, path) is expected


@pytest.mark.parametrize(
    ("patterns", "path", "expected"),
    [
        (["**", "!util/docker/web"], "util/docker/web/foo", False),
        (["**", "!util/docker/web", "util/docker/web/foo"], "util/docker/web/foo", True),
        (["**", "!dist/*.whl"], "dist/x-1.0+g0-any.whl", False),
        (["docs", "!docs/README.md"], "docs/README.md", False),
        (["docs", "!docs/README.md"], "docs/other.md", True),
        (["!a", "a"], "a", True),
        (["*.md", "!keep.md"], "sub/a.md", False),
    ],
)
def test_later_patterns_take_back_earlier_ones(
    patterns: list[str], path: str, expected: bool
) -> None:
    matcher = PatternMatcher(patterns)
    assert matcher.match(path)[0] is expected
    assert through_parents(matcher, path) is expected


def through_parents(matcher: PatternMatcher, path: str) -> bool:
    parts, parent = path.split("/"), ()
    for depth in range(1, len(parts)):
        parent = matcher.match("/".join(parts[:depth]), parent)[1]
    return matcher.match(path, parent)[0]


@pytest.mark.parametrize(
    ("patterns", "folder", "expected"),
    [
        (["a"], "a", False),
        (["a", "!a/b"], "a", True),
        (["a", "!b"], "a", False),
        (["a", "!a/b/**"], "a/b", True),
        (["a", "!**/x"], "a/deep", True),
    ],
)
def test_ignored_folders_are_only_entered_if_something_in_them_may_be_kept(
    patterns: list[str], folder: str, expected: bool
) -> None:
    assert PatternMatcher(patterns).may_contain_unmatched(folder) is expected


@pytest.mark.parametrize("pattern", ["!", "[", "a[", "a\\", "[[:alpha:]]x", r"*\d", "[?]", "a[*]"])
def test_what_is_refused_or_cannot_be_followed_is_an_error(pattern: str) -> None:
    with pytest.raises(PatternError):
        PatternMatcher([pattern])


names = st.text(alphabet="ab.*?[]!/\\-^", max_size=8)


@given(st.lists(names, max_size=4), st.text(alphabet="ab./", min_size=1, max_size=8))
def test_matching_by_parents_is_matching(patterns: list[str], path: str) -> None:
    try:
        matcher = PatternMatcher(patterns)
    except PatternError:
        return
    path = gopath.rooted(path)
    if path != ".":
        assert through_parents(matcher, path) == matcher.match(path)[0]


_PART = st.sampled_from(["a", "b", "*", "**", "?", "ab", "[ab]", "é"])
_TEXTS = st.lists(
    st.builds(
        lambda negated, parts: ("!" if negated else "") + "/".join(parts),
        st.booleans(),
        st.lists(_PART, min_size=1, max_size=3),
    ),
    max_size=6,
)
_PATHS = st.lists(st.sampled_from(["a", "b", "ab", "c", "é", "\udce9"]), min_size=1, max_size=4)


@given(_TEXTS, _PATHS)
def test_all_patterns_at_once_match_as_one_after_the_other(
    texts: list[str], parts: list[str]
) -> None:
    matcher = PatternMatcher(texts)
    one_by_one = PatternMatcher(texts)
    one_by_one._quick = lambda _: True
    parent: tuple[bool, ...] = ()
    for at in range(len(parts)):
        path = "/".join(parts[: at + 1])
        expected = one_by_one.match(path, parent)
        assert matcher.match(path, parent) == expected
        assert matcher.match(path)[0] == one_by_one.match(path)[0]
        parent = expected[1]

"""docs/compatibility.md is what the tests' list says."""

from __future__ import annotations

import pytest

from tests.integration.compatibility.images import Entry, Image, Tagged
from tests.integration.compatibility.page import PAGE, page
from tests.integration.compatibility.rows import GROUPS
from tests.integration.compatibility.seen import Seen, expected, file
from tests.integration.compatibility.situation import Situation

SITUATIONS = [each for group in GROUPS for each in group.situations]


def test_the_page_is_written_anew_when_the_list_changes() -> None:
    assert PAGE.read_text() == page(GROUPS)


def test_every_row_is_a_test_of_its_own() -> None:
    assert len(SITUATIONS) >= 60
    for names in ([each.id for each in SITUATIONS], [each.title for each in SITUATIONS]):
        assert len(names) == len(set(names))


def test_a_difference_has_a_reason() -> None:
    with pytest.raises(ValueError, match="why do they differ"):
        Situation("x", "pushes app", "loads app")


def test_the_phrase_of_what_was_seen() -> None:
    files = {"/app.txt": Entry("-", 0o644, (0, 0), "one\n")}
    here, there = (Image(content, {}, {}) for content in (files, {}))
    seen = Seen(
        exit=0,
        output="",
        stdout="",
        pushed={
            "app:latest": Tagged({"linux/amd64": here}),
            "app:deps": Tagged({"linux/amd64": here}, is_bundle=True),
            "tool:v1": Tagged({"linux/arm64": there, "linux/amd64": here}),
        },
        loaded={"lint:latest": Tagged({"linux/amd64": Image({}, {}, {}, is_empty=True)})},
        written={"out/a": b"", "out/b/c": b"", "out/d": b"", "app.tar": b"", "../x": b""},
    )
    assert seen.phrase((file("app", "/app.txt"),)) == (
        "pushes app, tool:v1 (amd64, arm64); loads lint (empty); writes ../x, app.tar, out/; "
        "/app.txt is 'one'"
    )
    assert seen.bundles == ["app:deps"]


def test_what_a_row_expects() -> None:
    assert expected("pushes app; exit 1: not found") == ("pushes app; exit 1", ["not found"])
    assert expected("says: a word") == ("nothing", ["a word"])

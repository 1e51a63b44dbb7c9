from __future__ import annotations

import pytest

from tests.support.progress import recording
from whalebuild.buildkit.events import Message, parse_line
from whalebuild.buildkit.excerpt import Excerpt, excerpt

SEVERAL = """docker/app.Dockerfile:2
--------------------
   1 |     FROM x
   2 | >>> RUN a \\
   3 | >>>   b
   4 |     RUN c
--------------------
ERROR: failed"""


def test_the_recorded_failure_has_its_line() -> None:
    events = (event for line in recording("failed") for event in parse_line(line))
    found = excerpt([event.text for event in events if isinstance(event, Message)])
    assert found is not None
    assert found.file == "Dockerfile.bad"
    assert found.text.startswith("RUN ")


def test_the_first_of_several_lines_counts() -> None:
    assert excerpt([SEVERAL]) == Excerpt("docker/app.Dockerfile", 2, "RUN a \\")
    assert excerpt(SEVERAL.split("\n")) == excerpt([SEVERAL])


@pytest.mark.parametrize(
    "messages", [[], ["ERROR: x:1"], ["Dockerfile:2", "x"], ["Dockerfile:x", "-" * 20]]
)
def test_other_words_are_none(messages: list[str]) -> None:
    assert excerpt(messages) is None


def test_one_without_lines_has_no_text() -> None:
    assert excerpt(["Dockerfile:2", "-" * 20]) == Excerpt("Dockerfile", 2, "")

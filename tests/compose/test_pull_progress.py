"""compose's lines of a pull, recorded with compose 2.40.3, and what they come to."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whalebuild.compose.pull_progress import (
    PullLine,
    PullState,
    compose_error,
    compose_warnings,
    layer_id,
    parse_pull_line,
)

BASE, CODE = "121c6e757f5a", "b2a9350bbbd3"
RECORDED = [
    '{"id":"web","text":"Pulling"}',
    '{"id":"121c6e757f5a","parent_id":"web","text":"Pulling fs layer"}',
    '{"id":"121c6e757f5a","parent_id":"web","text":"Downloading","current":8388608,"total":50745676}',
    '{"id":"121c6e757f5a","parent_id":"web","text":"Download complete","percent":100}',
    '{"id":"121c6e757f5a","parent_id":"web","text":"Extracting","status":"1 s","current":1}',
    '{"id":"121c6e757f5a","parent_id":"web","text":"Pull complete","percent":100}',
    '{"id":"web","text":"Pulled"}',
]


def layer(name: str, text: str, current: int = 0, total: int = 0, parent: str = "web") -> PullLine:
    return PullLine(name, parent, text, current, total)


def state(*lines: PullLine, **sizes: int) -> PullState:
    found = PullState({{"base": BASE, "code": CODE}[name]: size for name, size in sizes.items()})
    for line in lines:
        found.add(line)
    return found


def test_recorded_lines() -> None:
    parsed = [parse_pull_line(line) for line in RECORDED]
    assert parsed == [
        PullLine("web", "", "Pulling"),
        layer(BASE, "Pulling fs layer"),
        layer(BASE, "Downloading", 8388608, 50745676),
        layer(BASE, "Download complete"),
        layer(BASE, "Extracting"),  # the number is of seconds
        layer(BASE, "Pull complete"),
        PullLine("web", "", "Pulled"),
    ]
    pulling, bytes_so_far = PullState(), []
    for line in parsed:
        assert line
        pulling.add(line)
        bytes_so_far.append(pulling.bytes)
    assert bytes_so_far == [0, 0, 8388608, 50745676, 50745676, 50745676, 50745676]
    assert pulling.done == {"web"}


@pytest.mark.parametrize(
    "line",
    [
        "",
        " web Pulling ",
        " Container shop-web-1  Started",
        "12",
        "null",
        "[]",
        "{",
        "[" * 100_000,
        '{"error":true,"message":"x"}',
        '{"id":3,"text":"Pulling"}',
        '{"id":"web"}',
        'time="2026-11-27T09:45:23Z" level=warning msg="x"',
    ],
)
def test_other_lines_tell_nothing(line: str) -> None:
    assert parse_pull_line(line) is None


def test_a_layer_of_two_images_counts_once() -> None:
    lines = [layer(BASE, "Downloading", 10, 100, parent=parent) for parent in ("web", "worker")] + [
        layer(CODE, "Downloading", 5, 7)
    ]
    assert state(*lines).bytes == 15
    assert state(*lines, layer(BASE, "Pull complete", parent="worker")).bytes == 105


def test_a_layer_that_comes_at_once_has_the_size_that_is_known() -> None:
    done = layer(CODE, "Download complete")
    assert state(done).bytes == 0
    assert state(done, layer(CODE, "Pull complete"), code=900).bytes == 900
    assert layer_id(f"sha256:{CODE}{'0' * 52}") == CODE


def test_what_was_there_counts_nothing() -> None:
    assert state(layer(BASE, "Already exists"), base=100).bytes == 0


def test_the_next_try_goes_on_where_the_last_one_ended() -> None:
    first = [layer(BASE, "Downloading", 60, 100), layer(CODE, "Download complete")]
    again = [layer(CODE, "Already exists"), layer(BASE, "Downloading", 0, 100)]
    assert state(*first, *again, code=9).bytes == 69
    assert state(*first, *again, layer(BASE, "Downloading", 80, 100), code=9).bytes == 89


names = st.sampled_from([BASE, CODE])
texts = st.sampled_from(["Downloading", "Download complete", "Extracting", "Already exists", "?"])
lines = st.builds(layer, names, texts, st.integers(0, 100), st.just(100))


@given(st.lists(lines))
def test_bytes_never_go_back_and_never_beyond_all(pulled: list[PullLine]) -> None:
    found, before = PullState({BASE: 100, CODE: 100}), 0
    for line in pulled:
        found.add(line)
        assert before <= found.bytes <= 200
        before = found.bytes


def test_errors_in_plain_text() -> None:
    reason = 'failed to resolve reference "r.test/web": connection refused'
    said: list[dict[str, Any]] = [
        {"id": "web", "text": "Pulling"},
        {"id": "web", "text": "Error", "status": reason},
        {"id": "worker", "text": "Error", "status": "context canceled"},
        {"error": True, "message": f"Error response from daemon: {reason}"},
    ]
    text = "\n".join(["a warning", *(json.dumps(line) for line in said)])
    assert compose_error(text).splitlines() == [
        "a warning",
        reason,
        "context canceled",
        f"ERROR: Error response from daemon: {reason}",
    ]


def test_errors_of_a_compose_that_knows_no_json() -> None:
    text = " web Pulling \n web Error \nError response from daemon: no\n"
    assert compose_error(text) == "Error response from daemon: no"
    assert compose_error("") == ""


def test_what_compose_warns_of() -> None:
    said = (
        'time="2026-11-29T01:00:00Z" level=warning msg="The \\"TAG\\" variable is not set. '
        'Defaulting to a blank string."\n'
        '{"id":"Container shop-web-1","text":"Started"}\n'
        '{"level":"warning","msg":"Found orphan containers ([shop-old-1]) for this project."}\n'
        'time="2026-11-29T01:00:00Z" level=warning msg=short\n'
        'time="2026-11-29T01:00:01Z" level=warning msg=short\n'
        'time="2026-11-29T01:00:01Z" level=error msg="no warning"\n'
    )
    assert compose_warnings(said) == (
        'The "TAG" variable is not set. Defaulting to a blank string.',
        "Found orphan containers ([shop-old-1]) for this project.",
        "short",
    )

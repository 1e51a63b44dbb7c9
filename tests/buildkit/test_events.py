from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.progress import recording
from whalebuild.buildkit.events import (
    BuildWarning,
    Event,
    Log,
    Message,
    Step,
    Transfer,
    clean_line,
    parse_line,
)

DIGEST = "sha256:" + "a" * 64


def only(line: str) -> Event:
    (event,) = parse_line(line)
    return event


def test_a_recorded_stream_is_steps_transfers_logs_and_messages() -> None:
    events = [event for line in recording("failed") for event in parse_line(line)]
    assert [event.data for event in events if isinstance(event, Log)] == [
        b"hello\n",
        b"503 Service Unavailable\n",
    ]
    messages = [event.text for event in events if isinstance(event, Message)]
    assert messages[0] == "Dockerfile.bad:3"
    assert messages[-1].endswith("did not complete successfully: exit code: 3")
    failed = {e.name for e in events if isinstance(e, Step) and e.error}
    assert {name.partition("]")[0] for name in failed} == {
        "[app-deps dependencies 2/2",
        "[app dependencies 2/2",
    }


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:01Z", 1.0),
        ("1970-01-01T00:00:01.5Z", 1.5),
        ("1970-01-01T00:00:01.140973908Z", 1.140973),
        ("1970-01-01T01:00:01.250000001+01:00", 1.25),
        ("1970-01-01T00:00:01-01:00", 3601.0),
        ("", None),
    ],
)
def test_times_have_nanoseconds_and_zones(text: str, seconds: float | None) -> None:
    line = json.dumps({"vertexes": [{"digest": DIGEST, "name": "x", "started": text}]})
    assert only(line) == Step(DIGEST, "x", seconds, None, cached=False, error="")


def test_warnings_are_decoded() -> None:
    short = base64.b64encode("LegacyKeyValueFormat: ä".encode()).decode()
    line = json.dumps({"warnings": [{"vertex": DIGEST, "short": short, "url": "https://d.io"}]})
    assert only(line) == BuildWarning(DIGEST, "LegacyKeyValueFormat: ä", "https://d.io")


def test_a_transfer_without_total_has_zero() -> None:
    line = json.dumps({"statuses": [{"vertex": DIGEST, "id": "sha256:b", "current": 7}]})
    assert only(line) == Transfer(DIGEST, "sha256:b", 7, 0, done=False)


@pytest.mark.parametrize("line", ["", "\n", "{}\n", '{"vertexes":null}\n'])
def test_a_line_without_news_is_no_event(line: str) -> None:
    assert list(parse_line(line)) == []


@pytest.mark.parametrize(
    "line",
    [
        "ERROR: failed to solve",
        "[1, 2]",
        "{not json",
        '{"vertexes": 5}',
        '{"vertexes": [5]}',
        '{"vertexes": [{"name": "no digest"}]}',
        '{"vertexes": [{"digest": "d", "started": "yesterday"}]}',
        '{"vertexes": [{"digest": "d", "started": 5}]}',
        '{"logs": [{"vertex": "d", "data": "not base64"}]}',
        '{"logs": {"a": "b"}}',
        '{"warnings": [{"short": 5}]}',
    ],
)
def test_a_malformed_line_is_a_message(line: str) -> None:
    assert list(parse_line(f"{line}\r\n")) == [Message(line)]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda v: (
        st.lists(v, max_size=3)
        | st.dictionaries(
            st.sampled_from(["digest", "name", "started", "vertex", "id", "data", "short", "url"]),
            v,
        )
    ),
    max_leaves=6,
)
status = st.dictionaries(
    st.sampled_from(["vertexes", "statuses", "logs", "warnings"]) | st.text(max_size=3), values
)


@given(st.text() | status.map(json.dumps))
def test_any_line_is_events_and_no_error(line: str) -> None:
    assert all(
        isinstance(event, Step | Transfer | Log | BuildWarning | Message)
        for event in parse_line(line)
    )


def _hide(text: str) -> str:
    return text.replace("name", "***")


@pytest.mark.parametrize(
    ("line", "clean"),
    [
        ("ERROR: your name\n", "ERROR: your ***\n"),
        (
            '{"vertexes":[{"name":"a","error":"no name"}]}\n',
            '{"vertexes":[{"name":"a","error":"no ***"}]}\n',
        ),
        ('{"vertexes":[{"name": "a", "error": "none"}]}\n', None),
        ('{"vertexes":[{"name":"name"}]}\n', None),
        ('{"logs":[{"data":"error"}],"error":1}\n', None),
        ('{"vertexes":[{"error":"name"\n', '{"vertexes":[{"error":"***"\n'),
        ('{"vertexes":["error"],"error":"name"}\n', '{"vertexes":["error"],"error":"***"}\n'),
    ],
    ids=["words", "error", "other error", "no error", "log", "cut off", "unknown form"],
)
def test_a_secret_is_taken_out_of_errors_alone(line: str, clean: str | None) -> None:
    """Even one that is a word of the format itself."""
    assert clean_line(line, _hide) == (clean or line)

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.record import AT, begun, done, ended, running, text, version, warmed
from whalebuild.deploy.history import next_number
from whalebuild.deploy.record import Deployment, Entry, History, Outcome, Warmed
from whalebuild.deploy.record_format import entry_line, read_history
from whalebuild.oci.reference import Reference

WEB = running(web="1")


def test_what_is_written_is_read() -> None:
    failed = ended(2, running(web="1", db=None), Outcome.ROLLED_BACK, 'no "health"\nat all ü\u2028')
    entries: list[Entry] = [
        *done(1, web="1"),
        warmed("web", "2"),
        begun(2, running(web="2"), WEB),
        failed,
        begun(3, WEB, WEB, to=1),
    ]
    found = read_history(text(entries))
    assert found == History(
        (
            Deployment(begun(1, WEB), ended(1, WEB)),
            Deployment(begun(2, running(web="2"), WEB), failed),
            Deployment(begun(3, WEB, WEB, to=1)),
        ),
        (warmed("web", "2"),),
        highest=3,
    )
    assert found.deployments[2].outcome is Outcome.INTERRUPTED


def test_configurations_are_by_digest() -> None:
    digest = f"sha256:{'c' * 64}"
    entry = replace(begun(1, WEB), configurations={"web": digest})
    line = entry_line(entry)
    assert json.loads(line)["configurations"] == {"web": digest}
    assert read_history(line).deployments[0].begun == entry
    assert read_history(line.replace(digest, "a value")).damaged == (1,)


def test_the_form_of_a_line() -> None:
    assert json.loads(entry_line(begun(4, WEB, to=1))) == {
        "schema": "whalebuild.deployment/1",
        "event": "begun",
        "number": 4,
        "act": "rollback",
        "at": AT,
        "services": {"web": str(version("1"))},
        "before": {"web": None},
        "to": 1,
    }
    assert json.loads(entry_line(ended(4, {"web": None}))) == {
        "schema": "whalebuild.deployment/1",
        "event": "ended",
        "number": 4,
        "outcome": "done",
        "at": AT,
        "running": {"web": None},
        "reason": None,
        "downloaded": 5800,
        "seconds": 4.5,
    }


def test_a_version_without_a_digest_is_not_written() -> None:
    with pytest.raises(ValueError, match="has no digest"):
        entry_line(Warmed(AT, "web", Reference("acme/web", "latest")))


BEGUN = json.loads(entry_line(begun(1, WEB)))
ENDED = json.loads(entry_line(ended(1, WEB)))
WARMED = json.loads(entry_line(warmed("web", "1")))


@pytest.mark.parametrize(
    "line",
    [
        entry_line(begun(2, WEB))[:40],
        "\0" * 80,
        "[]",
        "3",
        "[" * 5000,
        '{"schema": "whalebuild.deployment/1"}',
        {**BEGUN, "schema": "whalebuild.deployment/2"},
        {**BEGUN, "event": "other"},
        {**BEGUN, "event": None},
        {**BEGUN, "number": 0},
        {**BEGUN, "number": True},
        {**BEGUN, "number": "1"},
        {**BEGUN, "number": 1 << 60},
        {**BEGUN, "act": "undo"},
        {**BEGUN, "act": ["deploy"]},
        {**BEGUN, "at": "yesterday"},
        {**BEGUN, "at": "2026-11-27T09:44:26"},
        {**BEGUN, "services": ["web"]},
        {**BEGUN, "services": {"web": "Bad Name"}},
        {**BEGUN, "services": {"web": "acme/web:latest"}},
        {**BEGUN, "services": {"": str(version("1"))}},
        {**BEGUN, "before": None},
        {**BEGUN, "to": -1},
        {**WARMED, "image": None},
        {**WARMED, "service": 3},
        ENDED,
    ],
    ids=str,
)
def test_a_line_that_cannot_be_read_is_skipped_and_numbered(line: str | dict[str, Any]) -> None:
    damaged = line if isinstance(line, str) else json.dumps(line)
    rest = text(done(5, web="1"))
    found = read_history(f"{damaged}\n\n{rest}")
    assert found.damaged == (1,)
    assert found.deployments == read_history(rest).deployments
    assert not found.warmed


@pytest.mark.parametrize(
    "end",
    [
        {**ENDED, "number": 2},
        {**ENDED, "outcome": "good"},
        {**ENDED, "running": 3},
        {**ENDED, "reason": 3},
        {**ENDED, "downloaded": 1.5},
        {**ENDED, "downloaded": -1},
        {**ENDED, "seconds": True},
        {**ENDED, "seconds": "4"},
        {**ENDED, "seconds": float("nan")},
        {**ENDED, "seconds": float("inf")},
    ],
    ids=str,
)
def test_an_end_that_cannot_be_read_leaves_it_open(end: dict[str, Any]) -> None:
    found = read_history(f"{json.dumps(BEGUN)}\n{json.dumps(end)}")
    assert found.damaged == (2,)
    assert [each.outcome for each in found.deployments] == [Outcome.INTERRUPTED]


def test_numbers_twice_are_damage() -> None:
    again = read_history(text([*done(2, web="1"), *done(2, web="2"), *done(1, web="3")]))
    assert again.damaged == (3, 4, 5, 6)
    assert again.deployments == read_history(text(done(2, web="1"))).deployments


@pytest.mark.parametrize(
    ("torn", "number"),
    [
        (entry_line(begun(7, WEB))[:-9], 8),
        (entry_line(ended(9, WEB)), 10),
        ('{"number": 99999999999999999999999}', 1),
        (entry_line(ended(1, WEB, reason='"number": 30')), 2),
        ("", 1),
    ],
    ids=["torn", "lost", "absurd", "within a text", "empty"],
)
def test_the_next_number_is_none_that_a_damaged_line_has(torn: str, number: int) -> None:
    assert next_number(read_history(torn)) == number
    assert next_number(read_history(f"{torn}\n{text(done(12, web='1'))}")) == 13


@given(st.text())
def test_any_text_is_read(anything: str) -> None:
    found = read_history(anything)
    assert not found.deployments
    assert len(found.damaged) == sum(bool(line.strip()) for line in anything.split("\n"))


@given(st.integers(0, 2000), st.integers(0, 2000), st.binary(max_size=5))
def test_a_damaged_piece_costs_only_its_lines(start: int, length: int, put: bytes) -> None:
    whole = text([*done(1, web="1"), *done(2, web="2"), *done(3, web="3")]).encode()
    damaged = whole[:start] + put.replace(b"\n", b"") + whole[start + length :]
    found = read_history(damaged.decode(errors="replace"))
    same = {each.number: each for each in read_history(whole.decode()).deployments}
    before = whole[:start].count(b"\n") // 2
    assert [each.number for each in found.deployments][:before] == list(same)[:before]
    for each in found.deployments[:before]:
        assert each == same[each.number]

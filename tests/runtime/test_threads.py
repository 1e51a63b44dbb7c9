from __future__ import annotations

import threading

import pytest

from whalebuild.runtime.threads import Submit, one_at_a_time, side_by_side


def test_groups_are_done_side_by_side_and_each_in_order() -> None:
    meeting = threading.Barrier(2, timeout=10)
    done: list[str] = []

    def act(name: str) -> str:
        if name in {"a1", "b1"}:
            meeting.wait()  # neither goes on without the other
        done.append(name)
        return name.upper()

    found = side_by_side(Submit(), [("a1", "a2"), ("b1",)], act)
    assert found == {"a1": "A1", "a2": "A2", "b1": "B1"}
    assert done.index("a1") < done.index("a2")


def test_one_group_needs_no_thread() -> None:
    mine = threading.get_ident()
    found = side_by_side(Submit(), [("a", "b")], lambda _: threading.get_ident())
    assert set(found.values()) == {mine}


def test_all_have_ended_when_an_error_is_raised() -> None:
    failed = threading.Event()
    done: list[str] = []

    def act(name: str) -> None:
        if name == "bad":
            failed.set()
            raise ValueError(name)
        failed.wait(10)
        done.append(name)

    with pytest.raises(ValueError, match="bad"):
        side_by_side(Submit(), [("bad",), ("good",)], act)
    assert done == ["good"]


def test_one_thread_at_a_time() -> None:
    inside: list[int] = []
    most: list[int] = []

    def act(number: int) -> None:
        inside.append(number)
        most.append(len(inside))
        inside.remove(number)

    alone = one_at_a_time(act)
    side_by_side(Submit(), [(n,) for n in range(20)], alone)
    assert most == [1] * 20

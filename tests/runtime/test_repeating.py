"""What is done again and again beside a block, and what ends in another thread."""

from __future__ import annotations

import threading

import pytest

from whalebuild.errors import InterruptedRunError
from whalebuild.runtime.repeating import repeated
from whalebuild.runtime.stopping import Stopping


def test_it_is_repeated_until_the_block_ends() -> None:
    times = 0
    third = threading.Event()

    def action() -> None:
        nonlocal times
        times += 1
        if times == 3:
            third.set()

    with repeated(action, 0.01):
        assert third.wait(20)
    after = times
    threading.Event().wait(0.05)
    assert times == after


def test_a_short_block_does_not_wait_for_it() -> None:
    with repeated(pytest.fail, 60):
        pass


def test_a_thread_ends_once() -> None:
    stopping = Stopping()
    stopping.check()
    stopping.ask(InterruptedRunError("interrupted by SIGINT"))
    with pytest.raises(InterruptedRunError, match="SIGINT"):
        stopping.check()
    stopping.check()

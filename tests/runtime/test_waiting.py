from __future__ import annotations

import threading

from whalebuild.runtime.waiting import said_if_slow


def test_what_takes_long_is_said_once() -> None:
    said, heard = [], threading.Event()

    def say() -> None:
        said.append("reading")
        heard.set()

    with said_if_slow(say, 0.01):
        assert heard.wait(10)
    assert said == ["reading"]


def test_what_is_quick_is_not_said() -> None:
    said: list[str] = []
    with said_if_slow(lambda: said.append("reading"), 60):
        pass
    assert said == []

"""Servers of addresses, in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from whalebuild.failures.classify_http import NoAnswer, no_answer
from whalebuild.failures.failure import RequestFailedError


@dataclass
class FakeWeb:
    """What is behind addresses; nothing where none is named.

    Attributes:
        there: By address.
        asked: Each question: the address, and what was behind it before.
        down: Whether no server answers.
        then: Called after each answer, with the address.
    """

    there: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    down: bool = False
    then: Callable[[str], None] = lambda _: None

    def identity(self, url: str, known: str) -> str:
        self.asked.append((url, known))
        if self.down:
            raise RequestFailedError(no_answer(f"HEAD {url}", NoAnswer.REFUSED))
        found = self.there.get(url, "")
        self.then(url)
        return found

"""A client that asks all the time: what it was answered by whom, and for how long by nobody."""

from __future__ import annotations

import http.client
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

SECONDS_BETWEEN = 0.05
SECONDS_TO_ANSWER = 0.5
_PATIENCE = 60.0


@dataclass(frozen=True)
class Answer:
    """One request. Times are on the monotonic clock, in seconds.

    Attributes:
        release: What was answered with 200; None is a failure.
        failure: What happened instead.
    """

    asked: float
    ended: float
    release: str | None
    failure: str = ""


@dataclass
class Answers:
    """What a client has seen so far; it may go on asking."""

    answers: list[Answer] = field(default_factory=list)

    @property
    def failures(self) -> list[Answer]:
        """The requests that were not answered (with 200)."""
        return [each for each in list(self.answers) if each.release is None]

    @property
    def gap(self) -> float:
        """The longest time without an answer, in seconds.

        From one answer to the next; the first request and the end of the last count as answers, so
        that a service that never comes back is a gap as well. Without a failure it is some 0.05.
        """
        return longest_gap(list(self.answers))

    @property
    def releases(self) -> list[str]:
        """Who answered, in order, each stretch once: ``["1", "2"]``, or ``["1", "2", "1"]``."""
        seen = [each.release for each in list(self.answers)]
        return [name for name, _ in itertools.groupby(filter(None, seen))]

    def wait_for(self, release: str) -> None:
        """Wait until this release answers, from now on."""
        seen = len(self.answers)
        self.wait_until(lambda: release in [each.release for each in self.answers[seen:]])

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Go on asking until something is so."""
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"the last that was seen: {self.answers[-3:]}")
            time.sleep(SECONDS_BETWEEN / 5)


class Poller(Answers):
    """Requests a URL every 50 ms, each over a connection of its own, while the block lasts.

    A request that takes longer than the timeout, in seconds, has failed.
    """

    def __init__(self, url: str, timeout: float = SECONDS_TO_ANSWER) -> None:
        super().__init__()
        self.url = url
        self.timeout = timeout
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Poller:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._over.is_set():
            self.answers.append(ask(self.url, self.timeout))
            # A request that took long is not made up for by a crowd of them.
            due = max(due + SECONDS_BETWEEN, time.monotonic())
            self._over.wait(due - time.monotonic())


def ask(url: str, timeout: float = SECONDS_TO_ANSWER) -> Answer:
    """One request."""
    parts = urlsplit(url)
    asked = time.monotonic()
    connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        body = answer.read().decode()
    except (OSError, http.client.HTTPException) as error:
        return Answer(asked, time.monotonic(), None, repr(error))
    finally:
        connection.close()
    if answer.status != http.client.OK:
        return Answer(asked, time.monotonic(), None, f"{answer.status} {body}")
    return Answer(asked, time.monotonic(), body)


def longest_gap(answers: Sequence[Answer]) -> float:
    """As :attr:`Poller.gap` says."""
    if not answers:
        return 0.0
    good = [each.ended for each in answers if each.release is not None]
    times = [answers[0].asked, *good, answers[-1].ended]
    return max(after - before for before, after in itertools.pairwise(times))

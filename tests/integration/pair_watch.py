"""Watches a pair of tags while something happens to them: every state that is seen is whole."""

from __future__ import annotations

import threading
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from http.client import HTTPException

from tests.integration.pairs import Pair

_PAUSE = 0.3


@dataclass
class Watch:
    """What was seen.

    Attributes:
        states: Digests of ``:deps`` and ``:latest``, each time that they were others than before.
        looks: How often both were read and checked, blob by blob.
        torn: What was wrong with one of them.
    """

    pair: Pair
    states: list[tuple[str, str]] = field(default_factory=list)
    looks: int = 0
    torn: list[str] = field(default_factory=list)

    def look(self) -> None:
        """Check everything behind both tags; ``:latest`` is read first, as it is set last."""
        app = self.pair.digest("latest")
        state = self.pair.digest("deps"), app
        self.pair.check_whole()
        if state not in self.states[-1:]:
            self.states.append(state)
        self.looks += 1

    def tags_moved(self) -> tuple[list[str], list[str]]:
        """The digests that each tag had, in order, the first one left out."""
        deps, apps = (list(dict.fromkeys(tag)) for tag in zip(*self.states, strict=True))
        return deps[1:], apps[1:]


@contextmanager
def watching(pair: Pair, address: str = "") -> Iterator[Watch]:
    """Look at both tags of a pair again and again, and once more at the end.

    Args:
        pair: What is looked at; it is published when this begins.
        address: Its registry itself, where the pair goes through a proxy that spoils things.
    """
    watch = Watch(replace(pair, host=address or pair.host))
    watch.look()
    over = threading.Event()

    def run() -> None:
        while not over.wait(_PAUSE):
            try:
                watch.look()
            except urllib.error.HTTPError as error:
                # While it writes a tag, docker-registry 2.8 answers 500: its storage empties the
                # file first. One that stays so fails the last look.
                if error.code != HTTPStatus.INTERNAL_SERVER_ERROR:
                    watch.torn.append(f"{error.url}: {error}")
            except AssertionError as error:
                watch.torn.append(str(error))
            except (OSError, HTTPException):  # the registry is down, or went down meanwhile
                continue

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()
    watch.look()
    assert not watch.torn, watch.torn[:3]

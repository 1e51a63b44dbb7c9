"""Someone who pulls all the time: looks at tags while they are being published.

The sandbox's registry (distribution 2.8.3) writes the file of a tag in place, and whoever asks for
the tag at that instant is answered 500: so it is where two clients without whalebuild put two
manifests in turn. Such an answer is counted, and asked for again; what there is has to be whole.
"""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.integration import published

SECONDS_BETWEEN_LOOKS = 0.02
_MOST_TRIES = 50


@dataclass
class Watch:
    """What was seen of some tags.

    Attributes:
        looks: How often each tag was looked at.
        unanswered: How often the registry said 500 of a tag.
        seen: The digests that each tag had, in the order in which they came.
        troubles: What a pull would have failed with.
    """

    registry: str
    repository: str
    tags: tuple[str, ...]
    looks: int = 0
    unanswered: int = 0
    seen: dict[str, list[str]] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)

    def look(self) -> None:
        """Get what each tag has now, and ask for all that it names."""
        for tag in self.tags:
            try:
                digest = self._digest(tag)
                before = self.seen.setdefault(tag, [])
                if digest in before:
                    self._ask_for_children(digest)
                else:
                    self._ask_for_all(digest)
                    before.append(digest)
            except (OSError, ValueError, AssertionError) as trouble:
                self.troubles.append(f"{tag}: {trouble!r}")
        self.looks += 1

    def _digest(self, tag: str) -> str:
        for _ in range(_MOST_TRIES):
            try:
                return published.digest(self.registry, self.repository, tag)
            except urllib.error.HTTPError as error:
                error.close()
                if error.code != 500:
                    raise
                self.unanswered += 1
            time.sleep(SECONDS_BETWEEN_LOOKS)
        raise AssertionError("the registry does not answer")

    def _ask_for_children(self, digest: str) -> None:
        for child in self._manifest(digest).get("manifests", ()):
            self._head(f"manifests/{child['digest']}")

    def _ask_for_all(self, digest: str) -> None:
        found = self._manifest(digest)
        for child in found.get("manifests", ()):
            self._ask_for_all(child["digest"])
        for blob in (*found.get("layers", ()), found.get("config")):
            if blob:
                self._head(f"blobs/{blob['digest']}")

    def _manifest(self, digest: str) -> dict[str, object]:
        return published.manifest(self.registry, self.repository, digest)

    def _head(self, path: str) -> None:
        url = f"http://{self.registry}/v2/{self.repository}/{path}"
        request = urllib.request.Request(url, method="HEAD", headers=published.ACCEPT)
        with urllib.request.urlopen(request, timeout=60):
            pass


@contextmanager
def watching(registry: str, repository: str, *tags: str) -> Iterator[Watch]:
    """Look at tags until the block ends, and have found each of them whole every time."""
    watch, over = Watch(registry, repository, tags), threading.Event()

    def run() -> None:
        while not over.is_set():
            watch.look()
            time.sleep(SECONDS_BETWEEN_LOOKS)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()
    assert not watch.troubles, watch.troubles
    assert watch.looks > 0

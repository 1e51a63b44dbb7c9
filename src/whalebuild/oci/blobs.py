"""Blobs on their way into a registry: where their bytes come from, and how they arrive.

``registry.upload`` sends them, ``runtime.uploads`` sends several side by side.
"""

from __future__ import annotations

import io
from enum import Enum
from typing import Protocol

from whalebuild.values import dataclass


class Stream(Protocol):
    """An open blob."""

    def read(self, size: int, /) -> bytes:
        """Read at most so many bytes; none at the end."""

    def close(self) -> None:
        """Let go of it."""


class BlobSource(Protocol):
    """A blob's bytes, which can be read again from any offset: after a failure they are."""

    @property
    def size(self) -> int:
        """How many bytes there are."""

    def open(self, offset: int) -> Stream:
        """Begin to read at the offset; called by several threads for several blobs."""


@dataclass(frozen=True)
class BytesSource:
    """A blob that is in memory, such as a configuration."""

    raw: bytes

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.raw)

    def open(self, offset: int) -> Stream:
        """Begin to read at the offset."""
        return io.BytesIO(self.raw[offset:])


class Arrival(Enum):
    """How a blob has come into a repository."""

    SENT = "sent"
    MOUNTED = "mounted"  # from another repository of the registry
    THERE = "there"  # it was there before


class BegunUpload(Protocol):
    """What is kept of one upload from one run to the next."""

    @property
    def location(self) -> str | None:
        """Where an earlier run was to send what comes next; None where there was none."""

    def keep(self, location: str) -> None:
        """Keep where what comes next is to be sent."""

    def drop(self) -> None:
        """Forget it: the blob is there."""


class BegunUploads(Protocol):
    """What is kept of uploads from one run to the next."""

    def claim(self, repository: str, digest: str) -> BegunUpload:
        """Take the note of a blob's upload, which no other run uses at the same time."""


class Upload(Protocol):
    """One blob's way into a repository, which remembers how far it has come."""

    @property
    def bytes_sent(self) -> int:
        """How many of the blob's bytes were sent so far, each time that they were."""

    def advance(self) -> Arrival | None:
        """Do the next part: the whole of a small blob, a chunk of a large one.

        Call it until it returns how the blob has arrived. After a failure it may be called again,
        and goes on from what the registry has.
        """

"""What a request sends of a blob, piece by piece: no blob is held in memory."""

from __future__ import annotations

import errno
from collections.abc import Callable, Generator
from pathlib import Path

from whalebuild.oci.blobs import BlobSource, Stream
from whalebuild.values import dataclass

# A connection that takes less than this within the timeout for connecting counts as broken.
_PIECE = 64 * 1024


class UnreadableError(Exception):
    """The blob could not be read, which is no fault of the connection that it was read for."""

    def __init__(self, problem: OSError) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True)
class FileSource:
    """A blob that is a file, which nobody changes meanwhile."""

    path: Path

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.path.stat().st_size

    def open(self, offset: int) -> Stream:
        """Begin to read at the offset."""
        file = self.path.open("rb", buffering=0)  # it is read in large pieces anyway
        file.seek(offset)
        return file


@dataclass(frozen=True)
class Part:
    """A part of a blob, as the body of a request.

    Attributes:
        start: Where it begins.
        length: How many bytes it has.
        told: Is told after each piece where in the blob it is, and the piece's length.
    """

    source: BlobSource
    start: int
    length: int
    told: Callable[[int, int], None]

    def pieces(self) -> Generator[bytes, None, None]:
        """Read it, anew with each call: a request may have to be made again with a login.

        Raises:
            UnreadableError: It cannot be read, or ends too soon.
        """
        end = self.start + self.length
        at = self.start
        try:
            stream = self.source.open(at)
        except OSError as failed:
            raise UnreadableError(failed) from failed
        try:
            while at < end:
                piece = _read(stream, min(_PIECE, end - at), at)
                yield piece
                at += len(piece)
                self.told(at, len(piece))
        finally:
            stream.close()


def _read(stream: Stream, size: int, at: int) -> bytes:
    try:
        piece = stream.read(size)
    except OSError as failed:
        raise UnreadableError(failed) from failed
    if not piece:
        raise UnreadableError(OSError(errno.EIO, f"a blob to be pushed ends after {at} bytes"))
    return piece

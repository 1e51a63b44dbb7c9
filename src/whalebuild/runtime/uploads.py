"""Several blobs pushed side by side, each with retries of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, wait
from contextlib import contextmanager
from functools import partial

from whalebuild.oci.blobs import Arrival, BlobSource, Upload
from whalebuild.oci.reference import Reference
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.runtime.threads import Submit
from whalebuild.values import dataclass

_DIGITS = 12


@dataclass(frozen=True)
class Blob:
    """A blob to be pushed.

    Attributes:
        mount_from: A repository of the same registry that may have it.
    """

    digest: str
    source: BlobSource
    mount_from: str | None = None


@dataclass(frozen=True)
class Pushed:
    """What became of blobs.

    Attributes:
        arrivals: How each blob has come into the repository, by digest.
        bytes_sent: Bytes of blobs that were sent, those of requests that failed included.
    """

    arrivals: dict[str, Arrival]
    bytes_sent: int

    def digests(self, how: Arrival) -> tuple[str, ...]:
        """The digests of the blobs that arrived like this."""
        return tuple(digest for digest, arrival in self.arrivals.items() if arrival is how)


def push_blobs(
    registry: RetryingRegistry,
    repository: str,
    blobs: Iterable[Blob],
    *,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    at_once: int = 4,
) -> Pushed:
    """Push blobs to a repository; those that it has are skipped, others mounted or sent.

    Args:
        registry: Where to, and how long to try.
        repository: As ``Reference.repository`` has it.
        blobs: What to push; of several with the same digest one is pushed.
        progress: Is told how many bytes are there of how many that have to be sent, as far as that
            is known: what turns out to be there already is in neither. One call at a time, from
            several threads.
        at_once: How many are sent at the same time.

    Raises:
        FailedError: Of the first blob that failed, with the budget of the retrier spent or for a
            failure that will not pass; the others stop.
        OSError: A blob could not be read.
    """
    by_digest = {blob.digest: blob for blob in blobs}
    # The largest first: the others fit in beside them.
    ordered = sorted(by_digest.values(), key=lambda blob: (-blob.source.size, blob.digest))
    tally = _Tally({blob.digest: blob.source.size for blob in ordered}, progress)
    host = Reference(repository).registry
    submit = Submit(at_once)

    def push(blob: Blob) -> tuple[Arrival, int]:
        with tally.stopping_at_an_error():
            return send(blob)

    def send(blob: Blob) -> tuple[Arrival, int]:
        upload = registry.registry.upload(
            repository,
            blob.digest,
            blob.source,
            mount_from=blob.mount_from,
            progress=lambda position, _: tally.reached(blob.digest, position),
        )
        arrival = None
        while arrival is None:  # each part has the retrier's whole budget
            arrival = registry.step(_step(blob), host, lambda _: tally.unless_stopped(upload))
        tally.arrived(blob.digest, arrival)
        return arrival, upload.bytes_sent

    futures = [submit(partial(push, blob)) for blob in ordered]
    try:
        wait(futures, return_when=FIRST_EXCEPTION)
    finally:
        tally.stop()
    if tally.error:
        raise tally.error
    results = [future.result() for future in futures]
    return Pushed(
        {blob.digest: how for blob, (how, _) in zip(ordered, results, strict=True)},
        sum(sent for _, sent in results),
    )


class _StoppedError(Exception):
    """Another blob has failed."""


class _Tally:
    """How far all of them are, and whether they are to stop.

    Attributes:
        error: The first one's.
    """

    def __init__(self, sizes: dict[str, int], progress: Callable[[int, int], None]) -> None:
        self._sizes = sizes
        self._done: dict[str, int] = {}
        self._progress = progress
        self.error: BaseException | None = None
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def reached(self, digest: str, position: int) -> None:
        """Note how far a blob is; raise where it is to stop."""
        self._check()
        with self._lock:
            self._done[digest] = position
            self._tell()

    def arrived(self, digest: str, how: Arrival) -> None:
        """Note how a blob has arrived."""
        with self._lock:
            if how is not Arrival.SENT:
                self._sizes.pop(digest)
                self._done.pop(digest, None)
            self._tell()

    def unless_stopped(self, upload: Upload) -> Arrival | None:
        """Do the next part of an upload; raise where it is to stop."""
        self._check()
        return upload.advance()

    @contextmanager
    def stopping_at_an_error(self) -> Iterator[None]:
        """Stop all if the block raises."""
        try:
            yield
        except BaseException as failed:
            with self._lock:
                self.error = self.error or failed
                self.stop()
            raise

    def stop(self) -> None:
        """Stop all of them: before the next request, or in the midst of one that sends."""
        self._stopped.set()

    def _check(self) -> None:
        if self._stopped.is_set():
            raise _StoppedError

    def _tell(self) -> None:
        if not self._stopped.is_set():
            self._progress(sum(self._done.values()), sum(self._sizes.values()))


def _step(blob: Blob) -> str:
    algorithm, _, hexadecimal = blob.digest.partition(":")
    return f"pushing {algorithm}:{hexadecimal[:_DIGITS]}"

"""The upload of one blob, which goes on after a failure from what the registry has.

Follows "Pushing blobs" of the OCI distribution specification 1.1:
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs. Small blobs
go in one piece, large ones in chunks; where a registry does not take chunks as it should, in one
piece as well. Nothing is tried again here.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import field, replace

from whalebuild.failures.classify_http import NoAnswer
from whalebuild.failures.failure import Failure, FailureKind, RequestFailedError
from whalebuild.oci.blobs import Arrival, BegunUpload, BegunUploads, BlobSource
from whalebuild.oci.reference import Reference
from whalebuild.registry.answers import named_digest, wrong
from whalebuild.registry.blobs import (
    begin_upload,
    cancel_upload,
    has_blob,
    location_of,
    try_mount,
)
from whalebuild.registry.session import Call, RegistrySession
from whalebuild.registry.streamed import Part, UnreadableError
from whalebuild.registry.upload_answers import (
    NO_STATUS,
    Refusal,
    bytes_there,
    is_forgotten,
    is_inner,
    is_mismatch,
    passing,
    why_refused,
)
from whalebuild.values import dataclass

_MIB = 1024 * 1024
# Up to here a blob is sent with one request: what a failure costs is small.
IN_ONE_PIECE = 8 * _MIB
CHUNK = 32 * _MIB
# Up to here a blob is sent without asking whether it is there: that costs as much as sending it.
WITHOUT_ASKING = 64 * 1024
# The most that ghcr.io takes in a chunk, and less than proxies allow a body to have.
SMALLER_CHUNK = 4 * _MIB
# A registry that loses more uploads of a blob than this gets it in one piece.
MOST_LOSSES = 2
_OCTETS = {"Content-Type": "application/octet-stream"}
# Registries read a blob once more before they answer its last request.
_SECONDS_AT_LEAST = 60
_BYTES_A_SECOND = 10 * _MIB


@dataclass
class BlobUpload:
    """Implements ``oci.blobs.Upload``; not thread-safe, but its session is.

    Attributes:
        repository: As ``Reference.repository`` has it.
        digest: Of the blob. It is not computed again here: the registry does that.
        largest_chunks: By registry, what was learned about the chunks that it takes; 0 is none.
            Shared by all uploads of a client.
        mount_from: Another repository of the registry, which may have the blob.
        progress: See ``oci.registry.Registry.upload``. It may tell less than before: after a
            failure, what the registry has not got.
        begun: What earlier runs have begun.
        bytes_sent: Bytes of the blob that were sent, those of failed requests included.
    """

    session: RegistrySession
    repository: str
    digest: str
    source: BlobSource
    largest_chunks: MutableMapping[str, int] = field(default_factory=dict)
    mount_from: str | None = None
    progress: Callable[[int, int], None] | None = None
    begun: BegunUploads | None = None
    bytes_sent: int = field(default=0, init=False)
    _location: str | None = field(default=None, init=False)
    _offset: int = field(default=0, init=False)  # what the registry has said that it has
    _handed: int = field(default=0, init=False)  # what it may have, if a request failed
    _unsure: bool = field(default=False, init=False)  # a request has failed since it said so
    _least_chunk: int = field(default=0, init=False)
    _look: bool = field(init=False)  # whether to ask if the blob is there
    _finished: bool = field(default=False, init=False)  # the last request was made, with any end
    _losses: int = field(default=0, init=False)
    _mismatched: bool = field(default=False, init=False)
    _note: BegunUpload | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Prepare the first request."""
        self._look = self.source.size > WITHOUT_ASKING

    def advance(self) -> Arrival | None:
        """See ``oci.blobs.Upload``.

        Raises:
            RequestFailedError: The registry refused, could not be reached, or has lost the upload.
            OSError: The blob could not be read.
        """
        try:
            arrival = self._advance()
        except UnreadableError as failed:
            raise failed.problem from None
        if arrival and self._note:
            self._note.drop()
        return arrival

    def _advance(self) -> Arrival | None:
        if self._look:
            if has_blob(self.session, self.repository, self.digest):
                return Arrival.SENT if self._finished else Arrival.THERE
            self._look = False
        if self._whole and self._handed:
            self._location = None  # nothing that was begun goes on in one piece
        if self._location and self._unsure:
            self._ask_offset()
        if self._location is None and self._begin():
            return Arrival.MOUNTED
        if self._whole:
            self._finish(Part(self.source, 0, self.source.size, self._told))
        elif self._offset == self.source.size or self._send_chunk():
            self._finish(None)
        else:
            return None
        return Arrival.SENT

    @property
    def _chunk(self) -> int:
        return self.largest_chunks.get(Reference(self.repository).registry, CHUNK)

    @property
    def _whole(self) -> bool:
        small = self.source.size <= IN_ONE_PIECE
        return small or self._chunk == 0 or self._losses > MOST_LOSSES or self._mismatched

    def _begin(self) -> bool:
        """Mount the blob, or begin an upload; return whether it was mounted."""
        if self._go_on():
            return False
        begun = None
        if self.mount_from:
            begun = try_mount(self.session, self.repository, self.digest, self.mount_from)
            self.mount_from = None
        begun = begun or begin_upload(self.session, self.repository)
        self._location = begun.location
        self._least_chunk = begun.least_chunk
        self._offset = self._handed = 0
        self._unsure = False
        self._keep()
        return begun.location is None

    def _keep(self) -> None:
        """Remember where what comes next is to be sent."""
        if self._note and self._location:
            self._note.keep(self._location)

    def _go_on(self) -> bool:
        """Take up what an earlier run has begun; return whether the registry still has that."""
        if self.begun is None or self._note or self._whole or self.mount_from:
            return False
        self._note = self.begun.claim(self.repository, self.digest)
        self._location = self._note.location
        if self._location:
            self._handed = self.source.size
            try:
                self._ask_offset()
            except RequestFailedError:  # whatever that may be: begun anew, it is told again
                self._location = None
        return self._location is not None

    def _ask_offset(self) -> None:
        """Ask how much the registry has; forget an upload that it does not know any more."""
        call = Call("GET", self._location or "", action="push", accepted=NO_STATUS)
        answer = self.session.call(self.repository, call)
        there = bytes_there(answer) if answer.ok else None
        # "0-0" is said of one byte and of none (distribution): then it is begun anew.
        if there is None or not max(self._offset, 2) <= there <= self._handed:
            self._forget()
            return
        self._location = location_of(answer) or self._location
        self._offset = there
        self._unsure = False

    def _send_chunk(self) -> bool:
        """Send the next chunk; return whether the registry has all then."""
        start = self._offset
        end = min(start + max(self._chunk, self._least_chunk), self.source.size)
        headers = {
            **_OCTETS,
            "Content-Length": str(end - start),
            "Content-Range": f"{start}-{end - 1}",
        }
        body = Part(self.source, start, end - start, self._told)
        self._handed, self._unsure = end, True
        call = Call("PATCH", self._location or "", headers, body, action="push")
        try:
            answer = self.session.call(self.repository, call)
        except RequestFailedError as error:
            self._not_taken(error)
            return False
        there = bytes_there(answer)
        if there is None:
            there = end
        if not start < there <= end:
            # ECR and zot say less than they have said before: what they have is not clear.
            self._take_chunks_of(0)
            return False
        self._location = location_of(answer) or self._location
        self._offset = there
        self._unsure = False
        self._keep()
        return there == self.source.size

    def _not_taken(self, error: RequestFailedError) -> None:
        """Prepare another way to send a chunk that was not taken; raise where there is none."""
        match why_refused(error.failure, self._offset):
            case Refusal.OUT_OF_ORDER:
                self._losses += 1  # and it is asked for its offset
            case Refusal.TOO_LARGE:
                self._take_chunks_of(SMALLER_CHUNK if self._chunk > SMALLER_CHUNK else 0)
            case Refusal.NO_CHUNKS:
                self._take_chunks_of(0)
            case Refusal.FORGOTTEN:
                self._forget()
                raise RequestFailedError(passing(error.failure)) from None
            case Refusal.OTHER:
                raise error

    def _take_chunks_of(self, size: int) -> None:
        registry = Reference(self.repository).registry
        self.largest_chunks[registry] = min(size, self._chunk)
        if self._location:
            cancel_upload(self.session, self.repository, self._location)
        self._location = None

    def _finish(self, body: Part | None) -> None:
        """End the upload, with all of the blob where there is a body."""
        location = self._location or ""
        call = Call(
            "PUT",
            f"{location}{'&' if '?' in location else '?'}digest={self.digest}",
            {**_OCTETS, "Content-Length": str(body.length if body else 0)},
            body,
            action="push",
            answer_within=_SECONDS_AT_LEAST + self.source.size / _BYTES_A_SECOND,
        )
        # If the answer is lost, the blob may be there, and the upload is not.
        self._look = self._finished = True
        self._handed = self.source.size
        try:
            answer = self.session.call(self.repository, call)
        except RequestFailedError as error:
            raise RequestFailedError(self._unfinished(error.failure)) from None
        kept = named_digest(answer)
        if kept and kept.partition(":")[0] == self.digest.partition(":")[0] and kept != self.digest:
            detail = f"sent {self.digest}, the registry has {kept}"
            raise RequestFailedError(wrong(call, answer, NoAnswer.WRONG_CONTENT, detail))

    def _unfinished(self, failure: Failure) -> Failure:
        if is_mismatch(failure):
            # Bytes were lost, chunks were put together wrongly, or the blob is another one.
            again, self._mismatched = self._mismatched, True
            if not again:
                return passing(failure)
            reason = f"what was sent twice is not {self.digest}: {failure.reason}"
            return replace(failure, kind=FailureKind.REFUSED, reason=reason)
        if is_forgotten(failure):
            self._forget()
            return passing(failure)
        if is_inner(failure):
            self._losses += 1  # some cannot end an upload with an empty request
        return failure

    def _forget(self) -> None:
        """Begin anew next time; where that costs something, it counts."""
        self._location = None
        self._losses += 1 if self._offset else 0

    def _told(self, position: int, length: int) -> None:
        self.bytes_sent += length
        if self.progress:
            self.progress(position, self.source.size)

"""A registry that takes uploads, as several registries do it, and fails when it is told to."""

from __future__ import annotations

import hashlib
import itertools
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.registry_server import Asked, Reply, error
from whalebuild.oci.blobs import Stream
from whalebuild.oci.manifest import digest_of

_PATH = re.compile(r"/v2/(?P<name>.+)/blobs/(?P<rest>(?:uploads/)?[^/]*)")


@dataclass
class Dialect:
    """How a registry does what the specification leaves open, or what it gets wrong.

    Attributes:
        keeps_cut: Whether what has arrived of a chunk that was cut is kept. Without it the upload
            is lost by the next request, as with distribution 2.8.
        host: Before the path in Locations; empty for relative ones.
        query: In Locations.
        prefix: Before ``0-N`` in ``Range``.
        chunks: What a chunk of an offset and a length is answered; None is as usual.
        says: What ``Range`` says after a chunk: of start and end, where the next one begins.
        least_chunk: ``OCI-Chunk-Min-Length``.
        mounts: What comes of ``mount=``: ``mounted``, ``begun`` or a refusal.
    """

    keeps_cut: bool = True
    host: str = ""
    query: str = "?_state={offset}"
    prefix: str = ""
    chunks: Callable[[int, int], Reply | None] = lambda _start, _length: None
    says: Callable[[int, int], int | None] = lambda _start, end: end
    least_chunk: int = 0
    mounts: str | Reply = "mounted"


@dataclass
class UploadRegistry:
    """Answers of a registry; thread-safe.

    Attributes:
        faults: By the number of the request (from 0), or by ``METHOD number`` of that method: a
            reply instead of the registry's own, ``lost`` (it is done, and the answer is lost),
            ``forget`` (all uploads, before it), or an int: the connection breaks after so many
            bytes of the body.
    """

    dialect: Dialect = field(default_factory=Dialect)
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)
    faults: dict[int | str, Any] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    received: int = 0
    _names: Any = field(default_factory=lambda: map(str, itertools.count(1)))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _fault: dict[int, Any] = field(default_factory=dict)

    def cut(self, method: str, target: str) -> int | None:
        """Called when a request's head has come: decide what goes wrong with it."""
        with self._lock:
            number = len(self.requests)
            of_method = sum(line.startswith(f"{method} ") for line in self.requests)
            self.requests.append(f"{method} {target}")
            fault = self.faults.get(number, self.faults.get(f"{method} {of_method}"))
            self._fault[threading.get_ident()] = fault
        return fault if isinstance(fault, int) else None

    def __call__(self, asked: Asked) -> Reply | None:
        with self._lock:
            self.received += len(asked.body)
            fault = self._fault.pop(threading.get_ident(), None)
            if isinstance(fault, Reply):
                return fault
            if fault == "forget":
                self.uploads.clear()
            reply = self._answer(asked)
            return None if fault == "lost" else reply

    def _answer(self, asked: Asked) -> Reply:
        found = _PATH.fullmatch(asked.path)
        assert found, asked.target
        name, rest = found["name"], found["rest"]
        if asked.method == "HEAD":
            return Reply(200 if (name, rest) in self.blobs else 404)
        if asked.method == "POST":
            return self._begin(name, asked)
        upload = rest.removeprefix("uploads/")
        return self._refused(upload, asked) or self._go_on(name, upload, asked)

    def _refused(self, upload: str, asked: Asked) -> Reply | None:
        if upload not in self.uploads:
            return error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        there = [str(len(self.uploads[upload]))]
        if asked.query.get("_state", there) == there:
            return None
        if not self.dialect.keeps_cut:
            del self.uploads[upload]
            return error(404, "BLOB_UPLOAD_INVALID", "blob upload invalid")
        return None if asked.method == "GET" else error(416, "RANGE_INVALID", "invalid range")

    def _go_on(self, name: str, upload: str, asked: Asked) -> Reply:
        content = self.uploads[upload]
        match asked.method:
            case "DELETE":
                del self.uploads[upload]
                return Reply(204)
            case "GET":
                return self._where(204, name, upload, len(content) or 1)
            case "PATCH":
                return self._chunk(name, upload, asked)
        content += asked.body
        return Reply(499) if asked.cut else self._end(name, upload, asked)

    def _begin(self, name: str, asked: Asked) -> Reply:
        if "mount" in asked.query:
            mounts = self.dialect.mounts
            if isinstance(mounts, Reply):
                return mounts
            key = asked.query["from"][0], asked.query["mount"][0]
            if mounts == "mounted" and key in self.blobs:
                self.blobs[name, key[1]] = self.blobs[key]
                return Reply(201, headers={"Location": f"/v2/{name}/blobs/{key[1]}"})
        upload = next(self._names)
        self.uploads[upload] = bytearray()
        return self._where(202, name, upload, 1)

    def _chunk(self, name: str, upload: str, asked: Asked) -> Reply:
        content = self.uploads[upload]
        start, end = (int(number) for number in asked.headers["Content-Range"].split("-"))
        own = self.dialect.chunks(start, end + 1 - start)
        if own:
            return own
        if start != len(content):
            return error(416, "RANGE_INVALID", "invalid content range")
        content += asked.body
        if asked.cut:
            return Reply(499)
        assert len(asked.body) == end + 1 - start
        return self._where(202, name, upload, self.dialect.says(start, len(content)))

    def _end(self, name: str, upload: str, asked: Asked) -> Reply:
        (digest,) = asked.query["digest"]
        content = bytes(self.uploads.pop(upload))
        if digest_of(content) != digest:
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        self.blobs[name, digest] = content
        return Reply(201, headers={"Docker-Content-Digest": digest})

    def _where(self, status: int, name: str, upload: str, size: int | None) -> Reply:
        query = self.dialect.query.format(offset=len(self.uploads[upload]))
        location = f"{self.dialect.host}/v2/{name}/blobs/uploads/{upload}{query}"
        headers = {"Location": location}
        if size is not None:
            headers["Range"] = f"{self.dialect.prefix}0-{size - 1}"
        if self.dialect.least_chunk and status == 202:
            headers["OCI-Chunk-Min-Length"] = str(self.dialect.least_chunk)
        return Reply(status, headers=headers)


@dataclass
class Noise:
    """A source of so many bytes that nobody could guess, which counts how it is read."""

    size: int
    seed: int = 0
    largest_read: int = 0
    opened: list[int] = field(default_factory=list)
    closed: int = 0

    def __post_init__(self) -> None:
        self.raw = hashlib.shake_128(str(self.seed).encode()).digest(self.size)

    @property
    def digest(self) -> str:
        return digest_of(self.raw)

    def open(self, offset: int) -> Stream:
        self.opened.append(offset)
        return _Reading(self, offset)


@dataclass
class Zeros:
    """A source as large as it says, without a byte in memory."""

    size: int
    largest_read: int = 0
    closed: int = 0
    digest = f"sha256:{'0' * 64}"

    def open(self, offset: int) -> Stream:
        return _Reading(self, offset)


@dataclass
class _Reading:
    of: Any
    at: int

    def read(self, size: int) -> bytes:
        self.of.largest_read = max(self.of.largest_read, size)
        size = min(size, self.of.size - self.at)
        self.at += size
        raw = getattr(self.of, "raw", None)
        return bytes(size) if raw is None else raw[self.at - size : self.at]

    def close(self) -> None:
        self.of.closed += 1

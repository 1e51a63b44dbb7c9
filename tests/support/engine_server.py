"""An engine's API on a socket, with scripted answers."""

from __future__ import annotations

import json
import shutil
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

#: Everything else is an answer as it goes over the wire; None ends the connection.
Answer = bytes | None
HEAD = b"HTTP/1.1 200 OK\r\n"


class Last(bytes):
    """An answer after which the connection is closed."""

    __slots__ = ()


def answer(value: object = None, status: int = 200, reason: str = "OK") -> bytes:
    """An answer with JSON."""
    content = b"" if value is None else json.dumps(value).encode()
    return b"HTTP/1.1 %d %s\r\nContent-Length: %d\r\n\r\n%s" % (
        *(status, reason.encode(), len(content), content),
    )


def refused(status: int, message: str) -> bytes:
    """An error of the engine's."""
    return answer({"message": message}, status, "Error")


def chunked(*pieces: bytes, ends: bool = True) -> bytes:
    """An answer in chunks."""
    made = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + made + (b"0\r\n\r\n" if ends else b"")


@dataclass
class EngineServer:
    """What is asked of the engine, and what it answers.

    Attributes:
        path: Its socket.
        answers: By "METHOD path" without version and query; a list has one for each time.
        asked: "METHOD path?query" without the version, unquoted, and the body if there is one.
        connections: How many were opened.
        version: ``Api-Version``, if it says one.
        headers: Of the last request, in lower case.
        more: What follows the next answer, once the event is set.
        closed: Set when the first connection has been closed.
    """

    path: Path
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    connections: int = 0
    version: str = "1.44"
    headers: dict[str, str] = field(default_factory=dict)
    more: tuple[threading.Event, bytes] | None = None
    closed: threading.Event = field(default_factory=threading.Event)

    @property
    def words(self) -> list[str]:
        """What was asked but for the version."""
        return [words for words, _ in self.asked if not words.endswith("/_ping")]

    def reply(self, method: str, path: str, body: bytes) -> Answer:
        """The answer to one request."""
        if path == "/_ping":
            version = f"Api-Version: {self.version}\r\n" if self.version else ""
            return HEAD + f"{version}Content-Length: 2\r\n\r\nOK".encode()
        assert path.startswith("/v1.44/"), path
        known = path.removeprefix("/v1.44")
        self.asked.append((f"{method} {unquote(known)}", json.loads(body) if body else None))
        found = self.answers.get(f"{method} {known.partition('?')[0]}", refused(404, "No such"))
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        made: Answer = found(known) if callable(found) else found
        return made


@contextmanager
def serving(path: Path) -> Iterator[EngineServer]:
    """A server on a socket."""
    made = EngineServer(path)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            made.connections += 1
            while line := self.rfile.readline().decode():
                method, target, _ = line.split()
                length = 0
                while header := self.rfile.readline().strip().lower():
                    name, _, value = header.decode().partition(": ")
                    made.headers[name] = value
                    length = int(value) if name == "content-length" else length
                reply = made.reply(method, target, self.rfile.read(length))
                if reply is None:
                    return
                self.wfile.write(reply)
                if made.more and not target.endswith("/_ping"):
                    goes, rest = made.more
                    goes.wait(10)
                    self.wfile.write(rest)
                if isinstance(reply, Last):
                    return

        def finish(self) -> None:
            super().finish()
            self.connection.shutdown(socket.SHUT_RDWR)
            made.closed.set()

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client may go away."""

    with Server(str(path), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield made
        server.shutdown()


@contextmanager
def engine_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineServer]:
    """An engine on this machine's socket, for a docker that is a program."""
    programs = folder / "programs"
    programs.mkdir()
    shutil.copy(Path(shutil.which("true") or "/bin/true").resolve(), programs / "docker")
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/e.sock")
    with serving(folder / "e.sock") as made:
        yield made

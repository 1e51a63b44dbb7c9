"""A loopback web server with given answers, which records requests; and a registry for it."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False  # whether the connection breaks before the body is whole

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query)

    @property
    def authorization(self) -> str | None:
        return self.headers.get("Authorization")


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def error(status: int, code: str, message: str = "said so", **headers: str) -> Reply:
    """An error as the distribution specification has it."""
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, body, {"Content-Type": "application/json", **named})


def document(content: object, **headers: str) -> Reply:
    return Reply(200, json.dumps(content).encode(), {"Content-Type": "application/json", **headers})


@dataclass
class Server:
    """Where it listens, what it answers, and what it was asked.

    Attributes:
        answer: None is that the connection is reset instead.
        cut: How many bytes of a request's body are read before the connection is reset; None is
            all of them.
        keeps_bodies: Otherwise they are read and thrown away.
    """

    address: str
    answer: Callable[[Asked], Reply | None]
    asked: list[Asked] = field(default_factory=list)
    cut: Callable[[str, str], int | None] = lambda _method, _target: None
    keeps_bodies: bool = True

    @property
    def lines(self) -> list[str]:
        return [f"{asked.method} {asked.target}" for asked in self.asked]


@contextmanager
def serve(
    answer: Callable[[Asked], Reply | None] = lambda _: Reply(404),
    context: ssl.SSLContext | None = None,
) -> Iterator[Server]:
    handler = type("Handler", (_Handler,), {})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    http.daemon_threads, http.block_on_close = True, False
    if context:
        http.socket = context.wrap_socket(http.socket, server_side=True)
        http.handle_error = lambda *_: None  # type: ignore[method-assign]
    server = Server(f"127.0.0.1:{http.server_port}", answer)
    handler.server_state = server  # type: ignore[attr-defined]
    thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body behind its head would wait 40 ms
    server_state: Server

    def _serve(self) -> None:
        state = self.server_state
        length = int(self.headers.get("Content-Length") or 0)
        cut_at = state.cut(self.command, self.path)
        cut = cut_at is not None and cut_at < length
        headers = {name.title(): value for name, value in self.headers.items()}
        body = self._body(cut_at if cut and cut_at is not None else length)
        cut = cut or (state.keeps_bodies and len(body) < length)  # or the client has gone
        asked = Asked(self.command, self.path, headers, body, cut)
        state.asked.append(asked)
        reply = state.answer(asked)
        if cut or reply is None:
            self._reset()
            return
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def _body(self, length: int) -> bytes:
        if self.server_state.keeps_bodies:
            return self.rfile.read(length)
        while length:
            length -= len(self.rfile.read(min(length, 65536)))
        return b""

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    # The names are http.server's.
    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def basic(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode()


@dataclass
class TokenRegistry:
    """Answers of a registry that requires Bearer tokens, and of its token server.

    Attributes:
        expires_in: What the token server says.
        accepted: Tokens that the registry takes.
        login: The only one that gets tokens; None is that everybody gets them.
    """

    expires_in: int | None = 300
    login: str | None = None
    accepted: set[str] = field(default_factory=set)
    issued: int = 0
    realm: str = ""

    def __call__(self, asked: Asked) -> Reply:
        if asked.path == "/token":
            return self._token(asked)
        given = (asked.authorization or "").removeprefix("Bearer ")
        if given in self.accepted:
            return document({"schemaVersion": 2})
        name = asked.path.removeprefix("/v2/").split("/manifests/")[0]
        actions = "pull" if asked.method in {"GET", "HEAD"} else "pull,push"
        challenge = (
            f'Bearer realm="{self.realm}",service="test",scope="repository:{name}:{actions}"'
        )
        return error(401, "UNAUTHORIZED", WWW_Authenticate=challenge)

    def _token(self, asked: Asked) -> Reply:
        if self.login and asked.authorization != f"Basic {self.login}":
            return Reply(401, b'{"details": "incorrect username or password"}')
        self.issued += 1
        token = f"token-number-{self.issued}"
        self.accepted.add(token)
        content: dict[str, Any] = {"token": token}
        if self.expires_in is not None:
            content["expires_in"] = self.expires_in
        return document(content)

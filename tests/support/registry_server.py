"""A loopback web server with given answers, which records requests; and a registry for it."""

from __future__ import annotations

import base64
import json
import ssl
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
    address: str
    answer: Callable[[Asked], Reply]
    asked: list[Asked] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        return [f"{asked.method} {asked.target}" for asked in self.asked]


@contextmanager
def serve(
    answer: Callable[[Asked], Reply] = lambda _: Reply(404),
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
    server_state: Server

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.title(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, self.rfile.read(length))
        self.server_state.asked.append(asked)
        reply = self.server_state.answer(asked)
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    # The names are http.server's.
    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815

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

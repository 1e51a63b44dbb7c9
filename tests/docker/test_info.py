"""The engine's own description, from a real socket."""

from __future__ import annotations

import hashlib
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from whalebuild.docker.info import engine_info

INFO = {"OSType": "linux", "Architecture": "x86_64", "DriverStatus": [["driver-type", "x"]]}
Serve = Callable[[bytes], Path]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """An engine that gives one answer to everything, on a socket."""
    servers: list[socketserver.UnixStreamServer] = []

    def start(answer: bytes) -> Path:
        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while self.rfile.readline().strip():
                    pass
                self.wfile.write(answer)

        path = tmp_path / "engine.sock"
        server = socketserver.UnixStreamServer(str(path), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return path

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def answer(body: str, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def test_a_local_engine_tells(serve: Serve) -> None:
    path = serve(answer(json.dumps(INFO)))
    assert engine_info({"DOCKER_HOST": f"unix://{path}"}) == INFO


def test_the_socket_of_a_context_is_found(serve: Serve, tmp_path: Path) -> None:
    path = serve(answer(json.dumps(INFO)))
    folder = tmp_path / "contexts/meta" / hashlib.sha256(b"desktop-linux").hexdigest()
    folder.mkdir(parents=True)
    meta = {"Name": "desktop-linux", "Endpoints": {"docker": {"Host": f"unix://{path}"}}}
    (folder / "meta.json").write_text(json.dumps(meta))
    (tmp_path / "config.json").write_text('{"currentContext": "desktop-linux"}')
    assert engine_info({"DOCKER_CONFIG": str(tmp_path)}) == INFO
    assert engine_info({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "other"}) is None


@pytest.mark.parametrize(
    "said",
    [
        answer("[]"),
        answer("no JSON"),
        answer("{}", "500 Internal Server Error"),
        b"no HTTP\r\n\r\n",
        b"",
    ],
    ids=["another JSON", "no JSON", "an error", "no HTTP", "nothing"],
)
def test_what_is_no_answer_is_left_to_the_client(serve: Serve, said: bytes) -> None:
    assert engine_info({"DOCKER_HOST": f"unix://{serve(said)}"}) is None


@pytest.mark.parametrize("host", ["unix:///nowhere.sock", "tcp://127.0.0.1:1", "ssh://x@y"])
def test_an_engine_elsewhere_is_left_to_the_client(host: str) -> None:
    assert engine_info({"DOCKER_HOST": host}) is None

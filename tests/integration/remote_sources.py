"""What a build fetches from elsewhere: a file by HTTP and a repository by git, on loopback.

Builds ask dozens of times at once. The servers take them all: a short queue, as ``git daemon`` and
Python's own servers have it, makes the kernel reset what does not fit in.
"""

from __future__ import annotations

import os
import socketserver
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_QUEUE = 256
_IN_GIT = {"folder/file.txt": "in git\n"}


class _HttpServer(ThreadingHTTPServer):
    request_queue_size = _QUEUE


class _QuietHandler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # a connection serves several requests
    timeout = 60

    def log_message(self, *_args: object) -> None:
        pass


class _GitServer(socketserver.ThreadingTCPServer):
    request_queue_size = _QUEUE
    daemon_threads = True


@dataclass(frozen=True)
class GitRepository:
    """The address of a server that has ``/repo.git``, and its commit."""

    address: str
    commit: str


@contextmanager
def http_server(folder: Path) -> Iterator[str]:
    """Serve the files of a folder; the address."""
    with _HttpServer(("127.0.0.1", 0), partial(_QuietHandler, directory=folder)) as server:
        yield from _serving(server)


class _GitHttpHandler(_QuietHandler):
    """Hands requests to git's own CGI program, see git-http-backend(1)."""

    def do_GET(self) -> None:
        self._backend()

    def do_POST(self) -> None:
        self._backend()

    def _backend(self) -> None:
        path, _, query = self.path.partition("?")
        given = {
            "GIT_PROJECT_ROOT": self.directory,
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        done = subprocess.run(
            ["git", "http-backend"],
            input=body,
            capture_output=True,
            env={**os.environ, **given},
            check=True,
        )
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in (headers | {"Content-Length": str(len(answer))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)


@contextmanager
def git_http_server(root: Path) -> Iterator[str]:
    """Serve the repositories in a folder by git's smart protocol over HTTP; the address."""
    with _HttpServer(("127.0.0.1", 0), partial(_GitHttpHandler, directory=root)) as server:
        yield from _serving(server)


@contextmanager
def git_server(root: Path, files: Mapping[str, str] = _IN_GIT) -> Iterator[GitRepository]:
    """Make a repository of files in a folder, and serve it."""
    work = root / "repo.git"
    for name, content in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(content)

    def git(*words: str) -> str:
        who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        done = subprocess.run(
            ["git", *who, *words], cwd=work, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "--quiet", "--initial-branch=main")
    git("config", "uploadpack.allowAnySHA1InWant", "true")
    git("add", ".")
    git("commit", "--quiet", "--message=one")
    serve_one = ["git", "daemon", "--inetd", "--export-all", f"--base-path={root}", str(root)]

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            streams = {"stdin": self.request, "stdout": self.request}
            subprocess.run(serve_one, **streams, stderr=subprocess.DEVNULL, check=False)

    with _GitServer(("127.0.0.1", 0), Handler) as server:
        for address in _serving(server):
            yield GitRepository(address, git("rev-parse", "HEAD"))


def _serving(server: socketserver.TCPServer) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    host, port = server.server_address[:2]
    try:
        yield f"{host!s}:{port}"
    finally:
        server.shutdown()
        thread.join()

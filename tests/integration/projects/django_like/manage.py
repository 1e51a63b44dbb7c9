"""The application: ``migrate``, ``web``, ``worker``, ``scheduler`` of one image, as Django's are.

A file ``settings.json`` is beside it:
release: what it says that it is.
revision: the head of its migrations.
migration: "" works; "fails": a migration ends with 3; "hangs": it waits for a lock for ever.
web: "" works; "unhealthy": /healthz answers 500; "exits": it ends with 1.
worker: "" works; "exits": it ends with 1.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

WEB_PORT = 8000
SECONDS_TO_CONNECT = 5.0
# What it says last; tests look for it.
REASONS = {
    "migration fails": "django.db.utils.DataError: column readings.unit has null values",
    "migration hangs": "waits for a lock on table readings",
    "unknown revision": "Can't locate revision identified by",
    "web unhealthy": "the orders database has no table readings",
    "web exits": "cannot start: the variable ORDERS_URL is not set",
    "worker exits": "cannot start: no task is registered",
}
#: Once it is there, web asks to be left alone: it works, and says that it does not. For so many
#: seconds: if the deploy was killed meanwhile, nobody stops it.
DRAINING, SECONDS_TO_DRAIN = Path("/tmp/draining"), 30.0
SETTINGS: dict[str, Any] = {}


class FatalError(Exception):
    """What the database answers when it refuses."""


class Database:
    """A connection of one of the application's processes."""

    def __init__(self, name: str, revision: int | None) -> None:
        self._socket = _connected()
        self._file = self._socket.makefile("r")
        self.ask(f"APP {name} {'-' if revision is None else revision}")

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._socket.close()

    def ask(self, command: str) -> str:
        self._socket.sendall(f"{command}\n".encode())
        answer = self._file.readline().strip()
        if not answer.startswith("OK"):
            raise FatalError(answer or "the server closed the connection")
        return answer.removeprefix("OK").strip()


def _connected() -> socket.socket:
    """A connection, tried for again: while whalebuild gives a container its names, it has none.

    docs/start-first.md says so of connections that a container opens in that moment.
    """
    where = os.environ.get("DATABASE", "db:5432").split(":")
    until = time.monotonic() + SECONDS_TO_CONNECT
    while True:
        try:
            return socket.create_connection((where[0], int(where[1])), timeout=5)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def migrate() -> int:
    head, how = SETTINGS["revision"], SETTINGS["migration"]
    with Database("migrate", None) as database:
        current = int(database.ask("REVISION"))
        if current > head:
            print(f"FAILED: {REASONS['unknown revision']} '{current:04}'", flush=True)
            return 255
        if how:
            print(REASONS[f"migration {how}"], flush=True)
        while how == "hangs":
            time.sleep(1)
        if how == "fails":
            return 3
        for revision in range(current + 1, head + 1):
            print(f"Applying {revision:04}... OK", flush=True)
            database.ask(f"UPGRADE {revision}")
    return 0


def _drains() -> bool:
    return DRAINING.exists() and time.time() < DRAINING.stat().st_mtime + SECONDS_TO_DRAIN


class Handler(BaseHTTPRequestHandler):
    """``/`` is answered with release and greeting, ``/slow/SECONDS`` the same later."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/slow/"):
            time.sleep(float(path.removeprefix("/slow/")))
        try:
            with Database("web", SETTINGS["revision"]) as database:
                database.ask("COUNT" if path == "/healthz" else "INSERT")
            status, body = 200, f"{SETTINGS['release']} {os.environ.get('GREETING', '')}".strip()
        except (OSError, FatalError) as failed:
            status, body = 500, str(failed)
        if path == "/healthz" and _drains():
            status, body = 503, "draining"
        broken = SETTINGS["web"] == "unhealthy" or os.environ.get("ORDERS") == "broken"
        if path == "/healthz" and broken:
            status, body = 500, REASONS["web unhealthy"]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Nothing: the last lines of the log are what tests look at."""


class Server(ThreadingHTTPServer):
    """Has answered all that it has taken in when it is closed, as gunicorn does."""

    daemon_threads = False
    request_queue_size = 128


def web() -> int:
    if SETTINGS["web"] == "exits":
        print(REASONS["web exits"], flush=True)
        return 1
    with Server(("", WEB_PORT), Handler) as server:
        stop = threading.Thread(target=server.shutdown)
        signal.signal(signal.SIGTERM, lambda *_: stop.start())
        server.serve_forever(poll_interval=0.05)
    return 0


def work(name: str, seconds: float) -> int:
    """Write a row again and again."""
    if name == "worker" and SETTINGS["worker"] == "exits":
        print(REASONS["worker exits"], flush=True)
        return 1
    while True:
        try:
            with Database(name, SETTINGS["revision"]) as database:
                database.ask("INSERT")
        except FatalError as failed:
            print(failed, flush=True)
            return 1
        time.sleep(seconds)


COMMANDS: dict[str, Callable[[], int]] = {
    "migrate": migrate,
    "web": web,
    "worker": lambda: work("worker", 0.5),
    "scheduler": lambda: work("scheduler", 1.0),
}

if __name__ == "__main__":
    # Process 1 has no default for SIGTERM: without a handler it is ignored.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    SETTINGS.update(json.loads((Path(__file__).parent / "settings.json").read_text()))
    print(f"release {SETTINGS['release']}: {sys.argv[1]}", flush=True)
    sys.exit(COMMANDS[sys.argv[1]]())

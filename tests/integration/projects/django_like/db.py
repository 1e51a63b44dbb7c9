"""A database as PostgreSQL is one for a deploy: one process for a folder, which must not restart.

Clients send a line ``APP NAME REVISION`` first (a migration: ``-``) and then commands, a line each;
each line is answered by ``OK ...`` or ``FATAL: ...``, after which the connection is closed.
REVISION, UPGRADE N, INSERT, COUNT: the schema's revision, moving it, and rows of the one table.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socketserver
import sys
import threading
from pathlib import Path

PORT = 5432
FOLDER = Path(os.environ.get("PGDATA", "/var/lib/db"))


class Store:
    """The folder: the schema's revision and the number of rows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._file = FOLDER / "state.json"
        self.revision, self.rows = 0, 0
        if self._file.exists():
            found = json.loads(self._file.read_text())
            self.revision, self.rows = found["revision"], found["rows"]

    def upgrade(self, revision: int) -> None:
        with self._lock:
            self.revision = revision
            self._save()

    def insert(self) -> int:
        with self._lock:
            self.rows += 1
            return self.rows

    def save(self) -> None:
        with self._lock:
            self._save()

    def _save(self) -> None:
        written = self._file.with_suffix(".new")
        written.write_text(json.dumps({"revision": self.revision, "rows": self.rows}))
        written.replace(self._file)


class Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        store: Store = self.server.store  # type: ignore[attr-defined]
        words = self._line()
        if len(words) != 3 or words[0] != "APP":
            self._say("FATAL: no application")
            return
        # An older application works with a newer schema, and not the other way round.
        if words[2] != "-" and int(words[2]) > store.revision:
            self._say(f"FATAL: schema revision {int(words[2]):04} is unknown")
            return
        self._say("OK")
        while words := self._line():
            match words:
                case ["REVISION"]:
                    self._say(f"OK {store.revision}")
                case ["UPGRADE", number]:
                    store.upgrade(int(number))
                    self._say("OK")
                case ["INSERT"]:
                    self._say(f"OK {store.insert()}")
                case ["COUNT"]:
                    self._say(f"OK {store.rows}")
                case _:
                    self._say("FATAL: syntax error")
                    return

    def _line(self) -> list[str]:
        return self.rfile.readline().decode().split()

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\n".encode())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    pid_file = (FOLDER / "postmaster.pid").open("a")
    try:
        fcntl.flock(pid_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print('FATAL: lock file "postmaster.pid" already exists', flush=True)
        return 1
    store = Store()
    with Server(("", PORT), Handler) as server:
        server.store = store  # type: ignore[attr-defined]
        stop = threading.Thread(target=server.shutdown)
        signal.signal(signal.SIGTERM, lambda *_: stop.start())
        print("database system is ready to accept connections", flush=True)
        server.serve_forever(poll_interval=0.05)
    store.save()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The application that tests deploy: standard library alone, it answers after some 0.1 s.

It is copied into the image, with a file ``settings.json`` beside it:
release: what it says that it is.
how: "" works; "unhealthy": /healthz answers 500; "exits": it ends with 1; "hangs": never listens.
slow_start: seconds until it listens, unless SIGUSR1 has it listen at once.
deaf: it ignores SIGTERM.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

PORT = 8000
# What it says in its last line or in its health check; tests look for it.
REASONS = {
    "unhealthy": "the orders database has no table readings",
    "exits": "cannot start: the variable ORDERS_URL is not set",
    "hangs": "waits for a lock that nobody will release",
}


class Handler(BaseHTTPRequestHandler):
    """Answers with the release; ``/slow/SECONDS`` takes its time."""

    release = ""
    how = ""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/slow/"):
            time.sleep(float(path.removeprefix("/slow/")))
        broken = path == "/healthz" and self.how == "unhealthy"
        body = REASONS["unhealthy"] if broken else self.release
        self.send_response(500 if broken else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Nothing: the last lines of the log are what tests look at."""


class Server(ThreadingHTTPServer):
    """Has answered all that it has taken in when it is closed."""

    daemon_threads = False
    request_queue_size = 128


def main() -> int:
    settings = json.loads((Path(__file__).parent / "settings.json").read_text())
    how = settings["how"]
    Handler.release, Handler.how = settings["release"], how
    print(f"release {Handler.release} starts", flush=True)
    # Process 1 has no default for SIGTERM: without a handler it is ignored.
    if not settings["deaf"]:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if how in REASONS:
        print(REASONS[how], flush=True)
    if how == "exits":
        return 1
    while how == "hangs":
        time.sleep(1)
    at_once = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: at_once.set())
    at_once.wait(settings["slow_start"])
    with Server(("", PORT), Handler) as server:
        if not settings["deaf"]:
            stop = threading.Thread(target=server.shutdown)
            signal.signal(signal.SIGTERM, lambda *_: stop.start())
        server.serve_forever(poll_interval=0.05)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A reverse proxy that is told by docker's events whom to ask, as Traefik is.

It asks the containers that have the label ``proxy.port`` and are healthy (or have no health check),
each request another one; the next one if no connection is had, and no other once a request is sent
(Traefik's middleware ``retry``). The engine's socket is in the folder /engine.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

PORT = 8000
LABEL = "proxy.port"
SOCKET = f"/engine/{os.environ.get('SOCKET', 'docker.sock')}"
# More than the second after which a lost first packet is sent again.
SECONDS_TO_CONNECT = 3.0
SECONDS_TO_ANSWER = 30.0
# Of a container's own; health checks are executed all the time, and change nothing.
_OF_HEALTH_CHECKS = ("exec_", "top", "attach", "resize")


class Engine(http.client.HTTPConnection):
    """The Engine's API over its unix socket."""

    def __init__(self) -> None:
        super().__init__("docker")

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(SOCKET)

    def ask(self, path: str) -> http.client.HTTPResponse:
        self.request("GET", path)
        return self.getresponse()


def filtered(path: str, **filters: list[str]) -> str:
    return f"{path}?filters={quote(json.dumps(filters))}"


class Routes:
    """Whom to ask, as the engine said last."""

    def __init__(self) -> None:
        self.backends: tuple[tuple[str, int], ...] = ()
        self._turn = itertools.count()

    def in_turn(self) -> list[tuple[str, int]]:
        found = list(self.backends)
        first = next(self._turn) % len(found) if found else 0
        return found[first:] + found[:first]

    def watch(self) -> None:
        while True:
            try:
                events = Engine().ask(filtered("/events", type=["container", "network"]))
                self._look()
                while line := events.readline():
                    if not json.loads(line).get("Action", "").startswith(_OF_HEALTH_CHECKS):
                        self._look()
            except (OSError, http.client.HTTPException, ValueError):
                pass  # the engine is being restarted: those that it named last are asked
            time.sleep(0.2)

    def _look(self) -> None:
        path = filtered("/containers/json", label=[LABEL], status=["running"])
        found = [pair for each in json.loads(Engine().ask(path).read()) for pair in _address(each)]
        if found != list(self.backends):
            print(time.strftime("%H:%M:%S"), "routes", found, flush=True)
        self.backends = tuple(found)


def _address(container: dict[str, Any]) -> list[tuple[str, int]]:
    if "health: starting" in container["Status"] or "unhealthy" in container["Status"]:
        return []
    networks = container["NetworkSettings"]["Networks"].values()
    return [(n["IPAddress"], int(container["Labels"][LABEL])) for n in networks if n["IPAddress"]][
        :1
    ]


ROUTES = Routes()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = ask(self.path)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def ask(path: str) -> tuple[int, bytes]:
    """What a container answers, or 50x and what happened instead."""
    tried = []
    for host, port in ROUTES.in_turn():
        connection = http.client.HTTPConnection(host, port, timeout=SECONDS_TO_CONNECT)
        try:
            connection.connect()
        except OSError as failed:
            tried.append(f"{host}: {failed!r}")
            continue
        began = time.monotonic()
        try:
            connection.sock.settimeout(SECONDS_TO_ANSWER)
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as failed:
            waited = f"after {time.monotonic() - began:.2f} s"
            print(time.strftime("%H:%M:%S"), "lost", host, repr(failed), waited, flush=True)
            return 502, f"{host}: {failed!r} {waited}".encode()
        finally:
            connection.close()
    return 503, f"no container to ask; tried {tried}".encode()


class Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128


def main() -> int:
    threading.Thread(target=ROUTES.watch, daemon=True).start()
    with Server(("", PORT), Handler) as server:
        stop = threading.Thread(target=server.shutdown)
        signal.signal(signal.SIGTERM, lambda *_: stop.start())
        server.serve_forever(poll_interval=0.05)
    return 0


if __name__ == "__main__":
    sys.exit(main())

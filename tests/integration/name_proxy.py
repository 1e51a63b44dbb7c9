"""A proxy that looks a service up for each request, takes the first address, and tries no other.

Runs in a container of a compose project; listens at 8000 and asks `web` at 8000.
"""

from __future__ import annotations

import http.client
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8000
# More than the second after which a lost first packet is sent again.
SECONDS_TO_ANSWER = 5.0


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
    """What web answers, or 502 and what happened instead."""
    try:
        found = socket.getaddrinfo("web", PORT, socket.AF_INET, socket.SOCK_STREAM)
        connection = http.client.HTTPConnection(
            str(found[0][4][0]), PORT, timeout=SECONDS_TO_ANSWER
        )
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        return 502, repr(error).encode()


if __name__ == "__main__":
    with ThreadingHTTPServer(("", PORT), Handler) as server:
        server.serve_forever()

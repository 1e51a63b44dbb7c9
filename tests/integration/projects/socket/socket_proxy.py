"""Asks the socket for each request, and passes the answer on."""

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """502 where nobody answers."""

    def do_GET(self) -> None:
        code, body = 200, b""
        try:
            with socket.socket(socket.AF_UNIX) as upstream:
                upstream.connect("/run/app/app.sock")
                while read := upstream.recv(4096):
                    body += read
        except OSError as failed:
            code, body = 502, str(failed).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


ThreadingHTTPServer(("", 8000), Handler).serve_forever()

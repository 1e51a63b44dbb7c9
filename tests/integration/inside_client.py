"""Asks a service by its name in the network, as a proxy does that looks it up for each request.

Arguments: the service, the path. It takes the first address that it is given, and no other one.
Runs in a container; a line of JSON for each request.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
import threading
import time

PORT = 8000
SECONDS_BETWEEN = 0.05
# More than the second after which a lost first packet is sent again.
SECONDS_TO_ANSWER = 5.0
_lock = threading.Lock()


def ask(service: str, path: str) -> tuple[str | None, str]:
    """The release, or what happened instead."""
    try:
        found = socket.getaddrinfo(service, PORT, socket.AF_INET, socket.SOCK_STREAM)
        address = found[0][4][0]
        connection = http.client.HTTPConnection(address, PORT, timeout=SECONDS_TO_ANSWER)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode()
    except (OSError, http.client.HTTPException) as error:
        return None, repr(error)
    return (body, "") if answer.status == 200 else (None, f"{answer.status} {body}")


def report(service: str, path: str) -> None:
    asked = time.monotonic()
    release, failure = ask(service, path)
    with _lock:
        seen = {"asked": asked, "ended": time.monotonic(), "release": release, "failure": failure}
        print(json.dumps(seen), flush=True)


def main() -> None:
    while True:
        threading.Thread(target=report, args=sys.argv[1:], daemon=True).start()
        time.sleep(SECONDS_BETWEEN)


if __name__ == "__main__":
    main()

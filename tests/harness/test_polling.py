from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from wbsandbox.polling import Answer, Poller, longest_gap


class Handler(BaseHTTPRequestHandler):
    release = "1"
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.release)))
        self.end_headers()
        self.wfile.write(self.release.encode())

    def log_message(self, *_: object) -> None:
        pass


def test_it_sees_who_answers_and_who_does_not() -> None:
    class Here(Handler):
        pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Here) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        with Poller(f"http://127.0.0.1:{server.server_port}/") as poller:
            poller.wait_for("1")
            Here.status = 500
            poller.wait_until(lambda: len(poller.failures) >= 4)
            Here.status, Here.release = 200, "2"
            poller.wait_for("2")
            server.shutdown()
            server.server_close()
            failed = len(poller.failures)
            poller.wait_until(lambda: len(poller.failures) > failed + 2)
    assert poller.releases == ["1", "2"]
    assert poller.failures[0].failure == "500 1"
    assert "refused" in poller.failures[-1].failure
    assert poller.gap >= 3 * 0.05
    asked = len(poller.answers)
    threading.Event().wait(0.1)
    assert len(poller.answers) == asked, "it has stopped"


def answers(*times: tuple[float, str | None]) -> list[Answer]:
    return [Answer(ended - 0.01, ended, release) for ended, release in times]


@pytest.mark.parametrize(
    ("seen", "gap"),
    [
        ((), 0),
        (((1, "1"), (1.05, "1"), (1.1, "2")), 0.05),
        (((1, "1"), (1.05, None), (1.1, None), (1.15, "2"), (1.2, "2")), 0.15),
        # It never came up, or not again.
        (((1, None), (2, None), (3, "1")), 2.01),
        (((1, "1"), (2, None), (4, None)), 3),
        (((1, None), (5, None)), 4.01),
    ],
)
def test_the_longest_gap(seen: tuple[tuple[float, str | None], ...], gap: float) -> None:
    assert longest_gap(answers(*seen)) == pytest.approx(gap)

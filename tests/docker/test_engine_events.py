"""Events of containers over a real socket."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine_server import EngineServer, Last, chunked, engine_here, refused
from whalebuild.compose.events import ContainerEvent, EventAction
from whalebuild.docker import engine_events
from whalebuild.docker.engine_api import EngineApi
from whalebuild.docker.engine_events import ContainerEvents

FILTERS = {"label": ["com.docker.compose.project=shop"]}
PATIENT = 10.0


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineServer]:
    monkeypatch.setattr(engine_events, "_PAUSE", 0.01)
    with engine_here(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def events(server: EngineServer) -> Iterator[ContainerEvents]:
    engine = EngineApi()
    with ContainerEvents(engine, FILTERS) as made:
        yield made
    engine.close()


def line(container: str, action: str, **attributes: str) -> bytes:
    said = {"Action": action, "Actor": {"ID": container, "Attributes": attributes}}
    return json.dumps(said).encode() + b"\n"


def test_they_come_as_they_happen(server: EngineServer, events: ContainerEvents) -> None:
    first, second = line("c1", "die", exitCode="3"), line("c1", "health_status: healthy")
    goes = threading.Event()
    began = chunked(first, second[:9], ends=False)
    server.answers["GET /events"] = lambda _: began
    server.more = (goes, b"%x\r\n%s\r\n" % (len(second) - 9, second[9:]))
    assert events.wait(PATIENT) == [ContainerEvent("c1", EventAction.DIE, 3)]
    assert events.wait(0.01) == []
    goes.set()
    assert events.wait(PATIENT) == [ContainerEvent("c1", EventAction.HEALTH)]
    began_at = time.monotonic()
    assert events.wait(0.0) == []
    assert time.monotonic() - began_at < 1.0
    [asked] = server.words
    assert asked.startswith("GET /events?since=0&filters=")
    assert '"event":+["start",+"die",+"destroy",+"health_status"]' in asked
    assert '"label":+["com.docker.compose.project=shop"]' in asked


@pytest.mark.parametrize(
    "said",
    [None, Last(chunked(b"{}")), refused(500, "no"), Last(b"SSH-2.0\r\n\r\n")],
    ids=["nothing", "an end", "a refusal", "no HTTP"],
)
def test_a_stream_that_cannot_be_had_is_opened_again(
    server: EngineServer, events: ContainerEvents, said: bytes | None
) -> None:
    """Until then the caller looks for itself."""
    server.answers["GET /events"] = [said, chunked(line("c1", "start"), ends=False)]
    deadline = time.monotonic() + PATIENT
    blind = 0
    while not (found := events.wait(PATIENT)):
        blind += found is None
        assert time.monotonic() < deadline
    assert found == [ContainerEvent("c1", EventAction.START)]
    assert blind == 1


def test_what_is_no_event_is_passed_over(server: EngineServer, events: ContainerEvents) -> None:
    odd = [
        b"no JSON\n",
        b"3\n",
        b'{"Action": "start"}\n',
        line("c1", "rename"),
        b"[" * 9999 + b"\n",
    ]
    odd.append(b'{"Action": "die", "Actor": {"ID": "c2", "Attributes": []}}\n')
    server.answers["GET /events"] = chunked(*odd, line("c1", "die", exitCode="x"), ends=False)
    found: list[ContainerEvent] = []
    while len(found) < 2:
        found += events.wait(PATIENT) or ()
    assert found == [ContainerEvent("c2", EventAction.DIE), ContainerEvent("c1", EventAction.DIE)]


def test_leaving_ends_the_stream(server: EngineServer) -> None:
    server.answers["GET /events"] = chunked(line("c1", "start"), ends=False)
    engine = EngineApi()
    before = threading.active_count()
    with ContainerEvents(engine, FILTERS) as events:
        assert events.wait(PATIENT)
    deadline = time.monotonic() + PATIENT
    while threading.active_count() > before + 1:  # the server's own
        assert time.monotonic() < deadline
        time.sleep(0.01)
    engine.close()

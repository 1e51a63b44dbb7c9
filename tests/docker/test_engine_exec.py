"""A container's health check, run once more: by the Engine's API alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.engine_server import HEAD, EngineServer, Last, answer, engine_here
from whalebuild.compose.health import CheckResult
from whalebuild.docker.engine_api import EngineApi
from whalebuild.docker.engine_exec import check_health

RAW = HEAD + b"Content-Type: application/vnd.docker.raw-stream\r\n\r\n"
SAID = Last(RAW + b"\x02\0\0\0\0\0\0\x08no table" + b"\x01\0\0\0\0\0\0\x05s\nok\n")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineServer]:
    with engine_here(tmp_path, monkeypatch) as made:
        made.answers["POST /containers/c1/exec"] = answer({"Id": "e1"}, 201)
        made.answers["POST /exec/e1/start"] = SAID
        yield made


@pytest.fixture
def engine() -> Iterator[EngineApi]:
    made = EngineApi()
    yield made
    made.close()


def has(server: EngineServer, *test: str, **config: Any) -> None:
    config = {"Healthcheck": {"Test": list(test), "Timeout": 10**9}, **config}
    server.answers["GET /containers/c1/json"] = answer({"Id": "c1", "Config": config})


def test_one_that_fails(server: EngineServer, engine: EngineApi) -> None:
    has(server, "CMD", "curl", "-f", "http://u:pass@here")
    ends = [answer({"Running": True, "ExitCode": None}), answer({"Running": False, "ExitCode": 22})]
    server.answers["GET /exec/e1/json"] = ends
    assert check_health(engine, "c1") == CheckResult(works=False, output="no tables\nok")
    asked = {"Cmd": ["curl", "-f", "http://u:pass@here"], "AttachStdout": True}
    assert ("POST /containers/c1/exec", {**asked, "AttachStderr": True}) in server.asked


def test_one_that_works(server: EngineServer, engine: EngineApi) -> None:
    has(server, "CMD-SHELL", "test -e x", Shell=["/bin/bash", "-ec"])
    server.answers["GET /exec/e1/json"] = answer({"Running": False, "ExitCode": 0})
    found = check_health(engine, "c1")
    assert found
    assert found.works
    [body] = [body for words, body in server.asked if words.endswith("/c1/exec")]
    assert body["Cmd"] == ["/bin/bash", "-ec", "test -e x"]


@pytest.mark.parametrize("test", [["NONE"], [], ["CMD"]])
def test_without_one(server: EngineServer, engine: EngineApi, test: list[str]) -> None:
    has(server, *test)
    assert check_health(engine, "c1") is None
    assert len(server.words) == 1


def test_one_that_takes_too_long(server: EngineServer, engine: EngineApi) -> None:
    has(server, "CMD-SHELL", "sleep 60")

    def slow(_: str) -> bytes:
        time.sleep(3)
        return SAID

    server.answers["POST /exec/e1/start"] = slow
    assert check_health(engine, "c1") == CheckResult(works=False, output="no answer after 1 s")

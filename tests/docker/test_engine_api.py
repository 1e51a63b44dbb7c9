"""The Engine's API over a real socket, with answers that are odd."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.engine_server import (
    HEAD,
    EngineServer,
    Last,
    answer,
    chunked,
    engine_here,
    refused,
    serving,
)
from whalebuild.docker.engine_api import ApiError, EngineApi, named
from whalebuild.errors import EngineError
from whalebuild.failures.classify_docker import classify
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.failures.failure import FailureKind

Docker = Callable[[str], Path]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineServer]:
    with engine_here(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def engine() -> Iterator[EngineApi]:
    made = EngineApi()
    yield made
    made.close()


def test_one_connection_for_all_questions(server: EngineServer, engine: EngineApi) -> None:
    server.answers["GET /info"] = answer({"ID": "1"})
    server.answers["GET /containers/json"] = chunked(b'[{"Id":', b' "c1"}, 3]')
    assert engine.get("/info") == {"ID": "1"}
    found = engine.objects("/containers/json", {"all": True, "filters": {"label": ["a=b c"]}})
    assert found == [{"Id": "c1"}]
    assert engine.find("/containers/nothing/json") is None
    assert server.words == [
        "GET /info",
        'GET /containers/json?all=1&filters={"label":+["a=b+c"]}',
        "GET /containers/nothing/json",
    ]
    assert server.connections == 1


def test_headers_of_the_client_s_configuration(
    server: EngineServer, engine: EngineApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plugins and proxies may let nobody in without them."""
    (tmp_path / "config.json").write_text('{"HttpHeaders": {"X-Who": "me"}}')
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    server.answers["GET /a"] = answer({})
    engine.get("/a")
    assert server.headers["x-who"] == "me"


def test_bodies_are_json(server: EngineServer, engine: EngineApi) -> None:
    server.answers["POST /networks/n/connect"] = answer()
    assert engine.request("POST", "/networks/n/connect", body={"Container": "ü"}) == b""
    assert server.asked == [("POST /networks/n/connect", {"Container": "ü"})]


@pytest.mark.parametrize(
    ("version", "used"), [("1.44", "1.44"), ("1.99", "1.51"), ("1.24", "1.24"), ("2.0", "1.51")]
)
def test_the_newest_version_that_both_know(
    server: EngineServer, engine: EngineApi, version: str, used: str
) -> None:
    server.version = version
    assert engine._version == f"/v{used}"


def test_refusals_are_what_docker_says(server: EngineServer, engine: EngineApi) -> None:
    server.answers |= {
        "GET /a": refused(500, "No such image: x"),
        "GET /b": b"HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nwait\n",
        "GET /c": b"HTTP/1.1 500 Very Sorry\r\nContent-Length: 0\r\n\r\n",
    }
    for path, message in {"/a": "No such image: x", "/b": "wait", "/c": "Very Sorry"}.items():
        with pytest.raises(ApiError) as caught:
            engine.find(path)
        assert caught.value.stderr == f"Error response from daemon: {message}"
    assert server.connections == 1, "a refusal is no reason to connect again"


@pytest.mark.parametrize(
    "said", [HEAD + b"Content-Length: 5\r\n\r\nhello", answer() + b"", chunked(b"[" * 100_000)]
)
def test_what_is_no_json(server: EngineServer, engine: EngineApi, said: bytes) -> None:
    server.answers["GET /a"] = said
    with pytest.raises(EngineError, match="something else than JSON"):
        engine.get("/a")


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH\r\n\r\n", b"\0\0\0\0\r\n", b"HTTP/1.1 x\r\n"])
def test_what_is_no_http(server: EngineServer, engine: EngineApi, said: bytes) -> None:
    server.answers["GET /a"] = said
    with pytest.raises(EngineError, match="no Docker engine"):
        engine.get("/a")


def test_what_is_no_engine(server: EngineServer, engine: EngineApi) -> None:
    server.version = ""
    with pytest.raises(EngineError, match="no Docker engine"):
        engine.get("/a")


BROKEN = {
    "nothing": None,
    "a part": HEAD + b'Content-Length: 100\r\n\r\n{"ID":',
    "a part of chunks": chunked(b'{"ID":', ends=False),
    "half a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nff\r\nabc",
    "no length of a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc",
}


@pytest.mark.parametrize("said", BROKEN.values(), ids=list(BROKEN))
def test_a_connection_that_is_lost(
    server: EngineServer, engine: EngineApi, said: bytes | None
) -> None:
    """A question is asked again, once; nothing else is."""
    said = None if said is None else Last(said)
    server.answers["GET /a"] = [said, answer({"ID": "1"})]
    assert engine.get("/a") == {"ID": "1"}
    server.answers |= {"GET /b": said, "POST /c": said}
    for method, path, times in (("GET", "/b", 2), ("POST", "/c", 1)):
        with pytest.raises(CommandFailedError) as caught:
            engine.request(method, path)
        assert classify(caught.value.stderr).kind is FailureKind.ENGINE_LOST
        assert server.words.count(f"{method} {path}") == times


def test_a_connection_that_the_engine_has_closed_meanwhile(
    server: EngineServer, engine: EngineApi
) -> None:
    """It is told before something is asked that would not be asked again."""
    server.answers |= {"GET /a": Last(answer({})), "POST /b": answer()}
    engine.get("/a")
    server.closed.wait(10)
    assert engine.request("POST", "/b") == b""
    assert server.connections == 2


def test_threads_have_connections_of_their_own(server: EngineServer, engine: EngineApi) -> None:
    both = threading.Barrier(2, timeout=10)
    server.answers["GET /a"] = lambda _: (both.wait(), answer({}))[1]
    engine.find("/first")
    threads = [threading.Thread(target=engine.get, args=("/a",)) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert server.connections == 2


def test_names_in_paths() -> None:
    assert named("127.0.0.1:5000/a/b:1@sha256:0") == "127.0.0.1:5000/a/b:1@sha256:0"
    assert named("a b?c#d") == "a%20b%3Fc%23d"


def test_an_engine_that_is_down(
    engine: EngineApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine_here(tmp_path, monkeypatch):
        pass
    with pytest.raises(CommandFailedError) as caught:
        engine.get("/info")
    assert caught.value.what == "the Docker engine is not running"
    assert classify(caught.value.stderr).kind is FailureKind.ENGINE_LOST


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open any socket")
def test_an_engine_of_others(
    server: EngineServer, engine: EngineApi
) -> None:  # pragma: no cover - root
    server.path.chmod(0)
    with pytest.raises(CommandFailedError) as caught:
        engine.get("/info")
    assert caught.value.what == "this user may not use the Docker engine"


RELAY = """
import os, select, socket, sys
far = socket.socket(socket.AF_UNIX)
far.connect({path!r})
while True:
    for each in select.select([0, far], [], [])[0]:
        data = os.read(0, 65536) if each == 0 else far.recv(65536)
        if not data:
            sys.exit()
        far.sendall(data) if each == 0 else os.write(1, data)
"""


def test_a_docker_that_is_a_script_is_the_way(docker: Docker, tmp_path: Path) -> None:
    """It may reach another engine than its context says."""
    path = tmp_path / "far.sock"
    (tmp_path / "relay.py").write_text(RELAY.format(path=str(path)))
    folder = docker('echo "$*" >>calls; echo $$ >pid; exec python3 relay.py')
    engine = EngineApi()
    with serving(path) as server:
        server.answers |= {"GET /info": answer({"ID": "1"}), "GET /more": answer({})}
        assert engine.get("/info") == {"ID": "1"}
        assert engine.get("/more") == {}
    assert (folder / "calls").read_text() == "system dial-stdio\n"
    pid = int((folder / "pid").read_text())
    assert Path(f"/proc/{pid}").exists() or os.name != "posix" or not Path("/proc").exists()
    engine.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


# As docker 28.5 says it.
OVER_SSH = (
    "error while Copy (stream to stdout): command [ssh -l a -o ConnectTimeout=30 -T -- far docker "
    "system dial-stdio] has exited with exit status 255, make sure the URL is valid, and Docker "
    "18.09 or later is installed on the remote host: stderr=Permission denied (publickey)."
)


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("Cannot connect to the Docker daemon at tcp://x", "the Docker engine is not running"),
        (
            "failed to open the raw stream connection: dial tcp 127.0.0.1:1: connection refused",
            "the Docker engine is not running",
        ),
        (OVER_SSH, "the Docker engine on far cannot be reached over ssh"),
        ("", "the Docker engine is not running"),
        (
            'Failed to initialize: unable to resolve docker endpoint: context "x" not found',
            "the Docker engine or builder cannot be used",
        ),
    ],
)
def test_docker_says_why_there_is_no_way(
    docker: Docker, engine: EngineApi, said: str, what: str
) -> None:
    docker(f"echo '{said}' >&2; exit 1")
    with pytest.raises(CommandFailedError) as caught:
        engine.get("/info")
    assert caught.value.what == what
    assert said in str(caught.value.cause) or "ssh" in what


def test_without_a_docker_client(
    engine: EngineApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="no docker client"):
        engine.get("/info")

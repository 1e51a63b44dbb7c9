from __future__ import annotations

import http.client
import io
import sys
import tarfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from wbbench import sandbox
from wbbench.errors import BenchError, CommandError
from wbbench.proxy import counting_proxy
from wbbench.registry import Registry as BenchRegistry
from wbbench.sandbox import Machine
from wbbench.wan import Wan


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine("test", {"PATH": "/usr/bin:/bin"}, tmp_path)


def test_a_command_has_output_and_the_peak_of_its_own_memory(
    machine: Machine, tmp_path: Path
) -> None:
    code = "import time; b = bytearray(64_000_000); b[::4096] = b[::4096]; del b; print('done')"
    wait = "; time.sleep(0.5)"
    ended = machine.run(sys.executable, "-c", code + wait, cwd=tmp_path)
    assert ended.output == ["done\n"]
    assert 64_000_000 <= ended.memory <= 120_000_000


def test_a_command_that_fails_says_its_last_lines(machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="sh ended with 3:\nwhy"):
        machine.run("sh", "-c", "echo why; exit 3", cwd=tmp_path)
    with pytest.raises(CommandError, match="no-such: No such file"):
        machine.run("no-such", cwd=tmp_path)


def test_a_command_that_does_not_end_is_killed(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "TIMEOUT", 0.05)
    with pytest.raises(CommandError, match="did not end"):
        machine.run("sleep", "60", cwd=tmp_path)


class Registry(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    body = b"blob"

    def do_GET(self) -> None:
        self.send_response_only(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_proxy_counts_at_one_address_with_and_without_the_slow_link(registry: str) -> None:
    def get(address: str) -> bytes:
        connection = http.client.HTTPConnection(address, timeout=20)
        try:
            connection.request("GET", "/v2/app/blobs/sha256:1")
            return connection.getresponse().read()
        finally:
            connection.close()

    with counting_proxy(registry) as proxy:
        address = proxy.address
        for _ in range(2):
            assert get(address) == b"blob"
            with proxy.over(Wan(1e9, 0.001)):
                assert proxy.address == address
                assert get(address) == b"blob"
            assert [request.down for request in proxy.take()] == [4, 4]
        assert proxy.address == address


def test_the_code_is_found_in_a_layer_without_the_rest_of_it(
    registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w:gz") as archive:
        for name in ("srv/app/__init__.py", "srv/app/data/0.bin"):
            entry = tarfile.TarInfo(name)
            entry.size = 5
            archive.addfile(entry, io.BytesIO(b"code!"))
    monkeypatch.setattr(Registry, "body", layer.getvalue())
    layers = {"sha256:1": 10, "sha256:2": len(layer.getvalue())}
    found = BenchRegistry(registry)
    monkeypatch.setattr(found, "layers", lambda *_: layers)
    assert found.code("app") == ("code!", layers["sha256:2"])
    monkeypatch.setattr(Registry, "body", b"what is this")
    with pytest.raises(BenchError, match="not a gzip file"):
        found.code("app")

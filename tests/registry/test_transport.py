"""Real sockets, real TLS: what each kind of trouble is taken for."""

from __future__ import annotations

import shutil
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from tests.support.registry_server import Reply, basic, document, serve
from whalebuild.failures.failure import Failure, FailureKind, RequestFailedError
from whalebuild.failures.messages import as_error
from whalebuild.oci.reference import Reference
from whalebuild.registry import transport as registry_transport
from whalebuild.registry.client import RegistryClient
from whalebuild.registry.hosts import HostSettings, Trust


def failure_at(
    address: str, folder: Path, settings: dict[str, HostSettings] | None = None, **env: str
) -> Failure:
    env = {"DOCKER_CONFIG": str(folder), **env}
    with (
        RegistryClient(env, settings=settings or {}) as client,
        pytest.raises(RequestFailedError) as caught,
    ):
        client.manifest(Reference(f"{address}/acme/web", "deps"))
    return caught.value.failure


@contextmanager
def raw_server(talk: Callable[[socket.socket], object]) -> Iterator[str]:
    """A server that does what no web server would."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve_one() -> None:
            connection, _ = listening.accept()
            with connection:
                talk(connection)

        thread = threading.Thread(target=serve_one)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        thread.join()


def reset(connection: socket.socket) -> None:
    connection.recv(10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"127.0.0.1:{listening.getsockname()[1]}"


# No answer


def test_connection_refused(tmp_path: Path) -> None:
    address = free_address()
    failure = failure_at(address, tmp_path)
    assert (failure.kind, failure.reason) == (FailureKind.TRANSIENT, "connection refused")
    assert failure.evidence == (
        f"GET http://{address}/v2/acme/web/manifests/deps: connection refused"
    )


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (reset, "connection reset by peer"),
        (lambda connection: connection.recv(65536), "unexpected EOF"),
        (lambda c: (c.recv(65536), c.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")), "unexpected EOF"),
        (
            lambda c: (c.recv(9), c.sendall(b"\x15\x03\x01\x00\x02\x02\x46\r\n"), c.recv(65536)),
            "server speaks https and was asked over plain http",
        ),
    ],
)
def test_a_connection_that_breaks(
    tmp_path: Path, talk: Callable[[socket.socket], object], reason: str
) -> None:
    with raw_server(talk) as address:
        assert failure_at(address, tmp_path).reason == reason


def test_a_server_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_transport, "_TIMEOUT", urllib3.Timeout(connect=5, read=0.1))
    done = threading.Event()
    with raw_server(lambda _: done.wait(10)) as address:
        failure = failure_at(address, tmp_path)
        done.set()
    assert (failure.kind, failure.reason) == (FailureKind.TRANSIENT, "i/o timeout")


def test_a_name_that_is_none(tmp_path: Path) -> None:
    failure = failure_at("registry.invalid", tmp_path)
    assert (failure.kind, failure.reason) == (FailureKind.TRANSIENT, "no such host")


def test_redirects_in_a_circle(tmp_path: Path) -> None:
    with serve(lambda asked: Reply(302, b"", {"Location": asked.target})) as server:
        failure = failure_at(server.address, tmp_path)
    assert (failure.kind, failure.reason) == (FailureKind.UNREACHABLE, "too many redirects")


@pytest.mark.parametrize("location", ["gopher://x/", "http://[", "http://a b/"])
def test_redirects_to_nowhere(tmp_path: Path, location: str) -> None:
    with serve(lambda _: Reply(302, b"", {"Location": location})) as server:
        assert failure_at(server.address, tmp_path).kind in {
            FailureKind.UNREACHABLE,
            FailureKind.TRANSIENT,
        }


# TLS


@dataclass(frozen=True)
class Certificate:
    path: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path, self.key)
        return context


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for 127.0.0.1 that is its own authority."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    made = Certificate(folder / "own.crt", folder / "own.key")
    options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", made.key, "-out", made.path]
    subprocess.run([openssl, *options.split(), *names, *files], check=True, capture_output=True)
    return made


def over_tls(address: str, *, insecure: bool = False, ca: str = "") -> dict[str, HostSettings]:
    trust = Trust(insecure=insecure, authorities=(ca,) if ca else ())
    return {address: HostSettings(http=False, trust=trust)}


def test_a_certificate_of_an_unknown_authority(tmp_path: Path, certificate: Certificate) -> None:
    with serve(context=certificate.context()) as server:
        failure = failure_at(server.address, tmp_path, over_tls(server.address))
    assert failure.kind is FailureKind.UNREACHABLE
    assert failure.reason.startswith("x509: self")
    assert "certificate authority" in (as_error(failure).next_step or "")


def test_ways_to_be_believed(
    tmp_path: Path, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(settings: dict[str, HostSettings], folder: Path = tmp_path / "none") -> bool:
        with RegistryClient({"DOCKER_CONFIG": str(folder)}, settings=settings) as client:
            return client.manifest(Reference(f"{server.address}/acme/web", "deps")) is not None

    with serve(lambda _: document({}), certificate.context()) as server:
        address = server.address
        assert found(over_tls(address, insecure=True))
        assert found(over_tls(address, ca=certificate.path.read_text()))
        certs = tmp_path / "certs.d" / address
        certs.mkdir(parents=True)
        shutil.copy(certificate.path, certs / "ca.crt")
        assert found(over_tls(address), tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
        assert found(over_tls(address))


def test_a_client_certificate(tmp_path: Path, certificate: Certificate) -> None:
    context = certificate.context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificate.path)
    with serve(lambda _: document({}), context) as server:
        settings = over_tls(server.address, insecure=True)
        assert failure_at(server.address, tmp_path, settings).kind in {
            FailureKind.UNREACHABLE,
            FailureKind.TRANSIENT,  # the server may hang up before its alert is read
        }
        certs = tmp_path / "certs.d" / server.address
        certs.mkdir(parents=True)
        shutil.copy(certificate.path, certs / "client.cert")
        shutil.copy(certificate.key, certs / "client.key")
        with RegistryClient({"DOCKER_CONFIG": str(tmp_path)}, settings=settings) as client:
            assert client.manifest(Reference(f"{server.address}/acme/web", "deps"))


def test_a_broken_file_in_certs_d(tmp_path: Path, certificate: Certificate) -> None:
    with serve(context=certificate.context()) as server:
        certs = tmp_path / "certs.d" / server.address
        certs.mkdir(parents=True)
        (certs / "ca.crt").write_text("no certificate")
        failure = failure_at(server.address, tmp_path, over_tls(server.address))
    assert failure.kind is FailureKind.UNREACHABLE


def test_https_to_a_plain_server(tmp_path: Path) -> None:
    with serve() as server:
        failure = failure_at(server.address, tmp_path, over_tls(server.address))
    assert failure.kind is FailureKind.UNREACHABLE
    assert failure.reason == "server gave HTTP response to HTTPS client"
    assert "plain http" in (as_error(failure).next_step or "")


def test_http_to_a_tls_server(tmp_path: Path, certificate: Certificate) -> None:
    with serve(context=certificate.context()) as server:
        # Python's own server just hangs up; others are in test_a_connection_that_breaks.
        assert failure_at(server.address, tmp_path).kind in {
            FailureKind.UNREACHABLE,
            FailureKind.TRANSIENT,
        }


# Proxies


def test_a_proxy_is_used(tmp_path: Path) -> None:
    env = {"DOCKER_CONFIG": str(tmp_path)}
    settings = {"registry.test": HostSettings(http=True)}
    with serve(lambda _: document({})) as proxy:
        env["HTTP_PROXY"] = f"http://ada:s3cret@{proxy.address}"
        with RegistryClient(env, settings=settings) as client:
            assert client.manifest(Reference("registry.test/acme/web", "deps"))
    assert proxy.lines == ["GET http://registry.test/v2/acme/web/manifests/deps"]
    assert proxy.asked[0].headers["Proxy-Authorization"] == f"Basic {basic('ada', 's3cret')}"


def test_a_proxy_that_is_down(tmp_path: Path) -> None:
    proxy = f"http://ada:s3cret@{free_address()}"
    failure = failure_at("registry.test", tmp_path, HTTPS_PROXY=proxy)
    assert (failure.kind, failure.reason) == (FailureKind.TRANSIENT, "connection refused")
    assert "through the proxy" in failure.evidence
    assert "s3cret" not in failure.evidence


def test_a_proxy_that_wants_a_login(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    with raw_server(lambda c: (c.recv(65536), c.sendall(answer))) as address:
        failure = failure_at("registry.test", tmp_path, HTTPS_PROXY=address)
    assert (failure.kind, failure.reason) == (FailureKind.UNREACHABLE, "the proxy cannot be used")
    assert "407" in failure.evidence


def test_a_proxy_of_an_unknown_kind(tmp_path: Path) -> None:
    failure = failure_at("registry.test", tmp_path, HTTPS_PROXY="socks5://127.0.0.1:1")
    assert (failure.kind, failure.reason) == (FailureKind.UNREACHABLE, "the proxy cannot be used")

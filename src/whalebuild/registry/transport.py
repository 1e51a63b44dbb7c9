"""One HTTP request at a time with urllib3: TLS, proxies, redirects, and errors told apart.

No retries here (``runtime.retrier`` has them), and no credentials but the ones handed in,
which do not leave the host that they are for.
"""

from __future__ import annotations

import errno
import http.client
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3 import exceptions

from whalebuild import __version__
from whalebuild.docker.config import config_folder
from whalebuild.failures.classify_http import HttpFailure, NoAnswer, no_answer
from whalebuild.failures.failure import RequestFailedError
from whalebuild.registry.hosts import Trust
from whalebuild.registry.proxies import proxy_for
from whalebuild.registry.streamed import Part
from whalebuild.values import dataclass

_TIMEOUT = urllib3.Timeout(connect=10, read=60)
_MAX_REDIRECTS = 5
_CHUNK = 64 * 1024
_ANY_METHOD = frozenset({307, 308})
_READ_ONLY = _ANY_METHOD | {301, 302, 303}
# Kept for each host: one for each thread of a bake of many services.
_KEPT_CONNECTIONS = 16
_SYSTEM_CERTS = Path("/etc/docker/certs.d")
# OpenSSL's reasons for an answer that is not TLS; they differ by its version.
_NO_TLS = frozenset(
    {
        "HTTP_REQUEST",
        "PACKET_LENGTH_TOO_LONG",
        "RECORD_LAYER_FAILURE",
        "UNKNOWN_PROTOCOL",
        "WRONG_VERSION_NUMBER",
    }
)
_NETWORK = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})


@dataclass(frozen=True)
class Request:
    """A request; ``authorization`` is sent to the URL's own host only.

    Attributes:
        body: A part of a blob needs its ``Content-Length`` among the headers.
        answer_within: Seconds to wait for the answer, if not as usual.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | Part | None = None
    authorization: str | None = None
    trust: Trust = field(default_factory=Trust)
    follow: bool = True
    answer_within: float | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.url.partition('?')[0]}"

    def __repr__(self) -> str:
        return f"<{self}>"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer.

    Attributes:
        url: Where it came from, after redirects.
        complete: Whether the body is all there; False if it is larger than the limit.
    """

    url: str
    status: int
    headers: urllib3.HTTPHeaderDict
    body: bytes
    complete: bool

    @property
    def ok(self) -> bool:
        """Whether the status says success."""
        return 200 <= self.status < 300  # noqa: PLR2004 - that is what 2xx is


class Transport:
    """Sends requests over kept connections; thread-safe."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._lock = threading.Lock()
        self._pools: dict[tuple[str | None, object], urllib3.PoolManager] = {}
        self._certs = (_SYSTEM_CERTS, config_folder(env) / "certs.d")

    def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            pool.clear()

    def send(self, request: Request, *, limit: int) -> Answer:
        """Send a request and read up to ``limit`` bytes of the answer.

        Raises:
            RequestFailedError: There was no answer.
        """
        method, url = request.method, request.url
        headers = {"User-Agent": f"whalebuild/{__version__}", **request.headers}
        if request.authorization:
            headers["Authorization"] = request.authorization
        trust = request.trust
        for _ in range(_MAX_REDIRECTS + 1):
            answer = self._once(request, method, url, headers, trust, limit)
            location = answer.headers.get("Location")
            read_only = method in {"GET", "HEAD"}
            if not (request.follow and location) or answer.status not in (
                _READ_ONLY if read_only else _ANY_METHOD
            ):
                return answer
            onward = follow_link(url, location)
            if origin(onward) != origin(url):
                # A blob store's URL has a signature of its own; it must not get the login.
                headers.pop("Authorization", None)
                trust = Trust()
            url = onward
        raise RequestFailedError(no_answer(str(request), NoAnswer.REDIRECTS))

    def _once(
        self,
        request: Request,
        method: str,
        url: str,
        headers: Mapping[str, str],
        trust: Trust,
        limit: int,
    ) -> Answer:
        timeout = _TIMEOUT
        if request.answer_within:
            timeout = urllib3.Timeout(connect=timeout.connect_timeout, read=request.answer_within)
        try:
            with _opened(request.body) as sent:
                response = self._pool(url, trust).request(
                    method,
                    url,
                    body=sent,
                    headers=headers,
                    redirect=False,
                    retries=False,
                    timeout=timeout,
                    preload_content=False,
                )
            body, complete = _read(response, limit)
        # ValueError: a header or URL that http.client will not send.
        except (exceptions.HTTPError, OSError, http.client.HTTPException, ValueError) as error:
            # "from None": the original's message has the URL with its query, and more.
            raise RequestFailedError(_failure(request, url, error)) from None
        return Answer(url, response.status, response.headers, body, complete)

    def _pool(self, url: str, trust: Trust) -> urllib3.PoolManager:
        parts = urlsplit(url)
        proxy = proxy_for(parts.scheme, parts.hostname or "", parts.port, self._env)
        key = (proxy, (trust, parts.netloc) if parts.scheme == "https" else None)
        with self._lock:
            if key not in self._pools:
                context = self._context(parts.netloc, trust) if parts.scheme == "https" else None
                self._pools[key] = _make_pool(proxy, context)
            return self._pools[key]

    def _context(self, host: str, trust: Trust) -> ssl.SSLContext:
        """The system's authorities (``SSL_CERT_FILE``), and docker's ``certs.d`` for the host.

        https://docs.docker.com/engine/security/certificates/
        """
        context = ssl.create_default_context()
        # Python 3.13 is stricter than docker: authorities of company proxies often fail there.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if trust.insecure:
            urllib3.disable_warnings(exceptions.InsecureRequestWarning)  # the user asked for it
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        for pem in trust.authorities:
            context.load_verify_locations(cadata=pem)
        for folder in self._certs:
            for authority in sorted((folder / host).glob("*.crt")):
                context.load_verify_locations(cafile=authority)
            for own in sorted((folder / host).glob("*.cert")):
                context.load_cert_chain(own, own.with_suffix(".key"))
        return context


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: what a credential is bound to."""
    try:
        parts = urlsplit(url)
        usual = 443 if parts.scheme == "https" else 80
        return parts.scheme, (parts.hostname or "").lower(), parts.port or usual
    except ValueError:  # no URL: sending it says so
        return "", "", 0


def follow_link(url: str, location: str) -> str:
    """The URL that a ``Location`` stands for; the text itself where it is no URL."""
    try:
        return urljoin(url, location)
    except ValueError:
        return location


def _make_pool(proxy: str | None, context: ssl.SSLContext | None) -> urllib3.PoolManager:
    if proxy is None:
        return urllib3.PoolManager(maxsize=_KEPT_CONNECTIONS, ssl_context=context)
    parts = urlsplit(proxy)
    login = None
    if parts.username:
        login = urllib3.make_headers(proxy_basic_auth=f"{parts.username}:{parts.password or ''}")
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return urllib3.ProxyManager(
        address, maxsize=_KEPT_CONNECTIONS, ssl_context=context, proxy_headers=login
    )


@contextmanager
def _opened(body: bytes | Part | None) -> Iterator[bytes | Iterator[bytes] | None]:
    if isinstance(body, Part):
        with closing(body.pieces()) as pieces:
            yield pieces
    else:
        yield body


def _read(response: urllib3.BaseHTTPResponse, limit: int) -> tuple[bytes, bool]:
    """The body as it came, without decoding: its digest is what counts."""
    parts: list[bytes] = []
    size = 0
    while size <= limit:
        part = response.read(min(_CHUNK, limit + 1 - size), decode_content=False)
        if not part:
            response.release_conn()
            return b"".join(parts), True
        parts.append(part)
        size += len(part)
    response.close()
    return b"".join(parts)[:limit], False


def _failure(request: Request, url: str, error: Exception) -> HttpFailure:
    said = str(request)
    if origin(url) != origin(request.url):
        said = f"{said}, redirected to {origin(url)[1] or 'no URL'}"
    return no_answer(said, *why_no_answer(error))


def why_no_answer(error: Exception) -> tuple[NoAnswer, str]:
    """Tell why there is no answer, and a detail where there is one.

    Args:
        error: What urllib3, ``http.client`` or ``ssl`` raised.
    """
    why, detail = _by_type(error)
    if any(isinstance(part, exceptions.ProxyError) for part in _chain(error)):
        detail = f"{detail}, through the proxy".lstrip(", ")
    return why, detail


def _by_type(error: Exception) -> tuple[NoAnswer, str]:  # noqa: C901, PLR0911, PLR0912 - a table
    """The reason, by the types of the errors that urllib3 has wrapped into each other."""
    for part in _chain(error):
        match part:
            case exceptions.NameResolutionError():
                return NoAnswer.NAME, ""
            case exceptions.NewConnectionError():
                continue  # a timeout by its type; what it was stands inside
            case exceptions.TimeoutError() | TimeoutError():
                return NoAnswer.TIMEOUT, ""
            case ssl.SSLError():
                return _by_tls(part)
            case ConnectionRefusedError():
                return NoAnswer.REFUSED, ""
            case http.client.RemoteDisconnected() | exceptions.IncompleteRead():
                return NoAnswer.CLOSED, ""
            case http.client.BadStatusLine() if str(part).startswith(("\x15\x03", "\x16\x03")):
                return NoAnswer.TLS_PORT, ""
            case ConnectionError():
                return NoAnswer.RESET, ""
            case OSError() if part.errno in _NETWORK:
                return NoAnswer.NETWORK, ""
            case OSError() if str(part).startswith("Tunnel connection failed"):
                return NoAnswer.PROXY, str(part)
            case exceptions.ProxySchemeUnknown():
                return NoAnswer.PROXY, "only http and https proxies are supported"
            case ValueError():
                return NoAnswer.NO_REGISTRY, "it names an address that cannot be used"
    return NoAnswer.CLOSED, type(error).__name__


def _by_tls(error: ssl.SSLError) -> tuple[NoAnswer, str]:
    if isinstance(error, ssl.SSLCertVerificationError):
        return NoAnswer.CERTIFICATE, error.verify_message
    if error.reason in _NO_TLS:
        return NoAnswer.PLAIN_HTTP, ""
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return NoAnswer.CLOSED, ""
    return NoAnswer.TLS, (error.reason or "the handshake failed").lower().replace("_", " ")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those inside it, outermost first."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, BaseException) and id(part) not in seen:
            seen.add(id(part))
            yield part
            # Not __context__: that may be an earlier error which the caller was dealing with.
            waiting += [*part.args, part.__cause__]
            waiting.append(getattr(part, "original_error", None))

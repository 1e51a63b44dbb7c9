"""What went wrong when a request got no answer: urllib3's errors, told apart by their types."""

from __future__ import annotations

import errno
import http.client
import ssl
from collections.abc import Iterator

from urllib3 import exceptions

from whalebuild.failures.classify_http import Trouble

# What OpenSSL says to an answer that is not TLS differs by its version.
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


def trouble_of(error: Exception) -> tuple[Trouble, str]:
    """Tell what happened, and more of it where that helps.

    Args:
        error: What urllib3, ``http.client`` or ``ssl`` raised.
    """
    trouble, detail = _by_type(error)
    if any(isinstance(part, exceptions.ProxyError) for part in _chain(error)):
        detail = f"{detail}, through the proxy".lstrip(", ")
    return trouble, detail


def _by_type(error: Exception) -> tuple[Trouble, str]:  # noqa: C901, PLR0911, PLR0912 - a table
    """Tell what happened by the types of the errors that urllib3 wrapped into each other."""
    for part in _chain(error):
        match part:
            case exceptions.NameResolutionError():
                return Trouble.NAME, ""
            case exceptions.NewConnectionError():
                continue  # a timeout by its type; what it was stands inside
            case exceptions.TimeoutError() | TimeoutError():
                return Trouble.TIMEOUT, ""
            case ssl.SSLError():
                return _tls_trouble(part)
            case ConnectionRefusedError():
                return Trouble.REFUSED, ""
            case http.client.RemoteDisconnected() | exceptions.IncompleteRead():
                return Trouble.CLOSED, ""
            case http.client.BadStatusLine() if str(part).startswith(("\x15\x03", "\x16\x03")):
                return Trouble.TLS_PORT, ""
            case ConnectionError():
                return Trouble.RESET, ""
            case OSError() if part.errno in _NETWORK:
                return Trouble.NETWORK, ""
            case OSError() if str(part).startswith("Tunnel connection failed"):
                return Trouble.PROXY, str(part)
            case exceptions.ProxySchemeUnknown():
                return Trouble.PROXY, "only http and https proxies are supported"
            case ValueError():
                return Trouble.NO_REGISTRY, "it names an address that cannot be used"
    return Trouble.CLOSED, type(error).__name__


def _tls_trouble(error: ssl.SSLError) -> tuple[Trouble, str]:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Trouble.CERTIFICATE, error.verify_message
    if error.reason in _NO_TLS:
        return Trouble.PLAIN_HTTP, ""
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Trouble.CLOSED, ""
    return Trouble.TLS, (error.reason or "the handshake failed").lower().replace("_", " ")


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

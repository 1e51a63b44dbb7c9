"""What ``whalebuild doctor`` asks of registries, proxies and authorities, beside all others."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from whalebuild.docker.config import config_folder, read_json
from whalebuild.doctor.facts import AuthorityFacts, LoginFacts, Ping, ProxyFacts
from whalebuild.failures.failure import FailureKind, RequestFailedError, redact
from whalebuild.registry.credentials import CredentialStore
from whalebuild.registry.hosts import builder_settings, endpoints
from whalebuild.registry.proxies import proxy_for
from whalebuild.registry.session import Call, RegistrySession
from whalebuild.registry.transport import Request, Transport
from whalebuild.runtime.threads import Submit

_ANSWER_LIMIT = 4096
_SECONDS_TO_CONNECT = 5.0
_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
_AUTHORITIES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_USUAL_PORTS = {"http": 80, "https": 443}


class RegistryCheckup:
    """See ``doctor.ports.RegistryQuestions``. A context manager: leaving it closes connections."""

    def __init__(self, env: Mapping[str, str], *, builder: str | None = None) -> None:
        self._settings = builder_settings(env, builder)
        self._transport = Transport(env)
        self._session = RegistrySession(env, self._settings)
        self._logins = CredentialStore(env)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._transport.close()
        self._session.close()

    def ping(self, registry: str) -> Ping:
        """See ``doctor.ports.RegistryQuestions``."""
        ways = [way for way in endpoints(registry, self._settings) if not way.mirrored]
        for way in ways[:-1]:
            try:
                return self._ping(Request("GET", f"{way.base}/", {}, trust=way.trust))
            except RequestFailedError as failed:
                if failed.failure.kind is not FailureKind.UNREACHABLE:
                    raise
        return self._ping(Request("GET", f"{ways[-1].base}/", {}, trust=ways[-1].trust))

    def _ping(self, request: Request) -> Ping:
        answer = self._transport.send(request, limit=_ANSWER_LIMIT)
        ahead = _ahead(answer.headers.get("Date", ""), datetime.now(UTC))
        return Ping(answer.status, request.url.rstrip("/"), ahead)

    def login(self, registry: str) -> LoginFacts:
        """See ``doctor.ports.RegistryQuestions``."""
        ways = [way for way in endpoints(registry, self._settings) if not way.mirrored]
        found = self._logins.login(ways[0].host)
        return LoginFacts(found.source, found.problem)

    def lost_blobs(self, repository: str, digests: Iterable[str]) -> tuple[str, ...]:
        """See ``doctor.ports.RegistryQuestions``.

        Some registries have no HEAD, or refuse it: only a 404 says that a blob is lost.
        """
        unclear = {HTTPStatus.FORBIDDEN.value, HTTPStatus.METHOD_NOT_ALLOWED.value}
        accepted = frozenset({HTTPStatus.NOT_FOUND.value, *unclear})

        def is_lost(digest: str) -> bool:
            call = Call("HEAD", f"blobs/{digest}", accepted=accepted)
            answer = self._session.call(repository, call)
            return answer.status == HTTPStatus.NOT_FOUND

        submit = Submit()
        asked = [(digest, submit(partial(is_lost, digest))) for digest in digests]
        return tuple(digest for digest, lost in asked if lost.result())


def proxies(env: Mapping[str, str]) -> Iterator[ProxyFacts]:
    """The proxies of the environment, and those that docker gives to builds and containers.

    https://docs.docker.com/engine/cli/proxy/
    """
    for name in _PROXY_VARIABLES:
        if env.get(name):
            yield ProxyFacts(_shown(env[name]), name)
    tables = read_json(config_folder(env) / "config.json").get("proxies")
    for host, table in tables.items() if isinstance(tables, dict) else ():
        for key in ("httpProxy", "httpsProxy") if isinstance(table, dict) else ():
            if isinstance(table.get(key), str) and table[key]:
                where = f"docker's config.json, proxies.{host}.{key}"
                yield ProxyFacts(_shown(table[key]), where)


def proxy_of(registry: str, env: Mapping[str, str], *, builder: str | None = None) -> str | None:
    """The proxy that requests to a registry go through, without a login; None for none."""
    way = endpoints(registry, builder_settings(env, builder))[-1]
    parts = urlsplit(way.base)
    found = proxy_for(parts.scheme, parts.hostname or "", parts.port, env)
    return _shown(found) if found else None


def connect(address: str) -> str | None:
    """Connect to a proxy; return why that fails, None where it does not."""
    try:
        parts = urlsplit(address)
        port = parts.port or _USUAL_PORTS.get(parts.scheme)
    except ValueError:
        return "that is no address"
    if not parts.hostname or port is None:
        return "that is no address"
    try:
        with closing(socket.create_connection((parts.hostname, port), _SECONDS_TO_CONNECT)):
            return None
    except OSError as failed:
        return str(failed.strerror or failed) or "it does not answer"


def authorities(env: Mapping[str, str]) -> Iterator[AuthorityFacts]:
    """Variables by which the certificates of authorities are others than the system's."""
    for name in _AUTHORITIES:
        if env.get(name):
            yield AuthorityFacts(name, env[name], _problem(name, Path(env[name])))


def _problem(name: str, path: Path) -> str | None:
    if name == "SSL_CERT_DIR":
        return None if path.is_dir() else "there is no such folder"
    if not path.is_file():
        return "there is no such file"
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError):
        return "it has no certificate that can be read"
    return None


def _shown(address: str) -> str:
    return redact(address if "://" in address else f"http://{address}")


def _ahead(date: str, now: datetime) -> float | None:
    """Seconds by which a server's clock is ahead: its ``Date`` is cut to seconds."""
    try:
        return (parsedate_to_datetime(date) - now).total_seconds()
    except (TypeError, ValueError):
        return None

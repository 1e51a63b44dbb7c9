"""The Engine's API, for all that compose has no part in: no process is started for a question.

Every request is of the newest version that both sides know. Errors are those of docker commands, in
the same words, so that they are told apart by the same rules. Why: docs/adr/0017-engine-api.md.
https://docs.docker.com/reference/api/engine/
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from whalebuild.docker.cli import DockerCalls
from whalebuild.docker.config import config_folder, read_json
from whalebuild.docker.engine_connection import EngineConnection, connection
from whalebuild.errors import EngineError
from whalebuild.failures.command_failed import CommandFailedError

#: What a query and a body are made of.
Words = Mapping[str, Any]

_NEWEST = (1, 51)
_VERSION = re.compile(r"(\d+)\.(\d+)")
_LOST = (OSError, http.client.IncompleteRead, http.client.RemoteDisconnected)
_DOCKERS = "check that DOCKER_HOST, or the docker context, names a Docker engine"


class ApiError(CommandFailedError):
    """The engine refused a request.

    Attributes:
        status: The HTTP status.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"Error response from daemon: {message}")
        self.status = status


class EngineApi:
    """The engine of the current docker context; its connections are kept until :meth:`close`.

    Every method may raise ``CommandFailedError`` where the engine cannot be reached or refuses, and
    ``EngineError`` where what answers is no engine. It may be asked from several threads.

    Attributes:
        calls: What starts docker, where that is the way to the engine.
    """

    def __init__(self, calls: DockerCalls | None = None) -> None:
        self.calls = calls or DockerCalls()
        self._idle: list[EngineConnection] = []

    def close(self) -> None:
        """Close the connections, and stop what still runs of docker."""
        while self._idle:
            self._idle.pop().close()
        self.calls.close()

    def find(self, path: str, query: Words | None = None) -> Any:
        """The JSON of an answer to GET; None where there is no such thing."""
        try:
            return self.get(path, query)
        except ApiError as refused:
            if refused.status == http.client.NOT_FOUND:
                return None
            raise

    def get(self, path: str, query: Words | None = None) -> Any:
        """The JSON of an answer to GET."""
        content = self.request("GET", path, query)
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise _unreadable("something else than JSON") from None

    def objects(self, path: str, query: Words | None = None) -> list[Mapping[str, Any]]:
        """The objects of an answer that is a list."""
        found = self.get(path, query)
        if not isinstance(found, list):
            raise _unreadable("something else than a list")
        return [each for each in found if isinstance(each, dict)]

    def request(
        self, method: str, path: str, query: Words | None = None, body: Words | None = None
    ) -> bytes:
        """Ask for something; the content of the answer.

        A question is asked once more where its connection is lost; nothing else is.

        Args:
            method: GET, POST, PUT or DELETE.
            path: Without the version; names in it are quoted by :func:`named`.
            query: Tables and lists are given as JSON, as filters are.
            body: Is sent as JSON.
        """
        whole = self._whole(path, query)
        for last in (method != "GET", True):
            with self._connection() as used:
                try:
                    return _content(_sent(used, method, whole, self._headers, body))
                except _LOST as failed:
                    if last:
                        raise used.why_lost(failed) from None
                    used.close()
        raise AssertionError("unreachable")

    @contextlib.contextmanager
    def stream(
        self, path: str, query: Words | None = None
    ) -> Iterator[tuple[EngineConnection, http.client.HTTPResponse]]:
        """An answer that goes on, on a connection of its own; closing that one ends it."""
        whole = self._whole(path, query)
        used = connection(self.calls)
        try:
            try:
                answer = _sent(used, "GET", whole, self._headers)
            except _LOST as failed:
                raise used.why_lost(failed) from None
            if answer.status != http.client.OK:
                _content(answer)
            yield used, answer
        finally:
            used.close()

    @cached_property
    def _version(self) -> str:
        """The newest version of the API that both sides know."""
        with self._connection() as used:
            try:
                answer = _sent(used, "GET", "/_ping", self._headers)
                answer.read()
            except _LOST as failed:
                raise used.why_lost(failed) from None
        found = _VERSION.fullmatch(answer.headers.get("Api-Version") or "")
        if not found:
            raise EngineError(
                "what answers is no Docker engine",
                cause="it does not say which version of the API it has",
                next_step=_DOCKERS,
            )
        major, minor = min(_NEWEST, (int(found[1]), int(found[2])))
        return f"/v{major}.{minor}"

    @cached_property
    def _headers(self) -> dict[str, str]:
        """What docker sends with every request: plugins and proxies may decide by it."""
        found = read_json(config_folder(os.environ) / "config.json").get("HttpHeaders")
        return (
            {str(key): str(value) for key, value in found.items()}
            if isinstance(found, dict)
            else {}
        )

    def _whole(self, path: str, query: Words | None) -> str:
        words = urlencode({name: _word(value) for name, value in (query or {}).items()})
        return f"{self._version}{path}{'?' if words else ''}{words}"

    @contextlib.contextmanager
    def _connection(self) -> Iterator[EngineConnection]:
        """A connection that nobody else uses; it is kept where its answer was read to the end."""
        try:
            used = self._idle.pop()
        except IndexError:
            used = connection(self.calls)
        try:
            if used.is_stale:
                used.close()
            yield used
        except ApiError:
            self._idle.append(used)
            raise
        except BaseException:
            used.close()
            raise
        self._idle.append(used)


def named(name: str) -> str:
    """A name or an ID as part of a path."""
    return quote(name, safe="/:@")


def _sent(
    used: EngineConnection,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: Words | None = None,
) -> http.client.HTTPResponse:
    given = None if body is None else json.dumps(body)
    headers = {**headers, **({"Content-Type": "application/json"} if given else {})}
    try:
        used.request(method, path, given, headers)
        return used.getresponse()
    except http.client.RemoteDisconnected:
        raise
    except (http.client.HTTPException, ValueError) as failed:
        raise EngineError(
            "what answers is no Docker engine",
            cause=f"its answer is no HTTP ({type(failed).__name__})",
            next_step=_DOCKERS,
        ) from None


def _content(answer: http.client.HTTPResponse) -> bytes:
    """The content of an answer.

    Raises:
        ApiError: The engine refused.
    """
    content = answer.read()
    if answer.status < http.client.BAD_REQUEST:
        return content
    try:
        message = str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        message = content.decode(errors="replace").strip() or answer.reason
    raise ApiError(answer.status, message)


def _unreadable(what: str) -> EngineError:
    return EngineError(f"the engine answered with {what}", next_step=_DOCKERS)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return value if isinstance(value, str) else json.dumps(value)

"""Containers of an engine, over its API: looked at, stopped, removed, connected, read.

https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Container
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from whalebuild.docker.engine_api import ApiError, EngineApi, Words, named
from whalebuild.runtime.threads import Submit

# Each is a connection; over ssh, a login.
_AT_ONCE = 4
_GONE = frozenset({HTTPStatus.NOT_FOUND})
# A removal that is under way is a conflict, as is a container that cannot be removed.
_GOES = "is already in progress"
# Before each piece of output: the stream, three zeros, and the length.
# https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Container/operation/ContainerAttach
_FRAME = struct.Struct(">B3xL")
_STREAMS = 3


def container_ids(
    engine: EngineApi, filters: Mapping[str, Sequence[str]], *, stopped: bool = True
) -> list[str]:
    """The IDs of containers; those that do not run as well, unless it is said otherwise."""
    query = {"all": stopped, "filters": filters}
    found = (each.get("Id") for each in engine.objects("/containers/json", query))
    return [each for each in found if isinstance(each, str)]


def inspected(engine: EngineApi, kind: str, ids: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """What the engine says of containers or images, but for those that have gone meanwhile.

    Args:
        engine: Who is asked.
        kind: ``containers`` or ``images``.
        ids: Which ones.
    """
    for each in dict.fromkeys(ids):
        found = engine.find(f"/{kind}/{named(each)}/json")
        if isinstance(found, dict):
            yield found


def stop(engine: EngineApi, containers: Collection[str]) -> None:
    """Stop containers side by side; those that are gone are passed over."""
    _side_by_side(
        containers, lambda each: _unless_gone(engine, "POST", f"/containers/{named(each)}/stop")
    )


def stop_and_remove(
    engine: EngineApi,
    containers: Collection[str],
    *,
    with_volumes: Collection[str],
    at_once: bool = False,
) -> None:
    """Stop containers side by side and remove them; those that are gone are passed over.

    Args:
        engine: Where they are.
        containers: IDs.
        with_volumes: Those of them whose unnamed volumes go with them.
        at_once: Kill them instead of stopping them first.
    """

    def end(container: str) -> None:
        path = f"/containers/{named(container)}"
        if not at_once:
            _unless_gone(engine, "POST", f"{path}/stop")
        _unless_gone(engine, "DELETE", path, {"force": True, "v": container in with_volumes})

    _side_by_side(containers, end)


def _side_by_side(containers: Collection[str], end: Callable[[str], None]) -> None:
    submit = Submit(_AT_ONCE)
    ends = [submit(partial(end, each)) for each in containers]
    failures = [failed for each in ends if (failed := each.exception())]
    if failures:
        raise failures[0]


def rejoin(engine: EngineApi, container: str, networks: Mapping[str, Sequence[str]]) -> None:
    """Have a container leave networks, and join them again under these names."""
    for network, aliases in networks.items():
        path = f"/networks/{named(network)}"
        engine.request("POST", f"{path}/disconnect", body={"Container": container})
        joined = {"Container": container, "EndpointConfig": {"Aliases": list(aliases)}}
        engine.request("POST", f"{path}/connect", body=joined)


def last_lines(engine: EngineApi, container: str, lines: int) -> str:
    """The last lines of a container's output, of both streams."""
    query = {"stdout": True, "stderr": True, "tail": lines}
    content = engine.request("GET", f"/containers/{named(container)}/logs", query)
    return joined_output(content).decode(errors="replace")


def joined_output(content: bytes) -> bytes:
    """Output without the frames around its pieces; that of a terminal has none."""
    pieces, at = [], 0
    while at < len(content):
        if len(content) - at < _FRAME.size or content[at + 1 : at + 4] != bytes(3):
            return content
        stream, length = _FRAME.unpack_from(content, at)
        if stream >= _STREAMS:
            return content
        at += _FRAME.size
        pieces.append(content[at : at + length])
        at += length
    return b"".join(pieces)


def _unless_gone(engine: EngineApi, method: str, path: str, query: Words | None = None) -> None:
    try:
        engine.request(method, path, query)
    except ApiError as refused:
        if refused.status not in _GONE and _GOES not in refused.stderr:
            raise

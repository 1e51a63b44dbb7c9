"""All images or containers of an engine, as ``docker inspect`` shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from whalebuild.docker.cli import DockerCalls
from whalebuild.errors import EngineError
from whalebuild.failures.failure import CommandFailedError

_TRIES = 3


def inspected(calls: DockerCalls, kind: str, *words: str) -> list[Mapping[str, Any]]:
    """All that ``docker KIND ls WORDS`` lists; one that goes away in between is no error.

    Raises:
        CommandFailedError: Docker failed.
        EngineError: It answered with something else than JSON.
    """
    for tries in range(1, _TRIES + 1):
        said = calls.say([kind, "ls", "--quiet", "--no-trunc", *words])
        names = list(dict.fromkeys(said.split()))
        try:
            return _list(calls.say([kind, "inspect", *names])) if names else []
        except CommandFailedError as failed:
            if tries == _TRIES or "no such" not in failed.stderr.lower():
                raise
    raise AssertionError("unreachable")


def _list(said: str) -> list[Mapping[str, Any]]:
    try:
        found = json.loads(said)
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise EngineError(
            "docker answered with something else than JSON",
            next_step="check that `docker` on PATH is Docker's client, and its version",
        )
    return [each for each in found if isinstance(each, dict)]

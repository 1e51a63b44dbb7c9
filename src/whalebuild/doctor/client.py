"""The docker client and its plugins: there, and new enough."""

from __future__ import annotations

import re

from whalebuild.doctor.facts import ClientFacts
from whalebuild.doctor.finding import Finding, failure, ok, warning
from whalebuild.errors import EngineError, WhalebuildError

# Before it, metadata says nothing that a bake can go by.
_LEAST = (0, 12)
# It lists targets of bake files (0.20), checks Dockerfiles (0.15), lists builders as JSON (0.13).
_WANTED = (0, 20)
_VERSION = re.compile(r"\bv?(\d+)\.(\d+)(?:\.(\d+))?")
_GET_BUILDX = (
    "install its newest version: https://docs.docker.com/go/buildx/ (the package "
    "docker-buildx-plugin or docker-buildx, or one file in ~/.docker/cli-plugins)"
)
_GET_COMPOSE = (
    "install it: https://docs.docker.com/compose/install/ (the package docker-compose-plugin, or "
    "one file in ~/.docker/cli-plugins)"
)


def judge_client(found: ClientFacts | WhalebuildError, elsewhere: str | None) -> Finding:
    """The docker client.

    Args:
        found: What it says, or why it says nothing.
        elsewhere: A folder with a docker client that is not on PATH.
    """
    if isinstance(found, WhalebuildError):
        command = f'export PATH="$PATH:{elsewhere}"' if elsewhere else None
        step = f"there is one in {elsewhere}: add that to PATH" if elsewhere else None
        return failure(found, command).mended_by(None, step)
    if "podman" in found.version.lower():
        return warning(
            f"{found.path} is podman's",
            cause=f"it says: {found.version}",
            next_step="buildx needs Docker's client: https://docs.docker.com/get-docker/",
        )
    return ok(f"{_shown(found.version)} ({found.path})")


def judge_buildx(said: str | WhalebuildError) -> Finding:
    """The buildx plugin.

    Args:
        said: What ``docker buildx version`` said, or why it failed.
    """
    if isinstance(said, WhalebuildError):
        return failure(said).mended_by(None, _GET_BUILDX)
    version = version_of(said)
    if version is None:
        return warning(
            "its version cannot be told",
            cause=f"it says: {said.strip()}",
            next_step=f"{_dotted(_WANTED)} or newer is wanted",
        )
    if version < _LEAST:
        too_old = f"buildx {_dotted(version)} is too old"
        needed = f"a bake needs {_dotted(_LEAST)}: older ones do not say what they pushed"
        return failure(EngineError(too_old, cause=needed, next_step=_GET_BUILDX))
    if version < _WANTED:
        return warning(
            f"buildx {_dotted(version)} works, with less",
            cause="the targets of a bake file are listed since 0.20, Dockerfiles are checked since "
            "0.15, builders are listed since 0.13",
            next_step=_GET_BUILDX,
        )
    return ok(_dotted(version))


def judge_compose(said: str | WhalebuildError) -> Finding:
    """The compose plugin, which deploys need and bakes do not."""
    if not isinstance(said, WhalebuildError):
        return ok(_shown(said))
    return warning(
        "the docker client has no compose",
        cause="`whalebuild deploy` needs it; a bake does not",
        next_step=_GET_COMPOSE,
    )


def version_of(said: str) -> tuple[int, ...] | None:
    """The first version in a text."""
    found = _VERSION.search(said)
    return tuple(int(part) for part in found.groups("0")) if found else None


def _shown(said: str) -> str:
    version = version_of(said)
    return _dotted(version) if version else said.strip()


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))

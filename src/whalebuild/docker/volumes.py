"""The volumes of an engine; see ``deploy.volumes``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from whalebuild.deploy.volumes import Volume
from whalebuild.docker.cli import DockerCalls
from whalebuild.docker.host import inspect_all
from whalebuild.errors import EngineError
from whalebuild.failures.command_failed import CommandFailedError

_LEFT = ("no such volume", "volume is in use")


class DockerVolumes:
    """See ``deploy.volumes.Volumes``."""

    def __init__(self, calls: DockerCalls) -> None:
        self._calls = calls

    def find(self, labels: Mapping[str, str]) -> tuple[Volume, ...]:
        """See ``deploy.volumes.Volumes``."""
        wanted = [word for label in _words(labels) for word in ("--filter", f"label={label}")]
        found = (_read(each) for each in inspect_all(self._calls, "volume", *wanted))
        return tuple(volume for volume in found if volume)

    def create(self, name: str, labels: Mapping[str, str]) -> Mapping[str, str]:
        """See ``deploy.volumes.Volumes``."""
        given = [word for label in _words(labels) for word in ("--label", label)]
        self._calls.run(["volume", "create", "--driver", "local", *given, name])
        found = [_read(each) for each in self._calls.run_json(["volume", "inspect", name])]
        return next((volume.labels for volume in found if volume), {})

    def remove(self, names: Sequence[str]) -> None:
        """See ``deploy.volumes.Volumes``."""
        if not names:
            return
        try:
            self._calls.run(["volume", "rm", "--force", *names])
        except CommandFailedError as failed:
            said = [line.lower() for line in failed.stderr.splitlines() if line.strip()]
            if not said or not all(any(word in line for word in _LEFT) for line in said):
                raise

    def now(self) -> datetime:
        """See ``deploy.volumes.Volumes``."""
        said = self._calls.run(["system", "info", "--format", "{{.SystemTime}}"])
        time = _time(said)
        if time is None:
            raise EngineError(f"the engine does not say its time, but {said[:80]!r}")
        return time


def _words(labels: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in labels.items()]


def _read(raw: Mapping[str, Any]) -> Volume | None:
    name, labels = raw.get("Name"), raw.get("Labels")
    if not isinstance(name, str):
        return None
    given = labels if isinstance(labels, dict) else {}
    return Volume(name, {str(k): str(v) for k, v in given.items()}, _time(raw.get("CreatedAt")))


def _time(value: object) -> datetime | None:
    """A time with its zone; RFC 3339 has up to nine digits of a second."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else None

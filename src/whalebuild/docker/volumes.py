"""The volumes of an engine; see ``deployments.volumes``."""

from __future__ import annotations

import http.client
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from whalebuild.deployments.volumes import Volume
from whalebuild.docker.engine_api import ApiError, EngineApi, named
from whalebuild.errors import EngineError

_LEFT = (http.client.NOT_FOUND, http.client.CONFLICT)


class DockerVolumes:
    """See ``deployments.volumes.Volumes``. It may be asked from several threads."""

    def __init__(self, engine: EngineApi) -> None:
        self._engine = engine

    def find(self, labels: Mapping[str, str]) -> tuple[Volume, ...]:
        """See ``deployments.volumes.Volumes``."""
        wanted = [f"{name}={value}" for name, value in labels.items()]
        found = self._engine.get("/volumes", {"filters": {"label": wanted}})
        listed = found.get("Volumes") if isinstance(found, dict) else None
        read = (_read(each) for each in listed or [])
        return tuple(volume for volume in read if volume)

    def create(self, name: str, labels: Mapping[str, str]) -> Mapping[str, str]:
        """See ``deployments.volumes.Volumes``."""
        body = {"Name": name, "Driver": "local", "Labels": dict(labels)}
        self._engine.request("POST", "/volumes/create", body=body)
        made = _read(self._engine.get(f"/volumes/{named(name)}"))
        return made.labels if made else {}

    def remove(self, names: Sequence[str]) -> None:
        """See ``deployments.volumes.Volumes``."""
        for name in names:
            try:
                self._engine.request("DELETE", f"/volumes/{named(name)}")
            except ApiError as refused:
                if refused.status not in _LEFT:
                    raise

    def now(self) -> datetime:
        """See ``deployments.volumes.Volumes``."""
        found = self._engine.get("/info")
        time = _time(found.get("SystemTime")) if isinstance(found, dict) else None
        if time is None:
            raise EngineError("the engine does not say its time")
        return time


def _read(raw: Any) -> Volume | None:
    if not isinstance(raw, dict) or not isinstance(raw.get("Name"), str):
        return None
    labels = raw.get("Labels")
    given = labels if isinstance(labels, dict) else {}
    kept = {str(name): str(value) for name, value in given.items()}
    return Volume(raw["Name"], kept, _time(raw.get("CreatedAt")))


def _time(value: object) -> datetime | None:
    """A time with its zone; RFC 3339 has up to nine digits of a second."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else None

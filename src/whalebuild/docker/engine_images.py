"""Images of an engine and their names, over its API.

https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Image
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from whalebuild.docker.engine_api import ApiError, EngineApi, named
from whalebuild.oci.reference import Reference, familiar

_IN_USE_OR_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})


class EngineImages:
    """The images of an engine.

    A list of them takes the engine long: 0.2 s for fourteen in the containerd image store. Their
    names are therefore remembered, with those that are given and taken here, until
    :meth:`forget` says that there may be others.
    """

    def __init__(self, engine: EngineApi) -> None:
        self._engine = engine
        self._names: dict[str, str] | None = None

    def listed(self) -> list[Mapping[str, Any]]:
        """All images, those without a name as well: IDs and names, nothing of what is in them."""
        found = self._engine.objects("/images/json", {"all": True})
        self._names = _names(found)
        return found

    def names(self) -> Mapping[str, str]:
        """The IDs of all images that have names, by these in docker's short form."""
        if self._names is None:
            self.listed()
        return dict(self._names or {})

    def forget(self) -> None:
        """Have the engine be asked for the names the next time: compose has pulled, say."""
        self._names = None

    def id(self, image: Reference) -> str | None:
        """The engine's ID of an image; None if it has not got it."""
        found = self._engine.find(f"/images/{named(str(image))}/json")
        said = found.get("Id") if isinstance(found, dict) else None
        return said if isinstance(said, str) and said else None

    def tag(self, image: str, name: Reference) -> None:
        """Have a name stand for an image, which is given by a name or its ID."""
        query = {"repo": name.repository, "tag": name.tag or "latest"}
        self._engine.request("POST", f"/images/{named(image)}/tag", query)
        if self._names is None:
            return
        known = image if image.startswith("sha256:") else self._names.get(familiar(image))
        if known is None:
            self.forget()
        else:
            self._names[familiar(str(name))] = known

    def untag(self, name: Reference) -> bool:
        """Take a name away, and the image with its last one; False where it is in use or gone."""
        self.forget()
        try:
            self._engine.request("DELETE", f"/images/{named(str(name))}")
        except ApiError as refused:
            if refused.status in _IN_USE_OR_GONE:
                return False
            raise
        return True


def _names(images: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {
        familiar(name): str(each.get("Id") or "")
        for each in images
        for key in ("RepoTags", "RepoDigests")
        for name in each.get(key) or ()
    }

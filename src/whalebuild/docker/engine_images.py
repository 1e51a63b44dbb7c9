"""Images of an engine and their names, over its API.

https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Image
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from whalebuild.docker.engine_api import ApiError, EngineApi, named
from whalebuild.oci.reference import Reference, familiar

_IN_USE_OR_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})


def listed_images(engine: EngineApi) -> list[Mapping[str, Any]]:
    """All images, those without a name as well: IDs and names, nothing of what is in them."""
    return engine.objects("/images/json", {"all": True})


def named_images(engine: EngineApi) -> dict[str, str]:
    """The IDs of all images that have names, by these in docker's short form."""
    return {
        familiar(name): str(each.get("Id") or "")
        for each in listed_images(engine)
        for key in ("RepoTags", "RepoDigests")
        for name in each.get(key) or ()
    }


def image_id(engine: EngineApi, image: Reference) -> str | None:
    """The engine's ID of an image; None if it has not got it."""
    found = engine.find(f"/images/{named(str(image))}/json")
    said = found.get("Id") if isinstance(found, dict) else None
    return said if isinstance(said, str) and said else None


def tag_image(engine: EngineApi, image: str, name: Reference) -> None:
    """Have a name stand for an image, which is given by a name or its ID."""
    query = {"repo": name.repository, "tag": name.tag or "latest"}
    engine.request("POST", f"/images/{named(image)}/tag", query)


def untag_image(engine: EngineApi, name: Reference) -> bool:
    """Take a name away, and the image with its last one; False where it is in use or gone."""
    try:
        engine.request("DELETE", f"/images/{named(str(name))}")
    except ApiError as refused:
        if refused.status in _IN_USE_OR_GONE:
            return False
        raise
    return True

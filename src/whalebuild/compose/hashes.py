"""The hash by which docker compose tells whether a container is as its service has it.

``ServiceHash`` in ``pkg/compose/hash.go``: SHA-256 of the service as Go writes it in JSON. The
resolved project (``docker compose config --format json``) has the same fields in the same order, so
that it can be computed from it. Where it agrees with a container's label, the configuration is the
same: no two have one hash. Where it does not, it may be that another version of compose has made
the container: compose replaces that as well.

``docker compose config --hash`` of compose 2.40 says another one for services with an ``env_file``
than ``docker compose up`` gives them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from whalebuild.compose.containers import Container

# What is no part of it, in any case.
NOT_HASHED = frozenset({"build", "pull_policy", "scale", "depends_on", "profiles"})
_SHARED = ("network_mode", "ipc", "pid")
_OF_SERVICE = "service:"
# Go's encoder writes these so, wherever they stand.
_ESCAPED = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def is_as_configured(
    raw: Mapping[str, Any], container: Container, containers: Collection[Container]
) -> bool:
    """Whether compose takes a container for up to date with its service, but for the image.

    Args:
        raw: The service, as resolved.
        container: One of its containers; it may have been started by another name of its image.
        containers: All of the project: services may use others' networks and volumes.
    """
    names = [raw.get("image"), str(container.image_name) if container.image_name else None]
    return any(
        service_hash(_with_image(raw, name), containers) == container.config_hash
        for name in dict.fromkeys(names)
    )


def service_hash(raw: Mapping[str, Any], containers: Collection[Container] = ()) -> str:
    """The hash of a service as resolved; of others that it uses, these are the containers."""
    hashed = {key: value for key, value in raw.items() if key not in NOT_HASHED}
    deploy = hashed.get("deploy")
    if isinstance(deploy, dict):
        hashed["deploy"] = {key: value for key, value in deploy.items() if key != "replicas"}
    for key in _SHARED:
        of = str(hashed.get(key) or "")
        first = _first(of.removeprefix(_OF_SERVICE), containers)
        if of.startswith(_OF_SERVICE) and first:
            hashed[key] = f"container:{first}"
    if hashed.get("volumes_from"):
        hashed["volumes_from"] = list(_volumes_from(hashed["volumes_from"], containers))
    return _hash(hashed)


def containers_used(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """The services whose very containers a service uses: it is replaced when they are."""
    shared = [str(raw.get(key) or "") for key in _SHARED]
    volumes = [str(each).partition(":")[0] for each in raw.get("volumes_from") or ()]
    named = [each.removeprefix(_OF_SERVICE) for each in shared if each.startswith(_OF_SERVICE)]
    return tuple(dict.fromkeys([*named, *(each for each in volumes if each != "container")]))


def _with_image(raw: Mapping[str, Any], name: str | None) -> Mapping[str, Any]:
    return {**raw, "image": name} if name and "image" in raw else raw


def _volumes_from(given: Any, containers: Collection[Container]) -> Iterator[str]:
    """As ``resolveVolumeFrom`` in ``pkg/compose/convergence.go``, which drops ``:ro``."""
    for each in given:
        kind, _, rest = str(each).partition(":")
        yield rest if kind == "container" else _first(kind, containers) or str(each)


def _first(service: str, containers: Collection[Container]) -> str:
    """The container that stands for a service; empty if it has none."""
    own = [each for each in containers if each.service == service and not each.oneoff]
    return min(own, key=lambda each: each.name).id if own else ""


def _hash(value: object) -> str:
    text = json.dumps(_unescaped(value), separators=(",", ":"), ensure_ascii=False)
    for character, escaped in _ESCAPED.items():
        text = text.replace(character, escaped)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _unescaped(value: object) -> object:
    """Without the ``$$`` that stand for ``$`` in what ``docker compose config`` prints."""
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, dict):
        return {key: _unescaped(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_unescaped(each) for each in value]
    return value

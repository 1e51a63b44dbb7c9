"""The configuration of one service: all that a project says of it, and what its files have in them.

Two of them tell what has changed, in words that have no values in them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from whalebuild import jsonread as values
from whalebuild.compose.hashes import NOT_HASHED
from whalebuild.compose.model import Model
from whalebuild.values import dataclass

SCHEMA = "whalebuild.configuration/1"
#: What a service may be given of the project's top level, by the key there.
RESOURCES: Mapping[str, str] = {
    "networks": "network",
    "volumes": "volume",
    "configs": "config",
    "secrets": "secret",
}
# Where the names of what is in them say what has changed.
_NAMED = frozenset({"environment", "labels", "annotations", "extra_hosts", "sysctls", "deploy"})
# Versions are recorded beside configurations.
_IMAGE = frozenset({"image", "build"})
_MOST_NAMES = 6
_DEFAULT = "default"


@dataclass(frozen=True)
class Configuration:
    """What a service is given.

    Attributes:
        service: As compose resolves it.
        resources: What it uses of the top level, by its key there ("networks") and by name.
        contents: Digests of what is in files that it is given: "config nginx.conf", "secret key",
            "file /srv/nginx.conf". Compose does not compare them.
        texts: What is in its configs, as far as it can be put back. Never of secrets.
    """

    service: Mapping[str, Any]
    resources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    contents: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The same as another one's if they are the same but for the image and its build."""
        fields = _fields(self)
        fields["service"] = {k: v for k, v in self.service.items() if k not in _IMAGE}
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@dataclass(frozen=True)
class Contents:
    """What is in the files that a project gives to its services, as they are now.

    Attributes:
        digests: See ``Configuration.contents``.
        texts: See ``Configuration.texts``.
    """

    digests: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


def configuration_of(model: Model, name: str, contents: Contents) -> Configuration:
    """A service's configuration in a project; the contents are those of all its files."""
    raw = (model.raw.get("services") or {}).get(name) or {}
    resources = {
        key: {each: found[each] for each in _used(raw, key) if each in found}
        for key in RESOURCES
        if (found := model.raw.get(key) or {})
    }
    given = set(_given(raw))
    return Configuration(
        raw,
        {key: used for key, used in resources.items() if used},
        {what: digest for what, digest in contents.digests.items() if what in given},
        {what: text for what, text in contents.texts.items() if what in given},
    )


def changed_parts(old: Configuration, new: Configuration) -> tuple[str, ...]:
    """What is another in a service as compose compares it: ``environment: DEBUG``, ``ports``."""
    return tuple(_changed(old, new))


def changed_files(old: Configuration, new: Configuration) -> tuple[str, ...]:
    """What is another in files that it is given, which compose does not compare.

    What only one of them has a digest of is not compared: it could not be read, or it is new, which
    the service itself says.
    """
    files = [w for w in new.contents if old.contents.get(w, new.contents[w]) != new.contents[w]]
    for key in ("configs", "secrets"):
        was, now = old.resources.get(key, {}), new.resources.get(key, {})
        files += [f"{RESOURCES[key]} {n}" for n in now if n in was and was[n] != now[n]]
    return tuple(dict.fromkeys(files))


def changed_volumes(old: Configuration, new: Configuration) -> tuple[str, ...]:
    """Volumes that are defined otherwise under the same name: compose leaves them as they are."""
    was, now = old.resources.get("volumes", {}), new.resources.get("volumes", {})
    return tuple(n for n in now if n in was and was[n] != now[n] and _same_name(was[n], now[n]))


def _changed(old: Configuration, new: Configuration) -> Iterator[str]:
    keys = [k for k in dict.fromkeys([*old.service, *new.service]) if k not in NOT_HASHED]
    for key in keys:
        was, now = old.service.get(key), new.service.get(key)
        if was == now or (key == "deploy" and _counted(was) == _counted(now)):
            continue
        if key == "image":
            yield f"image: {was} -> {now}"
        elif key in _NAMED:
            names = list(_names(_counted(was), _counted(now)))
            more = len(names) - _MOST_NAMES
            shown = ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
            yield f"{key}: {shown}" if shown else key
        else:
            yield key
    for name, now in new.resources.get("networks", {}).items():
        was = old.resources.get("networks", {}).get(name)
        if was is not None and was != now:
            yield f"network {name}"
    for name, now in new.resources.get("volumes", {}).items():
        was = old.resources.get("volumes", {}).get(name)
        if was is not None and not _same_name(was, now):
            yield f"volume {name}"


def _counted(value: Any) -> Any:
    """``deploy`` without the number of containers, which is no part of one."""
    return {k: v for k, v in value.items() if k != "replicas"} if isinstance(value, dict) else value


def _names(was: Any, now: Any) -> Iterator[str]:
    was, now = (each if isinstance(each, dict) else {} for each in (was, now))
    for name in dict.fromkeys([*was, *now]):
        if name not in was or name not in now or was[name] != now[name]:
            yield str(name)


def _same_name(was: Any, now: Any) -> bool:
    return (was or {}).get("name") == (now or {}).get("name")


def _used(raw: Mapping[str, Any], key: str) -> Iterator[str]:
    """The names of what a service uses of the top level."""
    found = raw.get(key) or ()
    if key == "networks":
        yield from found or ([] if raw.get("network_mode") else [_DEFAULT])
        return
    for each in found:
        if isinstance(each, dict) and each.get("source") and each.get("type", key) != "bind":
            yield str(each["source"])


def _given(raw: Mapping[str, Any]) -> Iterator[str]:
    """The files that a service is given, in the words of :class:`Configuration`."""
    for key in ("configs", "secrets"):
        yield from (f"{RESOURCES[key]} {name}" for name in _used(raw, key))
    for each in raw.get("volumes") or ():
        if isinstance(each, dict) and each.get("type") == "bind" and each.get("read_only"):
            yield f"file {each.get('source')}"


def configuration_text(configuration: Configuration) -> str:
    """A configuration as JSON. The order is kept: compose's hash depends on it."""
    return json.dumps({"schema": SCHEMA, **_fields(configuration)})


def read_configuration(text: str) -> Configuration | None:
    """Read what :func:`configuration_text` has written; None for anything else."""
    try:
        found = values.table(json.loads(text))
        if found.get("schema") != SCHEMA:
            return None
        resources = values.table(found.get("resources"))
        return Configuration(
            values.table(found.get("service")),
            {key: values.table(each) for key, each in resources.items()},
            values.table(found.get("contents")),
            values.table(found.get("texts")),
        )
    except (ValueError, RecursionError):
        return None


def _fields(configuration: Configuration) -> dict[str, Any]:
    return {
        "service": configuration.service,
        "resources": configuration.resources,
        "contents": configuration.contents,
        "texts": configuration.texts,
    }

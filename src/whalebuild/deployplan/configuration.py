"""What a deploy changes of services' configurations, and what goes back to earlier ones.

Pure: ``deployplan.configurer`` looks things up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field, replace
from typing import Any

from whalebuild.compose.configuration import (
    RESOURCES,
    Configuration,
    Contents,
    changed_files,
    changed_parts,
    changed_volumes,
)
from whalebuild.compose.containers import Container
from whalebuild.compose.hashes import is_as_configured, service_hash
from whalebuild.compose.model import Model, read_model
from whalebuild.values import dataclass

UNKNOWN = "its configuration (what changed is not known)"
_OTHERWISE = "its configuration, as compose computes it"
# A copy of a config may be made in it, which needs a file system that can be written.
_READ_ONLY = "read_only"


@dataclass(frozen=True)
class ConfigurationChange:
    """What becomes another in how a service is run.

    Attributes:
        words: What, without values: ``environment: DEBUG``, ``config nginx.conf``.
        forced: Whether compose does not notice, so that it must be told to replace the containers.
        network: A network that compose makes anew for it; empty if there is none.
        notes: What the user should know besides.
    """

    words: tuple[str, ...] = ()
    forced: bool = False
    network: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlannedConfiguration:
    """The configurations of a plan's services.

    Attributes:
        wanted: By which each service is to run.
        ran: By which each runs now, as far as that is known.
        unknown: Services that are going to run by another one, while what they run by is not known.
        model: What compose is to run instead of what the project's files say; None for these.
        back: What compose is to run to go back; None for what the files say.
        stays: What stays as it is now when services go back, in words: its content is not kept.
        notes: What the user should know.
    """

    wanted: Mapping[str, Configuration] = field(default_factory=dict)
    ran: Mapping[str, Configuration] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    model: Model | None = None
    back: Model | None = None
    stays: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class EarlierProject:
    """A project with services as a deployment had them.

    Attributes:
        files: As its files have it now.
        model: As it was, as far as that is known.
        configurations: By which services are really going to run: see :func:`as_restored`.
        notes: What the user should know.
    """

    files: Model
    model: Model
    configurations: Mapping[str, Configuration] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def compare_configurations(
    wanted: Configuration,
    ran: Configuration | None,
    own: Collection[Container],
    containers: Collection[Container],
) -> ConfigurationChange:
    """Compare how a service is to run with how its containers do.

    Args:
        wanted: How it is to run.
        ran: How it runs, if that is known.
        own: Its containers that run.
        containers: All of the project.
    """
    if not own:
        return ConfigurationChange()
    same = all(is_as_configured(wanted.service, each, containers) for each in own)
    if ran is None:
        return ConfigurationChange(() if same else (UNKNOWN,))
    parts = changed_parts(ran, wanted)
    if same:  # then its containers have another name of the image at the most
        named = all(service_hash(wanted.service, containers) == each.config_hash for each in own)
        other = ("network ", "volume ") if named else ("image:", "network ", "volume ")
        parts = tuple(each for each in parts if each.startswith(other))
    elif not parts:
        parts = (_OTHERWISE,)
    files = changed_files(ran, wanted)
    volumes = [
        f"volume {name}: another definition, which compose leaves as it is; see `docker volume rm`"
        for name in changed_volumes(ran, wanted)
    ]
    network = next((each for each in parts if each.startswith("network ")), "")
    return ConfigurationChange((*parts, *files), bool(files), network, tuple(volumes))


def running_configuration(
    candidates: Iterable[Configuration],
    own: Collection[Container],
    containers: Collection[Container],
) -> Configuration | None:
    """The first of these by which compose has made a service's containers."""
    for each in candidates:
        if all(is_as_configured(each.service, one, containers) for one in own):
            return each
    return None


def earlier_model(model: Model, earlier: Mapping[str, Configuration], now: Contents) -> Model:
    """The project with services as they were.

    Args:
        model: The project as its files have it.
        earlier: The services' earlier configurations.
        now: What is in the project's files now: what was another is put in their place.
    """
    raw = {**model.raw, "services": dict(model.raw.get("services") or {})}
    for name, configuration in earlier.items():
        raw["services"][name] = {**configuration.service}
        for key, used in configuration.resources.items():
            raw[key] = {**(raw.get(key) or {}), **used}
        if not configuration.service.get(_READ_ONLY):
            texts = dict(_texts_to_restore(configuration, now))
            raw["configs"] = {**(raw.get("configs") or {}), **texts}
    for name, service in raw["services"].items():
        depends = service.get("depends_on")
        if isinstance(depends, dict):
            there = {of: how for of, how in depends.items() if of in raw["services"]}
            raw["services"][name] = {**service, "depends_on": there}
    return read_model({key: value for key, value in raw.items() if value or key == "name"})


def as_restored(earlier: Configuration, now: Contents) -> tuple[Configuration, tuple[str, ...]]:
    """How a service really is going to run by an earlier configuration.

    Returns:
        The configuration, and the files in it that are as they are now: contents of secrets and of
        mounted files are not kept.
    """
    restored = set()
    if not earlier.service.get(_READ_ONLY):
        restored = {f"config {name}" for name, _ in _texts_to_restore(earlier, now)}
    stay = {
        what: now.digests[what]
        for what, digest in earlier.contents.items()
        if now.digests.get(what, digest) != digest and what not in restored
    }
    texts = {
        w: now.texts[w] if w in stay and w in now.texts else t for w, t in earlier.texts.items()
    }
    real = replace(earlier, contents={**earlier.contents, **stay}, texts=texts)
    return real, tuple(stay)


def _texts_to_restore(earlier: Configuration, now: Contents) -> Iterator[tuple[str, Any]]:
    """Configs whose file has another content now, or is gone, as compose takes them inline."""
    for name, given in earlier.resources.get("configs", {}).items():
        what = f"{RESOURCES['configs']} {name}"
        text, was = earlier.texts.get(what), earlier.contents.get(what)
        if text is not None and was != now.digests.get(what):
            inline = {"content": text.replace("$", "$$")}
            yield name, {**({"name": given["name"]} if given.get("name") else {}), **inline}

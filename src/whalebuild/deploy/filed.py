"""Says where a project's files have another version or configuration than what runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from whalebuild.compose.configuration import RESOURCES, Configuration, Contents
from whalebuild.compose.places import image_place
from whalebuild.deploy.configuration import EarlierProject
from whalebuild.deploy.plan import ServiceChange
from whalebuild.oci.reference import Reference

_OR = "change that, or `docker compose up` by hand and the next deploy start it"


def other_tags(changes: Mapping[str, ServiceChange], files: Mapping[str, str]) -> Iterator[str]:
    """Services that are going to run by another name of their image than they do.

    Args:
        changes: What becomes of services, by name.
        files: Texts of the project's files, by their names.
    """
    for name, each in changes.items():
        before, version = _tagged(each.before), _tagged(each.version)
        if before and version and before != version:
            yield f"{name} runs {before}; {image_place(files, name, version)} names {version}"


def not_as_filed(
    earlier: EarlierProject,
    changes: Mapping[str, ServiceChange],
    other: Mapping[str, Configuration],
    files: Mapping[str, str],
    now: Contents,
) -> Iterator[str]:
    """What is going to run otherwise than the files say: by hand, compose would undo it.

    Args:
        earlier: The project that is gone back to.
        changes: What becomes of services, by name.
        other: Configurations that are not those of the files.
        files: Texts of the project's files, by their names.
        now: What is in the files that services are given.
    """
    for name, each in changes.items():
        filed = earlier.files.services.get(name)
        named, version = _tagged(filed.image if filed else None), _tagged(each.version)
        if named and version and named != version:
            place = image_place(files, name, named)
            yield f"{name} is to run {version}; {place} names {named}: {_OR}"
    if other:
        configs = {file for each in other.values() for file in _other_configs(each, now)}
        found = ", ".join([*files, *sorted(configs)]) or "the project's files"
        yield f"the later configuration of {', '.join(other)} is in {found}: {_OR}"


def _other_configs(earlier: Configuration, now: Contents) -> Iterator[str]:
    """Files of configs that have something else in them now."""
    for name, given in earlier.resources.get("configs", {}).items():
        what = f"{RESOURCES['configs']} {name}"
        if given.get("file") and earlier.contents.get(what) != now.digests.get(what):
            yield str(given["file"])


def _tagged(image: Reference | None) -> str:
    """An image's name with its tag; empty where it has none."""
    return str(Reference(image.repository, image.tag)) if image and image.tag else ""

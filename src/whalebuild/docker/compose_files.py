"""The files that docker compose is to read: the project's own, or one with what they amount to."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from whalebuild.bakefile.file_names import COMPOSE_FILES
from whalebuild.compose.model import Model, resolved_with
from whalebuild.docker.cli import DockerCalls
from whalebuild.oci.reference import Reference
from whalebuild.values import dataclass

# In JSON, compose's errors can be told from its progress. A version that does not know it prints
# its progress indented.
_SAID_IN_JSON: dict[str, str | None] = {"COMPOSE_PROGRESS": "json"}
# A resolved project lacks the services of profiles that are not chosen; compose would take their
# containers for orphans.
_RESOLVED = {**_SAID_IN_JSON, "COMPOSE_IGNORE_ORPHANS": "true", "COMPOSE_REMOVE_ORPHANS": "false"}
# For a file that whalebuild writes: what the user has set for the project does not apply to it.
_OWN = {
    **_SAID_IN_JSON,
    "COMPOSE_FILE": None,
    "COMPOSE_PROFILES": None,
    "COMPOSE_ENV_FILES": None,
    "COMPOSE_DISABLE_ENV_FILE": "true",
}
# In the order in which python-on-whales gives them.
_FLAGS = {
    "compose_files": "--file",
    "compose_profiles": "--profile",
    "compose_env_files": "--env-file",
    "compose_project_name": "--project-name",
    "compose_project_directory": "--project-directory",
}
_UNNAMED = frozenset({"", "-"})


@dataclass(frozen=True)
class ComposeCall:
    """What a call of docker compose is given: variables, and options of python-on-whales."""

    env: Mapping[str, str | None]
    options: Mapping[str, Any]


def compose_words(options: Mapping[str, Any]) -> list[str]:
    """``docker compose`` and its flags for options that have python-on-whales' names."""
    words = ["compose"]
    for name, flag in _FLAGS.items():
        given = options.get(name)
        values = given if isinstance(given, list | tuple) else [given] if given else []
        words += [word for value in values for word in (flag, str(value))]
    return words


def as_it_is(options: Mapping[str, Any]) -> ComposeCall:
    """The project as the user's own files have it."""
    return ComposeCall(_SAID_IN_JSON, options)


@contextlib.contextmanager
def with_images(
    calls: DockerCalls,
    model: Model,
    options: Mapping[str, Any],
    images: Mapping[str, Reference],
    stays: Path | None = None,
) -> Iterator[ComposeCall]:
    """The project as resolved, with other images for some services.

    Args:
        calls: The docker client.
        model: The project.
        options: Those of the project's own files.
        images: What services are to run instead.
        stays: The file that compose is to read; it names it in the label
            ``com.docker.compose.project.config_files`` of what it makes, so that it stays there.
    """
    content = resolved_with(model, images)
    with _kept(stays, content) if stays else _private(calls, content) as file:
        own = {
            "compose_files": [file],
            "compose_project_name": model.name,
            "compose_project_directory": project_directory(options),
        }
        yield ComposeCall(_RESOLVED, {**options, **own})


@contextlib.contextmanager
def to_pull(
    calls: DockerCalls, model: Model, images: Mapping[str, Reference]
) -> Iterator[ComposeCall]:
    """Nothing but these images, for the platforms that the project wants."""
    services = {name: _pulled(image, model, name) for name, image in images.items()}
    with _private(calls, {"name": model.name, "services": services}) as file:
        yield ComposeCall(_OWN, {"compose_files": [file], "compose_project_name": model.name})


def _pulled(image: Reference, model: Model, name: str) -> dict[str, str]:
    # Given a tag beside the digest, the engine would set that tag.
    image = Reference(image.repository, None if image.digest else image.tag, image.digest)
    found = model.services.get(name)
    platform = {"platform": found.platform} if found and found.platform else {}
    return {"image": str(image), **platform}


def project_files(options: Mapping[str, Any]) -> tuple[Path, ...]:
    """The files that compose reads of a project, in the order in which they are merged.

    Those that these include or extend, and the services' ``env_file``, are not among them.
    """
    folder = Path(project_directory(options))
    named = _named_files(options)
    if not named:
        found = [folder / name for name in COMPOSE_FILES if (folder / name).is_file()][:1]
        also = [folder / each for each in _overrides(found)]
        named = [str(each) for each in (*found, *also) if each.is_file()]
    variables = options.get("compose_env_files") or [folder / ".env"]
    paths = [Path(each).absolute() for each in (*named, *variables)]
    return tuple(each for each in paths if each.is_file())


def _overrides(files: Sequence[Path]) -> list[str]:
    """What compose reads beside one of its own names: ``compose.override.yaml``."""
    stems = {file.name.rpartition(".")[0] for file in files}
    return [f"{stem}.override.{suffix}" for stem in stems for suffix in ("yml", "yaml")]


def _named_files(options: Mapping[str, Any]) -> list[str]:
    separator = os.environ.get("COMPOSE_PATH_SEPARATOR") or os.pathsep
    named = os.environ.get("COMPOSE_FILE", "").split(separator)
    return [str(f) for f in options.get("compose_files") or named if f not in _UNNAMED]


def project_directory(options: Mapping[str, Any]) -> str:
    """The project's directory. Its paths are resolved already; compose notes it in labels."""
    given = options.get("compose_project_directory")
    if given:
        return str(given)
    files = _named_files(options)
    if files:
        return str(Path(files[0]).absolute().parent)
    here = Path.cwd()
    above = (
        d for d in (here, *here.parents) if any((d / name).is_file() for name in COMPOSE_FILES)
    )
    return str(next(above, here))


@contextlib.contextmanager
def _kept(file: Path, content: Mapping[str, Any]) -> Iterator[Path]:
    """The same, which stays."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(json.dumps(content))
    new.replace(file)
    yield file


@contextlib.contextmanager
def _private(calls: DockerCalls, content: Mapping[str, Any]) -> Iterator[Path]:
    """A file that only this user may read: the environment of services has secrets."""
    file = calls.file(".json")
    file.touch(mode=0o600)
    try:
        file.write_text(json.dumps(content))
        yield file
    finally:
        file.unlink(missing_ok=True)

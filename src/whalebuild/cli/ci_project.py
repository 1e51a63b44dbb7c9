"""What ``whalebuild ci`` finds out of the project: its settings, and what its bake file says."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from whalebuild.bakefile.others import unpublished_because
from whalebuild.bakefile.request import BakeRequest
from whalebuild.bakefile.target import BakeFile, parse_print
from whalebuild.ci.project import Project
from whalebuild.cli.flags import setting_flags
from whalebuild.docker.buildx import Buildx
from whalebuild.errors import UsageError, WhalebuildError
from whalebuild.failures.classify_docker import final_error
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.reference import Reference, parse_reference
from whalebuild.settings import Settings, layer_from_environment, layer_from_flags, resolve
from whalebuild.source.bake_files import find_bake_files
from whalebuild.source.plain_file import read_plain
from whalebuild.source.settings_file import read_settings_layer
from whalebuild.values import dataclass

# Where none of these words is in a compose file, nothing is built from it.
_MAY_BUILD = (b"build", b"include", b"extends")


@dataclass(frozen=True)
class Named:
    """What a bake file says of the images' names.

    Attributes:
        repositories: Those that are published, by the tags of its targets.
        complete: Whether every target that is published has tags.
        unread: Why it is not known; None if it is.
    """

    repositories: tuple[str, ...] = ()
    complete: bool = False
    unread: str | None = None


def find_project(
    image: str | None,
    platform: Sequence[str] | None,
    source: str,
    *,
    branch: str | None,
    metadata: bool,
) -> Project:
    """What settings, flags and files say of the project.

    Args:
        image: ``--image``.
        platform: ``--platform``.
        source: What whalebuild is installed from.
        branch: The branch whose pushes are published.
        metadata: Whether the tags come from docker/metadata-action.

    Raises:
        UsageError: A setting is wrong, or the image is none that the bake file publishes.
    """
    root = Path.cwd()
    flags = layer_from_flags(setting_flags(image=image, platform=platform))
    layers = [read_settings_layer(root), layer_from_environment(os.environ), flags]
    settings = resolve(layers)
    files = settings.file or find_bake_files(root, os.environ)
    named = _named(root, settings, files)
    if named and named.complete and not metadata:
        _check_published(settings, named)
    return Project(
        image=settings.image or (named.repositories[0] if named and named.complete else None),
        has_image="image" in layers[0].values
        or bool(named and _names_image(named, settings, metadata=metadata)),
        platforms=settings.platform,
        has_platforms="platform" in layers[0].values,
        bake_files=files if named and any("compose" not in file for file in files) else (),
        source=source,
        branch=branch,
        metadata=metadata,
        unread=named.unread if named else None,
        further=_further(named, settings),
    )


def _names_image(named: Named, settings: Settings, *, metadata: bool) -> bool:
    """Whether the tags are the bake file's or metadata-action's; not known, ``--image`` says it."""
    return named.complete or ((metadata or bool(named.unread)) and not settings.image)


def _check_published(settings: Settings, named: Named) -> None:
    """Refuse an image that ``bake`` would refuse.

    Raises:
        UsageError: The tags of the bake file are of other repositories.
    """
    if settings.image and settings.image not in named.repositories:
        raise UsageError(
            f'image "{settings.image}" ({settings.origin("image")}) would not be published',
            cause=f"the bake file's tags are of {', '.join(named.repositories)}",
            next_step="drop one of them: a bake file with tags needs no image",
        )


def _further(named: Named | None, settings: Settings) -> tuple[str, ...]:
    """The registries that are pushed to, beside the image's own."""
    found = list(named.repositories) if named else []
    own = settings.image or (found[0] if named and named.complete else None)
    registries = dict.fromkeys(Reference(repository).registry for repository in found)
    return tuple(each for each in registries if own is None or each != Reference(own).registry)


def _named(root: Path, settings: Settings, files: Sequence[str]) -> Named | None:
    """What the bake file names; None where there is none, or a compose file that builds nothing."""
    if not files or not (settings.file or _may_bake(root, files)):
        return None
    try:
        with Buildx() as docker:
            request = BakeRequest(files=settings.file, allow=settings.allow)
            bake = parse_print(docker.print_bake(request))
        return _of(bake) if bake.requested else None
    except CommandFailedError as failed:
        return Named(unread=final_error(failed.stderr).removeprefix("ERROR: "))
    except WhalebuildError as failed:
        return Named(unread=failed.what)


def _may_bake(root: Path, files: Sequence[str]) -> bool:
    return any("compose" not in file or _may_build(root / file) for file in files)


def _may_build(file: Path) -> bool:
    try:
        text = read_plain(file)
    except OSError:
        return True  # docker says why
    return any(word in text for word in _MAY_BUILD)


def _of(bake: BakeFile) -> Named:
    """The names in a bake file.

    Raises:
        UsageError: A tag is malformed.
    """
    targets = [bake.targets[name] for name in bake.requested]
    published = [target for target in targets if not unpublished_because(target)]
    tags = [tag for target in published for tag in target.tags]
    found = (parse_reference(tag, where="the bake file").repository for tag in tags)
    return Named(tuple(dict.fromkeys(found)), bool(tags) and all(t.tags for t in published))

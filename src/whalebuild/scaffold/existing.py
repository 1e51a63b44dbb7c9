"""What a project already has that says how it is built and run."""

from __future__ import annotations

import re
from typing import Any

from whalebuild.bakefile.file_names import BAKE_FILES, COMPOSE_FILES, DOCKERFILES
from whalebuild.errors import UsageError
from whalebuild.scaffold.project import Project, inner, is_aside
from whalebuild.values import dataclass

_OTHER = re.compile(r"(?:.*/)?(?:[Dd]ockerfile(?:\.[\w.-]+)?|[\w-]+\.[Dd]ockerfile|Containerfile)")
_NOT_OTHER = re.compile(r".*\.dockerignore")
_BUILDS = re.compile(r"^\s+build\s*:", re.MULTILINE)
_NAMES = re.compile(r"^\s+image\s*:", re.MULTILINE)
OWN_SETTINGS = "whalebuild.toml"


@dataclass(frozen=True)
class Existing:
    """Files that are there.

    Attributes:
        dockerfile: The one that a build takes by itself.
        others: Dockerfiles elsewhere, or of another name.
        compose: The compose file.
        compose_builds: Whether one of its services is built.
        bake: Bake files.
        names_image: Whether one of these seems to name an image.
        settings: The file that has settings of whalebuild.
        image: The setting ``image``.
    """

    dockerfile: str | None
    others: tuple[str, ...]
    compose: str | None
    compose_builds: bool
    bake: tuple[str, ...]
    names_image: bool
    settings: str | None
    image: str | None

    @property
    def is_built(self) -> bool:
        """Whether something here says how images are built."""
        by_compose = self.compose_builds and bool(self.others)
        return bool(self.dockerfile or self.bake or by_compose)


def find_existing(project: Project) -> Existing:
    """Look for files by the names that docker gives them.

    Raises:
        UsageError: A settings file is not well formed.
    """
    compose = _first(project, COMPOSE_FILES)
    table: dict[str, Any] = dict(project.toml(OWN_SETTINGS))
    settings = OWN_SETTINGS if project.has(OWN_SETTINGS) else None
    own = inner(project.toml("pyproject.toml"), "tool").get("whalebuild")
    if settings is None and isinstance(own, dict):
        table, settings = own, "pyproject.toml"
    image = table.get("image")
    dockerfile = _first(project, DOCKERFILES)
    found = (path for path in project.files if _OTHER.fullmatch(path))
    bake = tuple(name for name in BAKE_FILES if project.has(name))
    tagged = any("tags" in project.text(name) for name in bake)
    return Existing(
        dockerfile,
        tuple(path for path in found if path != dockerfile and not _NOT_OTHER.fullmatch(path)),
        compose,
        bool(compose and _BUILDS.search(project.text(compose))),
        bake,
        tagged or bool(compose and _NAMES.search(project.text(compose))),
        settings,
        image if isinstance(image, str) else None,
    )


def refuse_unnamed(existing: Existing) -> None:
    """Refuse a project whose Dockerfile no build would find.

    Raises:
        UsageError: It has one.
    """
    own = [path for path in existing.others if path.count("/") <= 1 and not is_aside(path)]
    if existing.is_built or not own:
        return
    name = own[0]
    raise UsageError(
        f"there is a Dockerfile, {name}, and nothing says what is built from it",
        cause="without a bake file, a build takes ./Dockerfile",
        next_step=f"write a compose.yaml or docker-bake.hcl with dockerfile: {name}, or rename it; "
        "then whalebuild plan",
    )


def _first(project: Project, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if project.has(name)), None)

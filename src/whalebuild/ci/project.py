"""What a workflow is made for: what the project has, and what the user wants."""

from __future__ import annotations

import json
import re

from whalebuild.errors import UsageError
from whalebuild.oci.reference import parse_repository
from whalebuild.values import dataclass

#: Where whalebuild is installed from, as long as its repository has no address that is known here.
PLACEHOLDER = "git+https://github.com/OWNER/whalebuild@REF"
GHCR = "ghcr.io"
# A YAML scalar that needs no quotes, in a flow sequence either.
_PLAIN = re.compile(r"[A-Za-z][\w./@+-]*(?::[\w./@+-]+)*")
_HOST = re.compile(r"(?:\w[\w.-]*@)?\w[\w.-]*(?::\d+)?")


@dataclass(frozen=True)
class Project:
    """What a workflow is made for.

    Attributes:
        image: Its image; None where only the bake file knows.
        has_image: Whether the settings or the bake file name the image already.
        platforms: Those that it is published for, as far as the settings say.
        has_platforms: Whether the settings name them already.
        bake_files: Its bake files.
        source: What pip installs whalebuild from.
        branch: The branch whose pushes are published; None is the default one.
        matrix: Whether each platform has a runner of its own.
        metadata: Whether the tags come from docker/metadata-action.
        deploy: The host that is deployed to, as ssh names it.
        unread: Why it is not known what the bake file names; None where it is, or there is none.
        further: Registries that the bake file pushes to beside the image's.
    """

    image: str | None
    has_image: bool
    platforms: tuple[str, ...] = ()
    has_platforms: bool = False
    bake_files: tuple[str, ...] = ()
    source: str = PLACEHOLDER
    branch: str | None = None
    matrix: bool = False
    metadata: bool = False
    deploy: str | None = None
    unread: str | None = None
    further: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether whalebuild is installed from a folder of the project."""
        return self.source.startswith((".", "/"))

    @property
    def registry(self) -> str | None:
        """The registry of its image; None where only the bake file knows."""
        return parse_repository(self.image, where="image").registry if self.image else None


def scalar(text: str) -> str:
    """A text as a YAML scalar, quoted where it has to be.

    https://yaml.org/spec/1.2.2/#73-flow-scalar-styles: JSON's strings are double-quoted scalars.
    """
    words = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
    plain = _PLAIN.fullmatch(text) and text.lower() not in words
    return text if plain else json.dumps(text, ensure_ascii=False)


def notes_on_logins(project: Project, workflow: str, own: str) -> list[str]:
    """What is not known, or not done, of the registries that are logged in to.

    Args:
        project: What it is made for.
        workflow: What the service calls its file.
        own: The service's own registry, in words.
    """
    found = []
    if project.unread and not project.image:
        found.append(
            "which registry the bake file pushes to could not be read "
            f"({project.unread}): it is a guess that the {workflow} logs in to {own}"
        )
    if further := [each for each in project.further if each != own]:
        found.append(f"log in to {', '.join(further)}, too: the bake file pushes there")
    return found


def check(project: Project, runners: dict[str, str], service: str) -> None:
    """Refuse what no workflow can be made for.

    Args:
        project: What it is made for.
        runners: The runners that the service has, by platform.
        service: The name of the service.

    Raises:
        UsageError: The wishes do not fit, or not the project.
    """
    if project.deploy and not _HOST.fullmatch(project.deploy):
        raise UsageError(
            f'"{project.deploy}" is not a host (--deploy)', next_step="write USER@HOST, as for ssh"
        )
    if not project.matrix:
        return
    if len(project.platforms) < 2:  # noqa: PLR2004 - a matrix of one is none
        raise UsageError(
            "a matrix needs the platforms to be named",
            cause=f"known are: {', '.join(project.platforms) or 'none'}",
            next_step='write platform = ["linux/amd64", "linux/arm64"] into whalebuild.toml, '
            "or give --platform",
        )
    missing = [platform for platform in project.platforms if platform not in runners]
    if missing:
        raise UsageError(
            f"{service} has no runner for {', '.join(missing)}",
            cause=f"its own are for {', '.join(runners)}",
            next_step="leave --matrix out: one runner builds for all platforms",
        )

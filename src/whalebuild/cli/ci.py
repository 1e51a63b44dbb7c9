"""``whalebuild ci``: workflow files to begin with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from whalebuild.cli import options as opt
from whalebuild.cli.boundary import boundary
from whalebuild.errors import UsageError

if TYPE_CHECKING:
    from whalebuild.ci.project import Project

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("whalebuild ci github > .github/workflows/image.yml", "one runner, for GitHub Actions"),
    ("whalebuild ci github --matrix --deploy deploy@prod", "a runner a platform, then a deploy"),
    ("whalebuild ci gitlab --output .gitlab-ci.yml", "for GitLab"),
)


class Service(StrEnum):
    """A CI service."""

    GITHUB = "github"
    GITLAB = "gitlab"


def ci(
    *,
    service: Annotated[Service, Argument(metavar="SERVICE", help="github or gitlab.")],
    matrix: Annotated[
        bool, Option("--matrix", help="A runner of its own for each platform, and a merge.")
    ] = False,
    deploy: Annotated[
        str | None, Option("--deploy", metavar="USER@HOST", help="Deploy there over ssh, too.")
    ] = None,
    metadata: Annotated[
        bool, Option("--metadata", help="Take tags and labels from docker/metadata-action.")
    ] = False,
    image: opt.ImageName = None,
    platform: opt.Platforms = None,
    branch: Annotated[
        str | None,
        Option(
            "--branch",
            metavar="BRANCH",
            help="The branch whose pushes are published; default: main (GitLab: its default one).",
        ),
    ] = None,
    source: Annotated[
        str | None,
        Option("--source", metavar="WHERE", help="What pipx installs whalebuild from."),
    ] = None,
    output: Annotated[
        Path | None,
        Option("--output", "-o", metavar="FILE", help="Write it to a new file, and do not print."),
    ] = None,
) -> None:
    """Print a workflow that bakes on every push, and reads only for forks."""
    with boundary("text"):
        from whalebuild.ci import github, gitlab
        from whalebuild.ci.project import PLACEHOLDER

        project = _project(image, platform, source or PLACEHOLDER, branch=branch)
        project = _wished(project, matrix=matrix, metadata=metadata, deploy=deploy)
        if service is Service.GITHUB:
            text, notes = github.workflow(project, _template), github.notes(project)
        else:
            text, notes = gitlab.pipeline(project, _template), gitlab.notes(project)
        if project.source == PLACEHOLDER:
            notes = [f"write where whalebuild is installed from, instead of {PLACEHOLDER}", *notes]
        if output:
            _write_new(output, text)
        else:
            typer.echo(text, nl=False)
        for note in notes:
            typer.echo(f"whalebuild: {note}", err=True)


def _project(
    image: str | None, platform: Sequence[str] | None, source: str, *, branch: str | None
) -> Project:
    """What settings, flags and files say of the project."""
    from whalebuild.ci.project import Project
    from whalebuild.cli.session import setting_flags
    from whalebuild.settings import layer_from_environment, layer_from_flags, resolve
    from whalebuild.source.bake_files import find_bake_files
    from whalebuild.source.settings_file import read_settings_layer

    root = Path.cwd()
    flags = layer_from_flags(setting_flags(image=image, platform=platform))
    layers = [read_settings_layer(root), layer_from_environment(os.environ), flags]
    settings = resolve(layers)
    in_file = layers[0].values
    found = settings.file or tuple(f for f in find_bake_files(root, os.environ) if _bakes(f))
    return Project(
        image=settings.image,
        has_image="image" in in_file or bool(found and not settings.image),
        platforms=settings.platform,
        has_platforms="platform" in in_file,
        bake_files=found,
        source=source,
        branch=branch,
    )


def _bakes(file: str) -> bool:
    return "compose" not in file


def _wished(project: Project, *, matrix: bool, metadata: bool, deploy: str | None) -> Project:
    from dataclasses import replace

    return replace(project, matrix=matrix, metadata=metadata, deploy=deploy)


def _template(name: str) -> str:
    return (files("whalebuild.ci") / "templates" / name).read_text(encoding="utf-8")


def _write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet.

    Raises:
        UsageError: It is there, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(
            f"{path} is there already",
            cause="nothing is overwritten",
            next_step="move it away, or leave --output out and compare what is printed",
        ) from None
    except OSError as failed:
        raise UsageError(f"cannot write {path}", cause=failed.strerror) from None

"""``whalebuild ci``: workflow files to begin with."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from whalebuild.cli import options as opt
from whalebuild.cli.boundary import boundary
from whalebuild.errors import UsageError

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
        from whalebuild.cli.ci_project import find_project

        source = source or PLACEHOLDER
        project = find_project(image, platform, source, branch=branch, metadata=metadata)
        project = replace(project, matrix=matrix, deploy=deploy)
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

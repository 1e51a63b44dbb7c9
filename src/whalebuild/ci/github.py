"""The workflow for GitHub Actions.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

import shlex
from collections.abc import Callable

from whalebuild.ci.pins import PINS, pinned
from whalebuild.ci.project import GHCR, Project, check, notes_on_logins, scalar
from whalebuild.ci.template import fill
from whalebuild.errors import UsageError

#: https://docs.github.com/actions/reference/runners/github-hosted-runners
RUNNERS = {"linux/amd64": "ubuntu-24.04", "linux/arm64": "ubuntu-24.04-arm"}
# A repository that is a fork itself has pull requests of its own: `head.repo.fork` is true there.
_NOT_A_FORK = (
    "github.event_name != 'pull_request' || "
    "github.event.pull_request.head.repo.full_name == github.repository"
)
_OWN_IMAGE = f"{GHCR}/${{{{ github.repository }}}}"


def workflow(project: Project, template: Callable[[str], str]) -> str:
    """The workflow's text.

    Args:
        project: What it is made for.
        template: Reads a template by its name.

    Raises:
        UsageError: The wishes do not fit, or not the project.
    """
    check(project, RUNNERS, "GitHub")
    if project.metadata and not project.bake_files:
        raise UsageError(
            "docker/metadata-action needs a bake file, for it writes one itself",
            cause="the project has no bake file, or not in this folder",
            next_step='add one whose target has inherits = ["docker-metadata-action"], '
            "or leave --metadata out",
        )
    name = "github-matrix.yml" if project.matrix else "github.yml"
    text = template(name)
    if project.deploy:
        text += template("github-deploy.yml")
    return fill(text, _on(project), _words(project))


def notes(project: Project) -> list[str]:
    """What is to be done before the workflow works."""
    found = []
    if _registry(project) != GHCR:
        found.append("set the secrets REGISTRY_USERNAME and REGISTRY_PASSWORD")
    found += notes_on_logins(project, "workflow", GHCR)
    if project.deploy:
        found.append("set the secrets DEPLOY_SSH_KEY and DEPLOY_KNOWN_HOSTS")
    return found


def _registry(project: Project) -> str:
    return project.registry or GHCR


def _on(project: Project) -> set[str]:
    on = {
        "ghcr": _registry(project) == GHCR,
        "secrets": _registry(project) != GHCR,
        "image": not project.has_image,
        "platforms": not project.has_platforms,
        "metadata": project.metadata,
        "checkout": project.is_local,
    }
    return {name for name, is_on in on.items() if is_on}


def _words(project: Project) -> dict[str, str]:
    own = _registry(project) == GHCR
    rows = (
        f"          - {{platform: {each}, runner: {RUNNERS[each]}}}"
        for each in project.platforms
        if each in RUNNERS
    )
    return {
        **{action: pinned(action) for action in PINS},
        "source": scalar(project.source),
        "branch": scalar(project.branch or "main"),
        "image": project.image or _OWN_IMAGE,
        "registry": scalar(_registry(project)),
        "username": "${{ github.actor }}" if own else "${{ secrets.REGISTRY_USERNAME }}",
        "password": "${{ github.token }}" if own else "${{ secrets.REGISTRY_PASSWORD }}",
        "platforms": ",".join(project.platforms),
        "runners": "\n".join(rows),
        "bake files": _bake_files(project),
        "not a fork": _NOT_A_FORK,
        "last job": "merge" if project.matrix else "bake",
        "host": project.deploy or "",
    }


def _bake_files(project: Project) -> str:
    """The words that name the bake files, where metadata-action's is one of them."""
    if not project.metadata:
        return ""
    named = "".join(f" --file {shlex.quote(file)}" for file in project.bake_files)
    return f'{named} --file "$META"'

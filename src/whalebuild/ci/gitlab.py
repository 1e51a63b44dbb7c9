"""The pipeline for GitLab CI.

https://docs.gitlab.com/ci/yaml/
"""

from __future__ import annotations

from collections.abc import Callable

from whalebuild.ci.project import Project, check, notes_on_logins, scalar
from whalebuild.ci.template import fill
from whalebuild.errors import UsageError

#: https://docs.gitlab.com/ci/runners/hosted_runners/linux/
RUNNERS = {"linux/amd64": "saas-linux-small-amd64", "linux/arm64": "saas-linux-small-arm64"}


def pipeline(project: Project, template: Callable[[str], str]) -> str:
    """The pipeline's text.

    Args:
        project: What it is made for.
        template: Reads a template by its name.

    Raises:
        UsageError: The wishes do not fit, or not the project.
    """
    check(project, RUNNERS, "GitLab")
    if project.metadata:
        raise UsageError(
            "docker/metadata-action is an action of GitHub's",
            next_step="leave --metadata out, and add tags with `whalebuild bake --tag`",
        )
    text = template("gitlab.yml")
    if project.deploy:
        text += template("gitlab-deploy.yml")
    return fill(text, _on(project), _words(project))


def notes(project: Project) -> list[str]:
    """What is to be done before the pipeline works."""
    found = []
    if project.registry:
        found.append("set the variables REGISTRY_USERNAME and REGISTRY_PASSWORD (masked)")
    found += notes_on_logins(project, "pipeline", "GitLab's own")
    if project.deploy:
        found.append("set the variables DEPLOY_SSH_KEY and DEPLOY_KNOWN_HOSTS (of the type file)")
    return found


def _on(project: Project) -> set[str]:
    on = {
        "image": not project.has_image,
        "platforms": project.matrix and not project.has_platforms,
        "matrix": project.matrix,
    }
    return {name for name, is_on in on.items() if is_on}


def _words(project: Project) -> dict[str, str]:
    rows = (
        f"      - {{PLATFORM: {each}, RUNNER: {RUNNERS[each]}}}"
        for each in project.platforms
        if each in RUNNERS
    )
    own = project.registry is None
    return {
        "source": scalar(project.source),
        "branch": f'"{project.branch}"' if project.branch else "$CI_DEFAULT_BRANCH",
        "image": project.image or "$CI_REGISTRY_IMAGE",
        "registry": '"$CI_REGISTRY"' if own else f'"{project.registry}"',
        "username": "$CI_REGISTRY_USER" if own else "$REGISTRY_USERNAME",
        "password": "$CI_REGISTRY_PASSWORD" if own else "$REGISTRY_PASSWORD",
        "platforms": scalar(",".join(project.platforms)),
        "runners": "\n".join(rows),
        "last job": "merge" if project.matrix else "bake",
        "host": project.deploy or "",
    }

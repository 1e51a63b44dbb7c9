"""Whether a CI service runs us for somebody else's code: a pull request from a fork.

Such a run has no right to publish, and is to have none: whoever opens a pull request decides what
runs in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

# https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows
_EVENTS = frozenset({"pull_request", "pull_request_target"})


def fork(environment: Mapping[str, str], event: Callable[[str], object]) -> str | None:
    """Say which fork the code comes from, or why that is not known; None if it comes from none.

    GitHub's variables and events are described in
    https://docs.github.com/actions/reference/workflows-and-actions/variables and
    https://docs.github.com/webhooks/webhook-events-and-payloads#pull_request, GitLab's in
    https://docs.gitlab.com/ci/variables/predefined_variables/.

    Args:
        environment: The variables.
        event: Reads the JSON of GitHub's event file; raises ``OSError``, ``ValueError`` or
            ``RecursionError``.
    """
    if environment.get("GITHUB_ACTIONS") == "true":
        if environment.get("GITHUB_EVENT_NAME") not in _EVENTS:
            return None
        return _github(environment, event)
    source = environment.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID")
    project = environment.get("CI_PROJECT_ID")
    if environment.get("GITLAB_CI") == "true" and source and source != project:
        path = environment.get("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH") or f"project {source}"
        return f"this merge request is from the fork {path}"
    return None


def _github(environment: Mapping[str, str], event: Callable[[str], object]) -> str | None:
    unknown = "whether this pull request is from a fork is not known"
    try:
        read = event(environment.get("GITHUB_EVENT_PATH") or "")
    except (OSError, ValueError, RecursionError) as failed:
        return f"{unknown}: GITHUB_EVENT_PATH cannot be read ({failed})"
    head = _path(read, "pull_request", "head")
    if not isinstance(head, Mapping) or "repo" not in head:
        return f"{unknown}: the event file does not say"
    name = _path(head, "repo", "full_name")
    if not isinstance(name, str):  # GitHub has null where the fork has been deleted
        return "this pull request is from a fork that is gone"
    ours = environment.get("GITHUB_REPOSITORY", "")
    same = name.lower() == ours.lower()
    return None if same else f"this pull request is from the fork {name}"


def _path(value: object, *keys: str) -> object:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value

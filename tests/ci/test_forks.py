from __future__ import annotations

from typing import Any

import pytest

from whalebuild.ci.forks import fork

ACTIONS = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_EVENT_NAME": "pull_request",
    "GITHUB_EVENT_PATH": "event",
    "GITHUB_REPOSITORY": "acme/web",
}
GITLAB = {"GITLAB_CI": "true", "CI_PROJECT_ID": "1"}


def of(payload: object, environment: dict[str, str] = ACTIONS) -> str | None:
    def event(path: str) -> object:
        assert path == "event"
        return payload

    return fork(environment, event)


def head(repo: Any) -> dict[str, Any]:
    return {"pull_request": {"head": {"repo": repo}}}


@pytest.mark.parametrize("name", ["pull_request", "pull_request_target"])
def test_another_repository_s_branch_is_a_fork_s(name: str) -> None:
    environment = {**ACTIONS, "GITHUB_EVENT_NAME": name}
    assert (
        of(head({"full_name": "a/web"}), environment) == "this pull request is from the fork a/web"
    )


def test_a_branch_of_a_repository_that_is_a_fork_itself_is_its_own() -> None:
    assert of(head({"full_name": "Acme/Web", "fork": True})) is None


def test_a_fork_that_is_gone_is_one() -> None:
    assert of(head(None)) == "this pull request is from a fork that is gone"


@pytest.mark.parametrize("payload", [None, [], {}, {"pull_request": 1}, head(None)["pull_request"]])
def test_what_the_event_does_not_say_is_not_guessed(payload: object) -> None:
    said = of(payload)
    assert (
        said == "whether this pull request is from a fork is not known: the event file does not say"
    )


@pytest.mark.parametrize(
    "failed", [OSError("no such file"), ValueError("not JSON"), RecursionError("too deep")]
)
def test_an_event_that_cannot_be_read_is_said(failed: Exception) -> None:
    def event(path: str) -> object:
        raise failed

    said = fork(ACTIONS, event)
    assert said is not None
    assert str(failed) in said


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {**ACTIONS, "GITHUB_EVENT_NAME": "push"},
        {**ACTIONS, "GITHUB_ACTIONS": ""},
        GITLAB,
        {**GITLAB, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1"},
        {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2", "CI_PROJECT_ID": "1"},
    ],
)
def test_elsewhere_nothing_is_asked(environment: dict[str, str]) -> None:
    def event(path: str) -> object:
        raise AssertionError

    assert fork(environment, event) is None


def test_gitlab_names_both_projects() -> None:
    environment = {**GITLAB, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2"}
    assert of(None, environment) == "this merge request is from the fork project 2"
    environment["CI_MERGE_REQUEST_SOURCE_PROJECT_PATH"] = "a/web"
    assert of(None, environment) == "this merge request is from the fork a/web"

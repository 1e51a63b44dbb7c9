"""What is read of a project's container, as docker inspects it."""

from __future__ import annotations

from typing import Any

import pytest

from whalebuild.compose.containers import Container, read_project_container
from whalebuild.oci.reference import Reference

DIGEST = f"sha256:{'a' * 64}"
LABELS = {
    "com.docker.compose.service": "web",
    "com.docker.compose.container-number": "2",
    "com.docker.compose.oneoff": "False",
}


def inspected(**changed: Any) -> dict[str, Any]:
    """A container as Docker 28.5 shows it, without what is not read."""
    return {
        "Id": "83a8e52c486f",
        "Name": "/shop-web-2",
        "Image": DIGEST,
        "RestartCount": 3,
        "State": {"Status": "running", "ExitCode": 0, "Error": ""},
        "HostConfig": {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}},
        "Config": {"Image": f"r.test/web:latest@{DIGEST}", "Labels": LABELS},
        **changed,
    }


def test_a_container_that_runs() -> None:
    assert read_project_container(inspected()) == Container(
        "83a8e52c486f",
        "shop-web-2",
        "web",
        DIGEST,
        number=2,
        image_name=Reference("r.test/web", "latest", DIGEST),
        restarts=3,
        restart_policy="always",
    )


def test_a_trial_whose_health_check_fails() -> None:
    labels = {**LABELS, "com.docker.compose.oneoff": "True", "dev.whalebuild.trial": "1"}
    runs = [{"Output": "first"}, {"Output": "cat: /x: No such file\npassword=S3CRET\n"}]
    state = {
        "Status": "running",
        "Health": {"Status": "unhealthy", "FailingStreak": 2, "Log": runs},
    }
    found = read_project_container(
        inspected(Config={"Image": DIGEST, "Labels": labels}, State=state)
    )
    assert found
    assert (found.oneoff, found.trial, found.image_name) == (True, True, None)
    assert found.health == "unhealthy"
    assert found.health_log == "cat: /x: No such file\npassword=***"


def test_one_that_could_not_start() -> None:
    error = "driver failed programming external connectivity"
    state = {"Status": "created", "ExitCode": 128, "Error": error, "Health": None}
    found = read_project_container(inspected(State=state))
    assert found
    assert (found.status, found.exit_code, found.error) == ("created", 128, error)
    assert (found.health, found.health_log) == ("", "")


@pytest.mark.parametrize(
    "health",
    [{"Status": "none"}, {"Status": "starting", "Log": None}, {"Status": {}}, {"Status": 0}, 3],
)
def test_health_that_has_said_nothing(health: object) -> None:
    found = read_project_container(inspected(State={"Status": "running", "Health": health}))
    assert found
    assert found.health in {"", "starting"}
    assert found.health_log == ""


@pytest.mark.parametrize(
    "changed",
    [
        {"Id": None},
        {"Image": 3},
        {"Config": None},
        {"Config": {"Labels": None}},
        {"Config": {"Labels": {"com.docker.compose.service": 3}}},
    ],
)
def test_what_is_of_no_service_is_none(changed: dict[str, Any]) -> None:
    assert read_project_container(inspected(**changed)) is None


def test_what_is_not_as_docker_prints_it_is_left_out() -> None:
    odd = inspected(Name=None, State=[], HostConfig=None, RestartCount="often")
    odd["Config"] = {"Image": "<none>", "Labels": {**LABELS, "com.docker.compose.oneoff": None}}
    odd["Config"]["Labels"]["com.docker.compose.container-number"] = "x"
    assert read_project_container(odd) == Container("83a8e52c486f", "", "web", DIGEST, status="")


def test_the_names_by_which_it_is_found() -> None:
    """Engines before Docker 25 list the short ID among them."""
    networks = {
        "shop_default": {"Aliases": ["shop-web-2", "web", "83a8e52c486f"]},
        "back": {"Aliases": None},
        "odd": 3,
    }
    found = read_project_container(inspected(NetworkSettings={"Networks": networks}))
    assert found
    assert found.aliases == {"shop_default": ("shop-web-2", "web"), "back": (), "odd": ()}

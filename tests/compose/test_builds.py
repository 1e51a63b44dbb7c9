"""The build sections of a resolved compose project."""

from __future__ import annotations

from typing import Any

import pytest

from whalebuild.compose.builds import ServiceBuild, builds_of
from whalebuild.compose.model import Model
from whalebuild.errors import EngineError


def read(**services: Any) -> tuple[tuple[ServiceBuild, ...], tuple[str, ...]]:
    return builds_of(Model("shop", {}, {"name": "shop", "services": services}))


def test_a_build_with_all_that_counts() -> None:
    (found,), unbuilt = read(
        web={
            "image": "acme/web",
            "build": {
                "context": "/shop",
                "dockerfile": "docker/Dockerfile",
                "target": "final",
                "args": {"A": "1", "B": None},
                "additional_contexts": {"base": "docker-image://b"},
                "platforms": ["linux/amd64", "linux/arm64"],
                "no_cache": True,
            },
        },
        db={"image": "postgres"},
    )
    assert found == ServiceBuild(
        "web",
        "/shop",
        "docker/Dockerfile",
        stage="final",
        args={"A": "1", "B": None},
        contexts={"base": "docker-image://b"},
        platforms=("linux/amd64", "linux/arm64"),
        image="acme/web",
        uncached=True,
    )
    assert unbuilt == ("db",)


def test_a_build_that_says_nothing() -> None:
    inline = {"build": {"context": "/shop", "dockerfile_inline": "FROM scratch"}}
    (found,), _ = read(web=inline)
    assert found == ServiceBuild("web", "/shop", inline="FROM scratch")


def test_the_services_platform_goes_first() -> None:
    build = {"context": "/shop", "platforms": ["linux/amd64", "linux/arm64"]}
    (found,), _ = read(web={"platform": "linux/arm64", "build": build})
    assert found.platforms == ("linux/arm64",)


def test_what_compose_does_not_print_is_an_error() -> None:
    with pytest.raises(EngineError):
        read(web={"build": "."})

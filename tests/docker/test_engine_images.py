"""Names of images are remembered, as far as nobody else may have changed them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from whalebuild.docker.engine_api import EngineApi
from whalebuild.docker.engine_images import EngineImages
from whalebuild.oci.reference import Reference

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64


class Engine:
    """Answers with these images, and notes what it is asked."""

    def __init__(self, **images: list[str]) -> None:
        self.images = images
        self.asked: list[str] = []

    def objects(self, path: str, _query: object) -> list[Mapping[str, Any]]:
        self.asked.append(f"GET {path}")
        return [
            {"Id": id_, "RepoTags": names, "RepoDigests": None}
            for id_, names in self.images.items()
        ]

    def request(self, method: str, path: str, _query: object = None) -> bytes:
        self.asked.append(f"{method} {path}")
        return b""


def images(engine: Engine) -> EngineImages:
    return EngineImages(cast(EngineApi, engine))


def test_they_are_asked_for_once_and_follow_what_is_done_here() -> None:
    engine = Engine(**{ONE: ["docker.io/library/web:1"], TWO: ["reg.example/web:2"]})
    here = images(engine)
    assert here.names() == {"web:1": ONE, "reg.example/web:2": TWO}
    here.tag("web:1", Reference("reg.example/web", tag="2"))
    here.tag(TWO, Reference("kept", tag="two"))
    assert here.names() == {"web:1": ONE, "reg.example/web:2": ONE, "kept:two": TWO}
    assert engine.asked.count("GET /images/json") == 1


def test_they_are_asked_for_again_where_they_may_be_others() -> None:
    engine = Engine(**{ONE: ["web:1"]})
    here = images(engine)
    for change in (
        here.forget,
        lambda: here.untag(Reference("web", tag="1")),
        lambda: here.tag("web@sha256:pulled", Reference("web", tag="3")),
    ):
        here.names()
        engine.asked.clear()
        change()
        here.names()
        assert "GET /images/json" in engine.asked

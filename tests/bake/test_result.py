from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.support.plans import digest, pair_app, pair_deps
from tests.support.platforms import AMD64, ARM64
from tests.support.progress import recording
from whalebuild.bake.result import ImageAction, ImageResult, make_result
from whalebuild.bakefile.target import Target
from whalebuild.buildkit.events import parse_line
from whalebuild.buildkit.progress import BuildState
from whalebuild.cli.output.bake import result_json
from whalebuild.errors import Retry
from whalebuild.plan.definition import GeneratedTarget

DEPS, APP = pair_deps(), pair_app(AMD64)


def image(of: Any, action: str = "built", number: int | None = None, *names: str) -> ImageResult:
    targets = tuple(GeneratedTarget(of, (), of.target) for _ in names)
    platforms = (AMD64, ARM64) if of is DEPS else ()
    return ImageResult(
        of, ImageAction(action), digest(number) if number else None, targets, platforms
    )


IMAGES = (image(DEPS, "built", 6, "app-deps"), image(APP, "built", 3, "app"))


def json_of(*images: ImageResult) -> dict[str, Any]:
    state = BuildState(["app-deps", "app"])
    for line in recording("pulled"):
        for event in parse_line(line):
            state.apply(event)
    retries = [Retry("publishing app", "503 Service Unavailable", 1, 0.25)]
    states = dict.fromkeys(state.targets, state)
    made = make_result(
        images or IMAGES, states, retries, warnings=(), published=True, seconds=2.34567
    )
    return json.loads(json.dumps(result_json(made)))  # type: ignore[no-any-return]


def test_the_json_of_a_bake_is_stable() -> None:
    made = json_of()
    deps, app = made.pop("targets")
    assert made == {
        "schema": "whalebuild.bake/1",
        "published": True,
        "retries": [
            {
                "step": "publishing app",
                "reason": "503 Service Unavailable",
                "attempt": 1,
                "waited": 0.25,
            }
        ],
        "warnings": [],
        "bytes_pulled": 82_241_961,
        "seconds": 2.346,
        "part": None,
        "others": [],
        "printed": "",
    }
    assert app == {
        "target": "app",
        "role": "app",
        "action": "built",
        "tags": ["acme/web:latest"],
        "digest": digest(3),
        "platforms": ["linux/amd64"],
        "steps_run": 1,
        "steps_cached": 4,
        "bytes_pulled": 82_241_961,
        "bytes_pushed": None,
        "next_pull": None,
        "verified": [],
        "seconds": app["seconds"],
    }
    assert set(deps) == set(app)
    assert (deps["role"], deps["platforms"]) == ("deps", ["linux/amd64", "linux/arm64"])


@pytest.mark.parametrize("action", ["reused", "unchanged", "tagged"])
def test_what_was_not_built_took_nothing(action: str) -> None:
    app = json_of(image(APP, action, 3))["targets"][0]
    assert (app["action"], app["digest"], app["platforms"]) == (action, digest(3), [AMD64])
    assert (app["steps_run"], app["steps_cached"], app["seconds"]) == (0, 0, 0.0)


def test_what_the_targets_of_one_image_took_is_summed_up() -> None:
    names = ("app_linux-amd64", "app_linux-arm64")
    states = {}
    for name in names:
        states[name] = BuildState([name])
        for line in recording("pulled", "app"):
            for event in parse_line(line):
                states[name].apply(event)
    targets = tuple(GeneratedTarget(APP, (), Target(name, {})) for name in names)
    made = make_result(
        [ImageResult(APP, ImageAction.BUILT, None, targets)],
        states,
        [],
        warnings=(),
        published=True,
        seconds=0,
    )
    (target,) = made.targets
    assert (target.target, target.steps_run, target.steps_cached) == ("app", 2, 8)
    assert target.bytes_pulled == 2 * 82_241_961
    assert target.seconds == 2.749


def test_builds_of_several_waves_are_summed_up() -> None:
    states = {}
    for name in ("app-deps", "app"):
        states[name] = BuildState([name])
        for line in [
            *recording("pulled", name),
            '{"warnings": [{"vertex": "a", "short": "aGk="}]}',
        ]:
            for event in parse_line(line):
                states[name].apply(event)
    made = make_result(IMAGES, states, [], warnings=(), published=True, seconds=0)
    assert [(t.steps_run, t.steps_cached) for t in made.targets] == [(0, 3), (1, 4)]
    assert made.bytes_pulled == sum(target.bytes_pulled for target in made.targets)
    assert made.warnings == ("hi",)


BUILDX = {"containerimage.digest": digest(9), "containerimage.descriptor": {"digest": digest(9)}}


def published_metadata(
    images: Sequence[ImageResult], metadata: dict[str, Any]
) -> Mapping[str, Any]:
    names = [target.name for each in images for target in each.targets]
    states = {name: BuildState([name]) for name in names}
    made = make_result(
        images, states, [], warnings=(), published=True, seconds=0, metadata=metadata
    )
    assert "metadata" not in result_json(made)
    return made.metadata


def test_metadata_has_what_was_published_by_target() -> None:
    """What was pushed is a child of it, or one of several."""
    made = published_metadata(IMAGES, {"app-deps": {**BUILDX, "buildx.build.ref": "x"}})
    assert made == {
        "app-deps": {
            "containerimage.digest": digest(6),
            "buildx.build.ref": "x",
            "image.name": "acme/web:deps",
        },
        "app": {"containerimage.digest": digest(3), "image.name": "acme/web:latest"},
    }


def test_metadata_of_what_is_as_buildx_made_it_stays() -> None:
    loaded = image(APP, "built", 9, "app")
    made = published_metadata([loaded], {"app": BUILDX})
    assert made == {"app": {**BUILDX, "image.name": "acme/web:latest"}}
    assert published_metadata([image(APP)], {}) == {"app": {"image.name": "acme/web:latest"}}

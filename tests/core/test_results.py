from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes import GOOD_FACTS, recording
from whalebuild.core.bakefile import Target
from whalebuild.core.definition import BuildOptions, Job, make_jobs
from whalebuild.core.events import parse_line
from whalebuild.core.pairs import Image, Pair
from whalebuild.core.plan import Plan
from whalebuild.core.progress import BuildState
from whalebuild.core.references import Reference
from whalebuild.core.results import make_result
from whalebuild.core.retry import Retry
from whalebuild.core.settings import KEYS, Settings

APP = Reference("acme/web", "latest")
DEPS = Reference("acme/web", "deps")
PAIR = Pair(
    Image(Target("app", {"platforms": ["linux/amd64"]}), (APP,)),
    Image(Target("app-deps", {"target": "dependencies"}), (DEPS,)),
    derived=True,
)
# As buildx 0.29 writes --metadata-file, shortened.
METADATA = {
    "app": {
        "buildx.build.provenance": {"invocation": {"environment": {"platform": "linux/amd64"}}},
        "containerimage.digest": "sha256:" + "3" * 64,
    },
    "app-deps": {
        "buildx.build.provenance/linux/arm64": {},
        "buildx.build.provenance/linux/amd64": {},
        "containerimage.digest": "sha256:" + "6" * 64,
    },
}


def jobs() -> tuple[Job, ...]:
    return make_jobs([PAIR], BuildOptions())


def result_json(metadata: dict[str, Any]) -> dict[str, Any]:
    state = BuildState(["app-deps", "app"])
    for line in recording("pulled"):
        for event in parse_line(line):
            state.apply(event)
    retries = [Retry("publishing app", "503 Service Unavailable", 1, 0.25)]
    states = dict.fromkeys(state.targets, state)
    made = make_result(jobs(), states, metadata, retries, published=True, seconds=2.34567)
    return json.loads(json.dumps(made.as_json()))  # type: ignore[no-any-return]


def test_the_json_of_a_bake_is_stable() -> None:
    made = result_json(METADATA)
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
    }
    assert app == {
        "target": "app",
        "role": "app",
        "tags": ["acme/web:latest"],
        "digest": "sha256:" + "3" * 64,
        "platforms": ["linux/amd64"],
        "steps_run": 1,
        "steps_cached": 4,
        "bytes_pulled": 82_241_961,
        "bytes_pushed": None,
        "seconds": app["seconds"],
    }
    assert set(deps) == set(app)
    assert (deps["role"], deps["platforms"]) == ("deps", ["linux/amd64", "linux/arm64"])


@pytest.mark.parametrize(
    "metadata",
    [{}, {"app": None}, {"app": {"buildx.build.provenance": {"buildDefinition": {}}}}],
    ids=["none", "null", "another form of provenance"],
)
def test_without_metadata_the_platforms_are_those_asked_for(metadata: dict[str, Any]) -> None:
    app = result_json(metadata)["targets"][1]
    assert (app["digest"], app["platforms"]) == (None, ["linux/amd64"])


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
    made = make_result(jobs(), states, {}, [], published=True, seconds=0)
    assert [(t.steps_run, t.steps_cached) for t in made.targets] == [(0, 3), (1, 4)]
    assert made.bytes_pulled == sum(target.bytes_pulled for target in made.targets)
    assert made.warnings == ("hi",)


def plan_json(**changes: Any) -> dict[str, Any]:
    settings = Settings(image="acme/web", origins={"image": "--image"})
    values: dict[str, Any] = {
        "facts": GOOD_FACTS,
        "published": {DEPS: True, APP: False},
        "options": BuildOptions(),
        **changes,
    }
    plan = Plan(
        (PAIR,), jobs(), definition={}, settings=settings, source="docker-bake.hcl", **values
    )
    return json.loads(json.dumps(plan.as_json()))  # type: ignore[no-any-return]


def test_the_json_of_a_plan_is_stable() -> None:
    made = plan_json()
    settings = made.pop("settings")
    assert made == {
        "schema": "whalebuild.plan/1",
        "source": "docker-bake.hcl",
        "publish": True,
        "builder": {"name": "default", "driver": "docker"},
        "targets": [
            {
                "target": "app-deps",
                "role": "deps",
                "stage": "dependencies",
                "derived": True,
                "context": ".",
                "dockerfile": "Dockerfile",
                "tags": ["acme/web:deps"],
                "platforms": [],
                "cache_from": [{"reference": "acme/web:deps", "published": True}],
            },
            {
                "target": "app",
                "role": "app",
                "stage": None,
                "derived": False,
                "context": ".",
                "dockerfile": "Dockerfile",
                "tags": ["acme/web:latest"],
                "platforms": ["linux/amd64"],
                "cache_from": [
                    {"reference": "acme/web:deps", "published": True},
                    {"reference": "acme/web:latest", "published": False},
                ],
            },
        ],
    }
    assert set(settings) == set(KEYS)
    assert settings["image"] == {"value": "acme/web", "origin": "--image"}
    assert settings["progress"] == {"value": "auto", "origin": "default"}


def test_a_plan_that_asked_nobody_says_so() -> None:
    made = plan_json(facts=None, published=None, options=BuildOptions(load=True))
    assert (made["builder"], made["publish"]) == (None, False)
    assert made["targets"][0]["cache_from"] == [{"reference": "acme/web:deps", "published": None}]

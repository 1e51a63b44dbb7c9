"""The JSON of a plan."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.plans import (
    ASK,
    BUNDLE,
    REBUILD,
    REUSE,
    app_plan,
    deps_plan,
    image,
    lock,
    pair_app,
    pair_deps,
    plan,
    published,
)
from tests.support.platforms import AMD64, ARM64
from whalebuild.bakefile.app_base import AppBase, BaseNeeds
from whalebuild.bakefile.images import BuildOptions
from whalebuild.bakefile.tail import Patch, PatchChange, TailLine
from whalebuild.bakefile.target import Target
from whalebuild.bundle.lock import Change
from whalebuild.cli.output.plan import plan_json
from whalebuild.inputs.values import FileEntry
from whalebuild.oci.reference import Reference
from whalebuild.plan.advice import Advice
from whalebuild.plan.app_cache import AppCache
from whalebuild.plan.decision import Decision, DepsAction
from whalebuild.plan.plan import AppAction, Plan
from whalebuild.settings import KEYS, Settings

SOURCE = published(lock(AMD64, ARM64), (image(1, AMD64), image(2, ARM64)))
FILES = (
    FileEntry(None, "app", "dir", 0o755, ""),
    FileEntry(None, "app/setup_data.py", "file", 0o644, "1"),
    FileEntry(None, "requirements.txt", "file", 0o644, "2"),
)


def as_json(made: Plan) -> dict[str, Any]:
    return json.loads(json.dumps(plan_json(made)))  # type: ignore[no-any-return]


def test_the_json_of_a_plan_is_stable() -> None:
    changes = (Change("requirements.txt", "changed", "a", "b", file=True),)
    decision = Decision(DepsAction.REBUILD, ("requirements.txt changed",), changes, (AMD64,))
    made_of = lock(AMD64, bases={AMD64: {"debian": "sha256:1"}})
    deps = deps_plan(
        decision,
        SOURCE,
        lock=made_of,
        files=FILES,
        drifted_bases=("debian",),
        advice=(Advice(3, "cache-mount", "p", "c", "i"),),
    )
    api = {"deps-stage": ("builder", "whalebuild.toml")}
    settings = Settings(image="acme/web", targets={"api": api}, origins={"image": "--image"})
    deps = replace(deps, image=replace(deps.image, derived=True))
    made = as_json(plan(deps, app_plan(), settings=settings))
    named = made.pop("settings")
    assert set(named) == {*KEYS, "targets.api.deps-stage"}
    assert named["targets.api.deps-stage"] == {"value": "builder", "origin": "whalebuild.toml"}
    assert named["image"] == {"value": "acme/web", "origin": "--image"}
    assert named["progress"] == {"value": "auto", "origin": "default"}
    assert made == {
        "schema": "whalebuild.plan/1",
        "source": "docker-bake.hcl",
        "publish": True,
        "builder": {"name": "ci", "driver": "docker-container", "platform": AMD64},
        "rebuild": True,
        "others": [],
        "targets": [
            {
                "target": "app-deps",
                "role": "deps",
                "action": "rebuild",
                "reasons": ["requirements.txt changed"],
                "changes": [
                    {
                        "name": "requirements.txt",
                        "what": "changed",
                        "before": "a",
                        "after": "b",
                        "file": True,
                    }
                ],
                "key": made_of.key,
                "undetermined": None,
                "published": [SOURCE.bundle.digest],
                "stage": "dependencies",
                "derived": True,
                "app_base": None,
                "image_bytes": None,
                "guessed": None,
                "also": [],
                "context": ".",
                "dockerfile": "Dockerfile",
                "tags": ["acme/web:deps"],
                "platforms": [AMD64],
                "sites": [],
                "platforms_dropped": [],
                "inputs": {"manifests": ["requirements.txt"], "other": ["app/setup_data.py"]},
                "bases": {AMD64: {"debian": "sha256:1"}},
                "bases_moved": ["debian"],
                "advice": [
                    {
                        "line": 3,
                        "rule": "cache-mount",
                        "problem": "p",
                        "cost": "c",
                        "instead": "i",
                    }
                ],
                "splits": [],
            },
            {
                "target": "app",
                "role": "app",
                "action": "build",
                "reasons": ["its code changed"],
                "dependencies": "app-deps",
                "also": [],
                "pinned": True,
                "unpinned_because": None,
                "on_stub": False,
                "whole_because": "what it adds fits any image (COPY --link)",
                "after_boundary": [],
                "patch": None,
                "stage": None,
                "context": ".",
                "dockerfile": "Dockerfile",
                "tags": ["acme/web:latest"],
                "bases": {},
                "bases_moved": [],
                "missing_tags": [],
                "cache": {"stale": [], "other_files": []},
                "platforms": [AMD64],
                "sites": [],
            },
        ],
    }


def test_what_cannot_be_told_is_said() -> None:
    deps = as_json(plan(deps_plan(ASK, None)))["targets"][0]
    assert (deps["action"], deps["key"]) == ("ask", None)
    assert deps["undetermined"] == "RUN reads the network (line 7)"
    assert (deps["published"], deps["bases"]) == ([None], {})


def test_an_application_that_is_there_has_no_reasons() -> None:
    missing = (Reference("acme/web", "v1"),)
    job = pair_app(AMD64, references=(Reference("acme/web", "latest"), *missing))
    app = app_plan(AppAction.TAG, image=job, missing=missing, pins=(), unpinned="why")
    made = as_json(plan(deps_plan(REUSE, SOURCE), app))["targets"][1]
    assert (made["action"], made["reasons"], made["missing_tags"]) == (
        "tag",
        [],
        ["acme/web:v1"],
    )
    assert (made["pinned"], made["unpinned_because"]) == (False, "why")


def test_a_cache_that_may_not_serve_has_its_reasons() -> None:
    app = app_plan(cache=AppCache(("arg V changed",), ("COPY src .",)))
    made = as_json(plan(deps_plan(REUSE, SOURCE), app))["targets"][1]
    assert made["cache"] == {"stale": ["arg V changed"], "other_files": ["COPY src ."]}


def test_a_plan_that_asked_nobody_says_so() -> None:
    made = as_json(plan(deps_plan(), facts=None, options=BuildOptions(load=True)))
    assert (made["builder"], made["publish"]) == (None, False)


@pytest.mark.parametrize(("decision", "needed"), [(REUSE, False), (REBUILD, True), (ASK, True)])
def test_whether_dependencies_have_to_be_built(decision: Decision, needed: bool) -> None:
    assert plan(deps_plan(decision, SOURCE)).rebuild_needed is needed


def test_every_reference_of_shared_dependencies_is_listed() -> None:
    job = pair_deps(AMD64, references=(BUNDLE, Reference("acme/api", "deps")))
    deps = deps_plan(REBUILD, SOURCE, image=job, published=(SOURCE, None))
    made = as_json(plan(deps))["targets"][0]
    assert made["tags"] == ["acme/web:deps", "acme/api:deps"]
    assert made["published"] == [SOURCE.bundle.digest, None]


def test_what_comes_after_an_app_base_has_its_cost_and_a_patch() -> None:
    lines = (
        TailLine(3, "COPY . .", "reads the context"),
        TailLine(4, "RUN chmod +x run.sh", "run", whole=True),
    )
    patch = Patch((PatchChange(4, "COPY --chmod in its place"),), short=True, diff="---\n")
    base = AppBase(
        Target("app-deps", {}),
        None,
        "up to line 2",
        needs=BaseNeeds("it runs"),
        lines=lines,
        patch=patch,
    )
    app = app_plan(image=replace(pair_app(AMD64), app_base=base), needs=base.needs)
    made = as_json(plan(deps_plan(REUSE, SOURCE, image_bytes=80_600_000), app))
    deps, shown = made["targets"]
    assert deps["image_bytes"] == 80_600_000
    assert shown["after_boundary"] == [
        {
            "line": 3,
            "instruction": "COPY . .",
            "needs": "code",
            "cost": "code alone, put on the app base",
            "bytes": None,
        },
        {
            "line": 4,
            "instruction": "RUN chmod +x run.sh",
            "needs": "app-base",
            "cost": "needs the app base (81 MB), and runs with every code change",
            "bytes": 80_600_000,
        },
    ]
    assert shown["patch"] == {
        "changes": [{"line": 4, "note": "COPY --chmod in its place"}],
        "short": True,
        "diff": "---\n",
    }

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.plans import (
    ASK,
    REBUILD,
    REUSE,
    app_plan,
    deps_plan,
    digest,
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
from whalebuild.cli.output.plan import announcement, decision_lines, plan_text
from whalebuild.dockerfile.parser import parse_dockerfile
from whalebuild.inputs.values import ContextRead, FileEntry
from whalebuild.oci.reference import Reference
from whalebuild.plan.advice import Advice, StageSplit
from whalebuild.plan.app_cache import AppCache
from whalebuild.plan.decision import Decision, DepsAction
from whalebuild.plan.plan import AppAction, DepsPlan
from whalebuild.settings import Settings

SOURCE = published(lock(AMD64), (image(1, AMD64),))
SHORT = SOURCE.bundle.digest[: len("sha256:") + 12]
LATEST, V1 = Reference("acme/web", "latest"), Reference("acme/web", "v1")
FILES = (
    FileEntry(None, "src", "dir", 0o755, ""),
    FileEntry(None, "src/gen.py", "file", 0o644, "1"),
    FileEntry(None, "requirements.txt", "file", 0o644, "2"),
)


def changed(*names: str) -> Decision:
    changes = tuple(Change(name, "changed", "a" * 16, "b" * 16) for name in names)
    return Decision(DepsAction.REBUILD, tuple(map(str, changes)), changes, (AMD64,))


def test_a_plan_says_what_is_built_from_what_and_where_it_goes() -> None:
    bases = {AMD64: {"debian:13": digest(7), "python@sha256:1": "sha256:1"}}
    deps = deps_plan(
        changed("requirements.txt"),
        SOURCE,
        lock=lock(AMD64, bases=bases),
        files=FILES,
        drifted_bases=("debian:13",),
    )
    app = app_plan(image=pair_app(AMD64, ARM64, references=(LATEST, V1)))
    deps = replace(deps, image=replace(deps.image, derived=True))
    made = plan(deps, app)
    assert plan_text(made).splitlines()[:23] == [
        "from docker-bake.hcl",
        "builder ci (driver docker-container, linux/amd64)",
        "",
        "app-deps: rebuild because requirements.txt changed (aaaaaaaa→bbbbbbbb)",
        "  is        the dependencies (derived from the application's Dockerfile)",
        '  builds    stage "dependencies" of Dockerfile in .',
        "  platforms linux/amd64",
        "  manifests requirements.txt",
        "  others    src/gen.py",
        f"  base      debian:13 at {digest(7)[:19]}; it has moved since, --pull takes the new one",
        "            python at sha256:1",
        "  publishes acme/web:deps",
        "",
        "app: build, because its code changed",
        "  is        the application",
        "  builds    the last stage of Dockerfile in .",
        "  platforms linux/amd64",
        "            linux/arm64",
        "  on        the published image of app-deps: what it adds fits any image (COPY --link)",
        "  publishes acme/web:latest",
        "            acme/web:v1",
        "",
        "settings",
    ]


def test_a_plan_ends_with_the_settings_and_their_origins() -> None:
    settings = Settings(image="acme/web", platform=(AMD64, ARM64), origins={"image": "--image"})
    text = plan_text(plan(deps_plan(), settings=settings))
    lines = text.split("\nsettings\n")[1].splitlines()
    rows = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines}
    assert rows["image"].split() == ["acme/web", "(--image)"]
    assert " ".join(rows["platform"].split()) == "linux/amd64, linux/arm64 (default)"
    assert rows["builder"].split() == ["-", "(default)"]
    assert rows["file"].split() == ["-", "(default)"]


@pytest.mark.parametrize(
    ("deps", "line"),
    [
        (
            deps_plan(REUSE, SOURCE),
            f"app-deps: reuse @{SHORT} (key {lock(AMD64).key[:12]})",
        ),
        (
            deps_plan(REUSE, SOURCE, published=(None,)),
            f"app-deps: reuse @{SHORT} of acme/web:deps (key {lock(AMD64).key[:12]})",
        ),
        (
            deps_plan(ASK, None),
            (
                "app-deps: BuildKit is asked in every bake, because its inputs cannot be told: "
                "RUN reads the network (line 7)"
            ),
        ),
        (deps_plan(REBUILD, None), "app-deps: rebuild because there is no :deps yet"),
        (
            deps_plan(changed(*"abcdefgh"), SOURCE),
            "app-deps: rebuild because "
            + ", ".join(f"{name} changed (aaaaaaaa→bbbbbbbb)" for name in "abcdef")
            + " and 2 more",
        ),
        (
            deps_plan(
                Decision(DepsAction.REBUILD, ("x",), (Change(f"platform {ARM64}", "is missing"),)),
                SOURCE,
            ),
            f"app-deps: rebuild because platform {ARM64} is missing",
        ),
    ],
    ids=["reuse", "another scope's", "ask", "first", "many changes", "a platform"],
)
def test_what_becomes_of_dependencies_is_one_line(deps: DepsPlan, line: str) -> None:
    assert decision_lines(plan(deps)) == [line]
    assert line in plan_text(plan(deps)).splitlines()


@pytest.mark.parametrize(
    ("more", "line", "publishes"),
    [
        ({}, "app: build, because its code changed", ["  publishes acme/web:latest"]),
        (
            {"action": AppAction.NOTHING},
            "app: nothing to do, it is published as it is",
            ["  keeps     acme/web:latest"],
        ),
        (
            {"action": AppAction.TAG, "missing": (V1, Reference("acme/web", "v2"))},
            "app: published as it is; tags v1, v2",
            ["  publishes acme/web:v1", "            acme/web:v2"],
        ),
    ],
    ids=["build", "nothing", "tag"],
)
def test_what_becomes_of_an_application_is_one_line(
    more: dict[str, Any], line: str, publishes: list[str]
) -> None:
    made = plan(deps_plan(REUSE, SOURCE), app_plan(**more))
    assert decision_lines(made)[1] == line
    shown = plan_text(made).partition(f"{line}\n")[2].splitlines()
    assert shown[4 : 4 + len(publishes)] == publishes


def test_an_application_that_builds_the_stage_itself_says_why() -> None:
    text = plan_text(plan(deps_plan(), app_plan(pins=(), unpinned="line 5 may use ARG X")))
    assert "not on the published image: line 5 may use ARG X\n" in text


STALE = AppCache(("Dockerfile: stage final changed", "arg V changed"))
REASONS = "Dockerfile: stage final changed, arg V changed"


@pytest.mark.parametrize(
    ("action", "options", "said"),
    [
        (AppAction.BUILD, BuildOptions(), f"a new one is exported, because {REASONS}"),
        (
            AppAction.BUILD,
            BuildOptions(read_only=True),
            f"the published one may not serve ({REASONS})",
        ),
        (
            AppAction.NOTHING,
            BuildOptions(),
            f"the published one may not serve ({REASONS}): --force renews it",
        ),
    ],
    ids=["build", "read only", "nothing to do"],
)
def test_a_cache_that_may_not_serve_is_said(
    action: AppAction, options: BuildOptions, said: str
) -> None:
    made = plan(deps_plan(REUSE, SOURCE), app_plan(action, cache=STALE), options=options)
    assert f"  cache     {said}" in plan_text(made).splitlines()
    exported = action is AppAction.BUILD and options.publishes
    assert (f"app: {said}" in announcement(made)) == exported
    fits = plan(deps_plan(REUSE, SOURCE), app_plan(action), options=options)
    assert "  cache " not in plan_text(fits)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (BuildOptions(load=True), "  loads     the image into the local engine, publishes nothing"),
        (BuildOptions(read_only=True), "  publishes nothing (--read-only)"),
    ],
    ids=["load", "read-only"],
)
def test_a_plan_that_publishes_nothing_says_so(options: BuildOptions, line: str) -> None:
    text = plan_text(plan(deps_plan(), app_plan(), options=options))
    assert line in text.splitlines()
    assert "publishes acme" not in text


def test_reused_dependencies_are_kept_and_adopted_ones_published() -> None:
    assert "  keeps     acme/web:deps\n" in plan_text(plan(deps_plan(REUSE, SOURCE)))
    job = pair_deps(AMD64, references=(Reference("acme/web", "x-deps"),))
    adopted = deps_plan(REUSE, SOURCE, image=job, published=(None,))
    assert "  publishes acme/web:x-deps\n" in plan_text(plan(adopted))


def test_a_plan_that_asked_nobody_names_no_builder() -> None:
    text = plan_text(plan(deps_plan(ASK, image=pair_deps()), facts=None))
    assert "builder ci" not in text
    assert "  platforms the one of the builder\n" in text
    assert "manifests" not in text


def test_code_that_made_the_key_change_is_shown_with_what_to_do() -> None:
    dockerfile = parse_dockerfile("FROM x AS dependencies\nCOPY requirements.txt .\nCOPY . .\n")
    read = ContextRead(None, "dependencies", 3, "COPY . .", (".",))
    before = dockerfile.stages[0].instructions[:1]
    split = StageSplit("dependencies", read, ("a.py", "b.py"), before, None)
    advice = Advice(3, "rule", "a problem", "time", "do this")
    text = plan_text(plan(deps_plan(splits=(split,), advice=(advice,))))
    assert (
        "  line 3    COPY . .\n"
        "            reads code (a.py, b.py), which made the key change\n"
        "            split stage dependencies there:\n"
        "              up to line 2: the dependencies stage\n"
        "              from line 3 on: another one, FROM dependencies\n"
        "  line 3    a problem\n"
        "            costs: time\n"
        "            better: do this\n"
    ) in text


@pytest.mark.parametrize(
    ("deps", "app", "nothing"),
    [
        (deps_plan(REUSE, SOURCE), AppAction.NOTHING, True),
        (deps_plan(REUSE, SOURCE), AppAction.TAG, False),
        (deps_plan(REUSE, SOURCE), AppAction.BUILD, False),
        (deps_plan(REUSE, SOURCE, published=(None,)), AppAction.NOTHING, False),
        (deps_plan(ASK, SOURCE), AppAction.NOTHING, False),
    ],
    ids=["nothing", "a tag", "a build", "adopted", "asked"],
)
def test_whether_there_is_anything_to_do(deps: DepsPlan, app: AppAction, nothing: bool) -> None:
    assert plan(deps, app_plan(app)).nothing_to_do is nothing


def test_a_bake_with_nothing_to_do_says_so_in_one_line() -> None:
    there = plan(deps_plan(REUSE, SOURCE), app_plan(AppAction.NOTHING))
    assert announcement(there) == [
        "nothing to do: app-deps, app are published as they are; --force bakes anyway"
    ]
    changed = plan(deps_plan(REUSE, SOURCE), app_plan())
    assert announcement(changed) == decision_lines(changed)


def test_what_comes_after_an_app_base_is_shown_with_its_cost_and_a_patch() -> None:
    lines = (
        TailLine(3, "COPY . .", "reads the context"),
        TailLine(14, f"RUN {'x' * 60}", "run", whole=True),
    )
    changes = (PatchChange(14, "COPY --chmod in its place"), PatchChange(15, "COPY --chown too"))
    base = AppBase(
        *(Target("app-deps", {}), Target("app", {}), "up to line 2"),
        needs=BaseNeeds("it runs"),
        lines=lines,
        patch=Patch(changes, short=True, diff="---\n"),
    )
    app = app_plan(image=replace(pair_app(AMD64), app_base=base), needs=base.needs)
    cost = "needs the app base (81 MB), and runs with every code change"
    shown = plan_text(plan(deps_plan(REUSE, SOURCE, image_bytes=80_600_000), app)).splitlines()
    at = shown.index("  after the boundary, when code has changed, on a fresh machine:")
    assert shown[at - 1 : at + 6] == [
        "  on        the published image of app-deps, which is downloaded (81 MB): it runs",
        "  after the boundary, when code has changed, on a fresh machine:",
        f"  line 3     COPY . .{' ' * 42}  code alone, put on the app base",
        f"  line 14    RUN {'x' * 45}…  {cost}",
        "  patch     line 14: COPY --chmod in its place",
        "            line 15: COPY --chown too",
        "            then nothing runs after the code: whalebuild plan --patch app | patch -p1",
    ]

"""Targets whose Dockerfile has no dependencies stage: their app base is published as ``:deps``."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.engine import FakeEngine, definition
from tests.support.planner import WEB, plan
from tests.support.source_tree import FakeTree
from whalebuild.bakefile.app_base import APP_BASE
from whalebuild.cli.output.plan import plan_text
from whalebuild.dockerfile.parser import parse_dockerfile
from whalebuild.errors import UsageError
from whalebuild.plan.line_costs import Needs, line_costs
from whalebuild.plan.plan import Plan

ONE_STAGE = (
    "# syntax=docker/dockerfile:1\nFROM debian\nARG VERSION=1\nWORKDIR /srv\n"
    "COPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .\n"
    'CMD ["python", "app.py"]\n'
)
TWO_STAGES = (
    "FROM debian AS builder\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
    "FROM debian-slim\nCOPY --from=builder /venv /venv\nCOPY . /srv\n"
)


def planned(text: str, target: dict[str, Any] | None = None, **options: Any) -> Plan:
    tree = FakeTree(text, **options.pop("tree", {}))
    return plan(FakeEngine(definition({"app": {**WEB, **(target or {})}})), tree, **options)


COPIED = TWO_STAGES.replace("builder", "dependencies")


@pytest.mark.parametrize("text", [ONE_STAGE, TWO_STAGES, COPIED])
def test_any_dockerfile_gets_two_tags(text: str) -> None:
    made = planned(text)
    references = [[str(ref) for ref in image.references] for image in made.images]
    assert references == [["acme/web:deps"], ["acme/web:latest"]]
    assert made.others == ()


def test_the_app_base_is_the_dockerfile_up_to_the_code() -> None:
    (deps,) = planned(ONE_STAGE).deps
    inline = deps.image.target.dockerfile_inline or ""
    assert ONE_STAGE.startswith(inline)
    assert inline.endswith("RUN pip install -r requirements.txt\n")
    assert "line 7 is the first instruction that takes code in" in (deps.image.boundary or "")
    assert deps.image.target.stage is None


def test_the_application_is_the_rest_on_the_app_base() -> None:
    (app,) = planned(ONE_STAGE).apps
    rest = parse_dockerfile(app.image.on_dependencies.dockerfile_inline or "")
    assert [stage.base for stage in rest.stages] == [APP_BASE]
    keywords = [step.keyword for step in rest.stages[0].instructions]
    assert keywords == ["ARG", "COPY", "CMD"]
    assert app.image.on_dependencies.contexts == {APP_BASE: "target:app-deps"}
    assert app.image.target.dockerfile_inline is None, "what is not on it is built as it is written"
    assert app.pins == (APP_BASE,)


def test_code_does_not_change_the_key_of_the_app_base() -> None:
    one = planned(ONE_STAGE, tree={"contents": {"app.py": "1"}})
    two = planned(ONE_STAGE, tree={"contents": {"app.py": "2"}})
    assert one.deps[0].lock == two.deps[0].lock
    assert one.apps[0].material != two.apps[0].material


def test_without_a_run_after_the_code_the_stub_will_do() -> None:
    made = planned(ONE_STAGE)
    assert made.long_because(made.apps[0]) == ""


def test_small_commands_after_the_code_run_on_the_stub_unless_that_has_links() -> None:
    text = f"{ONE_STAGE}RUN chmod +x start\n"
    made = planned(text)
    assert made.long_because(made.apps[0]) == ""
    assert "the stub of app-deps, with the tools of its small RUNs" in plan_text(made)
    tree = FakeTree(text)
    (tree.root / "start").symlink_to("app.py")
    linked = plan(FakeEngine(definition({"app": WEB})), tree)
    assert "after a link may have been copied (line 9)" in linked.long_because(linked.apps[0])


@pytest.mark.parametrize(
    ("text", "target", "why"),
    [
        (f"{ONE_STAGE}RUN true\n", {}, "a command runs after the code was taken in (line 9)"),
        (f"{ONE_STAGE}ADD app.py /\n", {}, "ADD may unpack an archive"),
        (ONE_STAGE, {"attest": [{"type": "sbom"}]}, "listed (sbom)"),
        (ONE_STAGE, {"cache-to": ["type=inline"]}, "exports a cache"),
        (ONE_STAGE, {"annotations": ["index:a=b"]}, "its index has annotations"),
        (ONE_STAGE, {"annotations": ["index,manifest:a=b"]}, "its index has annotations"),
        (ONE_STAGE, {"output": ["type=image,force-compression=true"]}, "force-compression"),
    ],
)
def test_what_needs_the_whole_app_base(text: str, target: dict[str, Any], why: str) -> None:
    made = planned(text, target)
    assert why in made.long_because(made.apps[0])
    assert made.apps[0].pins == (APP_BASE,)


def test_what_no_image_can_stand_for_is_built_as_it_is_written() -> None:
    text = ONE_STAGE.replace("WORKDIR", "ONBUILD RUN true\nWORKDIR")
    (app,) = planned(text).apps
    assert app.pins == ()
    assert "ONBUILD" in (app.unpinned or "")


def test_nothing_before_the_code_is_no_pair() -> None:
    made = planned("FROM scratch\nCOPY . /\n")
    assert made.deps == ()
    assert "nothing stands before its code" in made.others[0].why


def test_a_stage_that_the_settings_name_has_to_be_there() -> None:
    with pytest.raises(UsageError, match='no stage "builder"'):
        planned(ONE_STAGE, deps_stage="builder", origins={"deps-stage": "whalebuild.toml"})


def test_an_ignore_file_for_the_dockerfile_alone_is_left_alone() -> None:
    class Tree(FakeTree):
        def own_ignore_file(self, target: object) -> str | None:
            return "Dockerfile.dockerignore"

    made = plan(FakeEngine(definition({"app": WEB})), Tree(ONE_STAGE))
    assert made.deps == ()
    assert "Dockerfile.dockerignore" in made.others[0].why


def test_a_preview_links_the_application_to_its_app_base() -> None:
    made = planned(ONE_STAGE)
    targets = made.preview()["target"]
    assert targets["app"]["contexts"][APP_BASE] == "target:app-deps"
    assert f"FROM {APP_BASE}" in targets["app"]["dockerfile-inline"]
    assert "target" not in targets["app-deps"]


def test_single_files_are_known_by_their_lines_in_the_rest() -> None:
    text = "FROM debian AS base\nARG A=1\nFROM base\nCOPY app /srv/app\nCOPY start.sh /srv/\n"
    (app,) = planned(text, tree={"contents": {"app/main.py": "", "start.sh": ""}}).apps
    rest = app.needs.rest
    assert [(s.keyword, s.line) for s in rest.steps] == [("ARG", 4), ("COPY", 5), ("COPY", 6)]
    assert rest.single == {6: ("start.sh",)}


CHOSEN = "before:WORKDIR /srv"
WITH_STAGE = (
    "FROM debian AS dependencies\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
    "FROM dependencies\nCOPY entrypoint.sh /\nCOPY . .\n"
)


def own(**values: str) -> dict[str, Any]:
    """Settings that target app has for itself."""
    written = {key.replace("_", "-"): (value, "whalebuild.toml") for key, value in values.items()}
    return {"targets": {"app": written}}


@pytest.mark.parametrize("settings", [{"app_base": CHOSEN}, own(app_base=CHOSEN)])
def test_a_setting_says_where_a_dockerfile_is_cut(settings: dict[str, Any]) -> None:
    made = planned(ONE_STAGE, **settings)
    assert f"line 4 is set: app-base = {CHOSEN}" in (made.deps[0].image.boundary or "")
    assert made.deps[0].image.target.dockerfile_inline == ONE_STAGE[: ONE_STAGE.index("WORKDIR")]


def test_a_setting_of_another_target_changes_nothing() -> None:
    settings = {"targets": {"other": {"app-base": (CHOSEN, "whalebuild.toml")}}}
    targets = {"app": WEB, "other": {"tags": ["acme/other:latest"]}}
    made = plan(FakeEngine(definition(targets)), FakeTree(ONE_STAGE), **settings)
    lines = {d.image.name: (d.image.boundary or "").partition(";")[0] for d in made.deps}
    assert lines["app-deps"] == "Dockerfile up to line 6"
    assert lines["other-deps"] == "Dockerfile up to line 3"


@pytest.mark.parametrize(
    "settings", [{"app_base": "before:COPY . ."}, own(app_base="before:FROM dependencies")]
)
def test_an_app_base_that_is_set_goes_before_a_dependencies_stage(settings: dict[str, Any]) -> None:
    tree = {"contents": {"entrypoint.sh": ""}}
    assert planned(WITH_STAGE, tree=tree).deps[0].image.boundary is None
    (deps,) = planned(WITH_STAGE, tree=tree, **settings).deps
    assert "set: app-base" in (deps.image.boundary or "")


@pytest.mark.parametrize(
    "form", [lambda value: {"app_base": value}, lambda value: own(app_base=value)]
)
@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("before:RUN make", "names no instruction (Dockerfile of target"),
        ("before:COPY", "names 2 instructions (Dockerfile of target"),
        ("COPY . .", "is not well formed (Dockerfile of target"),
    ],
)
def test_a_setting_that_fits_no_one_instruction_is_refused(
    form: Any, value: str, what: str
) -> None:
    with pytest.raises(UsageError) as caught:
        planned(ONE_STAGE, **form(value))
    assert what in caught.value.what
    assert caught.value.next_step


def test_a_setting_that_cannot_be_followed_is_refused() -> None:
    with pytest.raises(UsageError, match='target "app" cannot be cut') as caught:
        planned("FROM scratch\nCOPY . /\n", app_base="before:COPY")
    assert "nothing stands before its code" in str(caught.value.cause)


def test_a_target_has_a_dependencies_stage_of_its_own() -> None:
    (deps,) = planned(TWO_STAGES, **own(deps_stage="builder")).deps
    assert (deps.image.target.stage, deps.image.boundary) == ("builder", None)
    with pytest.raises(UsageError, match='no stage "nowhere" in Dockerfile of target "app"'):
        planned(TWO_STAGES, **own(deps_stage="nowhere"))


def test_targets_of_one_dockerfile_may_have_different_stages() -> None:
    text = (
        "FROM debian AS one\nFROM debian AS two\n"
        "FROM one AS api\nCOPY app.py .\nFROM two AS web\nCOPY app.py .\n"
    )
    targets: dict[str, Any] = {
        "api": {"tags": ["acme/api:latest"], "target": "api"},
        "web": {"tags": ["acme/web:latest"], "target": "web"},
        "web-packages": {"tags": ["acme/web:deps"], "target": "two"},
    }
    stages = {"api": {"deps-stage": ("one", "x")}, "web": {"deps-stage": ("two", "x")}}
    made = plan(FakeEngine(definition(targets)), FakeTree(text), targets=stages)
    assert {app.image.name: app.image.deps for app in made.apps} == {
        "api": "api-deps",
        "web": "web-packages",
    }
    assert {d.image.name: d.image.target.stage for d in made.deps} == {
        "api-deps": "one",
        "web-packages": "two",
    }


def test_settings_of_a_target_that_does_not_exist_are_refused() -> None:
    settings = {"targets": {"ap": {"app-base": (CHOSEN, "whalebuild.toml")}}}
    with pytest.raises(UsageError, match='target "ap", which does not exist') as caught:
        planned(ONE_STAGE, **settings)
    assert caught.value.cause == 'did you mean "app"?'
    assert "[targets.ap]" in str(caught.value.next_step)


def test_the_lines_after_the_boundary_have_their_costs() -> None:
    text = (
        "FROM debian\nRUN x\nCOPY . /srv\nWORKDIR /srv\n"
        f"ADD --checksum=sha256:{'0' * 64} https://example.com/x /x\n"
        "COPY --from=nginx /a /a\nRUN chmod +x /srv/app.py\nCMD x\n"
    )
    made = planned(text)
    costs = line_costs(made, made.apps[0])
    assert [(c.line, c.needs, c.cost) for c in costs] == [
        (3, Needs.CODE, "code alone, put on the app base"),
        (4, Needs.NOTHING, "nothing from elsewhere, put on the app base"),
        (5, Needs.ELSEWHERE, "what is at the address, put on the app base"),
        (6, Needs.ELSEWHERE, "what nginx has, put on the app base"),
        (7, Needs.APP_BASE, "needs the app base, and runs with every code change"),
        (8, Needs.NOTHING, "nothing"),
    ]
    made = planned(ONE_STAGE)
    costs = line_costs(made, made.apps[0])
    assert [(c.line, c.cost) for c in costs] == [(7, "code alone"), (8, "nothing")]


def test_what_is_built_as_it_is_written_has_no_stub_to_be_put_on() -> None:
    made = planned(f"{ONE_STAGE}RUN true\n".replace("WORKDIR", "ONBUILD RUN true\nWORKDIR"))
    costs = [(c.line, c.cost) for c in line_costs(made, made.apps[0])]
    assert costs == [
        (8, "what its step needs"),
        (9, "nothing"),
        (10, "runs with every code change"),
    ]


def test_an_app_base_of_a_target_that_has_none_is_refused() -> None:
    settings = own(app_base=CHOSEN)
    targets = {"app": WEB, "deps": {"target": "dependencies"}}
    with pytest.raises(UsageError, match='target "app" has no app base'):
        plan(FakeEngine(definition(targets)), FakeTree(WITH_STAGE), **settings)
    quiet = {"app": {**WEB, "output": ["type=cacheonly"]}}
    assert plan(FakeEngine(definition(quiet)), FakeTree(ONE_STAGE), **settings).others

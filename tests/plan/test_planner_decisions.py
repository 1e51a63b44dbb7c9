"""What becomes of each image, told from the working tree and what is published."""

from __future__ import annotations

import pytest

from tests.support.bake import WEB, BakeWorld, bundle_of
from tests.support.bake import app_of as app_published
from tests.support.platforms import AMD64, ARM64
from whalebuild.bundle.lock import Lock
from whalebuild.bundle.published import read_deps
from whalebuild.errors import UsageError
from whalebuild.inputs.values import Undetermined
from whalebuild.oci.reference import Reference
from whalebuild.plan.decision import DepsAction
from whalebuild.plan.plan import AppAction, AppPlan, DepsPlan

DEPS = "acme/web:deps"
TOOLS = {"tools": {"dockerfile-inline": "FROM debian\nCOPY tools.txt /"}}


def deps_of(world: BakeWorld, **options: bool) -> DepsPlan:
    return world.plan(**options).deps[0]


def app_of(world: BakeWorld, **options: bool) -> AppPlan:
    return world.plan(**options).apps[0]


def published(text: str | None = None) -> BakeWorld:
    world = BakeWorld()
    world.base()
    world.tree.text = text or world.tree.text
    world.bake()
    return world


def test_nothing_is_published() -> None:
    world = BakeWorld()
    deps, app = deps_of(world), app_of(world)
    assert (deps.decision.action, deps.decision.reasons) == (
        DepsAction.REBUILD,
        ("there is no :deps yet",),
    )
    assert (app.action, app.reason) == (AppAction.BUILD, "it is not published yet")
    assert [entry.name for entry in deps.files] == ["requirements.txt"]


def test_nothing_has_changed() -> None:
    world = published()
    deps, app = deps_of(world), app_of(world)
    assert (deps.decision.action, deps.adopted) == (DepsAction.REUSE, False)
    assert (app.action, app.pins, app.unpinned) == (AppAction.NOTHING, ("dependencies",), None)


@pytest.mark.parametrize(
    ("contents", "text", "reasons"),
    [
        ({"requirements.txt": "x==2\n"}, None, ("requirements.txt changed",)),
        (
            {},
            ("RUN pip install", "RUN pip install -v"),
            ("Dockerfile: stage dependencies changed",),
        ),
        ({}, ("FROM debian", "FROM debian:13"), ("base debian removed", "base debian:13 added")),
    ],
    ids=["a file", "an instruction", "another base"],
)
def test_dependencies_that_changed_say_what(
    contents: dict[str, str], text: tuple[str, str] | None, reasons: tuple[str, ...]
) -> None:
    world = published()
    world.tree.write(**contents)
    if text:
        world.tree.text = str(world.tree.text).replace(*text)
    deps = deps_of(world)
    assert deps.decision.action is DepsAction.REBUILD
    assert set(reasons) <= set(deps.decision.reasons)
    assert app_of(world).reason == "its dependencies change"


def test_code_that_changed_leaves_the_dependencies_alone() -> None:
    world = published()
    world.tree.write(**{"app.py": "2\n", "elsewhere.py": "3\n"})
    assert deps_of(world).reused
    app = app_of(world)
    assert (app.action, app.reason) == (AppAction.BUILD, "its code or its other inputs changed")


def test_files_that_nothing_reads_change_nothing() -> None:
    world = published()
    world.tree.write(**{"README.md": "x", "tests/test_app.py": "y"})
    assert app_of(world).action is AppAction.NOTHING


@pytest.mark.parametrize(
    ("attributes", "action"),
    [
        ({"labels": {"a": "b"}}, AppAction.BUILD),
        ({"args": {"UNUSED": "1"}}, AppAction.NOTHING),
        ({"cache-to": [{"type": "gha"}]}, AppAction.NOTHING),
    ],
    ids=["labels", "an argument that nothing declares", "its own cache"],
)
def test_what_the_bake_file_says_of_the_image_counts(
    attributes: dict[str, object], action: AppAction
) -> None:
    world = published()
    world.targets(app={**WEB["app"], **attributes})
    assert app_of(world).action is action


def test_platforms_that_change_are_told() -> None:
    world = published()
    world.set(platform=(AMD64, ARM64))
    deps, app = deps_of(world), app_of(world)
    assert deps.decision.reasons == (f"platform {ARM64} is missing",)
    assert deps.decision.platforms == (ARM64,)
    assert app.reason == "its dependencies change"


@pytest.mark.parametrize(
    ("options", "deps", "app"),
    [
        ({"no_cache": True}, DepsAction.REBUILD, "its dependencies change"),
        ({"force": True}, DepsAction.REUSE, "--force was given"),
        ({"load": True}, DepsAction.REUSE, "it was asked for"),
        ({"read_only": True}, DepsAction.REUSE, "it was asked for"),
    ],
)
def test_flags_decide_too(options: dict[str, bool], deps: DepsAction, app: str) -> None:
    world = published()
    assert deps_of(world, **options).decision.action is deps
    assert (app_of(world, **options).action, app_of(world, **options).reason) == (
        AppAction.BUILD,
        app,
    )


def test_a_moved_base_is_noticed_by_a_thorough_plan_and_taken_by_pull() -> None:
    world = published()
    one = deps_of(world).contexts
    two = world.base(content=b"two")
    assert deps_of(world).drifted_bases == ()
    assert world.plan(thorough=True).deps[0].drifted_bases == ("debian",)
    assert deps_of(world).contexts == one
    pulled = deps_of(world, pull=True)
    assert pulled.decision.reasons == ("base debian moved",)
    assert pulled.contexts == {"debian": f"docker-image://debian@{two}"}
    world.set(base="follow")
    assert deps_of(world).decision.reasons == ("base debian moved",)


def test_inputs_that_cannot_be_told_are_asked_of_buildkit() -> None:
    world = published("FROM debian AS dependencies\nADD https://x/y /\nFROM dependencies\n")
    deps, app = deps_of(world), app_of(world)
    assert deps.decision.action is DepsAction.ASK
    assert isinstance(deps.lock, Undetermined)
    assert "(line 2)" in deps.decision.reasons[0]
    assert (app.action, app.reason) == (AppAction.BUILD, "its dependencies may change")
    assert app.pins == ("dependencies",)


def test_what_buildx_adds_by_its_environment_makes_another_image() -> None:
    world = published()
    assert app_of(world).action is AppAction.NOTHING
    world.tree.added = {"BUILDX_GIT_LABELS": {"org.opencontainers.image.revision": "1"}}
    assert app_of(world).action is AppAction.BUILD
    assert deps_of(world).reused
    world.bake()
    assert app_of(world).action is AppAction.NOTHING


def test_only_applications_have_the_labels_of_git() -> None:
    world = BakeWorld()
    world.bake()
    assert world.engine.labelled == [False, True]


def test_a_base_that_no_registry_has_may_be_another_one_at_any_time() -> None:
    """It is in the builder alone (``docker build -t base``), and BuildKit takes it from there."""
    world = BakeWorld()
    world.registry.bases = ()
    world.bake()
    deps, app = deps_of(world), app_of(world)
    assert deps.decision.action is DepsAction.ASK
    assert "does not have debian or does not answer" in deps.decision.reasons[0]
    assert (app.action, app.reason) == (AppAction.BUILD, "its dependencies may change")
    assert app.pins == ("dependencies",)


def test_a_base_of_the_application_that_no_registry_has_makes_it_be_built() -> None:
    world = published(
        "FROM debian AS dependencies\nFROM dependencies\nCOPY --link --from=own /x /x\n"
    )
    app = app_of(world)
    assert deps_of(world).reused
    assert app.action is AppAction.BUILD
    assert "does not have own or does not answer" in app.reason


def test_a_pinned_base_whose_registry_does_not_answer_is_the_pinned_one() -> None:
    world = published()
    world.registry.bases = ()
    assert deps_of(world).reused
    assert app_of(world).action is AppAction.NOTHING


def test_an_application_whose_inputs_cannot_be_told_is_built_on_reused_dependencies() -> None:
    text = "FROM debian AS dependencies\nRUN x\nFROM dependencies\nADD --link https://x/y /\n"
    world = published(text)
    app = app_of(world)
    assert deps_of(world).reused
    assert (app.action, app.material) == (AppAction.BUILD, None)
    assert app.reason.startswith("its inputs cannot be told: ")


LOSING = "FROM debian AS dependencies\nARG INDEX\nRUN x\nFROM dependencies\nRUN make\n"


def test_an_application_that_needs_an_argument_of_the_stage_builds_it_itself() -> None:
    app = app_of(published(LOSING))
    assert app.pins == ()
    assert str(app.unpinned).startswith("line 5 may use ARG INDEX of stage dependencies")
    assert set(app.contexts) == {"debian"}


@pytest.mark.parametrize(
    ("app", "unpinned"),
    [
        ({}, None),
        ({"args": {"UNUSED": "1"}}, None),
        ({"args": {"INDEX": "https://x"}}, 'target "app" would build that stage otherwise than'),
    ],
    ids=["the same", "an argument that the stage has not", "an argument of the stage"],
)
def test_an_application_with_other_arguments_does_not_stand_on_the_published_image(
    app: dict[str, object], unpinned: str | None
) -> None:
    world = BakeWorld()
    world.tree.text = LOSING.removesuffix("RUN make\n")
    world.targets(app={**WEB["app"], **app}, deps={"target": "dependencies", "tags": [DEPS]})
    plan = world.plan("app")
    if unpinned is None:
        assert plan.apps[0].unpinned is None
    else:
        assert str(plan.apps[0].unpinned).startswith(unpinned)


@pytest.mark.parametrize("own", [{}, {"SOURCE_DATE_EPOCH": "5"}], ids=["no dates", "other dates"])
@pytest.mark.parametrize(
    ("dockerfile", "stands"),
    [
        ("FROM debian AS dependencies\nRUN x\nFROM dependencies\n", True),
        (
            "FROM debian AS dependencies\nARG A SOURCE_DATE_EPOCH=1\nRUN x\nFROM dependencies\n",
            False,
        ),
        ("ARG SOURCE_DATE_EPOCH\nFROM debian AS dependencies\nRUN x\nFROM dependencies\n", False),
    ],
    ids=["dates alone", "a step sees it", "it may be in a base's name"],
)
def test_dates_of_the_dependencies_alone_keep_no_application_off_them(
    own: dict[str, str], dockerfile: str, *, stands: bool
) -> None:
    world = BakeWorld()
    world.tree.text = dockerfile
    deps = {"target": "dependencies", "tags": [DEPS], "args": {"SOURCE_DATE_EPOCH": "0"}}
    world.targets(app={**WEB["app"], "args": own}, deps=deps)
    plan = world.plan("app")
    assert [pair.image.target.name for pair in plan.deps] == ["deps"]
    unpinned = plan.apps[0].unpinned
    if stands:
        assert unpinned is None
    else:
        assert str(unpinned).startswith('target "app" would build that stage otherwise than')


SPLIT = "FROM debian AS dependencies\nARG INDEX\nRUN x\nFROM dependencies\nARG INDEX=\n"
UNTOLD = SPLIT.replace("RUN x", "ADD https://x/y /")


@pytest.mark.parametrize("text", [SPLIT, UNTOLD, LOSING], ids=["told", "untold", "arguments"])
def test_a_context_of_the_stages_name_that_is_the_dependencies_target_is_pinned(text: str) -> None:
    """Then buildx alone builds the stage by no other target, whatever its arguments are."""
    world = BakeWorld()
    world.tree.text = text
    app = {"contexts": {"dependencies": "target:deps"}, "args": {"INDEX": "https://x"}}
    world.targets(app={**WEB["app"], **app}, deps={"target": "dependencies", "tags": [DEPS]})
    for _ in range(2):
        planned = world.plan("app").apps[0]
        assert (planned.unpinned, planned.pins) == (None, ("dependencies",))
        world.bake("app")


def test_a_context_of_the_stages_name_that_is_something_else_is_not_pinned() -> None:
    world = BakeWorld()
    app = {"contexts": {"dependencies": "docker-image://acme/old"}}
    world.targets(app={**WEB["app"], **app}, deps={"target": "dependencies", "tags": [DEPS]})
    planned = world.plan("app").apps[0]
    assert planned.unpinned == "its named context dependencies is docker-image://acme/old"
    assert planned.pins == ()


@pytest.mark.parametrize(
    ("deps", "app", "unpinned"),
    [
        ({"title": "deps"}, {}, True),
        ({"title": "deps"}, {"other": "app"}, True),
        ({"title": "deps"}, {"title": "app"}, False),
        ({"title": None}, {}, False),
        ({}, {"title": "app"}, False),
    ],
)
def test_an_application_does_not_come_by_labels_of_the_dependencies_target(
    deps: dict[str, object], app: dict[str, object], *, unpinned: bool
) -> None:
    """Buildx alone gives a target's labels to that target's image, and to no stage."""
    world = BakeWorld()
    dependencies = {"target": "dependencies", "tags": [DEPS], "labels": deps}
    world.targets(app={**WEB["app"], "labels": app}, deps=dependencies)
    planned = world.plan("app").apps[0]
    assert (planned.unpinned is not None) is unpinned
    if unpinned:
        assert 'labels of target "deps" (title)' in str(planned.unpinned)


def test_inputs_that_cannot_be_told_are_not_taken_for_the_same() -> None:
    world = BakeWorld()
    world.tree.text = UNTOLD
    app = {"args": {"INDEX": "https://x"}}
    world.targets(app={**WEB["app"], **app}, deps={"target": "dependencies", "tags": [DEPS]})
    unpinned = str(world.plan("app").apps[0].unpinned)
    assert unpinned.startswith('it cannot be told whether target "app" would build that stage as')
    assert "https://x/y" in unpinned


def test_what_an_application_would_build_otherwise_is_named() -> None:
    world = BakeWorld()
    world.tree.text = SPLIT
    app = {"args": {"INDEX": "https://x"}}
    world.targets(app={**WEB["app"], **app}, deps={"target": "dependencies", "tags": [DEPS]})
    assert str(world.plan("app").apps[0].unpinned).endswith('than target "deps": arg INDEX')


def test_an_application_without_the_stage_by_name_is_not_pinned() -> None:
    world = BakeWorld()
    tags = {"tags": [DEPS]}
    world.targets(app=WEB["app"], deps={"target": "1", "context": ".", **tags})
    assert "no such stage by name" in str(world.plan("app").apps[0].unpinned)


def test_another_tools_image_is_rebuilt_and_says_so() -> None:
    world = published()
    found = world.registry.at("acme/web:latest")
    world.registry.tags["acme/web", "deps"] = found.digest
    reasons = deps_of(world).decision.reasons
    assert reasons[0].startswith("it cannot be told what acme/web:deps was made from: ")
    del world.registry.tags["acme/web", "deps"]
    assert deps_of(world).decision.reasons == ("there is no :deps yet",)


def test_an_application_that_somebody_else_pushed_is_built() -> None:
    world = published()
    (image,) = app_of(world).published.images.values()  # type: ignore[union-attr]
    raw = world.registry.manifests["acme/web", image.digest].raw
    world.registry.keep(Reference("acme/web", "latest"), raw)
    app = app_of(world)
    reason = "it cannot be told what acme/web:latest was made from"
    assert (app.action, app.reason) == (AppAction.BUILD, reason)


def test_what_a_linked_target_is_made_of_counts() -> None:
    world = BakeWorld()
    world.tree.text = (
        "FROM debian AS dependencies\nCOPY --from=tools / /\n"
        "FROM dependencies\nCOPY --link app.py .\n"
    )
    world.tree.write(**{"tools.txt": "1"})
    world.targets(app={**WEB["app"], "contexts": {"tools": "target:tools"}}, **TOOLS)
    world.bake("app")
    assert world.plan("app").deps[0].reused
    world.tree.write(**{"tools.txt": "2"})
    assert world.plan("app").deps[0].decision.reasons == ("context tools changed",)
    assert isinstance(world.plan("app").deps[0].lock, Lock)


def test_a_linked_target_that_cannot_be_told_leaves_it_to_buildkit() -> None:
    world = BakeWorld()
    world.tree.text = "FROM debian AS dependencies\nCOPY --from=tools / /\nFROM dependencies\n"
    tools = {"tools": {"context": "https://github.com/acme/tools.git"}}
    world.targets(app={**WEB["app"], "contexts": {"tools": "target:tools"}}, **tools)
    deps = world.plan("app").deps[0]
    assert deps.decision.action is DepsAction.ASK
    assert "target tools: its Dockerfile is in" in deps.decision.reasons[0]


def test_a_published_image_that_the_registry_has_lost_is_built_again() -> None:
    world = published()
    image = world.registry.at(DEPS)
    bundle = read_deps(Reference("acme/web", "deps"), image).bundle
    world.tree.write(**{"app.py": "changed\n"})
    gone = next(iter(bundle.images.values())).digest
    del world.registry.manifests["acme/web", gone]
    deps = deps_of(world)
    assert deps.decision.action is DepsAction.REBUILD
    assert deps.decision.reasons == (f"the registry has lost {gone} of {DEPS}",)
    world.bake()
    assert deps_of(world).reused


@pytest.mark.parametrize(("origin", "surplus"), [("whalebuild.toml", (ARM64,)), ("--platform", ())])
def test_settings_say_what_a_pair_is_for_and_a_flag_is_for_one_run(
    origin: str, surplus: tuple[str, ...]
) -> None:
    world = BakeWorld()
    world.set(platform=(AMD64, ARM64))
    world.bake()
    both = bundle_of(world)
    world.set(platform=(AMD64,), origins={"platform": origin})
    plan = world.plan()
    assert (plan.deps[0].decision.action, plan.deps[0].surplus) == (DepsAction.REUSE, surplus)
    world.run(plan)
    left = bundle_of(world)
    assert left.images == {p: i for p, i in both.images.items() if p not in surplus}
    assert app_published(world).platforms == (AMD64,)
    world.bake()
    assert world.registry.puts == []


def test_an_image_is_not_replaced_by_one_for_the_builder_unasked() -> None:
    world = BakeWorld()
    world.set(platform=(ARM64,))
    world.bake()
    world.set(platform=())
    with pytest.raises(UsageError, match="it would be replaced by one for linux/amd64") as refused:
        world.plan()
    assert "--platform linux/arm64" in str(refused.value.next_step)
    assert world.plan(load=True).apps[0].published is not None
    world.set(platform=(AMD64,))
    world.bake()
    assert app_published(world).platforms == (AMD64,)


def test_a_target_with_no_cache_is_built_every_time() -> None:
    world = published()
    world.targets(app={**WEB["app"], "no-cache": True})
    deps, app = deps_of(world), app_of(world)
    assert deps.decision.action is DepsAction.REBUILD
    assert (app.action, app.reason) == (AppAction.BUILD, "its target has no-cache")


def test_an_application_for_more_platforms_than_its_dependencies_builds_them_itself() -> None:
    world = BakeWorld()
    world.targets(
        deps={"target": "dependencies", "platforms": [AMD64], "tags": [DEPS]},
        app={**WEB["app"], "platforms": [AMD64, ARM64]},
    )
    app = world.plan("app").apps[0]
    assert (app.pins, app.unpinned) == ((), f"that one is not for {ARM64}")

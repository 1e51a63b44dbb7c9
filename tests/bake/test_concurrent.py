"""Two bakes of one pair at the same time: what is said, what is kept, what is refused."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any

import pytest

from tests.support.bake import APP, DEPS, WEB, BakeWorld, bundle_of, published
from tests.support.builders import BUILDER, GOOD_FACTS
from tests.support.platforms import AMD64
from tests.support.progress import recording
from tests.support.registry import BUSY, DENIED, push_image
from whalebuild.errors import ExitCode, RefusedError, UnreachableError, VerificationError
from whalebuild.oci.manifest import Manifest
from whalebuild.oci.reference import Reference

SHARED = {
    "deps": {"target": "dependencies", "tags": [DEPS]},
    **{name: {"tags": [f"acme/web:{name}"]} for name in ("api", "job")},
}
DRIVERS = pytest.mark.parametrize("facts", [BUILDER, GOOD_FACTS], ids=["by digest", "by tag"])


def beside(world: BakeWorld, **contents: str) -> BakeWorld:
    """Somebody else who works on the same pair, with other files."""
    other = BakeWorld(notes=world.notes)
    other.engine.registry = world.registry
    other.engine.file = world.engine.file
    other.set(scope=world.settings.scope)
    other.tree.write(**contents)
    return other


def during(world: BakeWorld, number: int, action: Callable[[], object]) -> None:
    """Have something happen once while a bake of this number is building, before it pushes."""
    bake = world.engine.bake
    # What buildx streams of a bake that comes to its push.
    world.engine.bakes = [(recording("pulled", name), None) for name in ("app-deps", "app")] * 2

    def baking(definition: Mapping[str, Any], **words: Any) -> Generator[str, None, None]:
        if len(world.engine.baked) == number:
            action()
        yield from bake(definition, **words)

    world.engine.bake = baking  # type: ignore[method-assign,assignment]


def warnings(world: BakeWorld) -> list[str]:
    return [note for note in world.console.notes if note.startswith("warning: ")]


def test_nothing_is_said_where_nobody_else_is_at_work() -> None:
    for facts in (BUILDER, GOOD_FACTS):
        world = published()
        world.engine.answer_facts = facts
        for version in ("2", "3"):
            world.tree.write(**{"requirements.txt": f"x=={version}\n"})
            world.bake()
            assert warnings(world) == []


@DRIVERS
def test_dependencies_of_other_inputs_are_replaced_and_that_is_said_once(facts: object) -> None:
    world = published()
    world.engine.answer_facts = facts
    world.tree.write(**{"requirements.txt": "x==2\n"})
    other = beside(world, **{"requirements.txt": "x==3\n"})
    found = []

    def theirs() -> None:
        other.bake()
        found.append(world.registry.at(DEPS).digest)

    during(world, 0, theirs)
    result = world.bake()
    (said,) = result.warnings
    assert said == (
        f"another bake has published {DEPS} meanwhile ({found[0][:19]}, made from other inputs "
        "(requirements.txt changed)): this bake's takes its place"
    )
    assert warnings(world) == [f"warning: {said}"]
    assert world.registry.at(DEPS).digest == result.targets[0].digest
    assert world.plan().deps[0].reused, "its lock and image are this bake's"


def test_dependencies_of_the_same_inputs_are_told_apart_from_others() -> None:
    world = published()
    world.tree.write(**{"requirements.txt": "x==2\n"})
    other = beside(world, **{"requirements.txt": "x==2\n"})
    other.engine.salt["app-deps"] = "built at another time"
    during(world, 0, other.bake)
    world.bake()
    (said,) = warnings(world)
    assert "made from the same inputs): this bake's takes its place" in said


def test_an_image_of_another_tool_has_no_inputs_to_compare() -> None:
    world = published()
    world.tree.write(**{"requirements.txt": "x==2\n"})
    plan = world.plan()
    digest = push_image(world.registry, ["acme/web"], [AMD64], "another tool's")
    world.registry.tags["acme/web", "deps"] = digest
    world.run(plan)
    (said,) = warnings(world)
    assert f"meanwhile ({digest[:19]}): this bake's takes its place" in said


def test_a_tag_that_is_gone_again_when_it_is_read_is_nobodys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = published()
    world.tree.write(**{"requirements.txt": "x==2\n"})
    plan = world.plan()
    beside(world, **{"requirements.txt": "x==3\n"}).bake()
    theirs = world.registry.at(DEPS).digest
    manifest = world.registry.manifest

    def lost(reference: Reference, *, mirrors: bool = False) -> Manifest | None:
        return None if reference.digest == theirs else manifest(reference, mirrors=mirrors)

    monkeypatch.setattr(world.registry, "manifest", lost)
    world.run(plan)
    assert warnings(world) == []
    assert world.registry.at(DEPS).digest != theirs


def test_a_tag_that_is_deleted_meanwhile_is_set_again() -> None:
    world = published()
    world.tree.write(**{"requirements.txt": "x==2\n"})
    plan = world.plan()
    del world.registry.tags["acme/web", "deps"]
    world.run(plan)
    assert (warnings(world), world.registry.puts) == ([], [DEPS, APP])


# A bake that only adds to what is there


def _adding(facts: object = BUILDER) -> BakeWorld:
    """A world where ``:deps`` is published, and an application has no cache in it yet."""
    world = BakeWorld()
    world.engine.answer_facts = facts
    world.targets(**SHARED)
    world.bake("deps")
    return world


@DRIVERS
def test_a_cache_that_another_bake_has_added_stays(facts: object) -> None:
    world = _adding(facts)
    during(world, 0, lambda: beside(world).bake("job"))
    world.bake("api")
    assert [(c.role, c.target) for c in bundle_of(world).caches] == [
        ("app", "api"),
        ("app", "job"),
        ("deps", ""),
    ]
    assert warnings(world) == []


@DRIVERS
def test_newer_dependencies_of_another_bake_are_not_reverted(facts: object) -> None:
    world = _adding(facts)
    plan = world.plan("api")
    other = beside(world, **{"requirements.txt": "x==2\n"})
    other.engine.salt["deps"] = "x==2"
    other.bake("job")
    theirs = world.registry.at(DEPS).digest
    world.run(plan)
    assert world.registry.at(DEPS).digest == theirs
    assert world.registry.puts == ["acme/web:api"]
    (said,) = warnings(world)
    assert "made from other inputs (requirements.txt changed)" in said
    assert "it is left as it is, and the application stands on the one that was read" in said


@DRIVERS
def test_the_same_image_of_other_inputs_keeps_its_newer_lock(facts: object) -> None:
    """A comment in requirements.txt: reproducible dependencies are the same image again."""
    world = _adding(facts)
    plan = world.plan("api")
    other = beside(world, **{"requirements.txt": "x==1  # for x\n"})
    other.bake("job")
    world.run(plan)
    assert [(c.role, c.target) for c in bundle_of(world).caches][:2] == [
        ("app", "api"),
        ("app", "job"),
    ]
    assert other.plan("job").deps[0].reused
    assert warnings(world) == []


def test_what_another_bake_has_taken_over_for_a_scope_is_not_put_again() -> None:
    world = published()
    world.set(scope="pr-1")
    plan = world.plan()
    beside(world).bake()
    world.run(plan)
    assert world.registry.puts == ["acme/web:pr-1"]
    assert warnings(world) == []


# --if-unchanged


@DRIVERS
@pytest.mark.parametrize("files", ["requirements.txt", "app.py"], ids=["both", "the application"])
def test_if_unchanged_leaves_both_tags_as_another_bake_has_set_them(
    facts: object, files: str
) -> None:
    world = published()
    world.engine.answer_facts = facts
    world.set(if_unchanged=True)
    world.tree.write(**{files: "2\n"})
    other = beside(world, **{files: "3\n"})
    theirs: dict[tuple[str, str], str] = {}

    def bake() -> None:
        other.bake()
        theirs.update(world.registry.tags)
        world.registry.requests.clear()

    during(world, 0, bake)
    with pytest.raises(VerificationError) as caught:
        world.bake()
    assert caught.value.exit_code is ExitCode.UNVERIFIED
    moved = DEPS if files == "requirements.txt" else APP
    assert caught.value.what == f"{moved} is not what it was when this bake began"
    assert "--if-unchanged" in str(caught.value.cause)
    assert world.registry.puts == []
    assert world.registry.tags == theirs


@DRIVERS
def test_if_unchanged_takes_its_own_pushes_for_its_own(facts: object) -> None:
    world = BakeWorld()
    world.engine.answer_facts = facts
    world.set(if_unchanged=True)
    for version in ("1", "2"):
        world.tree.write(**{"requirements.txt": f"x=={version}\n", "app.py": version})
        world.bake()
        assert world.registry.puts[-2:] == [DEPS, APP]


def test_if_unchanged_holds_for_a_first_bake_too() -> None:
    world = BakeWorld()
    world.set(if_unchanged=True)
    plan = world.plan()
    beside(world).bake()
    with pytest.raises(VerificationError, match=f"{DEPS} is not what it was"):
        world.run(plan)


def test_if_unchanged_does_not_mind_an_application_that_is_not_touched() -> None:
    world = BakeWorld()
    tags = {name: {"tags": [f"acme/web:{name}"]} for name in ("api", "job")}
    world.targets(deps=SHARED["deps"], **tags)
    world.bake("api", "job")
    world.set(if_unchanged=True)
    plan = world.plan("api", "job")
    beside(world).bake("api", force=True)
    assert {target.action for target in world.run(plan).targets} == {"reused", "unchanged"}


# The looks themselves


@pytest.mark.parametrize(("said", "error"), [(BUSY, UnreachableError), (DENIED, RefusedError)])
@pytest.mark.parametrize("look", ["HEAD", "GET"])
def test_a_look_that_fails_ends_the_bake_before_anything_is_put(
    said: str, error: type[Exception], look: str
) -> None:
    world = published()
    world.tree.write(**{"requirements.txt": "x==2\n"})
    plan = world.plan()
    beside(world, **{"requirements.txt": "x==3\n"}).bake()
    theirs = world.registry.at(DEPS).digest
    asked = f"HEAD {DEPS}" if look == "HEAD" else f"GET acme/web@{theirs}"
    world.registry.failures[asked] = said
    with pytest.raises(error):
        world.run(plan)
    assert world.registry.puts == []


def test_a_look_is_tried_again() -> None:
    world = published()
    world.tree.write(**{"requirements.txt": "x==2\n"})
    world.registry.failures[f"HEAD {DEPS}"] = [BUSY, BUSY]
    result = world.bake()
    assert [retry.step for retry in result.retries] == [f"reading {DEPS}"] * 2
    assert world.registry.puts == [DEPS, APP]


def test_only_what_is_going_to_be_pushed_is_looked_at_before() -> None:
    """With the docker driver, a push of an application replaces no dependencies."""
    world = published()
    world.engine.answer_facts = GOOD_FACTS
    world.targets(**WEB)
    world.tree.write(**{"app.py": "2\n"})
    other = beside(world, **{"requirements.txt": "x==2\n"})
    during(world, 0, other.bake)
    world.engine.bakes = [(recording("pulled", "app"), None)]
    world.bake()
    assert all("takes its place" not in said for said in warnings(world))

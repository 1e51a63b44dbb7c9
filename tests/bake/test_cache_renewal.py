"""An application's cache that did not serve is exported again, and replaces the old one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.bake import APP, DEPS, BakeWorld, app_of, bundle_of, published, refs
from tests.support.builder_notes import FakeNotes
from tests.support.builders import GOOD_FACTS
from tests.support.progress import sent, step
from whalebuild.bundle.build_inputs import BuildInputs
from whalebuild.bundle.index import Cache, write_bundle
from whalebuild.errors import RefusedError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.reference import parse_reference

CONTEXT, IMAGE = "[internal] load build context", "[context dependencies] image"
CODE, RUN = "[stage-1 2/2] COPY --link app.py .", "[stage-1 1/2] RUN x"
LINKED = (step(CONTEXT), sent(CONTEXT), step(IMAGE), step(CODE, inputs=[CONTEXT]))
#: A change of code, with a command that ran, or did not; and with assets that are made of files.
MISSED = [*LINKED, step(RUN, inputs=[IMAGE])]
SERVED = [*LINKED, step(RUN, inputs=[IMAGE], cached=True)]
ASSETS = [
    *LINKED,
    step("[assets 1/2] COPY src .", inputs=[IMAGE, CONTEXT]),
    step("[assets 2/2] RUN make", inputs=["[assets 1/2] COPY src ."]),
]
TWO_READS = (
    "FROM debian AS dependencies\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
    "FROM debian AS assets\nCOPY src .\nRUN make\n"
    "FROM dependencies\nCOPY --link --from=assets /out /\nCOPY --link app.py .\n"
)


def code_bake(world: BakeWorld, lines: list[str], *more: list[str], **options: bool) -> None:
    """Change the code, and bake; what BuildKit says in this bake's runs."""
    world.engine.salt["app"] = world.engine.salt.get("app", "") + "."
    world.tree.write(**{"app.py": f"code {world.engine.salt['app']}\n"})
    world.engine.bakes = [(list(each), None) for each in (lines, *more)]
    world.bake(**options)


def app_cache(world: BakeWorld) -> Cache:
    (cache,) = (cache for cache in bundle_of(world).caches if cache.role == "app")
    return cache


def two_reads() -> BakeWorld:
    """A published world whose application has assets beside its code."""
    world = BakeWorld()
    world.tree.text = TWO_READS
    world.tree.write(src="1")
    world.bake()
    return world


def notes(world: BakeWorld) -> list[str]:
    return [note for note in world.console.notes if "exported again" in note]


@pytest.mark.parametrize("by_tag", [False, True], ids=["by digest", "by tag"])
def test_a_step_that_ran_although_nothing_changed_renews_the_cache(by_tag: bool) -> None:
    world = BakeWorld()
    world.engine.answer_facts = GOOD_FACTS if by_tag else world.engine.answer_facts
    world.bake()
    old, images = app_cache(world), bundle_of(world).images
    code_bake(world, MISSED, [])
    assert world.engine.built == [["app"], ["app"]]
    assert "cache-to" not in world.engine.targets(0)["app"]
    renewal = world.engine.targets(1)["app"]
    assert renewal["output"] == [{"type": "cacheonly"}]
    assert "tags" not in renewal
    assert refs(world, 1, "app", "cache-from") == [f"acme/web@{old.digest}"]
    new = app_cache(world)
    assert new.digest != old.digest
    assert bundle_of(world).images == images
    assert notes(world) == [
        f"the cache of app did not serve ({RUN}): exported again",
    ]
    code_bake(world, SERVED)
    assert app_cache(world) == new


def test_the_image_is_the_one_that_was_pushed_before() -> None:
    world = published()
    code_bake(world, MISSED, [])
    manifest = world.registry.at(APP)
    assert manifest.digest == app_of(world).manifest.digest
    made = {target.platform: target.digest for target in app_of(world).images.values()}
    assert made


@pytest.mark.parametrize("lines", [SERVED, list(LINKED), []], ids=["run", "linked", "silent"])
def test_a_change_of_code_alone_leaves_the_bundle_as_it_is(lines: list[str]) -> None:
    world = published()
    deps = world.registry.at(DEPS)
    code_bake(world, lines)
    assert world.registry.at(DEPS) == deps
    assert world.registry.puts == [APP]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("COPY --link app.py .\n", "RUN x\nCOPY --link app.py .\n"),
        ("COPY --link app.py .\n", "COPY --link app.py .\nLABEL a=b\n"),
    ],
    ids=["a command", "a label"],
)
def test_another_instruction_renews_the_cache_at_once(before: str, after: str) -> None:
    world = published()
    old = app_cache(world)
    world.tree.text = str(world.tree.text).replace(before, after)
    code_bake(world, MISSED)
    assert world.engine.built == [["app"]]
    assert refs(world, 0, "app", "cache-to")
    assert app_cache(world).digest != old.digest
    code_bake(world, SERVED)
    assert world.registry.puts == [APP]


def test_an_argument_renews_it_unless_it_is_another_in_every_build() -> None:
    world = BakeWorld()
    world.tree.text = str(world.tree.text) + "ARG V\nRUN x\n"
    exports = []
    for version in ("1", "2", "3", "4", "4", "4", "5"):
        world.targets(app={"tags": [APP], "args": {"V": version}})
        code_bake(world, [])
        exports.append("cache-to" in world.engine.targets(-1)["app"])
    assert exports == [True, True, False, False, True, False, True]


def test_files_that_some_steps_are_made_of_renew_it_unless_they_change_in_every_build() -> None:
    world = two_reads()
    renewed = []
    for source, lines in (
        ("2", ASSETS),
        ("3", ASSETS),
        ("3", ASSETS),
        ("3", list(LINKED)),
        ("4", ASSETS),
    ):
        world.tree.write(src=source)
        code_bake(world, lines, [])
        renewed.append(len(world.engine.built) == 2)
    assert renewed == [True, False, True, False, True]


def test_a_cache_that_serves_no_more_than_the_one_before_is_left() -> None:
    """Not by an input: BuildKit does not find what it has exported. It is tried once."""
    world = published()
    renewed = []
    for lines in (MISSED, MISSED, MISSED, SERVED, MISSED):
        code_bake(world, lines, [])
        renewed.append(len(world.engine.built) == 2)
    assert renewed == [True, False, False, False, True]


def test_a_cache_that_could_not_be_read_is_replaced() -> None:
    world = published()
    old = app_cache(world)
    del world.registry.manifests["acme/web", old.digest]
    importing = f"importing cache manifest from acme/web@{old.digest}"
    code_bake(world, [step(importing, f"acme/web@{old.digest}: not found"), *LINKED], [])
    assert any("cannot be used" in note for note in world.console.notes)
    assert app_cache(world).digest != old.digest


def test_force_renews_it() -> None:
    world = published()
    world.bake(force=True)
    assert refs(world, 0, "app", "cache-to")
    assert world.engine.built == [["app"]]


def test_a_bundle_of_an_earlier_version_gets_a_new_cache() -> None:
    world = published()
    bundle = bundle_of(world)
    plain = [replace(cache, inputs=BuildInputs()) for cache in bundle.caches]
    raw = write_bundle(bundle.images, bundle.attestations, plain, bundle.annotations)
    world.registry.put_manifest(parse_reference(DEPS, where="a test"), raw, "x/y")
    assert not app_cache(world).inputs
    code_bake(world, SERVED)
    assert refs(world, 0, "app", "cache-to")
    assert app_cache(world).inputs


def test_trouble_with_the_renewal_fails_no_bake() -> None:
    world = published()
    old = app_cache(world)
    denied = "ERROR: failed to push: denied: no\n"
    world.tree.write(**{"app.py": "2\n"})
    world.engine.bakes = [(MISSED, None), ([], CommandFailedError(denied))]
    world.bake()
    assert app_cache(world) == old
    assert any("could not be exported again" in note for note in world.console.notes)
    assert app_of(world).build.missed


def test_trouble_with_the_renewal_fails_a_strict_bake() -> None:
    world = published()
    world.set(strict_cache=True)
    world.tree.write(**{"app.py": "2\n"})
    denied = "ERROR: failed to push: denied: no\n"
    world.engine.bakes = [(MISSED, None), ([], CommandFailedError(denied))]
    with pytest.raises(RefusedError):
        world.bake()


def test_a_renewal_under_a_staging_tag_tidies_up() -> None:
    world = published()
    world.notes = FakeNotes({("default", "docker.io")})
    code_bake(world, MISSED, [])
    assert sorted(tag for _, tag in world.registry.tags) == ["deps", "latest"]

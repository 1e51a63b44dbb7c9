"""Trouble with the import of a cache: it never costs a build, and often not even the cache."""

from __future__ import annotations

import json

import pytest

from tests.support.bake import (
    DONE,
    PUSH_BUSY,
    BakeWorld,
    bundle_of,
    published,
    refs,
    scripted,
    stale,
)
from tests.support.progress import step
from whalebuild.errors import BuildError, RefusedError, UnreachableError
from whalebuild.failures.command_failed import CommandFailedError

NOT_FOUND = "failed to configure registry cache importer: docker.io/acme/web: not found"
BUSY = "failed to configure registry cache importer: unexpected status: 503 Service Unavailable"
LOST = (
    "ERROR: failed to solve: failed to compute cache key: failed to copy: httpReadSeeker: failed "
    "open: could not fetch content descriptor {} (application/vnd.x) from remote: not found\n"
)


def source(world: BakeWorld) -> str:
    (cache,) = bundle_of(world).cache("deps", ("linux/amd64",))
    return f"acme/web@{cache.digest}"


def warnings(world: BakeWorld) -> list[str]:
    return [note for note in world.console.notes if note.startswith("warning: ")]


def imports(world: BakeWorld) -> list[list[str]]:
    """What each bake of the dependencies imported."""
    return [
        refs(world, number, "app-deps", "cache-from")
        for number, built in enumerate(world.engine.built)
        if built == ["app-deps"]
    ]


def test_a_passing_trouble_stops_the_build_and_is_tried_again() -> None:
    world = stale()
    cache = source(world)
    failing = [step(f"importing cache manifest from {cache}", BUSY), step("[1/1] RUN long")]
    world.engine.bakes = [(failing, None), ([], None)]
    result = world.bake()
    assert imports(world) == [[cache], [cache]]
    assert "sha256:[1/1] RUN long" not in str(world.console.events), "it did not get that far"
    assert [retry.reason for retry in result.retries] == ["503 Service Unavailable"]
    assert warnings(world) == []


def test_one_that_does_not_pass_is_left_out_and_said() -> None:
    world = stale()
    cache = source(world)
    failing = [step(f"importing cache manifest from {cache}", BUSY)]
    world.engine.bakes = [*((list(failing), None) for _ in range(3)), ([], None)]
    result = world.bake()
    assert imports(world) == [[cache], [cache], [cache], []]
    (warning,) = warnings(world)
    assert f"the cache {cache} cannot be used (503 Service Unavailable)" in warning
    assert warning.removeprefix("warning: ") in result.warnings


def test_one_that_is_gone_is_said_and_buildkit_goes_on_without_it() -> None:
    world = stale()
    cache = source(world)
    world.engine.bakes = [([step(f"importing cache manifest from {cache}", NOT_FOUND)], None)]
    result = world.bake()
    assert imports(world) == [[cache]], "no second build"
    assert result.retries == ()
    assert warnings(world) == [
        f"warning: the cache {cache} cannot be used (it is not there): building without it"
    ]


def test_one_that_the_engine_alone_does_not_find_is_tried_again() -> None:
    """What containerd says where the registry did not answer."""
    world = stale()
    cache = source(world)
    words = f"failed to configure registry cache importer: {cache}: not found"
    world.engine.bakes = [
        ([step(f"importing cache manifest from {cache}", words)], None),
        ([], None),
    ]
    result = world.bake()
    assert imports(world) == [[cache], [cache]]
    assert len(result.retries) == 1
    assert warnings(world) == []


def test_one_that_the_registry_does_not_have_either_is_left_out() -> None:
    world = stale()
    cache = source(world)
    repository, _, digest = cache.partition("@")
    del world.registry.manifests[repository, digest]
    words = f"failed to configure registry cache importer: {cache}: not found"
    world.engine.bakes = [([step(f"importing cache manifest from {cache}", words)], None)]
    result = world.bake()
    assert result.retries == ()
    assert "it is not there" in warnings(world)[0]


def test_a_pinned_image_that_the_engine_alone_does_not_find_is_tried_again() -> None:
    world = published()
    world.tree.write(**{"app.py": "print('two')\n"})
    image = next(iter(d for _, d in world.registry.manifests))
    words = (
        f"ERROR: failed to solve: acme/web@{image}: failed to resolve source metadata for "
        f"acme/web@{image}: acme/web@{image}: not found\n"
    )
    world.engine.bakes = [([], CommandFailedError(words)), ([], None)]
    assert len(world.bake().retries) == 1
    world = published()
    world.tree.write(**{"app.py": "print('two')\n"})
    gone = words.replace(image, f"sha256:{'e' * 64}")
    world.engine.bakes = [([], CommandFailedError(gone))]
    with pytest.raises(BuildError):
        world.bake()


def test_a_cache_of_the_bake_file_that_is_not_there_yet_is_no_trouble() -> None:
    world = stale()
    lines = [step("importing cache manifest from acme/web:branch", NOT_FOUND)]
    world.engine.bakes = [(lines, None)]
    world.bake()
    assert warnings(world) == []


def lost(world: BakeWorld, digest: str) -> None:
    """Have the first bake fail for a blob that is not there."""
    world.engine.bakes = [([], CommandFailedError(LOST.format(digest)))]


def config_of(world: BakeWorld) -> str:
    digest = source(world).partition("@")[2]
    manifest = json.loads(world.registry.manifests["acme/web", digest].raw)
    return str(manifest["config"]["digest"])


def test_a_build_that_fails_for_a_caches_lost_layer_is_done_without_that_cache() -> None:
    world = stale()
    cache = source(world)
    lost(world, config_of(world))
    result = world.bake()
    assert imports(world) == [[cache], []]
    (warning,) = warnings(world)
    assert "could not fetch content descriptor" in warning
    assert result.published


def test_a_build_that_fails_for_another_lost_layer_is_done_once_without_caches() -> None:
    """A damaged manifest names layers that there are not; an image may have lost one, too."""
    world = stale()
    cache = source(world)
    words = CommandFailedError(LOST.format(f"sha256:{'5' * 64}"))
    world.engine.bakes = [([], words), ([], words)]
    with pytest.raises(RefusedError, match="lost something that is published") as caught:
        world.bake()
    assert imports(world) == [[cache], []]
    assert targets(world, 1)["no-cache"] is True
    assert "--no-cache" in str(caught.value.next_step)


def test_a_cache_whose_manifest_cannot_be_read_is_not_given_to_buildkit() -> None:
    """It would take a damaged one, and keep layers of the wrong kind."""
    world = stale()
    plan = world.plan()
    world.registry.failures[source(world)] = ["ERROR: denied: no"]
    world.run(plan)
    assert imports(world) == [[]]
    assert sum("cannot be used" in note for note in world.console.notes) == 1


# What is tried again, and how


def targets(world: BakeWorld, number: int) -> dict[str, object]:
    return dict(world.engine.targets(number)["app-deps"])


def test_a_push_that_is_tried_again_does_not_rebuild() -> None:
    world = scripted((DONE, PUSH_BUSY), ((), None))
    world.bake(no_cache=True)
    assert targets(world, 0)["no-cache"] is True
    assert "no-cache" not in targets(world, 1)
    assert "cache-from" not in targets(world, 1)


def test_a_build_that_is_tried_again_before_it_was_done_keeps_no_cache() -> None:
    world = scripted(([step("[1/1] RUN x")], PUSH_BUSY), ((), None))
    world.bake(no_cache=True)
    assert targets(world, 1)["no-cache"] is True


def test_the_registry_is_asked_before_the_engine_is_sent_there_again() -> None:
    words = PUSH_BUSY.replace("acme/web", "registry.example/acme/web")
    world = BakeWorld()
    world.targets(app={"tags": ["registry.example/acme/web:latest"]})
    world.engine.bakes = [(DONE, CommandFailedError(words))]
    plan = world.plan()
    asked = "HEAD registry.example/acme/web:deps"
    world.registry.failures[asked] = ["ERROR: 503 Service Unavailable", None]
    result = world.run(plan)
    assert world.registry.requests.count(asked) >= 2
    assert [retry.step for retry in result.retries] == [
        "publishing app-deps",
        "asking registry.example",
    ]


def test_a_registry_that_does_not_come_back_is_not_asked_by_the_engine() -> None:
    words = PUSH_BUSY.replace("acme/web", "registry.example/acme/web")
    world = BakeWorld()
    world.targets(app={"tags": ["registry.example/acme/web:latest"]})
    world.engine.bakes = [(DONE, CommandFailedError(words))]
    plan = world.plan()
    world.registry.failures["HEAD registry.example/acme/web:deps"] = "ERROR: 503 Service Unavail"
    with pytest.raises(UnreachableError):
        world.run(plan)
    assert len(world.engine.baked) == 1


def test_unknown_words_are_tried_once_more_for_a_push_and_not_for_a_build() -> None:
    world = scripted((DONE, "ERROR: something new\n"), (DONE, "ERROR: something new\n"))
    with pytest.raises(UnreachableError, match="does not know"):
        world.bake()
    assert len(world.engine.baked) == 2
    world = BakeWorld()
    world.engine.bakes = [([step("[1/1] RUN x")], CommandFailedError("ERROR: something new\n"))]
    with pytest.raises(BuildError):
        world.bake()
    assert len(world.engine.baked) == 1


def test_a_build_that_fails_in_unknown_words_is_done_without_its_caches() -> None:
    """A damaged cache manifest: BuildKit sees layers of a media type that there is not."""
    damaged = "ERROR: failed to solve: failed to get stream processor for application/x\n"
    world = stale()
    cache = source(world)
    world.engine.bakes = [((), CommandFailedError(damaged))]
    world.bake()
    assert imports(world) == [[cache], []]
    assert "no-cache" not in targets(world, 0)
    assert targets(world, 1)["no-cache"] is True, "the builder has steps from the damaged one"
    assert "failed to get stream processor" in warnings(world)[0]
    world = scripted(((), damaged), ((), damaged))
    with pytest.raises(BuildError):
        world.bake()
    assert len(world.engine.baked) == 2


def test_dependencies_that_the_registry_does_not_find_yet_are_waited_for() -> None:
    world = stale()
    plan = world.plan()
    run = world.engine._run

    def lagging(name: str, target: dict[str, object]) -> dict[str, object]:
        metadata = run(name, target)
        if name == "app-deps":
            (image,) = (d for _, d in world.registry.manifests if d in _children(world, metadata))
            words = (
                f"ERROR: docker.io/acme/web@{image}: failed to resolve source metadata: not found\n"
            )
            world.engine.bakes = [([], CommandFailedError(words)), ([], None)]
        return metadata

    world.engine._run = lagging  # type: ignore[method-assign]
    result = world.run(plan)
    assert world.engine.built == [["app-deps"], ["app"], ["app"]]
    assert len(result.retries) == 1


def _children(world: BakeWorld, metadata: dict[str, object]) -> list[str]:
    index = world.registry.manifests["acme/web", str(metadata["containerimage.digest"])]
    children = json.loads(index.raw)["manifests"]
    return [c["digest"] for c in children if c.get("platform", {}).get("os") == "linux"]

"""Bakes on a BuildKit that pushes an image and exports its cache at the same time (recorded)."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

import pytest

from tests.support.bake import WEB, BakeWorld, bundle_of
from tests.support.builders import BUILDER
from tests.support.engine import PushingEngine, definition
from tests.support.progress import FAILED_CACHES, side_by_side, step
from whalebuild.errors import RefusedError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.plan.definition import STAGING


class SideBySide(PushingEngine):
    """An engine that meets the same trouble in each bake that exports a cache.

    What it pushed in such a bake does not count: BuildKit cancels the push, or it was done already.
    """

    def __init__(self, name: str, *, passes: bool = False) -> None:
        super().__init__(definition(WEB), answer_facts=BUILDER)
        self._lines, self._left = side_by_side(name), 1 if passes else 100

    def bake(self, definition: Mapping[str, Any], **options: Any) -> Generator[str, None, None]:
        exports = any(target.get("cache-to") for target in definition["target"].values())
        if exports and self._left:
            self._left -= 1
            failure = CommandFailedError("".join(self._lines))
            self.bakes.append((self._lines, failure))
        yield from super().bake(definition, **options)


@pytest.mark.parametrize("name", FAILED_CACHES)
def test_a_cache_that_is_refused_costs_no_image_and_is_held_against_nobody(name: str) -> None:
    world = BakeWorld(SideBySide(name))
    result = world.bake()
    assert world.registry.puts == ["acme/web:deps", "acme/web:latest"]
    assert bundle_of(world).caches == ()
    (warning,) = {text for text in result.warnings if "cache" in text}
    assert "error writing manifest blob: " in warning
    assert world.notes.refused == set()
    assert not any(STAGING in request for request in world.registry.requests)


@pytest.mark.parametrize("name", FAILED_CACHES)
def test_the_images_are_pushed_again_after_it(name: str) -> None:
    """The one that was published is of the run that succeeded: none of a failed one counts."""
    world = BakeWorld(SideBySide(name))
    world.bake()
    failed, *others = world.engine.built
    assert failed == ["app-deps"]
    assert others[-1] == ["app"]
    assert others.count(["app-deps"]) == len(others) - 1
    again = [world.engine.targets(n)["app-deps"] for n in range(len(world.engine.baked) - 1)]
    assert all(target["output"][0]["push"] == "true" for target in again)
    assert "cache-to" not in again[-1]


@pytest.mark.parametrize("name", ["cache-put-500-standard", "cache-put-503-standard"])
def test_trouble_that_passes_costs_nothing(name: str) -> None:
    world = BakeWorld(SideBySide(name, passes=True))
    result = world.bake()
    assert len(bundle_of(world).caches) == 2
    assert not result.warnings
    assert world.engine.built == [["app-deps"], ["app-deps"], ["app"]]


def test_an_image_that_is_refused_stops_the_bake() -> None:
    world = BakeWorld(SideBySide("image-put-403"))
    with pytest.raises(RefusedError, match="denied"):
        world.bake()
    assert world.registry.puts == []
    assert len(world.engine.baked) == 1
    assert world.notes.refused == set()


def test_a_full_disk_is_the_caches_whichever_ended_last() -> None:
    full = "ERROR: failed to solve: Internal: failed to send write: no space left on device\n"
    both = [step("exporting cache to registry"), step("exporting to image")]
    world = BakeWorld()
    world.engine.bakes = [([step("[1/1] RUN x"), *both], CommandFailedError(full))]
    result = world.bake()
    (warning,) = result.warnings
    assert "the cache could not be exported" in warning
    assert world.registry.puts[-1].endswith(":latest")

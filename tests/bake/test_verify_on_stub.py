"""``--verify`` where nothing is built on a stub; what is, is in ``tests/integration``."""

from __future__ import annotations

from tests.support.bake import BakeWorld, published


def test_what_is_not_built_on_a_stub_is_said_and_published() -> None:
    world = BakeWorld()
    result = world.bake(verify=True)
    assert "app is not compared with the ordinary build: what it adds fits any image" in (
        "\n".join(world.console.notes)
    )
    assert all(target.verified == () for target in result.targets)
    assert result.published
    assert len(world.engine.baked) == 2, "the dependencies and the application, and nothing else"


def test_what_is_not_built_is_not_compared() -> None:
    world = published()
    world.bake(verify=True)
    said = "app is not compared with the ordinary build: it is as it is published"
    assert said in world.console.notes
    assert world.engine.baked == []

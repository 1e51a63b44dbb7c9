"""Whatever targets a bake file has: each that is asked for is done, and no tag of another moves."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.properties import examples
from whalebuild.bakefile.images import BuildOptions, pair_images
from whalebuild.bakefile.others import check_names, unpublished_because
from whalebuild.bakefile.pairs import needs_dockerfile, sort_targets
from whalebuild.bakefile.target import BakeFile, Target
from whalebuild.dockerfile.parser import parse_dockerfile
from whalebuild.errors import UsageError
from whalebuild.settings import Settings

NAMES = ("app", "web", "deps", "app-deps", "dependencies", "_base", "default")
DOCKERFILES = {
    name: parse_dockerfile(f"FROM scratch AS {stage}\nRUN pip install x\nFROM {stage} AS final\n")
    for name, stage in (("Dockerfile", "dependencies"), ("other", "builder"))
}
ATTRIBUTES = {
    "dockerfile": st.sampled_from(sorted(DOCKERFILES)),
    "target": st.sampled_from(["final", "dependencies", "builder"]),
    "tags": st.lists(
        st.sampled_from(["acme/web", "acme/web:1", "acme/web:deps", "acme/other:2", "acme/x:deps"]),
        max_size=3,
        unique=True,
    ),
    "output": st.sampled_from(
        [
            [{"type": "registry"}],
            [{"type": "docker"}],
            [{"type": "cacheonly"}],
            [{"type": "image", "push": "false"}],
            [{"type": "registry"}, {"type": "local", "dest": "out"}],
        ]
    ),
    "call": st.just("check"),
    "args": st.sampled_from([{"A": "1"}, {"A": "2"}]),
    "platforms": st.just(["linux/arm64"]),
    "contexts": st.dictionaries(
        st.sampled_from(["dependencies", "base"]),
        st.sampled_from(NAMES).map(lambda name: f"target:{name}"),
        max_size=1,
    ),
}
TARGET = st.fixed_dictionaries({}, optional=ATTRIBUTES)
BAKE = st.dictionaries(st.sampled_from(NAMES), TARGET, min_size=1, max_size=5)


@settings(max_examples=examples(gate=50, extended=3000))
@given(BAKE, st.data())
def test_every_requested_target_is_done(
    bake: dict[str, dict[str, Any]], data: st.DataObject
) -> None:
    every = {name: Target(name, _without_loops(name, given, bake)) for name, given in bake.items()}
    requested = tuple(data.draw(st.lists(st.sampled_from(sorted(bake)), min_size=1, unique=True)))
    image = data.draw(st.sampled_from([None, "acme/web"]))
    options = Settings(image=image)
    wanted = BakeFile({n: every[n] for n in requested}, requested, chosen=data.draw(st.booleans()))
    needed = needs_dockerfile(wanted, every, options)
    dockerfiles = {target.name: DOCKERFILES[target.dockerfile] for target in needed}
    try:
        found = sort_targets(wanted, every, dockerfiles, options)
        images = pair_images(found.pairs, BuildOptions())
        check_names(found.others, images)
    except UsageError:
        return
    pairs = {image.name for image in images}
    also = {name for image in images for name in image.also}
    assert set(requested) <= pairs | also | {other.name for other in found.others}
    assert {image.deps for image in images} <= pairs
    for name in requested:
        others = [other for other in found.others if other.name == name]
        assert len(others) <= 1
        # What is said to be no publication is done as that, whatever else it is used for.
        assert not unpublished_because(every[name]) or others
    for each in images:
        if each.name in every and each.name not in requested:
            assert _is_for(every[each.name], [every[name] for name in requested])


def _is_for(deps: Target, requested: list[Target]) -> bool:
    """Whether a target that was not asked for may be published all the same, as dependencies."""
    linked = any(deps.name in target.linked for target in requested)
    written = deps.stage == "dependencies" or any(tag.endswith(":deps") for tag in deps.tags)
    return linked or written or not deps.tags


def _without_loops(
    name: str, given: dict[str, Any], bake: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """The attributes without links that buildx refuses: to nothing, and in a circle."""
    later = NAMES[NAMES.index(name) + 1 :]
    links = given.get("contexts", {}).items()
    kept = {
        context: link
        for context, link in links
        if link.removeprefix("target:") in bake and link.removeprefix("target:") in later
    }
    return {**given, "contexts": kept}

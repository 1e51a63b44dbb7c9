from __future__ import annotations

from typing import Any

import pytest

from whalebuild.bakefile.images import BuildOptions, PairImage, Portion, Role
from whalebuild.bakefile.target import Target
from whalebuild.builder.nodes import Node
from whalebuild.oci.reference import Reference
from whalebuild.plan.definition import (
    NO_DIGEST,
    CacheExport,
    Output,
    generate_target,
    make_definition,
    output_of,
    platform_groups,
)

AMD64, ARM64 = "linux/amd64", "linux/arm64"
CACHE = Reference("acme/web", digest="sha256:" + "c" * 64)
NOWHERE = Reference("acme/web", digest=NO_DIGEST)
IMAGE = {"type": "image", "push": "true", "store": "false", "unpack": "false"}
EXPORT = {
    "type": "registry",
    "ref": str(NOWHERE),
    "mode": "max",
    "image-manifest": "true",
    "oci-mediatypes": "true",
    "force-compression": "true",
}


def pair_image(
    attributes: dict[str, Any] | None = None,
    platforms: tuple[str, ...] = (),
    references: tuple[str, ...] = ("acme/web:latest",),
) -> PairImage:
    parsed = tuple(Reference(*text.split(":")) for text in references)
    bundle = Reference("acme/web", "deps")
    return PairImage(
        Target("app", attributes or {}), Role.APP, parsed, platforms, bundle, "app-deps"
    )


def made(
    attributes: dict[str, Any] | None = None,
    output: Output = Output.DIGEST,
    inputs: dict[str, Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    whole = pair_image(attributes)
    target = generate_target(whole, (), BuildOptions(**options), output, **inputs or {})
    return dict(target.attributes)


@pytest.mark.parametrize(
    ("options", "driver", "output"),
    [
        (BuildOptions(), "docker", Output.TAG),
        (BuildOptions(), None, Output.TAG),
        (BuildOptions(), "docker-container", Output.DIGEST),
        (BuildOptions(), "kubernetes", Output.DIGEST),
        (BuildOptions(load=True), "docker-container", Output.LOAD),
        (BuildOptions(load=True), "docker", Output.LOAD),
        (BuildOptions(read_only=True), "remote", Output.NOTHING),
        (BuildOptions(portion=Portion((), "t0")), "docker", Output.STAGED),
        (BuildOptions(portion=Portion((), "t0")), None, Output.STAGED),
        (BuildOptions(portion=Portion((), "t0")), "docker-container", Output.DIGEST),
    ],
)
def test_where_images_go(options: BuildOptions, driver: str | None, output: Output) -> None:
    assert output_of(options, driver) is output


NODE = Node("one", "x", platforms=(AMD64, ARM64))
GIVEN = Node("one", "x", platforms=(AMD64, ARM64), given=(AMD64,))
IDLE = Node("one", "x", status="inactive", own=AMD64)
FAR = Node("one", "x", status="inactive")
OTHER = Node("other", "y", platforms=(ARM64,), given=(ARM64,))
ALONE = ((AMD64,), (ARM64,))
TOGETHER = ((AMD64, ARM64),)


@pytest.mark.parametrize("output", Output)
@pytest.mark.parametrize(
    ("nodes", "apart"),
    [
        ([], ALONE),
        ([NODE], TOGETHER),
        ([IDLE], TOGETHER),
        ([FAR], TOGETHER),
        ([GIVEN, OTHER], ALONE),
        # The first one emulates what the other was given.
        ([NODE, OTHER], TOGETHER),
        ([IDLE, OTHER], ALONE),
    ],
)
def test_what_is_put_together_afterwards_is_a_target_for_each_node(
    output: Output, nodes: list[Node], apart: tuple[tuple[str, ...], ...]
) -> None:
    expected = apart if output in {Output.DIGEST, Output.STAGED} else TOGETHER
    assert platform_groups((AMD64, ARM64), output, nodes) == expected
    assert platform_groups((AMD64,), output, nodes) == ((AMD64,),)
    assert platform_groups((), output, nodes) == ((),)


@pytest.mark.parametrize(
    ("all_", "part", "name"),
    [
        ((), (), "app"),
        ((AMD64,), (AMD64,), "app"),
        ((AMD64, ARM64), (AMD64, ARM64), "app"),
        ((AMD64, "linux/arm/v7"), ("linux/arm/v7",), "app_linux-arm-v7"),
    ],
)
def test_a_part_of_the_platforms_has_a_name_of_its_own(
    all_: tuple[str, ...], part: tuple[str, ...], name: str
) -> None:
    target = generate_target(pair_image(platforms=all_), part, BuildOptions(), Output.DIGEST)
    assert (target.name, target.platforms) == (name, part)
    assert target.attributes.get("platforms", []) == list(part)


def test_a_push_by_digest_names_every_repository_and_no_tag() -> None:
    references = ("acme/web:latest", "acme/web:v1", "other.io/web:v1")
    whole = pair_image({"tags": ["acme/web:latest"]}, references=references)
    target = generate_target(whole, (), BuildOptions(), Output.DIGEST)
    assert dict(target.attributes) == {
        "output": [
            {
                **IMAGE,
                "name": "acme/web,other.io/web",
                "push-by-digest": "true",
                "name-canonical": "true",
            }
        ]
    }


def test_a_push_by_tag_sets_one_tag_in_each_repository() -> None:
    references = ("acme/web:latest", "acme/web:v1", "other.io/web:v1", "other.io/web:v2")
    target = generate_target(pair_image(references=references), (), BuildOptions(), Output.TAG)
    attributes = target.attributes
    assert attributes["tags"] == ["acme/web:latest", "other.io/web:v1"]
    assert attributes["output"] == [IMAGE]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"type": "registry"}, {}),
        (
            {"type": "image", "compression": "zstd", "name": "x", "push": "false"},
            {"compression": "zstd"},
        ),
        ({"type": "image", "store": "true"}, {"store": "true"}),
        ({"type": "local", "dest": "out"}, {}),
    ],
    ids=["registry", "compression", "explicit store", "local"],
)
@pytest.mark.parametrize("output", [Output.TAG, Output.DIGEST])
def test_image_options_of_the_bake_file_are_kept_but_the_image_is_pushed(
    given: dict[str, str], kept: dict[str, str], output: Output
) -> None:
    (got,) = made({"output": [given]}, output)["output"]
    assert got | {"name": ""} == {**IMAGE, **kept} | _by_digest(output)


def _by_digest(output: Output) -> dict[str, str]:
    pushed = {"push-by-digest": "true", "name-canonical": "true"}
    return {"name": "", **(pushed if output is Output.DIGEST else {})}


@pytest.mark.parametrize(
    ("output", "said"),
    [(Output.LOAD, {"type": "docker"}), (Output.NOTHING, {"type": "cacheonly"})],
    ids=["load", "read-only"],
)
def test_without_publishing_nothing_is_pushed_and_no_cache_exported(
    output: Output, said: dict[str, str]
) -> None:
    inputs = {"cache_from": (CACHE,), "cache_to": NOWHERE}
    got = made({"tags": ["x"], "cache-to": [{"type": "gha"}]}, output, inputs)
    assert got["output"] == [said]
    assert "cache-to" not in got
    local = "type=local,dest=cache"
    assert made({"cache-to": [{"type": "gha"}, local]}, output, inputs)["cache-to"] == [local]
    assert got["cache-from"] == [{"type": "registry", "ref": str(CACHE)}]


def test_load_is_for_this_machine_and_under_every_tag() -> None:
    references = ("acme/web:latest", "acme/web:v1", "other.io/web:v1")
    whole = pair_image(platforms=(ARM64,), references=references)
    target = generate_target(whole, (ARM64,), BuildOptions(), Output.LOAD)
    assert target.attributes["platforms"] == ["local"]
    assert target.attributes["tags"] == list(references)


def test_the_users_own_cache_settings_are_kept() -> None:
    theirs = {"type": "gha", "scope": "x"}
    ours = {"type": "registry", "ref": str(CACHE)}
    given = {"cache-from": [theirs, ours], "cache-to": [theirs]}
    inputs = {"cache_from": (CACHE,), "cache_to": NOWHERE}
    assert made(given, inputs=inputs) | {"output": []} == {
        "output": [],
        "cache-from": [ours, theirs],
        "cache-to": [theirs, EXPORT],
    }
    assert made(given)["cache-to"] == [theirs]


@pytest.mark.parametrize(
    ("export", "platforms", "reference"),
    [
        (CacheExport(), (AMD64,), str(NOWHERE)),
        (CacheExport("t0"), (), "acme/web:whalebuild-staging-t0-app"),
        (CacheExport("t0"), ("linux/arm/v7",), "acme/web:whalebuild-staging-t0-app-linux-arm-v7"),
    ],
    ids=["by digest", "by tag", "by tag, of one platform"],
)
def test_a_cache_goes_to_the_bundles_repository(
    export: CacheExport, platforms: tuple[str, ...], reference: str
) -> None:
    whole = pair_image(references=("other.io/web:v1",))
    assert str(export.reference(whole, platforms)) == reference


def test_a_target_tells_whether_it_exports_its_cache() -> None:
    targets = [
        generate_target(pair_image(), (), BuildOptions(), Output.DIGEST, cache_to=cache_to)
        for cache_to in (None, NOWHERE)
    ]
    assert [target.exports for target in targets] == [False, True]


def test_no_caches_are_not_mentioned() -> None:
    assert set(made()) == {"output"}


def test_contexts_that_pin_are_added_to_the_users() -> None:
    given = {"contexts": {"docs": "./docs", "dependencies": "target:deps"}}
    pin = "docker-image://acme/web@sha256:1"
    got = made(given, inputs={"contexts": {"dependencies": pin}})
    assert got["contexts"] == {"docs": "./docs", "dependencies": pin}
    assert given["contexts"]["dependencies"] == "target:deps"


@pytest.mark.parametrize("option", ["no_cache", "pull"])
def test_a_flag_applies_to_every_target_and_its_absence_keeps_the_bake_files(option: str) -> None:
    key = option.replace("_", "-")
    assert made(**{option: True})[key] is True
    assert made({key: True})[key] is True
    assert key not in made()


def test_targets_that_one_links_to_come_along_unpublished() -> None:
    others = {
        "tools": Target("tools", {"contexts": {"os": "target:os"}, "tags": ["acme/tools"]}),
        "os": Target("os", {"context": "os", "contexts": {"tools": "target:tools"}}),
        "app": Target("app", {"context": "not this one"}),
        "unrelated": Target("unrelated", {}),
    }
    contexts = {"t": "target:tools", "x": "./x", "gone": "target:gone"}
    whole = pair_image({"contexts": contexts})
    definition = make_definition([whole.target], others)
    assert definition["group"] == {"default": {"targets": ["app"]}}
    assert definition["target"] == {
        "app": {"contexts": contexts},
        "tools": others["tools"].attributes,
        "os": others["os"].attributes,
    }


def test_a_part_by_tag_has_a_staging_tag_in_each_repository_and_none_of_the_pairs() -> None:
    options = BuildOptions(portion=Portion((ARM64,), "t0"))
    whole = pair_image(
        platforms=(AMD64, ARM64), references=("acme/web:latest", "acme/web:v1", "b/c:v1")
    )
    target = generate_target(whole, (ARM64,), options, Output.STAGED)
    tags = [f"{name}:whalebuild-staging-t0-image-app-linux-arm64" for name in ("acme/web", "b/c")]
    assert target.target.tags == tuple(tags)
    assert [str(reference) for reference in target.staged] == tags
    assert target.attributes["output"] == [IMAGE]


def test_with_a_folder_of_a_cache_ours_is_exported_by_itself() -> None:
    """Buildx notes in the folder which manifest BuildKit tells: the last cache's, so ours."""
    local = "type=local,dest=cache"
    given = {"tags": ["x"], "cache-to": [local, {"type": "gha"}]}
    target = generate_target(pair_image(given), (), BuildOptions(), Output.DIGEST, cache_to=NOWHERE)
    assert target.attributes["cache-to"] == [local, {"type": "gha"}]
    assert (target.exports, target.apart) == (True, EXPORT)
    alone = target.cache_only()
    assert (alone.attributes["cache-to"], alone.exports, alone.apart) == ([EXPORT], True, None)


def test_other_caches_of_the_bake_file_are_exported_with_ours_which_is_the_last() -> None:
    got = made({"cache-to": [{"type": "gha"}]}, inputs={"cache_to": NOWHERE})
    assert got["cache-to"] == [{"type": "gha"}, EXPORT]

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.plans import pair_app, pair_deps
from tests.support.platforms import AMD64, ARM64
from whalebuild.bakefile.images import (
    BuildOptions,
    Pair,
    PairImage,
    Portion,
    make_pair,
    pair_images,
    portion_of,
)
from whalebuild.bakefile.target import Target
from whalebuild.errors import UsageError
from whalebuild.oci.reference import Reference

APP = Reference("acme/web", "latest")
DEPS = Reference("acme/web", "deps")


def pair(app: dict[str, Any] | None = None, deps: dict[str, Any] | None = None) -> Pair:
    application = (Target("app", app or {}), (APP,))
    return make_pair(application, (Target("app-deps", deps or {}), (DEPS,)), derived=True)


def names(image: PairImage) -> list[str]:
    return [str(reference) for reference in image.references]


def test_a_pair_is_two_images_that_know_each_other() -> None:
    deps, app = pair_images([pair()], BuildOptions())
    assert [(image.name, image.role, names(image)) for image in (deps, app)] == [
        ("app-deps", "deps", ["acme/web:deps"]),
        ("app", "app", ["acme/web:latest"]),
    ]
    assert {(image.deps, image.bundle) for image in (deps, app)} == {("app-deps", DEPS)}


def test_dependencies_can_be_asked_for_alone() -> None:
    alone = make_pair(None, (Target("deps", {}), (DEPS,)))
    assert [image.name for image in pair_images([alone], BuildOptions())] == ["deps"]


@pytest.mark.parametrize(
    ("option", "expected"),
    [((), "linux/arm64"), (("linux/amd64",), "linux/amd64")],
    ids=["bake file", "settings"],
)
def test_platforms_of_the_settings_replace_those_of_the_bake_file(
    option: tuple[str, ...], expected: str
) -> None:
    both = pair({"platforms": ["linux/arm64"]}, {"platforms": ["linux/arm64"]})
    images = pair_images([both], BuildOptions(platforms=option))
    assert [image.platforms for image in images] == [(expected,), (expected,)]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (("v1",), ["acme/web:latest", "acme/web:v1"]),
        (("v1", "v1", "latest"), ["acme/web:latest", "acme/web:v1"]),
        (("other.io/name:v1",), ["acme/web:latest", "other.io/name:v1"]),
        (("other.io/name",), ["acme/web:latest", "other.io/name:latest"]),
    ],
    ids=["a tag", "doubles", "a reference", "a reference without tag"],
)
def test_extra_tags_are_of_the_application_only(tags: tuple[str, ...], expected: list[str]) -> None:
    deps, app = pair_images([pair()], BuildOptions(extra_tags=tags))
    assert (names(deps), names(app)) == (["acme/web:deps"], expected)


@pytest.mark.parametrize("tag", ["", "a b", "-x", "https://x/y", "acme/Web:1"])
def test_a_malformed_extra_tag_is_a_usage_error(tag: str) -> None:
    with pytest.raises(UsageError, match=r"\(--tag\)"):
        pair_images([pair()], BuildOptions(extra_tags=(tag,)))


def test_an_extra_tag_cannot_take_the_place_of_the_dependencies() -> None:
    with pytest.raises(UsageError, match="acme/web:deps"):
        pair_images([pair()], BuildOptions(extra_tags=("deps",)))


def test_one_extra_tag_cannot_be_of_two_applications() -> None:
    options = BuildOptions(extra_tags=("other.io/name:v1",))
    second = make_pair(
        (Target("api", {"context": "api"}), (Reference("acme/api", "latest"),)),
        (Target("api-deps", {"context": "api"}), (Reference("acme/api", "deps"),)),
        derived=True,
    )
    with pytest.raises(UsageError, match="other\\.io/name:v1"):
        pair_images([pair(), second], options)


def test_targets_that_build_the_same_may_share_a_reference() -> None:
    """Say, two services of a compose file that run one image."""
    targets = [Target(name, {"context": "x", "description": name}) for name in ("a", "b")]
    pairs = [make_pair((target, (APP,)), (Target("deps", {}), (DEPS,))) for target in targets]
    images = pair_images(pairs, BuildOptions())
    assert [(image.name, image.also) for image in images] == [("deps", ()), ("a", ("b",))]


@pytest.mark.parametrize(
    ("repositories", "references"),
    [
        (("acme/web", "acme/web"), ["acme/web:deps"]),
        (("acme/a", "acme/b"), ["acme/a:deps", "acme/b:deps"]),
    ],
    ids=["one repository", "two repositories"],
)
def test_dependencies_shared_by_two_applications_are_one_image(
    repositories: tuple[str, str], references: list[str]
) -> None:
    pairs = [
        make_pair(
            (Target(name, {}), (Reference(repository, name),)),
            (Target("deps", {}), (Reference(repository, "deps"),)),
            derived=False,
        )
        for name, repository in zip("ab", repositories, strict=True)
    ]
    deps, *apps = pair_images(pairs, BuildOptions())
    assert (names(deps), [app.deps for app in apps]) == (references, ["deps", "deps"])
    assert deps.repositories == tuple(dict.fromkeys(repositories))
    assert {app.bundle for app in apps} == {deps.references[0]}


@pytest.mark.parametrize(
    ("options", "publishes"),
    [
        (BuildOptions(), True),
        (BuildOptions(force=True, no_cache=True, pull=True), True),
        (BuildOptions(load=True), False),
        (BuildOptions(read_only=True), False),
    ],
    ids=["default", "force", "load", "read-only"],
)
def test_options_say_whether_anything_is_published(options: BuildOptions, publishes: bool) -> None:
    assert options.publishes is publishes


BOTH = (AMD64, ARM64)
WHOLE = (replace(pair_deps(*BOTH), target=Target("app-deps", {})), pair_app(*BOTH))


@pytest.mark.parametrize(
    ("images", "asked", "own", "platforms"),
    [
        (WHOLE, (), None, BOTH),
        (WHOLE, (ARM64,), None, (ARM64,)),
        (WHOLE, ("local",), ARM64, (ARM64,)),
    ],
    ids=["all", "one", "this machine's"],
)
def test_a_portion_is_of_the_whole(
    images: tuple[PairImage, ...],
    asked: tuple[str, ...],
    own: str | None,
    platforms: tuple[str, ...],
) -> None:
    assert portion_of(images, Portion(asked, "t0"), own) == Portion(platforms, "t0")


@pytest.mark.parametrize(
    ("images", "asked", "said"),
    [
        ((pair_deps(), pair_app()), (ARM64,), 'it is not known which platforms "app-deps"'),
        (WHOLE, ("linux/s390x",), "linux/s390x is not among the platforms"),
        (WHOLE, ("local",), "local is not among the platforms"),
        (
            (pair_deps(AMD64), pair_app(*BOTH)),
            (AMD64,),
            '"app-deps" is not for linux/arm64, and "app" is',
        ),
    ],
    ids=["unknown", "strange", "where nothing is known of the builder", "uneven"],
)
def test_a_portion_that_is_of_no_whole_is_refused(
    images: tuple[PairImage, ...], asked: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UsageError) as failed:
        portion_of(images, Portion(asked, "t0"), None)
    assert said in failed.value.what

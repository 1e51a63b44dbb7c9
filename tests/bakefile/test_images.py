from __future__ import annotations

from typing import Any

import pytest

from whalebuild.bakefile.images import BuildOptions, PairImage, pair_images, schedule
from whalebuild.bakefile.pairs import Image, Pair
from whalebuild.bakefile.target import Target
from whalebuild.errors import UsageError
from whalebuild.oci.reference import Reference

APP = Reference("acme/web", "latest")
DEPS = Reference("acme/web", "deps")


def pair(app: dict[str, Any] | None = None, deps: dict[str, Any] | None = None) -> Pair:
    application = Image(Target("app", app or {}), (APP,))
    return Pair(application, Image(Target("app-deps", deps or {}), (DEPS,)), derived=True)


def names(job: PairImage) -> list[str]:
    return [str(reference) for reference in job.references]


def test_a_pair_is_two_jobs_that_know_each_other() -> None:
    deps, app = pair_images([pair()], BuildOptions())
    assert [(job.name, job.role, names(job)) for job in (deps, app)] == [
        ("app-deps", "deps", ["acme/web:deps"]),
        ("app", "app", ["acme/web:latest"]),
    ]
    assert {(job.deps, job.bundle) for job in (deps, app)} == {("app-deps", DEPS)}


def test_dependencies_can_be_asked_for_alone() -> None:
    alone = Pair(None, Image(Target("deps", {}), (DEPS,)), derived=False)
    assert [job.name for job in pair_images([alone], BuildOptions())] == ["deps"]


@pytest.mark.parametrize(
    ("option", "expected"),
    [((), "linux/arm64"), (("linux/amd64",), "linux/amd64")],
    ids=["bake file", "settings"],
)
def test_platforms_of_the_settings_replace_those_of_the_bake_file(
    option: tuple[str, ...], expected: str
) -> None:
    both = pair({"platforms": ["linux/arm64"]}, {"platforms": ["linux/arm64"]})
    jobs = pair_images([both], BuildOptions(platforms=option))
    assert [job.platforms for job in jobs] == [(expected,), (expected,)]


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
    second = Pair(
        Image(Target("api", {"context": "api"}), (Reference("acme/api", "latest"),)),
        Image(Target("api-deps", {"context": "api"}), (Reference("acme/api", "deps"),)),
        derived=True,
    )
    with pytest.raises(UsageError, match="other\\.io/name:v1"):
        pair_images([pair(), second], options)


def test_targets_that_build_the_same_may_share_a_reference() -> None:
    """Say, one target for each of two groups that differ only in their labels."""
    targets = [Target(name, {"context": "x", "labels": {"n": name}}) for name in ("a", "b")]
    pairs = [
        Pair(Image(target, (APP,)), Image(Target("deps", {}), (DEPS,)), derived=False)
        for target in targets
    ]
    assert [job.name for job in pair_images(pairs, BuildOptions())] == ["deps", "a", "b"]


@pytest.mark.parametrize(
    ("repositories", "references"),
    [
        (("acme/web", "acme/web"), ["acme/web:deps"]),
        (("acme/a", "acme/b"), ["acme/a:deps", "acme/b:deps"]),
    ],
    ids=["one repository", "two repositories"],
)
def test_dependencies_shared_by_two_applications_are_one_job(
    repositories: tuple[str, str], references: list[str]
) -> None:
    pairs = [
        Pair(
            Image(Target(name, {}), (Reference(repository, name),)),
            Image(Target("deps", {}), (Reference(repository, "deps"),)),
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


def job(
    name: str, repository: str, role: str = "app", *others: str, bundle: str | None = None
) -> PairImage:
    references = tuple(Reference(each, name) for each in (repository, *others))
    home = Reference(bundle or repository, "deps")
    return PairImage(Target(name, {}), role, references, (), home, "deps")


@pytest.mark.parametrize(
    ("jobs", "waves"),
    [
        ([], []),
        ([job("app", "web"), job("deps", "web", "deps")], [["deps"], ["app"]]),
        ([job("a", "x"), job("b", "y")], [["a", "b"]]),
        ([job("a", "x"), job("b", "x"), job("c", "y")], [["a", "c"], ["b"]]),
        ([job("a", "x", "app", "z"), job("b", "y", "app", "z")], [["a"], ["b"]]),
        ([job("a", "x"), job("b", "y", bundle="x")], [["a"], ["b"]]),
        (
            [job("a", "x"), job("a-deps", "x", "deps"), job("b", "y"), job("b-deps", "y", "deps")],
            [["a-deps", "b-deps"], ["a", "b"]],
        ),
    ],
    ids=[
        "nothing",
        "a pair",
        "two repositories",
        "one repository",
        "a mirror",
        "a shared bundle",
        "a monorepo",
    ],
)
def test_dependencies_go_first_and_a_repository_gets_one_push_at_a_time(
    jobs: list[PairImage], waves: list[list[str]]
) -> None:
    assert [[each.name for each in wave] for wave in schedule(jobs)] == waves

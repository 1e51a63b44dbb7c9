from __future__ import annotations

from typing import Any

import pytest

from whalebuild.core.bakefile import Target
from whalebuild.core.definition import BuildOptions, Definition, generate, make_jobs
from whalebuild.core.errors import UsageError
from whalebuild.core.pairs import Image, Pair
from whalebuild.core.references import Reference

APP = Reference("acme/web", "latest")
DEPS = Reference("acme/web", "deps")


def pair(app: dict[str, Any] | None = None, deps: dict[str, Any] | None = None) -> Pair:
    application = Image(Target("app", app or {}), (APP,))
    return Pair(application, Image(Target("app-deps", deps or {}), (DEPS,)), derived=True)


def made(one: Pair, published: dict[Reference, bool] | None = None, **options: Any) -> Definition:
    chosen = BuildOptions(**options)
    return generate(make_jobs([one], chosen), chosen, {}, published)


def test_the_dependencies_are_built_first_and_both_are_published() -> None:
    definition = made(pair({"args": {"A": "1"}}, {"target": "dependencies"}))
    assert definition == {
        "group": {"default": {"targets": ["app-deps", "app"]}},
        "target": {
            "app-deps": {
                "target": "dependencies",
                "tags": ["acme/web:deps"],
                "cache-from": [{"type": "registry", "ref": "acme/web:deps"}],
                "cache-to": [{"type": "inline"}],
                "output": [{"type": "image", "push": "true", "store": "false", "unpack": "false"}],
            },
            "app": {
                "args": {"A": "1"},
                "tags": ["acme/web:latest"],
                "cache-from": [
                    {"type": "registry", "ref": "acme/web:deps"},
                    {"type": "registry", "ref": "acme/web:latest"},
                ],
                "cache-to": [{"type": "inline"}],
                "output": [{"type": "image", "push": "true", "store": "false", "unpack": "false"}],
            },
        },
    }


@pytest.mark.parametrize(
    ("published", "sources"),
    [
        (None, ["acme/web:deps", "acme/web:latest"]),
        ({APP: True, DEPS: True}, ["acme/web:deps", "acme/web:latest"]),
        ({APP: False, DEPS: True}, ["acme/web:deps"]),
        ({APP: False, DEPS: False}, []),
    ],
    ids=["not asked", "both", "dependencies only", "first publish"],
)
def test_cache_comes_from_what_is_published(
    published: dict[Reference, bool] | None, sources: list[str]
) -> None:
    app = made(pair(), published)["target"]["app"]
    assert [source["ref"] for source in app.get("cache-from", [])] == sources


def test_the_users_own_cache_settings_are_kept() -> None:
    theirs = {"type": "gha", "scope": "x"}
    ours = {"type": "registry", "ref": "acme/web:deps"}
    app = made(pair({"cache-from": [theirs, ours], "cache-to": [theirs, {"type": "inline"}]}))
    app = app["target"]["app"]
    assert app["cache-from"] == [
        ours,
        {"type": "registry", "ref": "acme/web:latest"},
        theirs,
    ]
    assert app["cache-to"] == [{"type": "inline"}, theirs]


@pytest.mark.parametrize(
    ("output", "expected"),
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
def test_image_options_of_the_bake_file_are_kept_but_the_image_is_pushed(
    output: dict[str, str], expected: dict[str, str]
) -> None:
    ours = {"type": "image", "push": "true", "store": "false", "unpack": "false"}
    assert made(pair({"output": [output]}))["target"]["app"]["output"] == [{**ours, **expected}]


def test_load_builds_the_application_alone_for_this_machine_and_pushes_nothing() -> None:
    definition = made(
        pair({"platforms": ["linux/arm64"], "cache-to": [{"type": "gha"}]}), load=True
    )
    app = definition["target"]["app"]
    assert list(definition["target"]) == ["app"]
    assert app["output"] == [{"type": "docker"}]
    assert app["platforms"] == ["local"]
    assert "cache-to" not in app
    assert app["cache-from"][0]["ref"] == "acme/web:deps"


def test_load_of_dependencies_asked_for_alone_loads_them() -> None:
    alone = Pair(None, Image(Target("deps", {}), (DEPS,)), derived=False)
    assert made(alone, load=True)["target"]["deps"]["output"] == [{"type": "docker"}]


@pytest.mark.parametrize(
    ("option", "expected"),
    [((), ["linux/arm64"]), (("linux/amd64",), ["linux/amd64"])],
    ids=["bake file", "settings"],
)
def test_platforms_of_the_settings_replace_those_of_the_bake_file(
    option: tuple[str, ...], expected: list[str]
) -> None:
    both = made(
        pair({"platforms": ["linux/arm64"]}, {"platforms": ["linux/arm64"]}), platforms=option
    )
    assert [target["platforms"] for target in both["target"].values()] == [expected, expected]


@pytest.mark.parametrize("option", ["no_cache", "pull"])
def test_a_flag_applies_to_every_target_and_its_absence_keeps_the_bake_files(option: str) -> None:
    key = option.replace("_", "-")
    plain = made(pair({key: True}))["target"]
    flagged = made(pair(), **{option: True})["target"]
    assert [plain["app"].get(key), plain["app-deps"].get(key)] == [True, None]
    assert [target[key] for target in flagged.values()] == [True, True]


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
    targets = made(pair(), extra_tags=tags)["target"]
    assert targets["app"]["tags"] == expected
    assert targets["app-deps"]["tags"] == ["acme/web:deps"]


@pytest.mark.parametrize("tag", ["", "a b", "-x", "https://x/y", "acme/Web:1"])
def test_a_malformed_extra_tag_is_a_usage_error(tag: str) -> None:
    with pytest.raises(UsageError, match=r"\(--tag\)"):
        made(pair(), extra_tags=(tag,))


def test_an_extra_tag_cannot_take_the_place_of_the_dependencies() -> None:
    with pytest.raises(UsageError, match="acme/web:deps"):
        made(pair(), extra_tags=("deps",))


def test_one_extra_tag_cannot_be_of_two_applications() -> None:
    options = BuildOptions(extra_tags=("other.io/name:v1",))
    second = Pair(
        Image(Target("api", {"context": "api"}), (Reference("acme/api", "latest"),)),
        Image(Target("api-deps", {"context": "api"}), (Reference("acme/api", "deps"),)),
        derived=True,
    )
    with pytest.raises(UsageError, match="other\\.io/name:v1"):
        make_jobs([pair(), second], options)


def test_dependencies_shared_by_two_applications_are_built_once() -> None:
    shared = Image(Target("deps", {}), (DEPS,))
    pairs = [
        Pair(Image(Target(name, {}), (Reference("acme/web", name),)), shared, derived=False)
        for name in ("a", "b")
    ]
    assert [job.name for job in make_jobs(pairs, BuildOptions())] == ["deps", "a", "b"]

from __future__ import annotations

from typing import Any

import pytest

from whalebuild.bakefile.images import BuildOptions, Pair, make_pair, pair_images
from whalebuild.bakefile.pairs import find_pairs, needs_dockerfile, scoped
from whalebuild.bakefile.target import BakeFile, Target
from whalebuild.dockerfile.parser import parse_dockerfile
from whalebuild.errors import UsageError
from whalebuild.oci.reference import Reference
from whalebuild.settings import Settings

DOCKERFILE = "FROM debian AS dependencies\nRUN pip install -r r.txt\nFROM dependencies\n"
BUILDER = (
    "FROM debian AS base\nRUN true\nFROM base AS builder\nRUN pip install -r r.txt\nFROM base\n"
)
WEB = {"tags": ["acme/web:latest"]}


def find(
    targets: dict[str, dict[str, Any]],
    *requested: str,
    text: str | None = DOCKERFILE,
    **settings: Any,
) -> tuple[Pair, ...]:
    """The pairs of a bake file (all targets are requested if none is named)."""
    all_targets = {name: Target(name, attributes) for name, attributes in targets.items()}
    wanted = requested or tuple(targets)
    bake = BakeFile({name: all_targets[name] for name in wanted}, wanted)
    chosen = Settings(**settings)
    needed = needs_dockerfile(bake, all_targets, chosen.deps_stage)
    dockerfiles = {t.name: parse_dockerfile(text) for t in needed} if text is not None else {}
    return find_pairs(bake, all_targets, dockerfiles, chosen)


def shown(
    pairs: tuple[Pair, ...],
) -> list[tuple[str | None, list[str], str, str | None, list[str]]]:
    """Application, its tags; dependencies target, its stage, its tags."""
    return [
        (
            pair.application and pair.application.target.name,
            [str(r) for r in pair.application.references] if pair.application else [],
            pair.dependencies.target.name,
            pair.dependencies.target.stage,
            [str(r) for r in pair.dependencies.references],
        )
        for pair in pairs
    ]


@pytest.mark.parametrize(
    ("deps", "requested", "deps_tags"),
    [
        ({"packages": {"target": "dependencies"}}, ("app",), ["acme/web:deps"]),
        ({"packages": {"target": "Dependencies"}}, ("app", "packages"), ["acme/web:deps"]),
        ({"packages": {"target": "x", "tags": ["acme/web:deps"]}}, (), ["acme/web:deps"]),
        ({"deps": {"target": "x"}}, ("app",), ["acme/web:deps"]),
        ({"app-dependencies": {"target": "x"}}, ("app",), ["acme/web:deps"]),
        ({"deps": {"target": "x", "tags": ["o.io/d:v1"]}}, ("app",), ["o.io/d:v1"]),
    ],
    ids=["stage", "stage in another case", "deps tag", "name", "name's end", "its own tags"],
)
def test_a_dependencies_target_of_the_bake_file_is_used(
    deps: dict[str, dict[str, Any]], requested: tuple[str, ...], deps_tags: list[str]
) -> None:
    (name,) = deps
    (pair,) = find({"app": WEB, **deps}, *requested)
    assert shown((pair,)) == [("app", ["acme/web:latest"], name, deps[name]["target"], deps_tags)]
    assert not pair.derived


def test_a_linked_dependencies_target_may_be_of_another_dockerfile() -> None:
    targets = {
        "app": {**WEB, "contexts": {"dependencies": "target:base-deps"}},
        "base-deps": {"context": "base"},
        "deps": {},
    }
    assert shown(find(targets, "app"))[0][2] == "base-deps"


def test_without_one_it_is_derived_from_the_stage_of_the_same_build() -> None:
    app = {
        **WEB,
        "args": {"A": "1"},
        "target": "final",
        "labels": {"l": "app"},
        "platforms": ["linux/arm64"],
    }
    (pair,) = find({"app": app})
    assert pair.derived
    assert pair.dependencies.target == Target(
        "app-deps", {"args": {"A": "1"}, "target": "dependencies", "platforms": ["linux/arm64"]}
    )


def test_the_stage_of_the_settings_is_the_one_derived() -> None:
    (pair,) = find({"app": WEB}, text=BUILDER, deps_stage="builder")
    assert pair.dependencies.target.stage == "builder"


def test_a_dockerfile_out_of_reach_is_trusted_to_have_the_stage() -> None:
    (pair,) = find({"app": {**WEB, "context": "https://github.com/a/b.git"}}, text=None)
    assert pair.dependencies.target.stage == "dependencies"


def test_a_matrix_pairs_each_application_with_dependencies_of_the_same_arguments() -> None:
    targets: dict[str, dict[str, Any]] = {}
    for py in ("311", "312"):
        targets[f"app-{py}"] = {"args": {"PY": py, "DEBUG": "0"}, "tags": [f"acme/web:py{py}"]}
        targets[f"deps-{py}"] = {"args": {"PY": py}, "target": "dependencies"}
    assert shown(find(targets)) == [
        ("app-311", ["acme/web:py311"], "deps-311", "dependencies", ["acme/web:py311-deps"]),
        ("app-312", ["acme/web:py312"], "deps-312", "dependencies", ["acme/web:py312-deps"]),
    ]


def test_dependencies_asked_for_alone_have_the_tag_that_their_application_gives_them() -> None:
    targets: dict[str, dict[str, Any]] = {}
    for py in ("311", "312"):
        targets[f"app-{py}"] = {"args": {"PY": py}, "tags": [f"acme/web:py{py}"]}
        targets[f"deps-{py}"] = {"args": {"PY": py}, "target": "dependencies"}
    beside = {row[2]: row[4] for row in shown(find(targets))}
    alone = {row[2]: row[4] for row in shown(find(targets, "deps-311", "deps-312"))}
    assert alone == beside


def test_applications_that_share_a_repository_have_dependencies_tags_of_their_own() -> None:
    targets = {
        "app": {"args": {"E": "a"}, "tags": ["acme/web:latest"]},
        "slim": {"args": {"E": "b"}, "tags": ["acme/web:slim"]},
    }
    tags = {row[0]: row[4] for row in shown(find(targets))}
    assert tags == {"app": ["acme/web:deps"], "slim": ["acme/web:slim-deps"]}
    assert shown(find(targets, "slim"))[0][4] == ["acme/web:slim-deps"]


def test_applications_of_one_build_share_one_dependencies_tag() -> None:
    targets = {"app": WEB, "dev": {"target": "dev", "tags": ["acme/web:dev"]}}
    assert [row[4] for row in shown(find(targets))] == [["acme/web:deps"], ["acme/web:deps"]]


def test_a_monorepo_has_a_pair_for_each_service() -> None:
    targets = {
        "api": {"context": "api", "tags": ["acme/api:1", "acme/api:latest"]},
        "worker": {"context": "worker", "tags": ["acme/worker"]},
        "worker-deps": {"context": "worker", "target": "dependencies"},
    }
    assert shown(find(targets)) == [
        ("api", ["acme/api:1", "acme/api:latest"], "api-deps", "dependencies", ["acme/api:deps"]),
        (
            "worker",
            ["acme/worker:latest"],
            "worker-deps",
            "dependencies",
            ["acme/worker:deps"],
        ),
    ]


def test_every_tag_of_every_pair_is_published_by_an_image() -> None:
    targets = {
        "web": {"tags": ["acme/web:latest"]},
        "worker": {"tags": ["acme/worker:latest"], "target": "worker"},
        "deps": {"target": "dependencies"},
    }
    pairs = find(targets)
    promised = {
        r for p in pairs for i in (p.dependencies, p.application) if i for r in i.references
    }
    published = {r for image in pair_images(pairs, BuildOptions()) for r in image.references}
    assert published == promised


@pytest.mark.parametrize(
    ("targets", "image", "tags"),
    [
        ({"app": WEB, "deps": {"target": "dependencies"}}, None, ["acme/web:deps"]),
        ({"app": WEB, "deps": {"tags": ["acme/d:deps"]}}, None, ["acme/d:deps"]),
        ({"deps": {"target": "dependencies"}}, "acme/web", ["acme/web:deps"]),
    ],
    ids=["its application's repository", "its own tags", "the image of the settings"],
)
def test_dependencies_may_be_asked_for_alone(
    targets: dict[str, dict[str, Any]], image: str | None, tags: list[str]
) -> None:
    assert shown(find(targets, "deps", image=image)) == [
        (None, [], "deps", targets["deps"].get("target"), tags)
    ]


def test_an_image_without_tags_is_the_latest_of_the_settings_name() -> None:
    (row,) = shown(find({"app": {}}, image="ghcr.io/acme/web"))
    assert row[1] == ["ghcr.io/acme/web:latest"]
    assert row[4] == ["ghcr.io/acme/web:deps"]


def test_tags_of_a_target_that_was_not_asked_for_do_not_matter() -> None:
    # buildx prints ``tags = ["acme/web:${VERSION}"]`` so where VERSION is not set.
    (row,) = shown(find({"app": WEB, "release": {"tags": ["acme/web:"]}}, "app"))
    assert row[4] == ["acme/web:deps"]


def test_nothing_requested_is_no_pair_whatever_the_image() -> None:
    assert find_pairs(BakeFile({}, ()), {}, {}, Settings(image="acme/web")) == ()


def failure(targets: dict[str, dict[str, Any]], **options: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        find(targets, **options)
    return caught.value


def test_no_image_name_says_where_to_write_one() -> None:
    error = failure({"app": {}})
    assert error.what == 'target "app" has no image name'
    assert "--image" in str(error.next_step)


def test_an_image_name_that_nothing_is_published_under_is_refused() -> None:
    error = failure({"app": WEB}, image="acme/other", origins={"image": "--image"})
    assert error.what == 'image "acme/other" (--image) would not be published'
    assert "acme/web:latest" in str(error.cause)


def test_a_digest_is_no_tag() -> None:
    error = failure({"app": {"tags": ["acme/web:v1@sha256:" + "0" * 64]}})
    assert "names a digest" in error.what
    assert error.next_step == "write acme/web:v1"


def test_two_builds_cannot_be_published_under_one_tag() -> None:
    pairs = find({"a": {"context": "a", **WEB}, "b": {"context": "b", **WEB}})
    with pytest.raises(UsageError, match="would be published twice, with different") as caught:
        pair_images(pairs, BuildOptions())
    assert "acme/web:" in caught.value.what


def test_a_missing_stage_names_the_likely_one_with_its_line_and_the_setting() -> None:
    error = failure({"app": WEB}, text=BUILDER)
    assert error.what == (
        'no stage "dependencies" in Dockerfile of target "app" (stages: base, builder)'
    )
    assert error.cause == 'stage "builder" most likely is it: it installs on line 4'
    assert 'deps-stage = "builder"' in str(error.next_step)


def test_a_missing_stage_may_be_the_one_that_takes_what_another_installs() -> None:
    text = (
        "FROM --platform=$BUILDPLATFORM a AS installer\nRUN pip install -r r.txt\n"
        "FROM a AS packages\nCOPY --from=installer /out/ /\nFROM packages\n"
    )
    error = failure({"app": WEB}, text=text)
    assert error.cause == 'stage "packages" most likely is it: it takes what another stage installs'
    assert 'deps-stage = "packages"' in str(error.next_step)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("FROM a AS dependancies\n", 'did you mean "dependencies"?'),
        ("FROM a\n", "no stage installs packages under a name of its own"),
    ],
    ids=["typing error", "no names"],
)
def test_a_missing_stage_without_an_install_step(text: str, cause: str) -> None:
    error = failure({"app": WEB}, text=text)
    assert error.cause == cause.replace('"dependencies"', '"dependancies"')
    assert "AS dependencies" in str(error.next_step)


def test_every_tag_is_the_scopes_and_the_default_bundle_is_the_seed() -> None:
    tags = ("latest", "v1")
    application = (Target("app", {}), tuple(Reference("acme/web", tag) for tag in tags))
    dependencies = (Target("deps", {}), (Reference("acme/web", "deps"),))
    (made,) = scoped([make_pair(application, dependencies, derived=True)], "x")
    assert made.application is not None
    assert [str(ref) for ref in made.application.references] == ["acme/web:x", "acme/web:x-v1"]
    assert [str(ref) for ref in made.dependencies.references] == ["acme/web:x-deps"]
    assert str(made.dependencies.seed) == "acme/web:deps"


def test_dependencies_alone_have_a_scope_too() -> None:
    dependencies = (Target("deps", {}), (Reference("acme/web", "deps"),))
    (made,) = scoped([make_pair(None, dependencies, derived=False)], "x")
    assert (made.application, str(made.dependencies.references[0])) == (None, "acme/web:x-deps")

from __future__ import annotations

from typing import Any

import pytest

from whalebuild.bakefile.images import BuildOptions, Pair, make_pair, pair_images
from whalebuild.bakefile.pairs import SortedTargets, needs_dockerfile, scoped, sort_targets
from whalebuild.bakefile.target import BakeFile, Target
from whalebuild.dockerfile.parser import parse_dockerfile
from whalebuild.errors import UsageError
from whalebuild.oci.reference import Reference
from whalebuild.settings import Settings

DOCKERFILE = "FROM debian AS dependencies\nRUN pip install -r r.txt\nFROM dependencies\n"
BUILDER = (
    "FROM debian AS base\nRUN true\nFROM base AS builder\nRUN pip install -r r.txt\n"
    "FROM base\nCOPY --from=builder /venv /venv\n"
)
WEB = {"tags": ["acme/web:latest"]}


def put(
    targets: dict[str, dict[str, Any]],
    *requested: str,
    text: str | None = DOCKERFILE,
    texts: dict[str, str] | None = None,
    **settings: Any,
) -> SortedTargets:
    """The sorted targets of a bake file (all targets are requested if none is named)."""
    all_targets = {name: Target(name, attributes) for name, attributes in targets.items()}
    wanted = requested or tuple(targets)
    chosen = Settings(**settings)
    bake = BakeFile({name: all_targets[name] for name in wanted}, wanted, chosen=bool(requested))
    needed = needs_dockerfile(bake, all_targets, chosen)
    given = texts or dict.fromkeys(all_targets, text)
    dockerfiles = {
        t.name: parse_dockerfile(found) for t in needed if (found := given.get(t.name)) is not None
    }
    strict = chosen.origin("deps-stage") != "default"
    return sort_targets(bake, all_targets, dockerfiles, chosen, strict=strict)


def find(targets: dict[str, dict[str, Any]], *requested: str, **options: Any) -> tuple[Pair, ...]:
    """The pairs of a bake file."""
    return put(targets, *requested, **options).pairs


def others(targets: dict[str, dict[str, Any]], *requested: str, **options: Any) -> dict[str, str]:
    """Why the others are no pair, by name."""
    return {other.name: other.why for other in put(targets, *requested, **options).others}


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
        (
            {"packages": {"target": "dependencies", "tags": ["o.io/d:v1"]}},
            ("app",),
            ["o.io/d:v1"],
        ),
    ],
    ids=["stage", "stage in another case", "deps tag", "its own tags"],
)
def test_a_dependencies_target_of_the_bake_file_is_used(
    deps: dict[str, dict[str, Any]], requested: tuple[str, ...], deps_tags: list[str]
) -> None:
    (name,) = deps
    (pair,) = find({"app": WEB, **deps}, *requested)
    assert shown((pair,)) == [("app", ["acme/web:latest"], name, deps[name]["target"], deps_tags)]
    assert not pair.dependencies.derived
    assert pair.dependencies.guess is None


@pytest.mark.parametrize("name", ["deps", "app-dependencies", "web_deps"])
@pytest.mark.parametrize("requested", [("app",), ()])
def test_a_name_counts_where_no_stage_is_called_dependencies(
    name: str, requested: tuple[str, ...]
) -> None:
    (pair,) = find({"app": WEB, name: {"target": "builder"}}, *requested, text=BUILDER)
    assert shown((pair,)) == [("app", ["acme/web:latest"], name, "builder", ["acme/web:deps"])]
    assert pair.dependencies.guess == 'by its name: no stage "dependencies" is there'


def test_a_guess_moves_no_tags_of_what_was_not_asked_for() -> None:
    targets = {"app": WEB, "web-deps": {"target": "builder", "tags": ["acme/base:2"]}}
    assert find(targets, "app", text=BUILDER) == ()
    (pair,) = find(targets, text=BUILDER)
    assert [str(reference) for reference in pair.dependencies.references] == ["acme/base:2"]
    linked = {**WEB, "contexts": {"base": "target:web-deps"}}
    (pair,) = find({**targets, "app": linked}, "app", text=BUILDER)
    assert [str(reference) for reference in pair.dependencies.references] == ["acme/base:2"]


@pytest.mark.parametrize("requested", [("app-deps", "deps"), ("deps", "app-deps")])
def test_two_that_are_dependencies_by_name_are_not_each_others(requested: tuple[str, ...]) -> None:
    linking = {"tags": ["acme/app-deps"], "contexts": {"base": "target:deps"}}
    targets = {"app-deps": linking, "deps": {"tags": ["acme/deps"]}}
    found = put(targets, *requested, text=BUILDER)
    assert found.pairs == ()
    assert {other.name for other in found.others} == {"app-deps", "deps"}


def test_a_name_does_not_outrank_the_stage() -> None:
    targets = {"app": WEB, "test-deps": {"target": "test", "tags": ["acme/test:latest"]}}
    assert shown(find(targets)) == [
        ("app", ["acme/web:latest"], "app-deps", "dependencies", ["acme/web:deps"]),
        (
            *("test-deps", ["acme/test:latest"], "test-deps-deps", "dependencies"),
            ["acme/test:deps"],
        ),
    ]


def test_a_target_that_is_called_as_the_derived_one_is_its_own() -> None:
    mock = {"dockerfile": "mock.Dockerfile", "tags": ["acme/mock:latest"]}
    targets = {"app": WEB, "app-deps": mock}
    texts = {"app": DOCKERFILE, "app-deps": "FROM debian\n"}
    found = put(targets, texts=texts)
    assert [row[2] for row in shown(found.pairs)] == ["app-deps-derived"]
    (other,) = found.others
    assert (other.name, [str(r) for r in other.references]) == ("app-deps", ["acme/mock:latest"])


def test_a_named_context_in_the_place_of_the_stage_is_written_evidence() -> None:
    targets = {
        "packages": {"context": "base"},
        "app": {**WEB, "contexts": {"Dependencies": "target:packages"}},
    }
    (pair,) = find(targets)
    assert (pair.dependencies.name, pair.dependencies.derived) == ("packages", False)


def test_of_several_dependencies_the_one_beside_the_application_counts() -> None:
    targets = {
        "deps": {"target": "dependencies", "tags": ["acme/web:deps"]},
        "test-deps": {
            "target": "dependencies",
            "args": {"EXTRA": "test"},
            "tags": ["acme/web:test-deps"],
        },
        "app": WEB,
    }
    assert shown(find(targets)) == [
        ("app", ["acme/web:latest"], "deps", "dependencies", ["acme/web:deps"]),
        (None, [], "test-deps", "dependencies", ["acme/web:test-deps"]),
    ]


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"call": "check"}, 'call = "check"'),
        ({"call": "outline,format=json"}, 'call = "outline"'),
        ({"output": [{"type": "local", "dest": "out"}]}, "its output is local"),
        ({"output": ["type=tar,dest=out.tar"]}, "its output is tar"),
        ({"output": ["out"]}, "its output is local"),
        ({"output": [{"type": "docker"}, {"type": "oci"}]}, "its output is docker, oci"),
        ({"output": [{"type": "image", "push": "false"}]}, "its output has push=false"),
        ({"output": [{"type": "image", "name": "x/y"}]}, "its output has name"),
        ({"tags": []}, "it has no tag"),
    ],
    ids=str,
)
def test_what_is_no_publication_is_left_to_buildx(attributes: dict[str, Any], why: str) -> None:
    targets = {"app": WEB, "other": {**WEB, "target": "test", **attributes}}
    found = put(targets)
    assert [row[0] for row in shown(found.pairs)] == ["app"]
    (other,) = found.others
    assert (other.name, other.why, other.references) == ("other", why, ())


@pytest.mark.parametrize(
    "output",
    [
        [{"type": "registry"}],
        [{"type": "image"}],
        [{"type": "image", "push": "true", "compression": "zstd"}],
        [{"type": "cacheonly"}, {"type": "registry"}],
        ["type=registry"],
        [{"type": "image", "call": "x"}],
    ],
    ids=str,
)
def test_an_image_is_a_publication(output: list[Any]) -> None:
    found = put({"app": {**WEB, "output": output, "call": "build"}})
    assert (len(found.pairs), found.others) == (1, ())


def test_further_outputs_of_a_pair_are_left_to_buildx() -> None:
    local = {"type": "local", "dest": "out"}
    found = put({"app": {**WEB, "output": [{"type": "registry"}, local]}})
    assert len(found.pairs) == 1
    (other,) = found.others
    assert (other.name, other.why, other.references) == ("app", "its further outputs", ())
    assert other.target.outputs == (local,)


@pytest.mark.parametrize("requested", [["app", "deps"], ["deps"]])
def test_further_outputs_of_dependencies_are_left_to_buildx(requested: list[str]) -> None:
    local = {"type": "local", "dest": "out"}
    deps = {**WEB, "target": "dependencies", "tags": ["acme/web:deps"]}
    targets = {"app": WEB, "deps": {**deps, "output": [{"type": "registry"}, local]}}
    found = put(targets, *requested)
    assert len(found.pairs) == 1
    (other,) = found.others
    assert (other.name, other.why, other.references) == ("deps", "its further outputs", ())
    assert other.target.outputs == (local,)


@pytest.mark.parametrize("asked", [{"output": [{"type": "local", "dest": "x"}]}, {"call": "check"}])
def test_what_is_asked_of_dependencies_is_done_beside_their_publication(
    asked: dict[str, Any],
) -> None:
    deps = {**WEB, "target": "dependencies", "tags": ["acme/test:1"], **asked}
    found = put({"app": WEB, "deps": deps}, "app", "deps")
    # Its own tags are for what it says; those that it has as dependencies are for the pair.
    assert [shown(found.pairs)[0][i] for i in (2, 4)] == ["deps", ["acme/web:deps"]]
    assert [(other.name, other.references) for other in found.others] == [("deps", ())]
    assert put({"app": WEB, "deps": deps}, "app").others == ()


def test_an_image_without_dependencies_stage_is_pushed_as_it_is() -> None:
    targets = {"app": WEB, "proxy": {"context": "proxy", "tags": ["acme/proxy:1"]}}
    found = put(targets, texts={"app": DOCKERFILE, "proxy": "FROM nginx\n"})
    assert [row[0] for row in shown(found.pairs)] == ["app"]
    (other,) = found.others
    assert other.why == 'its Dockerfile has no stage "dependencies"'
    assert [str(reference) for reference in other.references] == ["acme/proxy:1"]
    assert other.hint is None


def test_a_likely_stage_is_a_hint_where_nobody_has_named_one() -> None:
    (other,) = put({"app": WEB}, text=BUILDER).others
    assert other.hint is not None
    assert other.hint.startswith('stage "builder" most likely is it')


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
    assert pair.dependencies.derived
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
    nothing = sort_targets(BakeFile({}, ()), {}, {}, Settings(image="acme/web"))
    assert nothing == SortedTargets()


def failure(targets: dict[str, dict[str, Any]], **options: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        find(targets, **options)
    return caught.value


def test_an_untagged_target_is_built_and_pushed_nowhere() -> None:
    assert others({"app": {}}) == {"app": "it has no tag"}


@pytest.mark.parametrize(
    ("targets", "requested", "origin", "named"),
    [
        ({"app": {}, "docs": {"target": "docs"}}, (), "whalebuild.toml", "app"),
        ({"app": {}, "docs": {"target": "docs"}}, ("docs",), "whalebuild.toml", None),
        ({"web": {}, "lint": {"call": "check"}}, (), "whalebuild.toml", "web"),
        ({"web": {}, "_common": {}}, ("web",), "whalebuild.toml", "web"),
        ({"web": {}, "docs": {"target": "docs"}}, ("docs",), "--image", "docs"),
    ],
    ids=["usual name", "the other one", "the one application", "a template", "said"],
)
def test_the_image_is_the_name_of_one_target(
    targets: dict[str, dict[str, Any]], requested: tuple[str, ...], origin: str, named: str | None
) -> None:
    pairs = find(targets, *requested, image="acme/web", origins={"image": origin})
    tagged = [row[0] for row in shown(pairs)]
    assert tagged == ([named] if named else [])


def test_an_image_that_may_be_that_of_several_targets_is_refused() -> None:
    error = failure({"web": {}, "worker": {"target": "w"}}, image="acme/web")
    assert error.what == 'it is not clear which target is image "acme/web" (default)'
    assert error.cause == "several have no tags: web, worker"


def test_an_image_name_that_nothing_is_published_under_is_refused() -> None:
    error = failure({"app": WEB}, image="acme/other", origins={"image": "--image"})
    assert error.what == 'image "acme/other" (--image) would not be published'
    assert "acme/web:latest" in str(error.cause)


def test_a_digest_is_no_tag() -> None:
    error = failure({"app": {"tags": ["acme/web:v1@sha256:" + "0" * 64]}})
    assert "names a digest" in error.what
    assert error.next_step == "write acme/web:v1"


@pytest.mark.parametrize(
    ("one", "other", "differing"),
    [
        ({"context": "a"}, {"context": "b"}, "context"),
        ({"labels": {"a": "1"}}, {"labels": {"a": "2"}}, "labels"),
        ({"annotations": ["a=1"]}, {}, "annotations"),
        ({"attest": [{"type": "sbom"}]}, {}, "attest"),
        ({"platforms": ["linux/amd64"]}, {"platforms": ["linux/arm64"]}, "platforms"),
        (
            {"output": [{"type": "registry", "compression": "zstd"}]},
            {"output": [{"type": "registry"}]},
            "output",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_two_images_cannot_be_published_under_one_tag(
    one: dict[str, Any], other: dict[str, Any], differing: str
) -> None:
    pairs = find({"a": {**one, **WEB}, "b": {**other, **WEB}})
    with pytest.raises(UsageError, match="would be published twice, with different") as caught:
        pair_images(pairs, BuildOptions())
    assert "acme/web:" in caught.value.what
    assert caught.value.cause == f'targets "a" and "b" both have it, and differ in {differing}'


def test_one_image_under_two_names_is_one_job() -> None:
    targets = {
        "web": {**WEB, "output": [{"type": "registry"}]},
        "worker": {"tags": ["acme/web:latest", "acme/web:v1"], "description": "the same"},
    }
    deps, app = pair_images(find(targets), BuildOptions())
    assert (deps.name, deps.also) == ("web-deps", ("worker-deps",))
    assert (app.name, app.also, app.deps) == ("web", ("worker",), "web-deps")
    assert [str(reference) for reference in app.references] == ["acme/web:latest", "acme/web:v1"]


def test_derived_dependencies_of_two_applications_are_one_job_for_the_platforms_of_both() -> None:
    targets = {
        "web": {**WEB, "target": "web", "platforms": ["linux/amd64", "linux/arm64"]},
        "worker": {"tags": ["acme/web:worker"], "target": "worker", "platforms": ["linux/amd64"]},
    }
    deps, *apps = pair_images(find(targets), BuildOptions())
    assert (deps.name, deps.also, deps.platforms) == (
        "web-deps",
        ("worker-deps",),
        ("linux/amd64", "linux/arm64"),
    )
    assert [(app.name, app.deps) for app in apps] == [("web", "web-deps"), ("worker", "web-deps")]


@pytest.mark.parametrize("tags", [["sha-1", "latest"], ["latest", "sha-1"]])
def test_the_order_of_tags_does_not_matter_for_dependencies(tags: list[str]) -> None:
    targets = {
        "docker-metadata-action": {"tags": [f"acme/web:{tag}" for tag in tags]},
        "app": {"args": {"A": "1"}, "tags": [f"acme/web:{tag}" for tag in tags]},
        "slim": {"args": {"A": "2"}, "tags": ["acme/web:sha-1-slim", "acme/web:slim"]},
        "slim2": {"args": {"A": "3"}, "tags": ["acme/web:slim2", "acme/web:sha-1-slim2"]},
    }
    rows = shown(find(targets, "app", "slim", "slim2"))
    assert [row[4] for row in rows] == [
        ["acme/web:deps"],
        ["acme/web:slim-deps"],
        ["acme/web:slim2-deps"],
    ]


def test_a_template_with_the_same_tag_shares_nothing() -> None:
    targets = {
        "docker-metadata-action": {"tags": ["acme/web:sha-1"], "args": {"V": "1"}},
        "build": {"tags": ["acme/web:sha-1"], "args": {"V": "1"}, "dockerfile": "d/Dockerfile"},
    }
    assert shown(find(targets, "build"))[0][4] == ["acme/web:deps"]


def test_a_missing_stage_names_the_likely_one_with_its_line_and_the_setting() -> None:
    error = failure({"app": WEB}, text=BUILDER, origins={"deps-stage": "whalebuild.toml"})
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
    error = failure({"app": WEB}, text=text, origins={"deps-stage": "whalebuild.toml"})
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
    error = failure({"app": WEB}, text=text, origins={"deps-stage": "whalebuild.toml"})
    assert error.cause == cause.replace('"dependencies"', '"dependancies"')
    assert "AS dependencies" in str(error.next_step)


def test_every_tag_is_the_scopes_and_the_default_bundle_is_the_seed() -> None:
    tags = ("latest", "v1")
    application = (Target("app", {}), tuple(Reference("acme/web", tag) for tag in tags))
    dependencies = (Target("deps", {}), (Reference("acme/web", "deps"),))
    (made,) = scoped(
        SortedTargets((make_pair(application, dependencies, derived=True),)), "x"
    ).pairs
    assert made.application is not None
    assert [str(ref) for ref in made.application.references] == ["acme/web:x", "acme/web:x-v1"]
    assert [str(ref) for ref in made.dependencies.references] == ["acme/web:x-deps"]
    assert str(made.dependencies.seed) == "acme/web:deps"


def test_dependencies_alone_have_a_scope_too() -> None:
    dependencies = (Target("deps", {}), (Reference("acme/web", "deps"),))
    (made,) = scoped(SortedTargets((make_pair(None, dependencies),)), "x").pairs
    assert (made.application, str(made.dependencies.references[0])) == (None, "acme/web:x-deps")

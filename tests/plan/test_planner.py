from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.support.engine import FakeEngine, definition
from tests.support.planner import WEB, plan
from tests.support.registry import BUSY, DENIED, FakeRegistry
from tests.support.source_tree import FakeTree
from whalebuild.bakefile.images import BuildOptions
from whalebuild.bakefile.request import BakeRequest
from whalebuild.builder.facts import BuilderFacts
from whalebuild.errors import EngineError, RefusedError, UnreachableError, UsageError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.plan.plan import Plan

DOWN = CommandFailedError(
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon "
    "running?\n"
)
NO_BUILDX = CommandFailedError(
    "unknown flag: --print\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]\n\n"
    "Run 'docker --help' for more information\n"
)
NOTHING = {"group": {"default": {"targets": None}}, "target": {}}


def tags(made: Plan) -> dict[str, list[str]]:
    return {image.name: [str(reference) for reference in image.references] for image in made.images}


def test_a_bake_file_is_paired_and_the_registry_asked_for_each_reference() -> None:
    registry = FakeRegistry()
    made = plan(FakeEngine(definition({"app": WEB})), registry=registry)
    assert tags(made) == {"app-deps": ["acme/web:deps"], "app": ["acme/web:latest"]}
    assert made.source == "docker-bake.hcl"
    assert made.facts is not None
    assert [deps.image.derived for deps in made.deps] == [True]
    asked = sorted(request for request in registry.requests if "acme/web" in request)
    assert asked == ["GET acme/web:deps", "GET acme/web:latest"]


def test_print_asks_neither_the_engine_nor_the_registry() -> None:
    engine = FakeEngine(definition({"app": WEB}), answer_facts=DOWN)
    registry = FakeRegistry()
    made = plan(engine, registry=registry, ask=False)
    assert (made.facts, engine.looked_at, registry.requests) == (None, [], [])
    assert [deps.published for deps in made.deps] == [(None,)]


def test_the_dependencies_target_is_found_outside_of_what_was_asked_for() -> None:
    file = definition({"app": WEB, "deps": {"target": "dependencies"}}, "app")
    made = plan(FakeEngine(file))
    assert list(tags(made)) == ["deps", "app"]
    assert not any(deps.image.derived for deps in made.deps)


@pytest.mark.parametrize("targets", [{"app": WEB}, {"app": WEB, "deps": {"target": "x"}}])
def test_a_dockerfile_that_cannot_be_read_is_a_usage_error(targets: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="cannot read the Dockerfile"):
        plan(FakeEngine(definition(targets, "app")), FakeTree(text=None))


def test_an_other_target_that_cannot_be_evaluated_does_not_matter() -> None:
    file = definition({"app": WEB, "deps": {"target": "dependencies"}}, "app")
    engine = FakeEngine(file, names=("app", "deps", "broken"))
    assert list(tags(plan(engine))) == ["deps", "app"]


def test_a_buildx_that_cannot_list_targets_still_works() -> None:
    engine = FakeEngine(definition({"app": WEB}), names=CommandFailedError("unknown flag: --list"))
    assert list(tags(plan(engine))) == ["app-deps", "app"]


def test_a_lone_dockerfile_and_a_name_are_enough() -> None:
    made = plan(FakeEngine(), FakeTree(files=()), image="ghcr.io/acme/web")
    assert tags(made) == {
        "app-deps": ["ghcr.io/acme/web:deps"],
        "app": ["ghcr.io/acme/web:latest"],
    }
    assert made.deps[0].image.target.stage == "dependencies"
    assert made.source == "Dockerfile (no bake file)"


def test_a_compose_file_that_builds_nothing_is_no_bake_file() -> None:
    made = plan(FakeEngine(NOTHING), FakeTree(files=("compose.yaml",)), image="acme/web")
    assert made.source == "Dockerfile (no bake file)"


def test_a_compose_file_that_builds_is_a_bake_file() -> None:
    made = plan(FakeEngine(definition({"web": WEB})), FakeTree(files=("compose.yaml",)))
    assert made.source == "compose.yaml"


def test_a_compose_file_is_always_read_with_the_variables_given() -> None:
    engine = FakeEngine(definition({"web": WEB}))
    tree = FakeTree(files=("compose.yaml",))
    tree.bake = "image: acme/web:${TAG}"
    plan(engine, tree, BakeRequest(variables={"TAG": "1"}))
    assert [request.variables for request in engine.requests] == [
        {"TAG": "1"} for _ in engine.requests
    ]


@pytest.mark.parametrize("image", [None, "acme/web"])
def test_a_named_file_that_builds_nothing_is_a_usage_error(image: str | None) -> None:
    with pytest.raises(UsageError):
        plan(FakeEngine(NOTHING), request=BakeRequest(files=("compose.yaml",)), image=image)


def test_without_bake_file_a_name_is_needed() -> None:
    with pytest.raises(UsageError, match="no image name") as caught:
        plan(FakeEngine(), FakeTree(files=()))
    assert "--image" in str(caught.value.next_step)


def test_without_bake_file_and_dockerfile_there_is_nothing_to_build() -> None:
    with pytest.raises(UsageError, match="neither a bake file nor a readable Dockerfile"):
        plan(FakeEngine(), FakeTree(files=(), text=None), image="acme/web")


def test_a_compose_file_that_builds_nothing_is_named() -> None:
    with pytest.raises(UsageError, match="no image name") as caught:
        plan(FakeEngine(NOTHING), FakeTree(files=("compose.yaml",)))
    cause, step = str(caught.value.cause), str(caught.value.next_step)
    assert cause.startswith("no service of compose.yaml is built, and neither settings nor flags")
    assert step.endswith("whalebuild.toml, or give a service a build section")
    with pytest.raises(UsageError) as caught:
        plan(FakeEngine(NOTHING), FakeTree(files=("compose.yaml",), text=None), image="acme/web")
    assert caught.value.what == (
        "compose.yaml: there is nothing to build, and no readable Dockerfile here"
    )
    assert caught.value.next_step == "give a service a build section, or write a Dockerfile"


@pytest.mark.parametrize("text", [None, "FROM x"])
def test_a_bake_file_above_is_a_place_to_run_in(text: str | None) -> None:
    tree = FakeTree(files=(), text=text)
    tree.above = "../../compose.yaml"
    with pytest.raises(UsageError) as caught:
        plan(FakeEngine(), tree)
    assert str(caught.value.next_step).endswith(", or run it in ../.., which has compose.yaml")


@pytest.mark.parametrize(
    ("target", "cause"), [("apq", 'did you mean "app"?'), ("zzz", None)], ids=["typo", "other"]
)
def test_an_unknown_target_gets_a_guess_and_the_list(target: str, cause: str | None) -> None:
    engine = FakeEngine(definition({"app": WEB, "docs": {}}))
    with pytest.raises(UsageError) as caught:
        plan(engine, request=BakeRequest(targets=(target,)))
    assert caught.value.what == f'unknown target "{target}"'
    assert caught.value.cause == cause
    assert caught.value.next_step == "targets in the bake file: app, docs"


def test_a_bake_file_without_default_says_so() -> None:
    engine = FakeEngine(CommandFailedError("ERROR: failed to find target default"), names=("app",))
    with pytest.raises(UsageError) as caught:
        plan(engine)
    assert caught.value.cause == 'the bake file has no group or target "default"'


def test_buildx_words_on_a_malformed_bake_file_are_shown_with_their_place() -> None:
    # Recorded with buildx 0.29.1.
    words = (
        "#1 [internal] load local bake definitions\n#1 reading bad.hcl 15B / 15B done\n"
        '#1 DONE 0.0s\nbad.hcl:1\n--------------------\n   1 | >>> target "app" {\n   2 |     \n'
        "--------------------\nERROR: bad.hcl:1,14-15: Unclosed configuration block; There is no "
        "closing brace for this block before the end of the file.\n"
    )
    with pytest.raises(UsageError, match="cannot read the bake file") as caught:
        plan(FakeEngine(CommandFailedError(words)))
    assert str(caught.value.cause).startswith("bad.hcl:1,14-15: Unclosed configuration block")
    assert str(caught.value.log).splitlines()[2] == '   1 | >>> target "app" {'
    assert "#1" not in str(caught.value.log)


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (DOWN, "the Docker engine is not running"),
        (NO_BUILDX, "the docker client has no buildx"),
        (
            CommandFailedError("docker: unknown command: docker buildx\n"),
            "the docker client has no buildx",
        ),
        (
            CommandFailedError('ERROR: no builder "ci" found\n'),
            "the Docker engine or builder cannot be used",
        ),
    ],
    ids=["engine down", "no buildx, at a flag", "no buildx", "no such builder"],
)
@pytest.mark.parametrize("where", ["reading the bake file", "looking at the builder"])
def test_an_engine_that_cannot_be_used_is_an_engine_error(
    error: CommandFailedError, what: str, where: str
) -> None:
    if where == "looking at the builder":
        engine = FakeEngine(definition({"app": WEB}), answer_facts=error)
    else:
        engine = FakeEngine(error)
    with pytest.raises(EngineError) as caught:
        plan(engine, builder="ci")
    assert caught.value.what == what
    assert caught.value.next_step


OLD_STORE = BuilderFacts("default", "docker", containerd_store=False)


def test_a_docker_driver_without_the_containerd_store_cannot_publish() -> None:
    with pytest.raises(EngineError) as caught:
        plan(FakeEngine(definition({"app": WEB}), answer_facts=OLD_STORE))
    assert "containerd image store is off" in str(caught.value.cause)
    assert "docker-container" in str(caught.value.next_step)


def test_it_can_load_all_the_same() -> None:
    engine = FakeEngine(definition({"app": WEB}), answer_facts=OLD_STORE)
    assert plan(engine, options=BuildOptions(load=True)).facts == OLD_STORE


def test_a_registry_that_stays_away_is_unreachable_after_retries() -> None:
    registry = FakeRegistry(failures={"acme/web:deps": BUSY})
    with pytest.raises(UnreachableError, match="503 Service Unavailable"):
        plan(FakeEngine(definition({"app": WEB})), registry=registry)
    assert registry.requests.count("GET acme/web:deps") == 3


def test_a_registry_that_comes_back_is_asked_again() -> None:
    registry = FakeRegistry(failures={"acme/web:deps": [BUSY, BUSY, None]})
    plan(FakeEngine(definition({"app": WEB})), registry=registry)
    assert registry.requests.count("GET acme/web:deps") == 3


def test_a_registry_that_refuses_stops_the_plan() -> None:
    registry = FakeRegistry(failures={"acme/web:deps": DENIED})
    with pytest.raises(RefusedError):
        plan(FakeEngine(definition({"app": WEB})), registry=registry)


def test_a_repository_that_the_first_push_creates_is_no_refusal() -> None:
    """As Docker Hub answers for a repository that is not there."""
    said = "ERROR: failed to authorize: insufficient_scope: authorization failed"
    registry = FakeRegistry(failures={"acme/web:deps": said, "acme/web:latest": said})
    made = plan(FakeEngine(definition({"app": WEB})), registry=registry)
    assert made.deps[0].published == (None,)


@pytest.mark.parametrize("said", [BUSY, DENIED])
def test_a_base_image_that_cannot_be_looked_up_may_still_be_in_the_builder(said: str) -> None:
    registry = FakeRegistry(failures={"debian:latest": said})
    made = plan(FakeEngine(definition({"app": WEB})), registry=registry)
    assert made.deps[0].contexts == {}


def test_every_reference_is_asked_for_once() -> None:
    file = definition(
        {
            "deps": {"target": "dependencies", "tags": ["acme/web:deps"]},
            "a": {"tags": ["acme/web:a"]},
            "b": {"tags": ["acme/web:b", "acme/web:a-too"]},
        },
        *("a", "b"),
    )
    registry = FakeRegistry(bases=())
    plan(FakeEngine(file), registry=registry)
    assert len(registry.requests) == len(set(registry.requests))


def test_platforms_and_builder_of_the_settings_are_used() -> None:
    engine = FakeEngine(definition({"app": {**WEB, "platforms": ["linux/amd64"]}}))
    made = plan(engine, platform=("linux/arm64",), builder="ci")
    assert {image.platforms for image in made.images} == {("linux/arm64",)}
    assert engine.looked_at == ["ci"]


def test_a_wrong_platform_of_the_bake_file_is_named_with_its_target() -> None:
    with pytest.raises(UsageError, match='platforms of target "app'):
        plan(FakeEngine(definition({"app": {**WEB, "platforms": ["linux/amd46"]}})))


def calls_of_a_plan(services: int) -> int:
    """How many functions are called for it: of as many services, each with an image of its own."""
    names = [f"s{number}" for number in range(services)]
    engine = FakeEngine(definition({name: {"tags": [f"acme/{name}:latest"]} for name in names}))
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(note)
    try:
        made = plan(engine)
    finally:
        sys.setprofile(None)
    assert len(made.apps) == services
    return count


def test_twice_as_many_services_are_twice_as_much_to_do() -> None:
    calls_of_a_plan(2)  # what is done once in a process
    few, many = calls_of_a_plan(25), calls_of_a_plan(50)
    assert many <= 2.1 * few

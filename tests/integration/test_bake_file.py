"""Bake files mean to whalebuild what they mean to buildx."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.sandbox import Sandbox

# Matrix, inheritance, functions, variables from the environment, groups of groups, linked
# contexts, a compose file beside it and a platform list.
BAKE_FILE = """
variable "REPOSITORY" { default = "registry.example/team" }
variable "VERSION" { default = "dev" }
variable "EXTRA" { default = null }

function "image" {
  params = [name, tag]
  result = "${REPOSITORY}/${name}:${tag}"
}

group "default" { targets = ["services", "web"] }
group "services" { targets = ["worker"] }

target "_common" {
  args   = { VERSION = upper(VERSION), EXTRA = EXTRA }
  labels = { "org.opencontainers.image.version" = VERSION }
}

target "worker" {
  name       = "worker-${replace(python, ".", "-")}"
  inherits   = ["_common"]
  matrix     = { python = ["3.12", "3.13"] }
  target     = "final"
  args       = { PYTHON = python }
  tags       = [image("worker", python)]
}

target "web" {
  inherits  = ["_common"]
  platforms = ["linux/amd64", "linux/arm64"]
  contexts  = { shared = "target:shared" }
  tags      = [image("web", "latest"), image("web", VERSION)]
  secret    = ["type=env,id=token,env=TOKEN"]
  no-cache-filter = ["final"]
  shm-size  = "64m"
}

target "shared" { dockerfile-inline = "FROM scratch" }
target "unused" {
  tags = ["registry.example/unused"]
  ssh  = ["no-agent=/nowhere"]
}
"""
OURS = {"tags", "cache-from", "cache-to", "output", "contexts"}
# What a user's environment may have for docker and buildx, and what decides about no image.
DISTURBING = {
    "BUILDKIT_PROGRESS": "tty",
    "BUILDKIT_COLORS": "no=such",
    "BUILDX_BAKE_DISABLE_VARS_ENV_LOOKUP": "0",
    "BUILDX_BAKE_FILE_RELATIVE_PATHS": "1",
    "BUILDX_CPU_PROFILE": "/nonexistent/cpu",
    "BUILDX_EXPERIMENTAL": "1",
    "BUILDX_MEM_PROFILE": "/nonexistent/memory",
    "BUILDX_METADATA_PROVENANCE": "max",
    "BUILDX_METADATA_WARNINGS": "1",
    "BUILDX_NO_DEFAULT_LOAD": "1",
    "DEBUG": "1",
    "DOCKER_BUILDKIT": "0",
    "DOCKER_CLI_HINTS": "true",
    "DOCKER_CONTENT_TRUST": "1",
    "DOCKER_DEFAULT_PLATFORM": "linux/arm64",
    "NO_COLOR": "1",
}


def test_targets_are_those_that_buildx_sees(sandbox: Sandbox, small: Path) -> None:
    (small / "docker-bake.hcl").write_text(BAKE_FILE)
    (small / "compose.yaml").write_text("services:\n  db:\n    image: registry.example/db\n")
    env = {"VERSION": "v7"}
    override = "--set=worker-3-12.args.PYTHON=3.12.1"
    whalebuild = ("whalebuild", "bake", "--print", override, "--var", "EXTRA=more")
    ours = _print(sandbox, small, {**env, **DISTURBING}, *whalebuild)
    theirs = _print(
        *(sandbox, small, {**env, "EXTRA": "more"}),
        *("docker", "buildx", "bake", "--print", override),
    )
    assert {"worker-3-12", "worker-3-13", "web", "shared"} == set(theirs)
    for name in ("worker-3-12", "worker-3-13", "web"):
        kept = {key: value for key, value in ours[name].items() if key not in OURS}
        assert kept == {key: value for key, value in theirs[name].items() if key not in OURS}
        assert ours[name]["tags"] == theirs[name]["tags"]
        linked = {"dependencies": f"target:{name}-deps"}
        assert ours[name]["contexts"] == {**theirs[name].get("contexts", {}), **linked}
    assert ours["web"]["args"] == {"VERSION": "V7", "EXTRA": "more"}
    assert ours["worker-3-12"]["args"]["PYTHON"] == "3.12.1"


@pytest.mark.extended
@pytest.mark.parametrize("lookup", ["0", "1"])
def test_an_environment_for_docker_does_not_disturb_a_bake(
    sandbox: Sandbox, small: Path, repository: str, lookup: str
) -> None:
    (small / "docker-bake.hcl").write_text(
        f'variable "TAG" {{}}\ntarget "default" {{\n'
        f'  tags = ["{sandbox.registry}/{repository}:${{TAG}}"]\n}}\n'
    )
    env = {**DISTURBING, "BUILDX_BAKE_DISABLE_VARS_ENV_LOOKUP": lookup}
    words = ("bake", "--var", "TAG=latest", "--format", "json")
    done = sandbox.whalebuild(*words, cwd=small, env=env, check=True)
    assert [target["action"] for target in json.loads(done.stdout)["targets"]] == ["built", "built"]
    again = sandbox.whalebuild(*words, cwd=small, check=True)
    actions = [target["action"] for target in json.loads(again.stdout)["targets"]]
    assert actions == ["reused", "unchanged"], "it is the same without"


@pytest.mark.extended
def test_the_generated_definition_means_the_same_to_buildx(sandbox: Sandbox, small: Path) -> None:
    (small / "docker-bake.hcl").write_text(BAKE_FILE)
    printed = sandbox.whalebuild("bake", "--print", cwd=small, check=True).stdout
    (small / "generated.json").write_text(printed)
    again = _print(
        *(sandbox, small, {}, "docker", "buildx", "bake", "--print", "--file", "generated.json")
    )
    assert again == json.loads(printed)["target"]


@pytest.mark.extended
def test_a_matrix_gives_each_application_its_own_pair(sandbox: Sandbox, small: Path) -> None:
    (small / "docker-bake.hcl").write_text(BAKE_FILE)
    ours = _print(sandbox, small, {}, "whalebuild", "bake", "--print", "services")
    tags = {name: target["tags"] for name, target in ours.items()}
    assert tags == {
        "worker-3-12-deps": ["registry.example/team/worker:3.12-deps"],
        "worker-3-12": ["registry.example/team/worker:3.12"],
        "worker-3-13-deps": ["registry.example/team/worker:3.13-deps"],
        "worker-3-13": ["registry.example/team/worker:3.13"],
    }
    one = ("worker-3-12", "--set=worker-3-12.args.MORE=1")
    alone = _print(sandbox, small, {}, "whalebuild", "bake", "--print", *one)
    assert alone["worker-3-12-deps"]["tags"] == tags["worker-3-12-deps"], "whatever is asked for"


@pytest.mark.extended
def test_a_monorepo_publishes_a_pair_for_each_service(
    sandbox: Sandbox, small: Path, repository: str
) -> None:
    base = f"{sandbox.registry}/{repository}"
    services = ("api", "mailer")
    for service in services:
        folder = small / service
        folder.mkdir()
        for file in ("Dockerfile", "requirements.txt", "app.py"):
            (folder / file).write_text((small / file).read_text())
    targets = "".join(
        f'target "{service}" {{\n context = "{service}"\n tags = ["{base}/{service}"]\n}}\n'
        for service in services
    )
    (small / "docker-bake.hcl").write_text(
        f'group "default" {{ targets = ["api", "mailer"] }}\n{targets}'
    )
    done = sandbox.whalebuild("bake", "--format", "json", cwd=small, check=True)
    published = [tag for target in json.loads(done.stdout)["targets"] for tag in target["tags"]]
    assert sorted(published) == sorted(
        f"{base}/{service}:{tag}" for service in services for tag in ("deps", "latest")
    )


def _print(
    sandbox: Sandbox, cwd: Path, env: dict[str, str], *command: str
) -> dict[str, dict[str, object]]:
    done = sandbox.run(*command, cwd=cwd, env=env, check=True)
    targets: dict[str, dict[str, object]] = json.loads(done.stdout)["target"]
    return targets

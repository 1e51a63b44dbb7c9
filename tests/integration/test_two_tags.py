"""The main path: two tags, and what a fresh runner reuses of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.pairs import KIB
from tests.integration.sandbox import Sandbox, downloaded


@pytest.mark.extended
def test_code_change_on_a_fresh_engine_reuses_the_dependencies(
    sandbox: Sandbox, example: Path, repository: str
) -> None:
    env = sandbox.example_env(repository)
    cold = sandbox.whalebuild("bake", "--format", "json", cwd=example, env=env, check=True)
    first = {t["role"]: t for t in json.loads(cold.stdout)["targets"]}
    assert first["deps"]["tags"] == [f"{env['IMAGE']}:deps"]
    assert first["app"]["tags"] == [f"{env['IMAGE']}:latest"]

    release = example / "app/__init__.py"
    release.write_text(release.read_text().replace('"1"', '"changed"'))
    with sandbox.fresh_engine("fresh-runner") as runner, sandbox.requests() as requests:
        done = sandbox.whalebuild(
            "bake", "--format", "json", cwd=example, env=env, engine=runner, check=True
        )
    second = {t["role"]: t for t in json.loads(done.stdout)["targets"]}
    assert second["deps"]["steps_run"] == 0
    assert second["app"]["steps_run"] == 1, "COPY of the code is all that runs"
    assert second["app"]["bytes_pulled"] == 0
    print(f"down {downloaded(requests)} in {len(requests)} requests")
    assert downloaded(requests) <= 32 * KIB, "no layer of the dependencies is downloaded"

    with sandbox.fresh_engine("fresh-host") as host:
        answer = sandbox.run(
            *("docker", "run", "--rm", f"{env['IMAGE']}:latest"),
            *("python", "-c", "from app.main import healthz; print(healthz()['release'])"),
            cwd=example,
            engine=host,
            check=True,
        )
        version = sandbox.run(
            *("docker", "run", "--rm", f"{env['IMAGE']}:deps", "python", "--version"),
            cwd=example,
            engine=host,
            check=True,
        )
    assert answer.stdout.strip() == "changed"
    assert version.stdout.startswith("Python 3.")


@pytest.mark.extended
def test_the_published_service_answers_its_health_check(
    sandbox: Sandbox, example: Path, repository: str
) -> None:
    env = {**sandbox.example_env(repository), "PORT": "0"}
    sandbox.whalebuild("bake", cwd=example, env=env, check=True)
    compose = ("docker", "compose", "--project-name", repository.replace("/", "-"))
    try:
        sandbox.run(*compose, "up", "--wait", "--detach", cwd=example, env=env, check=True)
        shown = sandbox.run(
            *compose, "ps", "--format", "json", cwd=example, env=env, check=True
        ).stdout
        assert json.loads(shown)["Health"] == "healthy"
    finally:
        sandbox.run(*compose, "down", cwd=example, env=env)


@pytest.mark.extended
@pytest.mark.parametrize(
    ("case", "arguments"),
    [
        pytest.param("deps target in the bake file", [], id="a-deps-target"),
        pytest.param("application only", ["app"], id="b-application-only"),
        pytest.param("Dockerfile only", [], id="c-no-bake-file"),
    ],
)
def test_zero_configuration(
    sandbox: Sandbox, example: Path, repository: str, case: str, arguments: list[str]
) -> None:
    env = sandbox.example_env(repository)
    bake_file = example / "docker-bake.hcl"
    if case == "application only":
        head, _, tail = bake_file.read_text().partition('target "deps"')
        bake_file.write_text(head + tail[tail.index('target "app"') :])
    if case == "Dockerfile only":
        bake_file.unlink()
        env["WHALEBUILD_IMAGE"] = env["IMAGE"]
        arguments = [
            f"--set=*.args.PYTHON_IMAGE={env['PYTHON_IMAGE']}",
            f"--set=*.secrets=id=ca,src={env['CA_BUNDLE']}",
        ]
    done = sandbox.whalebuild(
        "bake", "--format", "json", *arguments, cwd=example, env=env, check=True
    )
    tags = [tag for target in json.loads(done.stdout)["targets"] for tag in target["tags"]]
    assert tags == [f"{env['IMAGE']}:deps", f"{env['IMAGE']}:latest"]
    for tag in tags:
        sandbox.run("docker", "buildx", "imagetools", "inspect", tag, cwd=example, check=True)

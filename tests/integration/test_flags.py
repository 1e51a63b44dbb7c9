"""Flags of ``whalebuild bake`` and ``whalebuild plan``, on a real engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.sandbox import ROOT, Sandbox


def test_load_builds_into_the_local_engine_and_pushes_nothing(
    sandbox: Sandbox, small: Path, repository: str
) -> None:
    image = f"{sandbox.registry}/{repository}"
    with sandbox.requests() as requests:
        done = sandbox.whalebuild(
            *("bake", "--load", "--image", image, "--platform", "linux/amd64,linux/arm64"),
            cwd=small,
            check=True,
        )
    assert "builds for this machine's platform only" in done.stderr
    assert "nothing pushed" in done.stdout
    assert not [r for r in requests if r.method in {"PUT", "POST", "PATCH"}]
    run = sandbox.run("docker", "run", "--rm", f"{image}:latest", cwd=small, check=True)
    assert run.stdout == "one\n"


@pytest.mark.extended
def test_several_platforms_under_both_tags_and_extra_tags(
    sandbox: Sandbox, small: Path, repository: str
) -> None:
    dockerfile = small / "Dockerfile"
    without_run = [line for line in dockerfile.read_text().splitlines() if "RUN" not in line]
    dockerfile.write_text("\n".join(without_run))
    image = f"{sandbox.registry}/{repository}"
    other = f"{sandbox.registry}/{repository}-mirror:v1"
    done = sandbox.whalebuild(
        *("bake", "--image", image, "--platform", "linux/amd64", "--platform", "linux/arm64"),
        *("--tag", "v1", "--tag", other, "--format", "json"),
        cwd=small,
        check=True,
    )
    targets = {target["role"]: target for target in json.loads(done.stdout)["targets"]}
    assert targets["app"]["platforms"] == ["linux/amd64", "linux/arm64"]
    assert targets["app"]["tags"] == [f"{image}:latest", f"{image}:v1", other]
    for tag in (f"{image}:deps", *targets["app"]["tags"]):
        raw = sandbox.run(
            "docker", "buildx", "imagetools", "inspect", "--raw", tag, cwd=small, check=True
        )
        children = [child["platform"] for child in json.loads(raw.stdout)["manifests"]]
        named = {f"{child['os']}/{child['architecture']}" for child in children}
        assert named >= {"linux/amd64", "linux/arm64"}


def test_metadata_file_and_github_actions(
    sandbox: Sandbox, small: Path, repository: str, tmp_path: Path
) -> None:
    outputs, summary = tmp_path / "outputs", tmp_path / "summary"
    env = {"GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(summary), "CI": "true"}
    done = sandbox.whalebuild(
        *("bake", "--image", f"{sandbox.registry}/{repository}", "--format", "json"),
        *("--metadata-file", "metadata.json"),
        cwd=small,
        env=env,
        check=True,
    )
    result = json.loads(done.stdout)
    assert result["schema"] == "whalebuild.bake/1"
    digests = {target["role"]: target["digest"] for target in result["targets"]}
    metadata = json.loads((small / "metadata.json").read_text())
    assert metadata["app"]["containerimage.digest"] == digests["app"]
    lines = dict(line.split("=", 1) for line in outputs.read_text().splitlines())
    assert lines["digest"] == digests["app"]
    assert lines["deps-digest"] == digests["deps"]
    assert json.loads(lines["result"]) == result
    assert f"{repository}:latest" in summary.read_text()


@pytest.mark.extended
def test_no_cache_runs_every_step(sandbox: Sandbox, small: Path, repository: str) -> None:
    arguments = ("bake", "--image", f"{sandbox.registry}/{repository}", "--format", "json")
    sandbox.whalebuild(*arguments, cwd=small, check=True)
    again = sandbox.whalebuild(*arguments, cwd=small, check=True)
    assert sum(t["steps_run"] for t in json.loads(again.stdout)["targets"]) == 0
    anew = sandbox.whalebuild(*arguments, "--no-cache", cwd=small, check=True)
    assert "| now installing" not in again.stderr
    assert "| now installing" in anew.stderr
    assert sum(t["steps_run"] for t in json.loads(anew.stdout)["targets"]) > 0


def test_plan_runs_nothing_and_names_the_origin_of_settings(
    sandbox: Sandbox, small: Path, repository: str
) -> None:
    image = f"{sandbox.registry}/{repository}"
    (small / "whalebuild.toml").write_text(f'image = "{image}"\nretry-attempts = 3\n')
    env = {"WHALEBUILD_RETRY_ATTEMPTS": "4", "WHALEBUILD_TPYO": "1"}
    with sandbox.requests() as requests:
        done = sandbox.whalebuild("plan", "--format", "json", cwd=small, env=env, check=True)
    assert not [r for r in requests if r.method in {"PUT", "POST", "PATCH"}]
    assert "WHALEBUILD_TPYO is not a setting" in done.stderr
    plan = json.loads(done.stdout)
    assert plan["settings"]["image"] == {"value": image, "origin": "whalebuild.toml"}
    attempts = {"value": 4, "origin": "WHALEBUILD_RETRY_ATTEMPTS"}
    assert plan["settings"]["retry-attempts"] == attempts
    assert [(t["role"], t["tags"]) for t in plan["targets"]] == [
        ("deps", [f"{image}:deps"]),
        ("app", [f"{image}:latest"]),
    ]
    assert plan["targets"][0]["derived"] is True
    text = sandbox.whalebuild("plan", cwd=small, check=True).stdout
    assert "app-deps: rebuild because there is no :deps yet" in text


@pytest.mark.extended
def test_rawjson_is_passed_through(sandbox: Sandbox, small: Path, repository: str) -> None:
    done = sandbox.whalebuild(
        *("bake", "--image", f"{sandbox.registry}/{repository}", "--progress", "rawjson"),
        cwd=small,
        check=True,
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert any(line.get("vertexes") for line in lines)


@pytest.mark.extended
def test_whalebuild_publishes_itself(sandbox: Sandbox, repository: str, tmp_path: Path) -> None:
    env = sandbox.example_env(repository)
    # The docker client of the sandbox stands for the public image of the Dockerfile's ARG.
    client = tmp_path / "client"
    copy = (
        "install -D $(command -v docker) $0/usr/local/bin/docker; "
        "mkdir -p $0/usr/local/libexec/docker/cli-plugins; "
        "cp $DOCKER_CONFIG/cli-plugins/* $0/usr/local/libexec/docker/cli-plugins/"
    )
    sandbox.run("sh", "-c", copy, str(client), cwd=tmp_path, check=True)
    sandbox.whalebuild(
        *("bake", f"--set=*.contexts.docker-cli={client}", f"--allow=fs.read={client}"),
        *("--allow", f"fs.read={env['CA_BUNDLE']}"),
        cwd=ROOT,
        env=env,
        check=True,
    )
    image = f"{env['IMAGE']}:latest"
    version = sandbox.run("docker", "run", "--rm", image, "--version", cwd=ROOT, check=True)
    assert version.stdout.startswith("whalebuild ")
    (tmp_path / "project").mkdir()
    (tmp_path / "project/Dockerfile").write_text(
        "FROM scratch AS dependencies\nFROM dependencies\n"
    )
    socket = sandbox.env()["DOCKER_HOST"].removeprefix("unix://")
    plan = sandbox.run(
        *("docker", "run", "--rm", "--network", "host", "--user", "0"),
        *("--volume", f"{socket}:/var/run/docker.sock", "--volume", f"{tmp_path}/project:/work"),
        *(image, "plan", "--image", env["IMAGE"]),
        cwd=ROOT,
        check=True,
    )
    assert "app-deps: rebuild because" in plan.stdout

"""Hooks over real processes: a shell script stands in for docker."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from whalebuild.docker.cli import DockerCalls
from whalebuild.docker.commands import HookCommands
from whalebuild.docker.compose import ComposeProject
from whalebuild.docker.engine_api import EngineApi

MODEL = json.dumps({"name": "shop", "services": {"web": {"image": "r.test/web"}}})
SCRIPT = f"""
case "$*" in *" config "*) echo '{MODEL}'; exit 0 ;; esac
echo "$DOCKER_HOST $DOCKER_CONTEXT $HOOK"
"""


def test_docker_in_a_hook_asks_the_engine_of_the_deploy(
    docker: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    docker(SCRIPT)
    monkeypatch.setenv("DOCKER_CONTEXT", "elsewhere")
    calls = DockerCalls({"DOCKER_HOST": "ssh://prod", "DOCKER_CONTEXT": None})
    said: list[str] = []
    env, line, watch = {"HOOK": "drain"}, said.append, lambda: None
    with ComposeProject(EngineApi(calls)) as project:
        hooks = HookCommands(project)
        assert hooks.run(["sh", "-c", "docker ps"], env, line, watch) == 0
        assert hooks.run_in("c1", ["true"], env, line, watch) == 0
        assert hooks.run_once("web", None, ["true"], env, line, watch) == 0
    assert said == ["ssh://prod  drain"] * 3

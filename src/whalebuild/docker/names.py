"""Names of what docker's files define, quickly and in silence: for shell completion alone."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from whalebuild.docker.plugins import docker_program, environment_after
from whalebuild.errors import EngineError

# Longer is too long for somebody who has pressed a key.
_SECONDS = 2.0


def bake_targets(files: Sequence[str], folder: Path) -> list[tuple[str, str]]:
    """Targets and groups of the bake file, with their descriptions; none where that fails.

    buildx 0.20 and later list them without a builder:
    https://docs.docker.com/reference/cli/docker/buildx/bake/#list
    """
    options = [word for file in files for word in ("--file", file)]
    said = _run(["buildx", "bake", *options, "--list", "type=targets,format=json"], folder)
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        return [
            (str(each["name"]), str(each.get("description") or "")) for each in json.loads(said)
        ]
    return []


def compose_services(files: Sequence[str]) -> list[tuple[str, str]]:
    """Services of the compose project; none where that fails."""
    options = [word for file in files for word in ("--file", file)]
    return [
        (name, "") for name in _run(["compose", *options, "config", "--services"], None).split()
    ]


def _run(arguments: Sequence[str], folder: Path | None) -> str:
    with suppress(EngineError, OSError, subprocess.SubprocessError):
        program, given = docker_program(None, arguments[0])
        done = subprocess.run(  # noqa: S603 - names of files go to docker as they are
            [program, *arguments],
            cwd=folder,
            env=environment_after(given),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
        return done.stdout.decode(errors="replace") if done.returncode == 0 else ""
    return ""

"""What a stage of a Dockerfile is made from, told without building it.

``find_inputs`` names every input that BuildKit would use for the stage and the stages it stands on,
or says why it cannot be told statically: then nothing may be concluded, and BuildKit is asked. The
content of files is not looked at here, see ``source.context``.
"""

from __future__ import annotations

import re
from typing import Any

from whalebuild.bakefile.target import EPOCH, Target
from whalebuild.dockerfile.parser import Dockerfile, Stage
from whalebuild.inputs.build_args import global_args
from whalebuild.inputs.closure import ClosureFinder, Findings
from whalebuild.inputs.values import (
    Build,
    Closure,
    StageInputs,
    Undetermined,
    UndeterminedError,
)

# Attributes of a target that enter BuildKit's cache keys of RUN (solver/llbsolver/ops/exec.go).
_OF_RUN = ("network", "shm-size", "ulimits", "devices", "cgroup-parent")
# Arguments that reach a build without being declared in it.
_SPECIAL = (EPOCH, "BUILDKIT_SANDBOX_HOSTNAME", "BUILDKIT_CACHE_MOUNT_NS")
# Docker's own frontends read a Dockerfile as the engine's built-in one does.
_OFFICIAL = re.compile(
    r"(?:docker\.io/)?docker/dockerfile(?:-upstream)?(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?"
)


def find_inputs(
    dockerfile: Dockerfile, stage: str | None, build: Build
) -> StageInputs | Undetermined:
    """Tell what a stage is made from.

    Args:
        dockerfile: The Dockerfile, of BuildKit's own kind.
        stage: The stage's name, in any case; None is the last stage.
        build: What the bake target gives.

    Returns:
        The inputs for each of the target platforms, or why they cannot be told.
    """
    try:
        syntax = _frontend(dockerfile, build)
        wanted = _wanted(dockerfile, stage)
        closures = [
            _closure(dockerfile, wanted, stage, build, platform, syntax)
            for platform in build.targets
        ]
    except UndeterminedError as error:
        return error.undetermined
    return StageInputs(closures[0].stages[-1].label, tuple(closures))


def build_of(
    target: Target, *, platforms: tuple[str, ...] = (), build_platform: str | None = None
) -> Build:
    """Take from a bake target what reaches its stages; ``platforms`` are instead of its own."""
    attributes = {
        name: _text(target.attributes[name])
        for name in _OF_RUN
        if target.attributes.get(name) and target.attributes[name] != "default"
    }
    hosts = target.attributes.get("extra-hosts")
    if hosts:  # BuildKit's key has the names, not the addresses
        attributes["extra-hosts"] = " ".join(sorted(re.split("[=:]", host)[0] for host in hosts))
    return Build(
        args={name: value for name, value in target.args.items() if value is not None},
        contexts=dict(target.attributes.get("contexts") or {}),
        platforms=platforms or target.platforms,
        attributes=attributes,
        build_platform=build_platform,
        context=target.context,
    )


def _frontend(dockerfile: Dockerfile, build: Build) -> str | None:
    if dockerfile.directives.refused:
        raise UndeterminedError(dockerfile.directives.refused, 1)
    syntax = build.args.get("BUILDKIT_SYNTAX", "").partition(" ")[0]
    syntax = syntax or dockerfile.directives.syntax or ""
    if syntax and not _OFFICIAL.fullmatch(syntax):
        raise UndeterminedError(f"the file is read by another frontend, {syntax}", 1)
    return syntax or None


def _wanted(dockerfile: Dockerfile, stage: str | None) -> Stage:
    named = [s for s in dockerfile.stages if stage is None or s.name == stage.lower()]
    if not named:
        raise UndeterminedError(f"there is no stage {stage}" if stage else "there is no stage")
    return named[-1]


def _closure(
    dockerfile: Dockerfile,
    wanted: Stage,
    asked: str | None,
    build: Build,
    platform: str,
    syntax: str | None,
) -> Closure:
    if platform.startswith("windows"):
        raise UndeterminedError("paths of Windows images are not followed")
    target = asked or dockerfile.stages[-1].name or ""
    escape = dockerfile.directives.escape
    args = global_args(dockerfile.before, build, platform, target, escape)
    finder = ClosureFinder(dockerfile, build, args, platform)
    finder.visit(wanted)
    found = finder.found
    if wanted.index not in found.stages:
        raise UndeterminedError(f"stage {wanted.label} is replaced by a named context", wanted.line)
    for name in _SPECIAL:
        if name in args.sources:
            finder.use_arg(name)
        elif name in build.args:
            found.args[name] = build.args[name]
    return _close(found, platform, build, syntax)


def _close(found: Findings, platform: str, build: Build, syntax: str | None) -> Closure:
    return Closure(
        platform=platform,
        stages=tuple(found.stages.values()),
        reads=tuple(found.reads),
        bases=tuple(found.bases),
        contexts=tuple(found.contexts),
        remotes=tuple(found.remotes),
        args=tuple(sorted(found.args.items())),
        secrets=tuple(sorted(found.secrets)),
        caches=tuple(sorted(found.caches)),
        attributes=tuple(sorted(build.attributes.items())) if found.runs else (),
        syntax=syntax,
    )


def _text(value: Any) -> str:
    return " ".join(sorted(map(str, value))) if isinstance(value, list | dict) else str(value)

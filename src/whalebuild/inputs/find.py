"""Finds the inputs of a stage of a Dockerfile without a build.

``find_inputs`` names every input that BuildKit would use for the stage and for the stages that it
is made from. Where that is not possible it says why, and the stage has to be built to know. The
content of files is read by ``source.context``.
"""

from __future__ import annotations

import re
from typing import Any

from whalebuild.bakefile.target import EPOCH, Target
from whalebuild.dockerfile.directives import is_docker_frontend
from whalebuild.dockerfile.parser import Dockerfile, Stage
from whalebuild.inputs.build_args import global_args
from whalebuild.inputs.closure import ClosureFinder, Findings
from whalebuild.inputs.values import (
    AnalysisError,
    Build,
    Closure,
    StageInputs,
    Undetermined,
)

# Attributes of a target in BuildKit's cache key of RUN (solver/llbsolver/ops/exec.go).
_RUN_ATTRIBUTES = ("network", "shm-size", "ulimits", "devices", "cgroup-parent")
# Build arguments that have an effect without being declared in the Dockerfile.
_UNDECLARED_ARGS = (EPOCH, "BUILDKIT_SANDBOX_HOSTNAME", "BUILDKIT_CACHE_MOUNT_NS")


def find_inputs(
    dockerfile: Dockerfile, stage: str | None, build: Build
) -> StageInputs | Undetermined:
    """Find the inputs of a stage.

    Args:
        dockerfile: The Dockerfile.
        stage: The stage's name, in any case; None is the last stage.
        build: What the bake target gives.

    Returns:
        The inputs for each target platform, or why they cannot be determined.
    """
    try:
        syntax = _frontend(dockerfile, build)
        wanted = _wanted(dockerfile, stage)
        closures = [
            _closure(dockerfile, wanted, stage, build, platform, syntax)
            for platform in build.targets
        ]
    except AnalysisError as error:
        return error.undetermined
    return StageInputs(closures[0].stages[-1].label, tuple(closures))


def build_of(
    target: Target, *, platforms: tuple[str, ...] = (), build_platform: str | None = None
) -> Build:
    """What a bake target gives to its stages; ``platforms`` replace the target's own."""
    attributes = {
        name: _text(target.attributes[name])
        for name in _RUN_ATTRIBUTES
        if target.attributes.get(name) and target.attributes[name] != "default"
    }
    hosts = target.attributes.get("extra-hosts")
    if hosts:  # BuildKit's cache key has the names, not the addresses
        attributes["extra-hosts"] = " ".join(sorted(re.split("[=:]", host)[0] for host in hosts))
    return Build(
        args={name: value for name, value in target.args.items() if value is not None},
        contexts=dict(target.contexts),
        platforms=platforms or target.platforms,
        attributes=attributes,
        build_platform=build_platform,
        context=target.context,
    )


def _frontend(dockerfile: Dockerfile, build: Build) -> str | None:
    if dockerfile.directives.refused:
        raise AnalysisError(dockerfile.directives.refused)
    syntax = build.args.get("BUILDKIT_SYNTAX", "").partition(" ")[0]
    syntax = syntax or dockerfile.directives.syntax or ""
    if syntax and not is_docker_frontend(syntax):
        raise AnalysisError(f"the file is read by another frontend, {syntax}", 1)
    return syntax or None


def _wanted(dockerfile: Dockerfile, stage: str | None) -> Stage:
    named = [s for s in dockerfile.stages if stage is None or s.name == stage.lower()]
    if not named:
        raise AnalysisError(f"there is no stage {stage}" if stage else "there is no stage")
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
        raise AnalysisError("paths of Windows images are not followed")
    target = asked or dockerfile.stages[-1].name or ""
    escape = dockerfile.directives.escape
    args = global_args(dockerfile.before, build, platform, target, escape)
    finder = ClosureFinder(dockerfile, build, args, platform)
    finder.visit(wanted)
    findings = finder.findings
    if wanted.index not in findings.stages:
        raise AnalysisError(f"stage {wanted.label} is replaced by a named context", wanted.line)
    for name in _UNDECLARED_ARGS:
        if name in args.sources:
            finder.use_arg(name)
        elif name in build.args:
            findings.args[name] = build.args[name]
    return _close(findings, platform, build, syntax)


def _close(findings: Findings, platform: str, build: Build, syntax: str | None) -> Closure:
    return Closure(
        platform=platform,
        stages=tuple(findings.stages.values()),
        reads=tuple(findings.reads),
        bases=tuple(findings.bases),
        contexts=tuple(findings.contexts),
        remotes=tuple(findings.remotes),
        args=tuple(sorted(findings.args.items())),
        secrets=tuple(sorted(findings.secrets)),
        caches=tuple(sorted(findings.caches)),
        attributes=tuple(sorted(build.attributes.items())) if findings.runs else (),
        syntax=syntax,
    )


def _text(value: Any) -> str:
    return " ".join(sorted(map(str, value))) if isinstance(value, list | dict) else str(value)

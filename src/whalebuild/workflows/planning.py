"""Reads what a plan needs - bake file, Dockerfiles, engine, registry - and makes the plan."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from whalebuild.core.bakefile import BakeFile, Target, parse_print
from whalebuild.core.definition import BuildOptions, generate, make_jobs
from whalebuild.core.errors import EngineError, UsageError
from whalebuild.core.failures import (
    CommandFailedError,
    Kind,
    RequestFailedError,
    as_error,
    classify,
    final_error,
    may_not_exist_yet,
)
from whalebuild.core.pairs import APP_TAG, find_pairs, needs_dockerfile
from whalebuild.core.plan import Plan
from whalebuild.core.platforms import parse_platforms
from whalebuild.core.references import Reference
from whalebuild.core.request import BakeRequest, EngineFacts
from whalebuild.core.settings import Settings
from whalebuild.core.suggest import did_you_mean
from whalebuild.workflows.ports import Engine, Registry, SourceTree
from whalebuild.workflows.retrying import Retrier
from whalebuild.workflows.threads import Submit

_SYNTHETIC = "app"


@dataclass(frozen=True)
class Planner:
    """Makes plans.

    Attributes:
        ask: Whether to look at the engine and the registry; ``--print`` needs neither.
    """

    engine: Engine
    registry: Registry
    tree: SourceTree
    settings: Settings
    retrier: Retrier
    ask: bool = True

    def plan(self, request: BakeRequest, options: BuildOptions) -> Plan:
        """Read and decide.

        Raises:
            WhalebuildError: Something about the request, the bake file, the Dockerfile, the
                engine or the registry does not allow a bake.
        """
        submit = Submit()
        facts = submit(lambda: self._facts(options)) if self.ask else None
        bake, everything, source = self._read(request, submit)
        stage = self.settings.deps_stage
        readable = {t.name: t for t in needs_dockerfile(bake, everything, stage)}
        dockerfiles = {n: d for n, t in readable.items() if (d := self.tree.dockerfile(t))}
        pairs = find_pairs(bake, everything, dockerfiles, self.settings)
        if self.settings.platform:
            options = replace(options, platforms=self.settings.platform)
        jobs = make_jobs(pairs, options)
        for job in jobs:
            parse_platforms(job.platforms, where=f'platforms of target "{job.name}"')
        sources = dict.fromkeys(ref for job in jobs for ref in job.cache_from)
        asked = self._ask_registry(sources, submit) if self.ask else {}
        engine = facts.result() if facts else None
        published = _answers(asked) if self.ask else None
        definition = generate(jobs, options, everything, published)
        return Plan(pairs, jobs, definition, options, self.settings, source, engine, published)

    def _read(
        self, request: BakeRequest, submit: Submit
    ) -> tuple[BakeFile, Mapping[str, Target], str]:
        """Read the bake file, or make one up where there is only a Dockerfile."""
        files = request.files or self.tree.bake_files()
        if files and (request.files or self._has_targets(files, request)):
            names = submit(lambda: self.engine.target_names(request))
            bake = self._print(request, names)
            if not bake.requested:
                raise UsageError(
                    f"{', '.join(files)}: there is nothing to build",
                    cause="buildx finds no target in it",
                    next_step="give a service a build section, or a bake file a target",
                )
            return bake, self._everything(request, bake, names), ", ".join(files)
        request = replace(request, definition=self._synthetic())
        bake = self._print(replace(request, targets=request.targets or (_SYNTHETIC,)), None)
        return bake, bake.targets, "Dockerfile (no bake file)"

    def _has_targets(self, files: tuple[str, ...], request: BakeRequest) -> bool:
        """Whether these are bake files: a compose file whose services build nothing is none."""
        if any("compose" not in file for file in files):
            return True
        return bool(self._print(BakeRequest(variables=request.variables), None).targets)

    def _print(self, request: BakeRequest, names: Future[tuple[str, ...]] | None) -> BakeFile:
        try:
            return parse_print(self.engine.print_bake(request))
        except CommandFailedError as failed:
            raise _bake_error(failed, names) from None

    def _everything(
        self, request: BakeRequest, bake: BakeFile, names: Future[tuple[str, ...]]
    ) -> Mapping[str, Target]:
        """All targets of the bake file: the dependencies' target may be outside the request.

        Those that were asked for are always among what is printed: ``--set`` must match a target.
        """
        try:
            others = sorted(set(names.result()) - bake.targets.keys())
        except CommandFailedError:  # a buildx before 0.20 cannot list: what was asked for is all
            return bake.targets
        try:
            return self._targets(request, *bake.targets, *others) if others else bake.targets
        except CommandFailedError:
            # One that cannot be evaluated here (say, for want of an ssh agent) was not asked for.
            usable = dict(bake.targets)
            for other in others:
                with suppress(CommandFailedError):
                    usable |= self._targets(request, *bake.targets, other)
            return usable

    def _targets(self, request: BakeRequest, *names: str) -> Mapping[str, Target]:
        return parse_print(self.engine.print_bake(replace(request, targets=names))).targets

    def _synthetic(self) -> Mapping[str, Any]:
        """The bake definition of a lone Dockerfile."""
        target = Target(_SYNTHETIC, {"context": ".", "dockerfile": "Dockerfile"})
        try:
            self.tree.dockerfile(target)
        except UsageError as failed:
            raise UsageError(
                "there is neither a bake file nor a readable Dockerfile here",
                cause=failed.cause,
                next_step="run whalebuild in the project's folder, or name bake files with --file",
            ) from None
        if not self.settings.image:
            raise UsageError(
                "no image name",
                cause="there is no bake file, and neither settings nor flags name the image",
                next_step="give --image registry/name, or set image in whalebuild.toml",
            )
        tags = [f"{self.settings.image}:{APP_TAG}"]
        return {"target": {_SYNTHETIC: {**target.attributes, "tags": tags}}}

    def _facts(self, options: BuildOptions) -> EngineFacts:
        try:
            facts = self.engine.facts(self.settings.builder)
        except CommandFailedError as failed:
            raise _engine_error(failed) from None
        if not facts.containerd_store and not options.load:
            raise EngineError(
                f'builder "{facts.builder}" cannot export a registry cache or several platforms',
                cause="it uses the docker driver, and this engine's containerd image store is off",
                next_step='turn it on ({"features": {"containerd-snapshotter": true}} in '
                "daemon.json), or use a builder of another driver: docker buildx create "
                "--driver docker-container --use",
            )
        return facts

    def _ask_registry(
        self, references: Mapping[Reference, None], submit: Submit
    ) -> dict[Reference, Future[bool]]:
        """Ask the registry for each cache source; this also finds trouble before a long build."""

        def look(reference: Reference) -> bool:
            try:
                found = self.retrier.call(
                    f"reading {reference}", lambda: self.registry.head(reference)
                )
            except RequestFailedError as failed:
                # Docker Hub says so of a repository that the first push will create.
                if may_not_exist_yet(failed.failure):
                    return False
                raise
            return found is not None

        return {reference: submit(partial(look, reference)) for reference in references}


def _answers(asked: Mapping[Reference, Future[bool]]) -> dict[Reference, bool]:
    try:
        return {reference: answer.result() for reference, answer in asked.items()}
    except RequestFailedError as failed:
        raise as_error(failed.failure) from None


def _bake_error(failed: CommandFailedError, names: Future[tuple[str, ...]] | None) -> Exception:
    """Buildx's own words on a bake file, with its place; a target's name is looked up."""
    failure = classify(failed.stderr)
    if failure.kind is Kind.ENGINE:
        return _engine_error(failed)
    text = failed.stderr
    words = final_error(text).removeprefix("ERROR: ")
    unknown = words.partition("failed to find target ")[2].strip()
    if unknown:
        known = _names(names)
        hint = did_you_mean(unknown, known)
        if unknown == "default":
            hint = 'the bake file has no group or target "default"'
        return UsageError(
            f'unknown target "{unknown}"',
            cause=hint,
            next_step=f"targets in the bake file: {', '.join(known) or 'none'}",
        )
    excerpt = [line for line in text.splitlines() if not line.startswith(("#", "ERROR: "))]
    return UsageError(
        "buildx cannot read the bake file", cause=words, log="\n".join(excerpt).strip() or None
    )


def _names(names: Future[tuple[str, ...]] | None) -> tuple[str, ...]:
    try:
        return names.result() if names else (_SYNTHETIC,)
    except CommandFailedError:
        return ()


def _engine_error(failed: CommandFailedError) -> EngineError:
    words = final_error(failed.stderr).removeprefix("ERROR: ")
    if "daemon" in words or "error during connect" in words:
        return EngineError(
            "the Docker engine is not running",
            cause=words,
            next_step="start it (Docker Desktop, or `systemctl start docker`), or check "
            "DOCKER_HOST and `docker context ls`",
        )
    if "docker [OPTIONS]" in words or "unknown command" in words or "a docker command" in words:
        return EngineError(
            "the docker client has no buildx",
            cause=f"docker does not know `docker buildx bake` ({words.splitlines()[0]})",
            next_step="install the buildx plugin: https://docs.docker.com/go/buildx/",
        )
    return EngineError(
        "the Docker engine or builder cannot be used",
        cause=words,
        next_step="check `docker info`, `docker buildx ls` and --builder",
    )

"""Which target of a bake file is the dependencies of an application, and how that is known."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping

from whalebuild.bakefile.target import EPOCH, TARGET_CONTEXT, Target
from whalebuild.dockerfile.parser import Dockerfile
from whalebuild.errors import UsageError
from whalebuild.settings import Settings
from whalebuild.tags import DEPS_TAG
from whalebuild.text import did_you_mean
from whalebuild.values import dataclass

_DEPS_NAME = re.compile(r"(?:.*[-_])?(?:deps|dependencies)")


@dataclass(frozen=True)
class DependenciesTargets:
    """The targets of a bake file that may be dependencies.

    Attributes:
        written: Those of which the bake file says so: they build the dependencies stage, have a
            ``:deps`` tag, or stand as a named context in the place of that stage.
        guessed: Those of which only the name says so. They count for applications alone whose
            Dockerfile has no dependencies stage.
        settings: They say which stage that is, for each application.
    """

    written: Mapping[str, Target]
    guessed: Mapping[str, Target]
    settings: Settings

    def written_of(self, application: Target) -> Target | None:
        """The application's dependencies, as the bake file says."""
        stage = self.stage_of(application)
        candidates = list(self.written.values())
        if stage != self.settings.deps_stage:  # others may be those of other applications
            candidates = [t for t in candidates if t.stage is None or _builds(t, stage)]
        return _belonging(application, candidates, stage)

    def stage_of(self, application: Target) -> str:
        """The name of the stage that holds an application's dependencies."""
        return self.settings.of_target(application.name).deps_stage

    def guessed_of(
        self, application: Target, dockerfile: Dockerfile | None, requested: Container[str]
    ) -> Target | None:
        """The application's dependencies by their name.

        One with tags of its own counts only if it is asked for or linked to: a guess moves no tags.
        Of two that have such a name neither is the other's.
        """
        stage = self.stage_of(application)
        if dockerfile is None or dockerfile.stage(stage) is not None:
            return None
        if application.name in self.guessed:
            return None
        asked = (
            each
            for each in self.guessed.values()
            if not each.tags or each.name in requested or each.name in application.linked
        )
        return _belonging(application, asked, stage)


def dependencies_targets(targets: Iterable[Target], settings: Settings) -> DependenciesTargets:
    """Sort out the targets that may be dependencies, by the stages that the settings name."""
    targets = sorted(targets, key=lambda target: target.name)
    stages = {target.name: settings.of_target(target.name).deps_stage for target in targets}
    linked = {name for t in targets for name in _in_place_of(t, stages[t.name])}
    own = [target for target in targets if stages[target.name] != settings.deps_stage]

    def says_so(target: Target) -> bool:
        named = [stages[other.name] for other in own if other.same_dockerfile(target)]
        return any(_says_so(target, stage) for stage in (stages[target.name], *named))

    written = {t.name: t for t in targets if t.name in linked or says_so(t)}
    named = (target for target in targets if _DEPS_NAME.fullmatch(target.name))
    guessed = {target.name: target for target in named if target.name not in written}
    return DependenciesTargets(written, guessed, settings)


def no_stage(target: Target, dockerfile: Dockerfile, wanted: str) -> UsageError:
    """The error for a Dockerfile without the dependencies stage, with the one that may be it."""
    from whalebuild.dockerfile.dependencies import install_step  # noqa: PLC0415 - of an error
    from whalebuild.dockerfile.likely import likely_dependencies  # noqa: PLC0415

    where = f'{target.dockerfile} of target "{target.name}"'
    names = [stage.name for stage in dockerfile.stages if stage.name]
    likely = likely_dependencies(dockerfile, target.stage)
    if likely and likely.name:
        install = install_step(likely)
        line = install.line if install else None
        why = f"it installs on line {line}" if line else "it takes what another stage installs"
        cause = f'stage "{likely.name}" most likely is it: {why}'
        step = f'write deps-stage = "{likely.name}" in whalebuild.toml'
        step = f"{step}, or [tool.whalebuild] of pyproject.toml"
    else:
        cause = did_you_mean(wanted, names) or "no stage installs packages under a name of its own"
        step = f"name the stage that installs the dependencies: FROM … AS {wanted}"
    stages = ", ".join(names) or "none has a name"
    return UsageError(
        f'no stage "{wanted}" in {where} (stages: {stages})', cause=cause, next_step=step
    )


def _says_so(target: Target, stage: str) -> bool:
    return _builds(target, stage) or any(tag.endswith(f":{DEPS_TAG}") for tag in target.tags)


def _builds(target: Target, stage: str) -> bool:
    return target.stage is not None and target.stage.lower() == stage.lower()


def _in_place_of(target: Target, stage: str) -> Iterable[str]:
    """Names of targets that this one uses as a named context in the place of a stage."""
    contexts = target.contexts
    for name, value in contexts.items():
        if name.lower() == stage.lower() and str(value).startswith(TARGET_CONTEXT):
            yield value.removeprefix(TARGET_CONTEXT)


def _belonging(application: Target, deps: Iterable[Target], stage: str) -> Target | None:
    """Those that belong to an application: linked, or of one Dockerfile with the same arguments."""
    deps = list(deps)
    in_place = set(_in_place_of(application, stage))
    linked = [target for target in deps if target.name in application.linked]
    linked.sort(key=lambda target: target.name not in in_place)
    if linked:
        return linked[0]
    same = [target for target in deps if target.same_dockerfile(application)]
    agreeing = [target for target in same if _args_agree(target, application)]
    if len(agreeing) > 1:
        # Of several the one beside the application: `:deps` of one of its repositories.
        beside = {f"{_repository(tag)}:{DEPS_TAG}" for tag in application.tags}
        agreeing = [target for target in agreeing if beside.intersection(target.tags)]
    return agreeing[0] if len(agreeing) == 1 else None


def _repository(tag: str) -> str:
    head, colon, last = tag.rpartition(":")
    return head if colon and "/" not in last else tag


def _args_agree(one: Target, other: Target) -> bool:
    # Dates may differ: only the dependencies want them to be the same on every machine.
    common = (one.args.keys() & other.args.keys()) - {EPOCH}
    return all(one.args[name] == other.args[name] for name in common)

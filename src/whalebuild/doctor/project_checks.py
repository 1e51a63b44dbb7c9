"""The checks of the project: its settings, its bake file, its Dockerfiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from whalebuild.bakefile.target import Target
from whalebuild.doctor.answers import Answers
from whalebuild.doctor.asking import Questions
from whalebuild.doctor.dockerfile import judge_dockerfiles
from whalebuild.doctor.examine import Check
from whalebuild.doctor.facts import LintWarning
from whalebuild.doctor.finding import Finding, failure, ok, skipped, warning
from whalebuild.doctor.ports import DockerQuestions, ProjectQuestions
from whalebuild.errors import EngineError, UsageError, WhalebuildError
from whalebuild.plan.definition import make_definition
from whalebuild.plan.plan import Plan
from whalebuild.values import dataclass

NO_PROJECT = "there is no bake file and no Dockerfile here"
_AGAIN = "correct it, and run the doctor again"


@dataclass(frozen=True)
class ProjectChecks:
    """Checks of the project in the working folder."""

    answers: Answers
    docker: DockerQuestions
    project: ProjectQuestions
    ask: Questions

    def checks(self) -> tuple[Check, ...]:
        """All of them, in their order."""
        return (
            Check("settings", "settings", self._settings),
            Check("project", "project", self._project),
            Check("dockerfile", "Dockerfile", self._dockerfiles),
        )

    def _settings(self) -> Iterator[Finding]:
        broken = self.project.broken
        if broken:
            yield failure(broken).mended_by(None, broken.next_step or _AGAIN)
            return
        yield from (warning(text) for text in self.project.warnings)
        origins = dict.fromkeys(self.project.settings.origins.values())
        yield ok(f"from {', '.join(origins)}" if origins else "none are set")

    def _project(self) -> Iterator[Finding]:
        plan = self.answers.plan.answer()
        if plan is None:
            yield skipped(NO_PROJECT)
        elif isinstance(plan, Plan):
            yield ok(_described(plan))
        elif self.project.broken:
            yield skipped("the settings cannot be read")
        elif isinstance(plan, UsageError) or not self.answers.no_buildx:
            yield failure(plan).mended_by(None, plan.next_step or _AGAIN)
        else:
            yield skipped(self.answers.no_buildx)

    def _dockerfiles(self) -> Iterable[Finding]:
        plan, facts = self.answers.plan.answer(), self.answers.facts
        if not isinstance(plan, Plan):
            return [skipped("the project could not be read" if plan else NO_PROJECT)]
        if facts is None:
            why = EngineError(self.answers.no_builder or "there is no builder")
            return judge_dockerfiles(plan, why)
        return judge_dockerfiles(plan, self._lint(plan, facts.builder))

    def _lint(
        self, plan: Plan, builder: str
    ) -> Mapping[str, tuple[LintWarning, ...]] | WhalebuildError:
        targets = [app.image.target for app in plan.apps]
        targets += [deps.image.target for deps in plan.deps if not deps.image.derived]
        targets += [other.target for other in plan.others]
        try:
            definition = make_definition(map(_without_outputs, targets), plan.all_targets)
        except UsageError as failed:
            return failed
        lint = partial(self.docker.lint, definition, builder)
        return self.ask.ask("BuildKit's lint", lint).answer()


def _without_outputs(target: Target) -> Target:
    """The target without what it makes: buildx would push an empty image for a check."""
    return target.with_attributes(output=None, **{"cache-to": None})


def _described(plan: Plan) -> str:
    names = [app.image.name for app in plan.apps] or [deps.image.name for deps in plan.deps]
    parts = [f"a pair: {', '.join(names)}"] if names else []
    if plan.others:
        others = "; ".join(f"{other.name} ({other.why})" for other in plan.others)
        parts.append(f"no pair: {others}")
    return f"{plan.source}; {'; '.join(parts)}"

"""Runs the user's own commands at moments of a deploy: on this machine, or in containers."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping

from whalebuild.buildkit.console import Console
from whalebuild.compose.containers import Container
from whalebuild.compose.health import HealthProblem
from whalebuild.compose.model import Model
from whalebuild.deploy.compose_up import containers_of
from whalebuild.deploy.deadline import Deadline
from whalebuild.deploy.health_wait import UnhealthyError
from whalebuild.deployments.record import DeploymentKind
from whalebuild.deployplan.plan import DeployPlan
from whalebuild.deployplan.ports import Commands
from whalebuild.errors import UsageError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.failures.failure import redact
from whalebuild.failures.redaction import LineRedactor
from whalebuild.hooks import Hook, HookMoment, Hooks
from whalebuild.published.kept import kept_name
from whalebuild.text import did_you_mean, human_seconds
from whalebuild.values import dataclass

_LAST_LINES = 20
_DRAIN = 30.0  # seconds at the most for one hook before a stop: a deploy does not fail of it


class HookFailedError(UnhealthyError):
    """A hook ended with another exit code than 0, or took too long."""


class _TooLateError(Exception):
    """The deadline is over."""


@dataclass(frozen=True)
class HookRun:
    """What hooks of one deploy are told."""

    plan: DeployPlan
    act: DeploymentKind
    number: int

    def environment(self, moment: HookMoment) -> dict[str, str]:
        """The variables of a hook."""
        changes = self.plan.changes
        versions = {each.service.name: str(each.version) for each in changes}
        return {
            "WHALEBUILD_HOOK": moment,
            "WHALEBUILD_ACT": self.act,
            "WHALEBUILD_PROJECT": self.plan.model.name,
            "WHALEBUILD_DEPLOYMENT": str(self.number),
            "WHALEBUILD_SERVICES": " ".join(versions),
            "WHALEBUILD_VERSIONS": json.dumps(versions),
        }


@dataclass(frozen=True)
class HookRunner:
    """Runs hooks, within the deploy's deadline.

    Attributes:
        hooks: By the moment.
    """

    commands: Commands
    containers: Callable[[], tuple[Container, ...]]
    console: Console
    deadline: Deadline
    hooks: Hooks

    def run(self, moment: HookMoment, about: HookRun, reason: str = "") -> None:
        """Run all hooks of a moment but ``drain``.

        Raises:
            HookFailedError: One failed; those after it are not run.
        """
        more = {"WHALEBUILD_REASON": redact(reason)} if reason else {}
        for hook in self.hooks.get(moment, ()):
            env = {**about.environment(moment), **more}
            if hook.service is None:
                call = self._here(hook, env)
            elif moment is HookMoment.PRE_DEPLOY:
                call = self._once(hook, hook.service, about, env)
            else:
                call = self._inside(hook, hook.service, env)
            self._run(moment, call)

    def drain(self, about: HookRun, old: Collection[Container], told: set[str]) -> None:
        """Run the hooks that are to run before these containers are stopped; they stop nothing.

        Args:
            about: What hooks are told.
            old: The containers.
            told: Gets the IDs of those that may have been told, also if a signal comes meanwhile.
        """
        for container in old:
            for hook in self.hooks.get(HookMoment.DRAIN, ()):
                if hook.service not in {None, container.service}:
                    continue
                env = about.environment(HookMoment.DRAIN)
                env["WHALEBUILD_CONTAINER"] = container.name
                told.add(container.id)
                try:
                    self._run(HookMoment.DRAIN, self._draining(hook, container, env))
                except HookFailedError as failed:
                    problem = failed.problem
                    self.console.note(f"{container.name}: {problem.service}: {problem.reason}")

    def tell_failure(self, about: HookRun, reason: str) -> None:
        """Run the hooks for a failure; what fails of them is said, and changes nothing."""
        if not self.hooks.get(HookMoment.ON_FAILURE):
            return
        self.deadline.begin()
        try:
            self.run(HookMoment.ON_FAILURE, about, reason)
        except HookFailedError as failed:
            self.console.note(f"{failed.problem.service}: {failed.problem.reason}")

    def _here(self, hook: Hook, env: Mapping[str, str]) -> _Call:
        return lambda line, watch: self.commands.run(hook.words, env, line, watch)

    def _once(self, hook: Hook, service: str, about: HookRun, env: Mapping[str, str]) -> _Call:
        change = about.plan.services.get(service)
        image = kept_name(change.version.digest or "") if change and change.version else None
        return lambda line, watch: self.commands.run_once(
            service, image, hook.words, env, line, watch
        )

    def _inside(self, hook: Hook, service: str, env: Mapping[str, str]) -> _Call:
        def call(line: Callable[[str], None], watch: Callable[[], None]) -> int:
            mine = containers_of(self.containers(), service)
            running = [each.id for each in mine if each.status == "running"]
            if not running:
                raise CommandFailedError(f"nothing of {service} runs")
            return self.commands.run_in(running[0], hook.words, env, line, watch)

        return call

    def _draining(self, hook: Hook, container: Container, env: Mapping[str, str]) -> _Call:
        if hook.service is None:
            return self._here(hook, env)
        return lambda line, watch: self.commands.run_in(container.id, hook.words, env, line, watch)

    def _run(self, moment: HookMoment, call: _Call) -> None:
        name, lines, redacted = f"hook {moment}", list[str](), LineRedactor()
        self.console.note(f"{name}: running")

        def line(text: str) -> None:
            lines.append(redacted(text))
            self.console.note(f"{name}: {lines[-1]}")

        limit = self.deadline.clock() + _DRAIN if moment is HookMoment.DRAIN else float("inf")

        def watch() -> None:
            if self.deadline.is_over or self.deadline.clock() > limit:
                raise _TooLateError
            self.console.progress(f"waiting for the end of {name}", self.deadline.words)

        try:
            code = call(line, watch)
        except _TooLateError:
            passed = human_seconds(_DRAIN) if self.deadline.clock() > limit else None
            reason = f"it has not ended after {passed or self.deadline.passed}"
            reason += ", and is not waited for any more"
        except CommandFailedError as failed:
            reason = f"it could not be run: {failed.stderr.strip()}"
        else:
            if code == 0:
                return
            reason = f"it ended with exit code {code}"
        raise HookFailedError(
            HealthProblem(name, "", reason, "\n".join(lines[-1:])), "\n".join(lines[-_LAST_LINES:])
        )


_Call = Callable[[Callable[[str], None], Callable[[], None]], int]


def check_hooks(hooks: Hooks, model: Model) -> None:
    """See that the services of hooks are there, before anything is done.

    Raises:
        UsageError: One is not.
    """
    for moment, each in hooks.items():
        for hook in each:
            if hook.service is not None and hook.service not in model.services:
                raise UsageError(
                    f'the hook {moment} is for the service "{hook.service}", which the project '
                    f"{model.name} has not",
                    cause=did_you_mean(hook.service, model.services),
                    next_step="correct it in the table [hooks] of the settings",
                )

"""Carries out a deploy: pulls what is missing, switches, and goes back if a service fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NoReturn

from whalebuild.buildkit.console import Console
from whalebuild.compose.model import UpdateOrder
from whalebuild.deploy.configuration import needed_configurations
from whalebuild.deploy.health_wait import UnhealthyError
from whalebuild.deploy.history import left_unfinished, next_number, state_now, unconfirmed_services
from whalebuild.deploy.plan import DeployPlan, ServiceAction, ServiceChange, download_of
from whalebuild.deploy.planner import DeployPlanner
from whalebuild.deploy.ports import Configurations, Project, Record
from whalebuild.deploy.pull import Puller
from whalebuild.deploy.record import Begun, DeploymentKind, Ended, Outcome, Versions, Warmed
from whalebuild.deploy.result import DeployAction, DeployResult, changed
from whalebuild.deploy.switch import Switcher
from whalebuild.errors import DeployError, InterruptedRunError
from whalebuild.oci.reference import Reference
from whalebuild.published.kept import kept_name

# Of how many deployments configurations are kept; they are small.
_KEPT_CONFIGURATIONS = 20
_STOPPED = (
    "what runs now may be either version: run the deploy again, or `whalebuild rollback`, which "
    "goes back to the last one that worked"
)


@dataclass(frozen=True)
class Deployer:
    """Carries out a plan.

    Attributes:
        now: The time as the record has it, RFC 3339 in UTC.
        clock: Seconds, as ``time.monotonic``.
        go_back: Whether the versions before are started again if the new ones do not work.
        configurations: Of the services that deployments started.
    """

    project: Project
    record: Record
    configurations: Configurations
    planner: DeployPlanner
    puller: Puller
    switcher: Switcher
    console: Console
    now: Callable[[], str]
    clock: Callable[[], float]
    go_back: bool = True

    def pull(self, plan: DeployPlan) -> float:
        """Pull what the engine lacks of a plan; return the seconds that it took.

        Raises:
            WhalebuildError: The registry refused or could not be reached, or the engine is lost.
        """
        began = self.clock()
        missing = {
            each.service.name: Reference(each.version.repository, digest=each.version.digest)
            for each in plan.changes
            if each.version and each.service.name in plan.missing
        }
        if missing:
            self.puller.pull(missing, plan.diffs)
        self._keep(plan)
        return self.clock() - began

    def warm(self, plan: DeployPlan) -> float:
        """Pull dependencies ahead, and record that the host has them; see :meth:`pull`."""
        took = self.pull(plan)
        for each in plan.changes:
            if each.version:
                self.record.add(Warmed(self.now(), each.service.name, each.version))
        return took

    def deploy(
        self, plan: DeployPlan, act: DeploymentKind = DeploymentKind.DEPLOY, to: int | None = None
    ) -> DeployResult:
        """Pull, then switch.

        Args:
            plan: What is to run.
            act: Whether it is a deploy or a rollback.
            to: The deployment that a rollback goes back to.

        Raises:
            DeployError: A service does not work; what ran before runs again, unless the error says
                otherwise.
            WhalebuildError: The registry refused or could not be reached: what ran before still
                runs. Or the engine is lost.
        """
        pulled = self.pull(plan)
        began = self.clock()
        try:
            number = self._switch(plan, act, to)
        except InterruptedRunError as stopped:
            stopped.next_step = _STOPPED
            raise
        done = DeployAction.ROLLED_BACK if act is DeploymentKind.ROLLBACK else DeployAction.DEPLOYED
        done = done if number else DeployAction.UNCHANGED
        return DeployResult(done, plan, number, to, pulled, self.clock() - began)

    def _switch(self, plan: DeployPlan, act: DeploymentKind, to: int | None) -> int | None:
        """Switch, and record it; None where there was nothing to record."""
        configuration = plan.configuration
        for each in configuration.ran.values():
            self.configurations.keep(each)
        by = {
            name: self.configurations.keep(configuration.wanted[name])
            for name in plan.to_start
            if name in configuration.wanted
        }
        self._record_found(plan)
        number = next_number(self.record.read())
        if plan.touched:
            before = {each.service.name: each.before for each in plan.changes}
            wanted = {each.service.name: each.version for each in plan.changes}
            words = {each.service.name: each.configured for each in plan.touched if each.configured}
            self.record.add(Begun(number, act, self.now(), wanted, before, to, by, words))
        began = self.clock()
        try:
            with self.project.as_it_was(configuration.model):
                self.switcher.switch(plan)
        except UnhealthyError as failed:
            self._failed(plan, act, failed, number, began)
        if not plan.touched:
            return None
        self._end(plan, number, Outcome.DONE, began)
        kept = needed_configurations(self.record.read(), _KEPT_CONFIGURATIONS)
        self.configurations.drop_all_but({*kept, *by.values()})
        return number

    def _failed(
        self,
        plan: DeployPlan,
        act: DeploymentKind,
        failed: UnhealthyError,
        number: int,
        began: float,
    ) -> NoReturn:
        """Go back to what ran before, if there is something, and say what happened."""
        what, outcome, step = "", Outcome.FAILED, "see what it printed, and deploy again"
        back = _back(plan)
        if not plan.touched:
            what = "no version has changed, so that there is none to go back to"
        elif not self.go_back:
            what = "not rolled back (--no-rollback)"
            step = "whalebuild rollback goes back"
        elif not back.touched:
            what = "there is no version before it to go back to"
        elif not failed.switched:
            with self.project.as_it_was(plan.configuration.back):
                self.switcher.set_tags(back)
            outcome = Outcome.ROLLED_BACK
            what = f"{changed(back.touched)} was not stopped, and runs"
        else:
            self.console.note(f"{_reason(failed)}; going back")
            try:
                with self.project.as_it_was(plan.configuration.back):
                    self.switcher.switch(back)
                outcome = Outcome.ROLLED_BACK
                what = f"rolled back: {changed(back.touched)} runs again{_but(plan)}"
            except UnhealthyError as also:
                what = f"and the version before does not work either: {_reason(also)}"
                step = "see `docker compose ps` and its logs; `whalebuild history` has the versions"
        if plan.touched:
            self._end(plan, number, outcome, began, _reason(failed))
        raise DeployError(
            f"the {act} failed: {_reason(failed)}; {what}",
            cause=_last_line(failed),
            next_step=step,
            log=_log(failed),
        )

    def _end(
        self,
        plan: DeployPlan,
        number: int,
        outcome: Outcome,
        began: float,
        reason: str | None = None,
    ) -> None:
        running = self.planner.running_now(each.service for each in plan.changes)
        downloaded = download_of(plan.diffs)[0]
        took = round(self.clock() - began, 3)
        self.record.add(Ended(number, outcome, self.now(), running, reason, downloaded, took))

    def _record_found(self, plan: DeployPlan) -> None:
        """Record what was started by other means, so that a rollback can go back to it."""
        history = self.record.read()
        if left_unfinished(history):
            return
        unconfirmed, known = unconfirmed_services(history), state_now(history)
        found: Versions = {
            each.service.name: each.before
            for each in plan.pairs
            if each.before
            and each.before != known.get(each.service.name)
            and each.service.name not in unconfirmed
        }
        if not found:
            return
        number, at = next_number(history), self.now()
        before = {name: known.get(name) for name in found}
        ran = {name: each.digest for name, each in plan.configuration.ran.items()}
        begun = Begun(number, DeploymentKind.FOUND, at, found, before, configurations=ran)
        self.record.add(begun)
        self.record.add(Ended(number, Outcome.DONE, at, found))

    def _keep(self, plan: DeployPlan) -> None:
        """Give images their kept names: what is to run, and what a rollback may run again."""
        for each in plan.pairs:
            if each.before and each.before_image:
                self.project.tag(each.before_image, kept_name(each.before.digest or ""))
            version = each.version
            kept = kept_name(version.digest or "") if version else None
            if version and kept and self.project.image_id(kept) is None:
                by_digest = Reference(version.repository, digest=version.digest)
                self.project.tag(str(by_digest), kept)


def _back(plan: DeployPlan) -> DeployPlan:
    """The plan that starts again what ran before."""
    changes = {
        each.service.name: ServiceChange(
            *(each.service, ServiceAction.UPDATE, each.before, each.version),
            # It has worked before: no trial.
            order=UpdateOrder.STOP_FIRST if each.service.exclusive else each.order,
            configured=each.configured,
            forced=each.forced,
        )
        for each in plan.changes
        if each.before
    }
    changes |= {each.service.name: each for each in plan.touched if not each.version}
    return replace(plan, services=changes, named=tuple(changes), diffs=(), notes=())


def _but(plan: DeployPlan) -> str:
    """What is not as it was of services that went back."""
    unknown = [each for each in plan.configuration.unknown if plan.services[each].configured]
    said = ", ".join(f"{each} stays as it is now" for each in plan.configuration.stays)
    if unknown:
        new = f"the configuration of {', '.join(unknown)} is the new one: the earlier is not known"
        said = f"{new}; {said}" if said else new
    return f"; {said}" if said else ""


def _reason(failed: UnhealthyError) -> str:
    problem = failed.problem
    return f"{problem.service}: {problem.reason}" if problem.service else problem.reason


def _log(failed: UnhealthyError) -> str | None:
    if not failed.log:
        return None
    return "\n".join([f"{failed.problem.service}'s last lines:", *failed.log.splitlines()])


def _last_line(failed: UnhealthyError) -> str | None:
    """The end of what a health check or compose printed; a traceback's last line tells most."""
    lines = [line.strip() for line in failed.problem.output.splitlines() if line.strip()]
    return lines[-1] if lines else None

"""Carries out a deploy: pulls, runs jobs, switches, and goes back if something fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field
from typing import NoReturn

from whalebuild.buildkit.console import Console
from whalebuild.deploy.back import GoBack, WayBack, reason_of
from whalebuild.deploy.course import Course, Interrupts
from whalebuild.deploy.deadline import Deadline
from whalebuild.deploy.health_wait import UnhealthyError
from whalebuild.deploy.hooks import HookFailedError, HookRun, HookRunner
from whalebuild.deploy.jobs import Jobs
from whalebuild.deploy.pull import Puller
from whalebuild.deploy.result import DeployAction, DeployResult, changed
from whalebuild.deploy.seen import Observer, in_words
from whalebuild.deploy.switch import Switcher
from whalebuild.deployments.configurations import needed_configurations
from whalebuild.deployments.history import interrupted_services, next_number
from whalebuild.deployments.record import Begun, DeploymentKind, Ended, Outcome, Versions, Warmed
from whalebuild.deployplan.found import found_entries
from whalebuild.deployplan.plan import DeployPlan, download_of
from whalebuild.deployplan.planner import DeployPlanner
from whalebuild.deployplan.ports import Configurations, Project, Record
from whalebuild.errors import (
    AbandonedRunError,
    DeployError,
    EngineError,
    InterruptedRunError,
    UsageError,
)
from whalebuild.hooks import HookMoment
from whalebuild.oci.reference import Reference, familiar
from whalebuild.published.kept import kept_name
from whalebuild.values import dataclass

# Of how many deployments configurations are kept; they are small.
_KEPT_CONFIGURATIONS = 20
_ABANDONED = (
    "run `whalebuild rollback`, which goes back to the last deployment that worked, or `whalebuild "
    "deploy`, which goes on: both first clear away what this one has left"
)


@dataclass
class _Run:
    """One deploy or rollback that is under way.

    Attributes:
        began: Seconds, by the clock.
        recorded: Whether the record has its begin, and not its end yet.
        unwritten: Why its end could not be recorded, if it could not.
    """

    plan: DeployPlan
    act: DeploymentKind
    number: int
    began: float
    course: Course = field(default_factory=Course)
    recorded: bool = False
    unwritten: UsageError | None = None

    @property
    def for_hooks(self) -> HookRun:
        """What hooks are told of it."""
        return HookRun(self.plan, self.act, self.number)


@dataclass(frozen=True)
class Deployer:
    """Carries out a plan.

    Attributes:
        configurations: By which services were run.
        now: The time as the record has it, RFC 3339 in UTC.
        clock: Seconds, as ``time.monotonic``.
    """

    project: Project
    record: Record
    configurations: Configurations
    planner: DeployPlanner
    puller: Puller
    hooks: HookRunner
    jobs: Jobs
    switcher: Switcher
    back: GoBack
    deadline: Deadline
    interrupts: Interrupts
    console: Console
    now: Callable[[], str]
    clock: Callable[[], float]

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
        """Pull, run the jobs, then switch.

        Args:
            plan: What is to run.
            act: Whether it is a deploy or a rollback, which runs no job.
            to: The deployment that a rollback goes back to.

        Raises:
            DeployError: A job or a service does not work; what ran before runs, unless the error
                says otherwise.
            InterruptedRunError: A signal came; the same.
            WhalebuildError: The registry refused or could not be reached: what ran before still
                runs. Or the engine is lost.
        """
        try:
            pulled = self.pull(plan)
        except InterruptedRunError as stopped:
            stopped.what = f"{stopped.what}: nothing was changed"
            stopped.next_step = "run it again: what was pulled stays"
            raise
        began = self.clock()
        try:
            number = self._switch(plan, act, to)
        except AbandonedRunError as ended:
            ended.next_step = _ABANDONED
            raise
        done = DeployAction.ROLLED_BACK if act is DeploymentKind.ROLLBACK else DeployAction.DEPLOYED
        done = done if number else DeployAction.UNCHANGED
        return DeployResult(done, plan, number, to, pulled, self.clock() - began)

    def _switch(self, plan: DeployPlan, act: DeploymentKind, to: int | None) -> int | None:
        """Switch, and record it; None where there was nothing to record."""
        kept = self._keep_configurations(plan)
        self._record_found(plan)
        number = next_number(self.record.read())
        run = _Run(plan, act, number, self.clock())
        try:
            if plan.touched:
                before = {each.service.name: each.before for each in plan.changes}
                wanted = {each.service.name: each.version for each in plan.changes}
                words = {s.service.name: s.configured for s in plan.touched if s.configured}
                begun = Begun(number, act, self.now(), wanted, before, to, kept, words)
                with self.interrupts.held():
                    self.record.add(begun)
                    run.recorded = True
                self.interrupts.check()
            try:
                with self.project.as_it_was(plan.configuration.model):
                    self._carry_out(run)
            except (UnhealthyError, EngineError) as failed:
                self._failed(run, failed)
        except AbandonedRunError:
            raise
        except InterruptedRunError as stopped:
            self._stopped(run, stopped)
            raise
        except BrokenPipeError:
            # As an ssh session that breaks off: nobody can say any more what is to be done.
            self.interrupts.drop_output()
            unread = InterruptedRunError("nobody reads the output any more")
            self._stopped(run, unread)
            raise unread from None
        if run.unwritten:
            what = f"the {act} is done, and {changed(plan.changes)} runs; but {run.unwritten.what}"
            run.unwritten.what = what
            raise run.unwritten
        if not plan.touched:
            return None
        needed = needed_configurations(self.record.read(), _KEPT_CONFIGURATIONS)
        self.configurations.drop_all_but({*needed, *kept.values()})
        return number

    def _carry_out(self, run: _Run) -> None:
        hooked = bool(run.plan.touched)
        self.deadline.begin()
        if hooked:
            self.hooks.run(HookMoment.PRE_DEPLOY, run.for_hooks)
        if run.act is DeploymentKind.DEPLOY:
            self.jobs.run(run.plan, run.course)
        drained = run.course.drained
        run.course.drain = lambda old: self.hooks.drain(run.for_hooks, old, drained)
        self.switcher.switch(run.plan, run.course)
        with self.interrupts.held():
            self._end(run, Outcome.DONE)
        self.interrupts.check()
        if hooked:
            self.hooks.run(HookMoment.POST_DEPLOY, run.for_hooks)

    def _failed(self, run: _Run, failed: UnhealthyError | EngineError) -> NoReturn:
        """Go back to what ran before, if there is something, and say what happened."""
        reason = reason_of(failed) if isinstance(failed, UnhealthyError) else failed.what
        if run.course.done and isinstance(failed, HookFailedError):
            raise DeployError(
                f"the {run.act} is done, and {changed(run.plan.touched)} runs; but {reason}",
                cause=_last_line(failed),
                next_step="run by hand what the hook was to do; `whalebuild rollback` goes back",
                log=_log(failed),
            )
        try:
            back = self._go_back(run, reason)
        except EngineError:
            if isinstance(failed, EngineError):
                raise failed from None
            raise
        if isinstance(failed, EngineError):
            failed.what = f"the {run.act} failed: {reason}; {back.what}"
            failed.next_step = back.next_step
            raise failed
        raise DeployError(
            f"the {run.act} failed: {reason}; {back.what}",
            cause=_last_line(failed),
            next_step=back.next_step,
            log=_log(failed),
        )

    def _stopped(self, run: _Run, stopped: InterruptedRunError) -> None:
        """Go back after a signal, and say what runs now, service by service, as looked at."""
        if run.course.done:
            with self.interrupts.held():
                self._end(run, Outcome.DONE)
            stopped.what = f"{stopped.what}, when all was done: {changed(run.plan.touched)} runs"
            stopped.next_step = "see `whalebuild history`"
            return
        signal = stopped.what
        self.console.note(f"{signal}; a second signal ends at once, and puts nothing back")
        back = self._go_back(run, signal)
        stopped.what = f"{signal}; {back.what}"
        stopped.cause = f"now {in_words(back.seen)}" if back.seen else None
        job = run.course.job
        stopped.next_step = (
            f"the job {job} was stopped, see `docker compose logs {job}`; then run it again"
            if job
            else "run it again"
        )

    def _go_back(self, run: _Run, reason: str) -> WayBack:
        back = self.back.go(run.plan, run.course, reason, Observer(self.project, self.running_now))
        if run.plan.touched:
            with self.interrupts.held():
                self._end(run, back.outcome, reason)
            self.hooks.tell_failure(run.for_hooks, reason)
        return back

    @property
    def running_now(self) -> Callable[[Iterable[str]], Versions]:
        """What services run at the moment."""
        return self.planner.running_now

    def _end(self, run: _Run, outcome: Outcome, reason: str | None = None) -> None:
        """Record the end, once, of what has a begin there."""
        if not run.recorded:
            return
        about = {each.service.name for each in run.plan.changes}
        # A rollback skips jobs; what an interrupted deploy has left of them is settled with it.
        jobs = {name for name, each in run.plan.model.services.items() if each.is_job}
        about |= jobs & interrupted_services(self.record.read())
        running = self.planner.running_now(sorted(about))
        downloaded = download_of(run.plan.diffs)[0]
        took = round(self.clock() - run.began, 3)
        try:
            self.record.add(
                Ended(run.number, outcome, self.now(), running, reason, downloaded, took)
            )
        except UsageError as failed:  # a full disk, say: what was done is no other for that
            run.unwritten = failed
            self.console.note(
                f"the end of deployment {run.number} could not be recorded: {failed.what}"
                f"{f' ({failed.cause})' if failed.cause else ''}"
            )
        run.recorded = False

    def _record_found(self, plan: DeployPlan) -> None:
        """Record what was started by other means, so that a rollback can go back to it."""
        ran = {name: each.digest for name, each in plan.configuration.ran.items()}
        for entry in found_entries(self.record.read(), plan.pairs, self.now(), ran):
            self.record.add(entry)

    def _keep_configurations(self, plan: DeployPlan) -> dict[str, str]:
        """Keep those by which services run and are to run; the digests of the latter."""
        for each in plan.configuration.ran.values():
            self.configurations.keep(each)
        wanted = plan.configuration.wanted
        return {n: self.configurations.keep(wanted[n]) for n in plan.to_start if n in wanted}

    def _keep(self, plan: DeployPlan) -> None:
        """Give images their kept names: what is to run, and what a rollback may run again."""
        names = self.project.named_images() if plan.pairs else {}
        for each in plan.pairs:
            if each.before and each.before_image:
                before = kept_name(each.before.digest or "")
                if names.get(familiar(str(before))) != each.before_image:
                    self.project.tag(each.before_image, before)
            version = each.version
            kept = kept_name(version.digest or "") if version else None
            if version and kept and familiar(str(kept)) not in names:
                by_digest = Reference(version.repository, digest=version.digest)
                self.project.tag(str(by_digest), kept)


def _log(failed: UnhealthyError) -> str | None:
    if not failed.log:
        return None
    return "\n".join([f"{failed.problem.service}'s last lines:", *failed.log.splitlines()])


def _last_line(failed: UnhealthyError) -> str | None:
    """The end of what a health check or compose printed; a traceback's last line tells most."""
    lines = [line.strip() for line in failed.problem.output.splitlines() if line.strip()]
    return lines[-1] if lines else None

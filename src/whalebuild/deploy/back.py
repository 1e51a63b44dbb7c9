"""Puts back what ran before, after a failure or an interrupt, and says what runs then."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from whalebuild.buildkit.console import Console
from whalebuild.compose.containers import Container
from whalebuild.compose.model import UpdateOrder
from whalebuild.deploy.course import Course, Interrupts
from whalebuild.deploy.deadline import Deadline
from whalebuild.deploy.health_wait import UnhealthyError
from whalebuild.deploy.result import changed
from whalebuild.deploy.seen import Observer, SeenService, all_work, in_words
from whalebuild.deploy.switch import Switcher
from whalebuild.deployments.record import Outcome
from whalebuild.deployplan.plan import DeployPlan, ServiceAction, ServiceChange
from whalebuild.deployplan.ports import Project
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.values import dataclass

_SETTLE = 30.0  # seconds in which what was starting is to work
# With these the engine starts a container again when it comes back itself.
_STARTED_AGAIN = frozenset({"always", "unless-stopped"})
_INTERVAL = 0.5  # seconds between two tries to reach an engine that went away
_SEE = "see `docker compose ps` and its logs; `whalebuild history` has the versions"


@dataclass(frozen=True)
class WayBack:
    """What came of the attempt to have the versions before run.

    Attributes:
        outcome: What the record says.
        what: What was done, in a few words.
        next_step: What the user can do.
        seen: What was looked at afterwards.
    """

    outcome: Outcome
    what: str
    next_step: str
    seen: tuple[SeenService, ...] = ()


@dataclass(frozen=True)
class GoBack:
    """Puts back what a deploy has changed; jobs are nothing to go back to.

    Attributes:
        wanted: Whether the versions before are to be started again.
        sleep: As ``time.sleep``.
    """

    project: Project
    console: Console
    switcher: Switcher
    deadline: Deadline
    interrupts: Interrupts
    wanted: bool
    sleep: Callable[[float], None]

    def go(self, plan: DeployPlan, course: Course, reason: str, observer: Observer) -> WayBack:
        """Put back what was changed, as far as the deploy has come, and look at what runs.

        A signal meanwhile is only noted, unless it is the second one.

        Raises:
            EngineError: The engine is lost, and does not come back in time.
        """
        with self.interrupts.held():
            self.deadline.begin()
            self._await_engine()
            back = back_plan(plan)
            if not plan.touched:
                what = "no version has changed, so that there is none to go back to"
                return WayBack(Outcome.FAILED, what, "see what it printed, and deploy again")
            if not self.wanted:
                seen = observer.at(_names(plan))
                what = f"not rolled back (--no-rollback): {in_words(seen)}"
                return WayBack(Outcome.FAILED, what, "whalebuild rollback goes back", seen)
            if not back.touched and course.switched:
                what = "there is no version before it to go back to"
                return WayBack(Outcome.FAILED, what, "see what it printed, and deploy again")
            drained = self._drained(course)
            if drained:
                self.console.note(f"{', '.join(drained)}: made anew, as it was told to drain")
            back = replace(back, services=_made_anew(back.services, drained))
            with self.project.as_it_was(plan.configuration.back):
                if not course.switched and not drained:
                    return self._untouched(plan, course, observer)
                self.console.note(f"{reason}; going back")
                return self._switched(back, observer, course)

    def _drained(self, course: Course) -> tuple[str, ...]:
        """Services of which a container was told to drain, and runs on."""
        found = self.project.containers() if course.drained else ()
        still = [each.service for each in found if each.id in course.drained and each.is_up]
        return tuple(dict.fromkeys(still))

    def _untouched(self, plan: DeployPlan, course: Course, observer: Observer) -> WayBack:
        """Nothing was stopped. It is looked at all the same: a trial may have done harm."""
        self.switcher.start_first.clean_up()
        # A job that was done stays done: its tag with it, unless others have the same.
        jobs = {name: each for name, each in plan.services.items() if name not in course.jobs}
        self.switcher.set_tags(back_plan(replace(plan, services=jobs), jobs=True))
        names = [name for name in _names(plan) if _before(plan, name)]
        seen = observer.at(names)
        if not all_work(seen) and self._settled(names):
            seen = observer.at(names)
        step = "see what it printed, and deploy again"
        if not seen:
            seen = observer.at(_names(plan))
            what = in_words(seen) or "nothing else was started"
            return WayBack(Outcome.ROLLED_BACK, what, step, seen)
        if all_work(seen):
            named = changed(back_plan(plan).changes)
            how = "was not stopped, and runs" if len(seen) == 1 else "were not stopped, and run"
            return WayBack(Outcome.ROLLED_BACK, f"{named} {how}", step, seen)
        what = f"nothing was stopped, but what runs does not all work: {in_words(seen)}"
        return WayBack(Outcome.FAILED, what, _SEE, seen)

    def _switched(self, back: DeployPlan, observer: Observer, course: Course) -> WayBack:
        try:
            self._switch(back, course)
        except UnhealthyError as also:
            seen = observer.at(_names(back))
            what = f"and the version before does not work either: {reason_of(also)}"
            return WayBack(Outcome.FAILED, f"{what} ({in_words(seen)})", _SEE, seen)
        seen = observer.at(_names(back))
        how = "runs again" if len(seen) == 1 else "run again"
        what = f"rolled back: {changed(back.touched)} {how}{_but(back)}"
        return WayBack(Outcome.ROLLED_BACK, what, "see what it printed, and deploy again", seen)

    def _switch(self, back: DeployPlan, course: Course) -> None:
        try:
            self.switcher.switch(back, course.back())
        except UnhealthyError:
            if not self.interrupts.came:
                raise
            # Ctrl-C reaches docker compose as well.
            self.switcher.switch(back, course.back())

    def _settled(self, names: Collection[str]) -> bool:
        """Wait a moment for what is starting, as after a restart of the engine.

        Returns:
            Whether anything was.
        """
        ends, waited = min(self.deadline.ends, self.deadline.clock() + _SETTLE), False
        while self.deadline.clock() < ends:
            containers = self.project.containers()
            starting = [c.name for c in containers if c.service in names and _is_starting(c)]
            if not starting:
                break
            waited = True
            self.console.progress(f"waiting for {', '.join(starting)}", self.deadline.words)
            self.sleep(_INTERVAL)
        return waited

    def _await_engine(self) -> None:
        """Wait until the engine answers: it may be restarting, and what it runs with it."""
        while True:
            try:
                self.project.containers()
            except CommandFailedError:
                if self.deadline.is_over:
                    raise
                self.console.progress("waiting for the Docker engine", self.deadline.words)
                self.sleep(_INTERVAL)
            else:
                return


def back_plan(plan: DeployPlan, *, jobs: bool = False) -> DeployPlan:
    """The plan that starts again what ran before.

    Args:
        plan: What was to run.
        jobs: Whether the versions of jobs are in it as well, for their tags.
    """
    changes = {
        each.service.name: ServiceChange(
            *(each.service, _way_back(each), each.before, each.version),
            # It has worked before: no trial.
            order=UpdateOrder.STOP_FIRST if each.service.exclusive else each.order,
            configured=each.configured,
            forced=each.forced,
        )
        for each in plan.changes
        if each.before and (jobs or not each.service.is_job)
    }
    changes |= {each.service.name: each for each in plan.touched if not each.version}
    return replace(plan, services=changes, named=tuple(changes), diffs=(), notes=(), orphans=())


def _made_anew(
    changes: Mapping[str, ServiceChange], names: Collection[str]
) -> dict[str, ServiceChange]:
    """The changes, with new containers for these services, also where nothing else is new."""
    return {
        name: replace(each, action=ServiceAction.CONFIGURE, configured=("drained",), forced=True)
        if name in names
        else each
        for name, each in changes.items()
    }


def _way_back(change: ServiceChange) -> ServiceAction:
    """Whether another version is to run again, or the same one by its earlier configuration."""
    configured = change.action is ServiceAction.CONFIGURE
    same = change.before and change.version and change.before.digest == change.version.digest
    return ServiceAction.CONFIGURE if configured and same else ServiceAction.UPDATE


def reason_of(failed: UnhealthyError) -> str:
    """What did not work, with the service's name."""
    problem = failed.problem
    return f"{problem.service}: {problem.reason}" if problem.service else problem.reason


def _is_starting(container: Container) -> bool:
    """Whether the engine is about to have a container running and checked."""
    if container.oneoff or container.trial:
        return False
    if container.is_up:
        return container.status == "restarting" or container.health == "starting"
    return container.restart_policy in _STARTED_AGAIN


def _names(plan: DeployPlan) -> list[str]:
    return [each.service.name for each in plan.touched if not each.service.is_job]


def _but(back: DeployPlan) -> str:
    """What is not as it was of services that went back."""
    found = back.configuration
    unknown = ", ".join(name for name in found.unknown if name in back.services)
    said = [f"the earlier configuration of {unknown} is not known"] if unknown else []
    said += [f"{each} stays as it is now" for each in found.stays]
    return f" ({'; '.join(said)})" if said else ""


def _before(plan: DeployPlan, name: str) -> bool:
    return plan.services[name].before is not None

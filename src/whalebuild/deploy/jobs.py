"""Runs the jobs of a project, as migrations, while the version before still runs.

A job is a service whose end others wait for (``service_completed_successfully``). It runs before
anything is stopped, in compose's own container: ``docker compose up`` by hand sees it. Nobody goes
back to an old job, since what it has done cannot be undone by running it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from whalebuild.buildkit.console import Console
from whalebuild.compose.containers import Container
from whalebuild.compose.health import HealthProblem
from whalebuild.compose.model import Service
from whalebuild.compose.order import HEALTHY, dependencies_of, in_order
from whalebuild.compose.up import UpFlag
from whalebuild.deploy.compose_up import ComposeUp, containers_of
from whalebuild.deploy.course import Course
from whalebuild.deploy.deadline import Deadline
from whalebuild.deploy.health_wait import HealthWait, UnhealthyError, last_output
from whalebuild.deployplan.plan import DeployPlan, ServiceAction, ServiceChange
from whalebuild.deployplan.ports import Project
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.published.kept import kept_name
from whalebuild.values import dataclass

_INTERVAL = 0.25  # seconds between two looks at a job
_NEW = frozenset({ServiceAction.UPDATE, ServiceAction.START, ServiceAction.CONFIGURE})
# With these the engine starts a container again that has ended; the job may come to its end yet.
_TRIES_AGAIN = frozenset({"on-failure"})


class JobFailedError(UnhealthyError):
    """A job failed, or did not end in time; its container is there to be looked at."""


@dataclass(frozen=True)
class Jobs:
    """Runs jobs to their end.

    Attributes:
        sleep: As ``time.sleep``.
    """

    project: Project
    console: Console
    compose: ComposeUp
    health: HealthWait
    deadline: Deadline
    sleep: Callable[[float], None]

    def run(self, plan: DeployPlan, course: Course) -> None:
        """Run the jobs whose version or configuration is new, or that have not ended well yet.

        Raises:
            JobFailedError: One failed or did not end in time.
            UnhealthyError: What one depends on does not start or does not work.
            EngineError: The engine cannot be asked.
        """
        for job in self.due(plan):
            self.start_missing(plan, [job.service.name])
            course.job = job.service.name
            self._run(plan, job)
            course.jobs.append(course.job)
            course.job = ""

    def due(self, plan: DeployPlan) -> tuple[ServiceChange, ...]:
        """The jobs that are to run, in their order."""
        jobs = [each for each in in_order(plan.model, plan.to_start) if each.is_job]
        containers = self.project.containers() if jobs else ()
        found = [plan.services[each.name] for each in jobs if each.replicas]
        return tuple(each for each in found if self._is_due(each, containers))

    def _is_due(self, job: ServiceChange, containers: Collection[Container]) -> bool:
        if job.action in _NEW or job.configured:
            return True
        mine = containers_of(containers, job.service.name)
        done = [each for each in mine if each.status == "exited" and not each.exit_code]
        wanted = self._image(job)
        return not any(wanted is None or each.image == wanted for each in done)

    def _image(self, job: ServiceChange) -> str | None:
        """The engine's ID of a job's image, as far as it can be told."""
        if job.version:
            return self.project.image_id(kept_name(job.version.digest or ""))
        return self.project.image_id(job.service.image) if job.service.image else None

    def start_missing(self, plan: DeployPlan, names: Collection[str]) -> None:
        """Start what services depend on and what does not run, and wait until it works.

        What runs stays as it is, in whatever version.
        """
        missing = missing_dependencies(plan, names, self.project.containers())
        if missing:
            self.console.note(
                f"{', '.join(names)}: starting {', '.join(missing)} first, which it depends on"
            )
            for name in missing:
                change = plan.services.get(name)
                if change and change.version:
                    self.compose.tag(change)
            self.compose.up(missing, plan.pairs, flags=(UpFlag.NO_RECREATE, UpFlag.NO_DEPS))
        wanted = {
            name
            for each in names
            for name, how in plan.model.services[each].depends_on.items()
            if how == HEALTHY
        }
        awaited = [c for name in wanted for c in containers_of(self.project.containers(), name)]
        self.health.wait([c.id for c in awaited if c.is_up], self.deadline.ends)

    def _run(self, plan: DeployPlan, job: ServiceChange) -> None:
        name = job.service.name
        self.console.note(f"{name}: running this job; what runs goes on meanwhile")
        if job.version:
            self.compose.tag(job)
        flags = (UpFlag.NO_DEPS, *((UpFlag.FORCE_RECREATE,) if job.forced else ()))
        try:
            self.compose.up([name], plan.pairs, flags=flags)
            self._wait(job.service)
        except UnhealthyError as failed:
            if isinstance(failed, JobFailedError):
                raise
            self._stop(name)  # compose may have started it when it was stopped at the deadline
            raise JobFailedError(failed.problem, failed.log) from None
        except BaseException:
            self._stop(name)  # interrupted: it must not go on behind anybody's back
            raise
        self.console.note(f"{name}: done")

    def _wait(self, job: Service) -> None:
        """Wait for the end of a job's containers."""
        codes: dict[str, int] = {}  # with which those have ended that docker starts again
        while True:
            containers = self._look(job.name)
            codes |= {c.id: c.exit_code for c in containers if c.restarts and c.exit_code}
            for each in containers:
                if reason := _failure(each):
                    raise self._failed(each, reason)
            if containers and all(each.status == "exited" for each in containers):
                return
            if self.deadline.is_over:
                self._stop(job.name)
                raise self._late(job.name, containers, codes)
            again = "".join(
                f", {_ended_before(each, codes)}" for each in containers if each.id in codes
            )
            self.console.progress(
                f"waiting for the end of job {job.name}{again}", self.deadline.words
            )
            self.sleep(_INTERVAL)

    def _look(self, name: str) -> list[Container]:
        try:
            return containers_of(self.project.containers(), name)
        except CommandFailedError:
            if self.deadline.is_over:
                raise
            return []  # the engine may be back in a moment

    def _late(
        self, name: str, containers: Collection[Container], codes: Mapping[str, int]
    ) -> JobFailedError:
        still = "and was stopped; its container is still there"
        reason = f"the job has not ended after {self.deadline.passed}, {still}"
        for each in containers:
            if before := _ended_before(each, codes):
                reason = f"the job {before}, within {self.deadline.passed}, {still}"
            return self._failed(each, reason)
        return JobFailedError(HealthProblem(name, "", reason))

    def _failed(self, container: Container, reason: str) -> JobFailedError:
        problem = HealthProblem(container.service, container.id, reason, container.error)
        return JobFailedError(problem, last_output(self.project, container.id))

    def _stop(self, name: str) -> None:
        """Stop a job, and leave its container to be looked at."""
        running = [c.id for c in containers_of(self.project.containers(), name) if c.is_up]
        self.console.progress(f"stopping job {name}", self.deadline.words)
        self.project.stop(running)


def missing_dependencies(
    plan: DeployPlan, names: Iterable[str], containers: Collection[Container]
) -> tuple[str, ...]:
    """What services depend on, is to be started and does not run; jobs are no part of it."""
    running = {each.service for each in containers if each.is_up and not each.oneoff}
    return tuple(
        each.name
        for each in dependencies_of(plan.model, names)
        if each.name in plan.to_start
        and not each.is_job
        and each.replicas
        and each.name not in running
    )


def _ended_before(container: Container, codes: Mapping[str, int]) -> str:
    """How a container has ended that docker has started again; empty if it has not."""
    if container.id not in codes:
        return ""
    times = "once" if container.restarts == 1 else f"{container.restarts} times"
    return f"ended {times}, the last time with exit code {codes[container.id]}"


def _failure(container: Container) -> str:
    if container.error:
        return "the engine cannot start the job"
    ended = container.status == "exited" and container.exit_code
    given_up = container.status == "restarting" and container.restart_policy not in _TRIES_AGAIN
    if ended or given_up:
        return f"the job ended with exit code {container.exit_code}; its container is still there"
    if container.status in {"dead", "removing", "paused"}:
        return f"the job's container is {container.status}"
    return ""

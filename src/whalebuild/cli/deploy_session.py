"""What the verbs about deployments need: a compose project, its engine and its record."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from whalebuild.cli import options as opt
from whalebuild.cli.output.deploy import deploy_json, deploy_table
from whalebuild.cli.output.diff import diff_text
from whalebuild.cli.output.error import error_text
from whalebuild.cli.output.table import fit
from whalebuild.cli.screen import screen_width, show
from whalebuild.cli.waiting import said
from whalebuild.deploy.back import GoBack
from whalebuild.deploy.compose_up import ComposeUp
from whalebuild.deploy.course import Interrupts
from whalebuild.deploy.deadline import ComposeWatch, Deadline
from whalebuild.deploy.deployer import Deployer
from whalebuild.deploy.health_wait import HealthWait
from whalebuild.deploy.hooks import HookRunner, check_hooks
from whalebuild.deploy.jobs import Jobs
from whalebuild.deploy.prune import may_prune, prune
from whalebuild.deploy.pull import Puller
from whalebuild.deploy.result import DeployAction, DeployResult, left_out
from whalebuild.deploy.start_first import StartFirst
from whalebuild.deploy.switch import Switcher
from whalebuild.deployments.record import History
from whalebuild.deployplan.configurer import Configurer
from whalebuild.deployplan.plan import DeployPlan
from whalebuild.deployplan.planner import DeployPlanner
from whalebuild.errors import InterruptedRunError, WhalebuildError
from whalebuild.published.lookup import ManifestLookup
from whalebuild.settings import Settings
from whalebuild.values import dataclass

if TYPE_CHECKING:
    from whalebuild.console.base import ConsoleBase
    from whalebuild.docker.compose import ComposeProject
    from whalebuild.docker.host import DockerHost
    from whalebuild.docker.volumes import DockerVolumes
    from whalebuild.runtime.retrier import Retrier
    from whalebuild.runtime.stopping import Stopping
    from whalebuild.state.configurations import FileConfigurations
    from whalebuild.state.shared_record import SharedRecord


@dataclass(frozen=True)
class DeploySession:
    """One run of such a verb in the current directory, on one engine.

    Attributes:
        state: The folder of records.
        engine: The engine's ID.
        name: What the host is called where there are several; empty for one alone.
        stopping: Has what is under way on this host end, from another thread.
        scratch: Of its docker calls.
    """

    settings: Settings
    project: ComposeProject
    host: DockerHost
    lookup: ManifestLookup
    console: ConsoleBase
    retrier: Retrier
    record: SharedRecord
    configurations: FileConfigurations
    volumes: DockerVolumes
    state: Path
    engine: str
    name: str
    stopping: Stopping
    scratch: Path

    def reading(
        self, what: str = "reading what is published, and what this host has"
    ) -> AbstractContextManager[None]:
        """Say what is being read, if it takes long and the output is for people."""
        return said(self.console, self.settings.progress, what)

    def planner(self, history: History) -> DeployPlanner:
        """A planner over this session's project, its engine and the registry."""
        shareable = self.settings.start_first_volumes
        configurer = Configurer(self.project, self.configurations, history, shareable)
        return DeployPlanner(
            *(self.project, self.host, self.lookup, history, configurer, shareable),
            grace=self.settings.deploy_grace,
            now=lambda: datetime.now(UTC),
        )

    def deployer(
        self, planner: DeployPlanner, interrupts: Interrupts, *, go_back: bool
    ) -> Deployer:
        """What carries out the planner's plans.

        Args:
            planner: Whose plans.
            interrupts: Signals.
            go_back: Whether the versions before are started again if the new ones do not work.
        """
        from whalebuild.docker.commands import HookCommands

        project, console, settings = self.project, self.console, self.settings
        check_hooks(settings.hooks, project.model())
        clock, sleep = time.monotonic, time.sleep
        deadline = Deadline(settings.deploy_timeout, clock)
        compose = ComposeUp(project, ComposeWatch(project, console, deadline))
        health = HealthWait(project, console, settings.deploy_timeout, settings.deploy_grace, clock)
        start_first = StartFirst(project, console, compose, health, deadline, sleep)
        switcher = Switcher(project, console, compose, start_first, health, deadline)
        return Deployer(
            project,
            self.record,
            self.configurations,
            planner,
            Puller(project, self.retrier, console, self.host.space),
            HookRunner(
                HookCommands(project), project.containers, console, deadline, settings.hooks
            ),
            Jobs(project, console, compose, health, deadline, sleep),
            switcher,
            GoBack(project, console, switcher, deadline, interrupts, go_back, sleep),
            deadline,
            interrupts,
            console,
            now=_utc_now,
            clock=clock,
        )

    def tidied(self, result: DeployResult) -> DeployResult:
        """After a deploy that worked, remove images beyond ``keep``, if that is so set.

        That it cannot be done is said, and is no failure of the deploy.
        """
        from whalebuild.state.shared_record import records_of

        if result.done is not DeployAction.DEPLOYED or not self.settings.prune:
            return result
        try:
            keep, names = self.settings.keep, self.project.named_images()
            if not may_prune(self.record.read(), keep, names):
                return result
            records = records_of(self.state, self.engine, self.volumes, self.console.note)
            pruned = prune(self.project, self.host, records, keep, dry_run=False)
        except InterruptedRunError as stopped:
            stopped.next_step = "the deploy is done; `whalebuild prune` removes old images"
            raise
        except WhalebuildError as error:
            self.console.note(f"images of old deployments were not removed: {error.what}")
            return result
        return replace(result, pruned=pruned)


@contextmanager
def on_host(name: str) -> Iterator[None]:
    """Say in an error on which host it was, where there are several."""
    try:
        yield
    except WhalebuildError as error:
        if name:
            error.what = f"{name}: {error.what}"
        raise


def show_plan(session: DeploySession, plan: DeployPlan, format_: opt.Format) -> None:
    """Say on standard error what must be downloaded, and what else is to be known."""
    if format_ is opt.Format.TEXT and plan.diffs:
        width = screen_width(sys.stderr)
        heading = f"{session.name}:\n" if session.name else ""
        typer.echo(fit(f"{heading}{diff_text(plan.diffs, width)}", width), err=True)
    for note in plan.notes:
        session.console.note(note)


def show_result(result: DeployResult, format_: opt.Format) -> None:
    """Print the result on standard output; nothing moves on the terminal any more by then.

    Raises:
        WhalebuildError: Services were left as they are, since an image could not be had.
        typer.Exit: The same, where the result for machines has said so.
    """
    error = left_out(result)
    if format_ is opt.Format.JSON:
        typer.echo(json.dumps(deploy_json(result)))
        if error:
            typer.echo(error_text(error, screen_width(sys.stderr)), err=True)
            raise typer.Exit(int(error.exit_code))
        return
    show(partial(deploy_table, result))
    if error:
        raise error


def _utc_now() -> str:
    """The time as the record has it."""
    return datetime.now(UTC).isoformat(timespec="seconds")

"""A deploy or a rollback on several hosts: all of them, or what ran before on each."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from functools import partial
from typing import TypeVar

import typer

from whalebuild.cli import options as opt
from whalebuild.cli.deploy_session import DeploySession, on_host
from whalebuild.cli.output.deploys import deploys_json, deploys_table
from whalebuild.cli.output.error import error_text
from whalebuild.cli.screen import screen_width, show
from whalebuild.cli.signals import DeploySignals
from whalebuild.compose.model import UpdateOrder
from whalebuild.deploy.course import Interrupts
from whalebuild.deploy.deployer import Deployer
from whalebuild.deploy.hosts import HostEnd, HostOutcome, failure_of, good_before
from whalebuild.deploy.result import DeployResult
from whalebuild.deployments.configurations import configurations_after
from whalebuild.deployments.history import next_number, rollback_target, state_after
from whalebuild.deployments.record import DeploymentKind, Outcome
from whalebuild.deployplan.plan import DeployPlan
from whalebuild.errors import AbandonedRunError, InterruptedRunError, UsageError, WhalebuildError
from whalebuild.runtime.threads import Submit
from whalebuild.values import dataclass

T = TypeVar("T")


@dataclass(frozen=True)
class HostPlan:
    """What is to be done on a host.

    Attributes:
        to: The deployment that a rollback goes back to.
    """

    session: DeploySession
    deployer: Deployer
    plan: DeployPlan
    act: DeploymentKind = DeploymentKind.DEPLOY
    to: int | None = None

    @property
    def host(self) -> str:
        """The host's name."""
        return self.session.name

    def switch(self, pulled: float | None = None) -> DeployResult:
        """Pull what is missing, and start it.

        Args:
            pulled: How many seconds pulling took, if that is done.
        """
        if pulled is None:
            return self.deployer.deploy(self.plan, self.act, self.to)
        plan = replace(self.plan, missing=frozenset())
        result = self.deployer.deploy(plan, self.act, self.to)
        return replace(result, pull_seconds=pulled)

    def switch_and_tidy(self) -> DeployResult:
        """The same; then images are removed that are not needed any more."""
        return self.session.tidied(self.switch())

    def runs_new(self) -> int | None:
        """The deployment of this run, if what it brought runs, or may run; None if it does not."""
        for each in reversed(self.session.record.read().deployments):
            if each.number < next_number(self.deployer.planner.history):
                break
            if each.begun.act is self.act:
                new = each.outcome in {Outcome.DONE, Outcome.INTERRUPTED}
                return each.number if new else None
        return None

    def outcome(
        self,
        end: HostEnd,
        result: DeployResult | None = None,
        error: WhalebuildError | None = None,
        back_to: int | None = None,
    ) -> HostOutcome:
        """What became of it."""
        return HostOutcome(
            *(self.host, self.session.engine, self.plan, end, result, error, back_to)
        )


@dataclass(frozen=True)
class HostsRun:
    """Carries out plans of several hosts.

    Attributes:
        parallel: On how many at a time.
        signals: Of the command.
        go_back: Whether those that are done go back if another one fails.
    """

    plans: Sequence[HostPlan]
    parallel: int
    signals: DeploySignals
    go_back: bool

    def ahead(self, act: Callable[[HostPlan], DeployResult]) -> list[HostOutcome]:
        """Do something that starts nothing, on all of them.

        Raises:
            WhalebuildError: It failed on one.
        """
        done = self._all_or_error(act)
        return [each.outcome(HostEnd.DONE, done[each.host]) for each in self.plans]

    def switch(self) -> list[HostOutcome]:
        """Pull on all of them, then switch them until one fails; then those before it go back.

        Raises:
            WhalebuildError: An image could not be had: no host was switched.
        """
        for each in self.plans:
            left = next((c.unreachable for c in each.plan.left if c.unreachable), None)
            if left:
                with on_host(each.host):
                    raise left
        pulled = self._all_or_error(lambda each: each.deployer.pull(each.plan))
        results, errors = self.on_all(lambda each: each.switch(pulled[each.host]))
        if not errors:
            # What may be gone back to was needed until here.
            tidied = self._all_or_error(lambda each: each.session.tidied(results[each.host]))
            return [each.outcome(HostEnd.DONE, tidied[each.host]) for each in self.plans]
        outcomes = self._after(results, errors)
        return [outcomes[each.host] for each in self.plans]

    def _after(
        self, results: dict[str, DeployResult], errors: dict[str, WhalebuildError]
    ) -> dict[str, HostOutcome]:
        """What becomes of the hosts after one has failed."""
        outcomes = {}
        back = {}
        for each in self.plans:
            result, error = results.get(each.host), errors.get(each.host)
            end = HostEnd.FAILED if error else HostEnd.DONE if result else HostEnd.LEFT
            outcomes[each.host] = each.outcome(end, result, error)
            number = each.runs_new() if result or isinstance(error, InterruptedRunError) else None
            if self.go_back and number:
                back[each.host] = number
        run = replace(self, plans=[each for each in self.plans if each.host in back])
        failed = ", ".join(errors)
        with self.signals.held():
            gone, late = run.on_all(
                lambda each: self._go_back(each, outcomes[each.host], back[each.host], failed)
            )
        lost = {
            each.host: each.outcome(HostEnd.NOT_BACK, results.get(each.host), late.get(each.host))
            for each in run.plans
        }
        return outcomes | lost | gone

    def _go_back(self, each: HostPlan, done: HostOutcome, number: int, failed: str) -> HostOutcome:
        """Have a host run what ran before a deployment; what comes of it is no error."""
        session = each.session
        try:
            to = good_before(session.record.read(), number)
            if to is None:
                raise UsageError("there is no deployment before it to go back to")
            session.console.note(f"going back to deployment {to}, since it failed on {failed}")
            interrupts = interrupts_of(session, self.signals, self.parallel)
            with interrupts.held():
                rollback_plan(session, to, None, interrupts).switch()
        except AbandonedRunError:
            raise
        except WhalebuildError as error:
            return each.outcome(HostEnd.NOT_BACK, done.result, error)
        end = HostEnd.FAILED if done.end is HostEnd.FAILED else HostEnd.BACK
        return each.outcome(end, done.result, done.error, to)

    def _all_or_error(self, action: Callable[[HostPlan], T]) -> dict[str, T]:
        results, errors = self.on_all(action)
        for host, error in errors.items():
            with on_host(host):
                raise error
        return results

    def on_all(
        self, action: Callable[[HostPlan], T]
    ) -> tuple[dict[str, T], dict[str, WhalebuildError]]:
        """Do something on some hosts at a time; after a failure no other one is begun.

        Returns:
            What came of it, and errors, by host.

        Raises:
            AbandonedRunError: A second signal came.
        """
        if self.parallel > 1:
            return self._side_by_side(action)
        results: dict[str, T] = {}
        for each in self.plans:
            try:
                if results and self.signals.came and not self.signals.puts_back:
                    raise InterruptedRunError("interrupted before it was begun")
                results[each.host] = action(each)
            except AbandonedRunError:
                raise
            except WhalebuildError as error:
                return results, {each.host: error}
        return results, {}

    def _side_by_side(
        self, action: Callable[[HostPlan], T]
    ) -> tuple[dict[str, T], dict[str, WhalebuildError]]:
        results: dict[str, T] = {}
        errors: dict[str, WhalebuildError] = {}
        stopped: InterruptedRunError | None = None
        waiting = list(self.plans)
        submit, under_way = Submit(self.parallel), dict[Future[T], HostPlan]()
        while (waiting and not errors and not stopped) or under_way:
            try:
                while waiting and not errors and not stopped and len(under_way) < self.parallel:
                    begun = waiting.pop(0)
                    under_way[submit(partial(action, begun))] = begun
                ended, _ = wait(under_way, return_when=FIRST_COMPLETED)
            except AbandonedRunError:
                raise
            except InterruptedRunError as signal:
                # Only this thread gets signals: each host's ends as if it had got it.
                stopped = signal
                for each in under_way.values():
                    each.session.stopping.ask(stopped)
                continue
            for future in ended:
                each = under_way.pop(future)
                try:
                    results[each.host] = future.result()
                except WhalebuildError as error:
                    errors[each.host] = _both(stopped, error)
        if stopped and not errors:
            last = list(results)[-1] if results else self.plans[0].host
            errors[last] = stopped
        return results, errors


def _both(stopped: InterruptedRunError | None, error: WhalebuildError) -> WhalebuildError:
    """The error of a host that failed after a signal: Ctrl-C ends what docker does as well."""
    if stopped is None or isinstance(error, InterruptedRunError):
        return error
    what = f"{stopped.what}; {error.what}"
    return InterruptedRunError(what, cause=error.cause, next_step=error.next_step)


def interrupts_of(session: DeploySession, signals: DeploySignals, parallel: int) -> Interrupts:
    """What stops a host's deploy: signals, or the thread that gets them."""
    if parallel == 1 or not session.name:
        return signals
    session.stopping.drop_output = signals.drop_output
    return session.stopping


def rollback_plan(
    session: DeploySession,
    number: int | None,
    order: UpdateOrder | None,
    interrupts: Interrupts,
) -> HostPlan:
    """The plan to have a host run what ran before; see ``rollback_target``.

    Raises:
        WhalebuildError: There is nothing to go back to, or the engine cannot be asked.
    """
    history = session.record.read()
    planner = session.planner(history)
    with session.reading():
        other = number is None and planner.runs_other()
        target = rollback_target(history, number, runs_other=other)
        versions, brought = state_after(history, target.number), target.begun.configurations
        by = configurations_after(history, target.number)
        plan = planner.rollback(versions, order, by, brought)
    deployer = session.deployer(planner, interrupts, go_back=True)
    return HostPlan(session, deployer, plan, DeploymentKind.ROLLBACK, target.number)


def show_outcomes(outcomes: Sequence[HostOutcome], verb: str, format_: opt.Format) -> None:
    """Print what became of the hosts on standard output.

    Raises:
        WhalebuildError: One of them failed.
        typer.Exit: The same, where the document for machines has said so.
    """
    error = failure_of(outcomes, verb)
    if format_ is opt.Format.JSON:
        typer.echo(json.dumps(deploys_json(outcomes)))
        if error:
            typer.echo(error_text(error, screen_width(sys.stderr)), err=True)
            raise typer.Exit(int(error.exit_code))
        return
    show(partial(deploys_table, outcomes))
    if error:
        raise error

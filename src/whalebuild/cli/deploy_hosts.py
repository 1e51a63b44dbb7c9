"""A deploy or a rollback on several hosts: all of them, or what ran before on each."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import typer

from whalebuild.cli import options as opt
from whalebuild.cli.deploy_session import DeploySession, on_host
from whalebuild.cli.output.bake import error_text
from whalebuild.cli.output.deploys import deploys_json, deploys_table
from whalebuild.cli.screen import screen_width, show
from whalebuild.compose.model import UpdateOrder
from whalebuild.deploy.deployer import Deployer
from whalebuild.deploy.history import rollback_target, state_after
from whalebuild.deploy.hosts import HostEnd, HostOutcome, failure_of, good_before
from whalebuild.deploy.plan import DeployPlan
from whalebuild.deploy.record import DeploymentKind, Outcome
from whalebuild.deploy.result import DeployResult
from whalebuild.errors import InterruptedRunError, UsageError, WhalebuildError
from whalebuild.runtime.threads import Submit

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
        go_back: Whether those that are done go back if another one fails.
    """

    plans: Sequence[HostPlan]
    parallel: int
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
        results, errors = self._on_all(lambda each: each.switch(pulled[each.host]))
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
        back = []
        for each in self.plans:
            result, error = results.get(each.host), errors.get(each.host)
            outcomes[each.host] = each.outcome(
                HostEnd.FAILED if error else HostEnd.DONE if result else HostEnd.LEFT, result, error
            )
            if self.go_back and ((result and result.number) or _is_interrupted(each, error)):
                back.append(each)
        if back:
            run = HostsRun(back, self.parallel, go_back=False)
            gone, late = run._on_all(partial(_go_back, of=outcomes, failed=", ".join(errors)))
            for each in back:
                before = outcomes[each.host]
                lost = late.get(each.host)
                outcomes[each.host] = gone.get(each.host) or each.outcome(
                    HostEnd.NOT_BACK, before.result, lost or before.error
                )
        return outcomes

    def _all_or_error(self, action: Callable[[HostPlan], T]) -> dict[str, T]:
        results, errors = self._on_all(action)
        for host, error in errors.items():
            with on_host(host):
                raise error
        return results

    def _on_all(
        self, action: Callable[[HostPlan], T]
    ) -> tuple[dict[str, T], dict[str, WhalebuildError]]:
        """Do something on some hosts at a time; after a failure no other one is begun.

        Returns:
            What came of it, and errors, by host.
        """
        results: dict[str, T] = {}
        errors: dict[str, WhalebuildError] = {}
        if self.parallel == 1:
            for each in self.plans:
                try:
                    results[each.host] = action(each)
                except WhalebuildError as error:
                    errors[each.host] = error
                    break
            return results, errors
        waiting = list(self.plans)
        submit, under_way = Submit(self.parallel), dict[Future[T], HostPlan]()
        while (waiting and not errors) or under_way:
            try:
                while waiting and not errors and len(under_way) < self.parallel:
                    begun = waiting.pop(0)
                    under_way[submit(partial(action, begun))] = begun
                ended, _ = wait(under_way, return_when=FIRST_COMPLETED)
            except InterruptedRunError as stopped:
                # Only this thread gets signals: each host's ends as if it had got it.
                for each in under_way.values():
                    each.session.stopping.ask(stopped)
                    errors[each.host] = stopped
                waiting.clear()
                continue
            for future in ended:
                each = under_way.pop(future)
                try:
                    results[each.host] = future.result()
                except WhalebuildError as error:
                    errors[each.host] = error
        return results, errors


def rollback_plan(
    session: DeploySession, number: int | None, order: UpdateOrder | None
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
        plan = planner.rollback(state_after(history, target.number), order)
    deployer = session.deployer(planner, go_back=True)
    return HostPlan(session, deployer, plan, DeploymentKind.ROLLBACK, target.number)


def _is_interrupted(each: HostPlan, error: WhalebuildError | None) -> bool:
    """Whether a host was stopped in the middle, so that either version may run there."""
    if not isinstance(error, InterruptedRunError):
        return False
    deployments = each.session.record.read().deployments
    return bool(deployments) and deployments[-1].outcome is Outcome.INTERRUPTED


def _go_back(each: HostPlan, *, of: dict[str, HostOutcome], failed: str) -> HostOutcome:
    """Have a host run what ran before this run; what comes of it is no error."""
    session, done = each.session, of[each.host]
    try:
        history = session.record.read()
        number = done.result.number if done.result else history.deployments[-1].number
        to = good_before(history, number or 0)
        if to is None:
            raise UsageError("there is no deployment before it to go back to")
        session.console.note(f"going back to deployment {to}, since it failed on {failed}")
        rollback_plan(session, to, None).switch()
    except InterruptedRunError:
        raise
    except WhalebuildError as error:
        return each.outcome(HostEnd.NOT_BACK, done.result, error)
    end = HostEnd.FAILED if done.end is HostEnd.FAILED else HostEnd.BACK
    return each.outcome(end, done.result, done.error, to)


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

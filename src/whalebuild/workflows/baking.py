"""Runs a plan: one bake with retries, and the result of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from whalebuild.core.events import parse_line
from whalebuild.core.failures import CommandFailedError, as_error, classify
from whalebuild.core.plan import Plan
from whalebuild.core.progress import BuildState, failure_log
from whalebuild.core.results import BakeResult, make_result
from whalebuild.workflows.ports import Console, Engine
from whalebuild.workflows.retrying import Retrier


@dataclass(frozen=True)
class Baker:
    """Runs bakes on an engine, showing progress on a console."""

    engine: Engine
    console: Console
    retrier: Retrier
    clock: Callable[[], float] = time.monotonic

    def bake(self, plan: Plan) -> BakeResult:
        """Build, push (or load), and tell what happened.

        A retry runs the whole definition again: steps that are done come from the engine's own
        cache, and layers that arrived are not sent twice.

        Raises:
            WhalebuildError: The build failed, or the registry refused or could not be reached.
        """
        begun = self.clock()
        state = BuildState([job.name for job in plan.jobs])
        verb = "loading" if plan.options.load else "publishing"
        step = f"{verb} {', '.join(job.name for job in plan.jobs)}"
        try:
            self.retrier.call(step, lambda: self._attempt(plan, state))
        except CommandFailedError as failed:
            raise as_error(classify(failed.stderr), log=failure_log(state)) from None
        return make_result(
            plan.jobs,
            state,
            self.engine.metadata,
            self.retrier.retries,
            published=not plan.options.load,
            seconds=self.clock() - begun,
        )

    def _attempt(self, plan: Plan, state: BuildState) -> None:
        state.begin_attempt()
        settings = plan.settings
        for line in self.engine.bake(
            plan.definition, builder=settings.builder, allow=settings.allow
        ):
            self.console.raw(line)
            for event in parse_line(line):
                state.apply(event)
                self.console.event(event)

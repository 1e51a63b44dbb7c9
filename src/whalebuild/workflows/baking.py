"""Runs a plan: its targets in waves, with retries, and the result of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from whalebuild.core.definition import Job, schedule, wave_definition
from whalebuild.core.events import parse_line
from whalebuild.core.failures import CommandFailedError, as_error, classify
from whalebuild.core.plan import Plan
from whalebuild.core.progress import BuildState, failure_log
from whalebuild.core.results import BakeResult, make_result
from whalebuild.workflows.ports import Console, Engine
from whalebuild.workflows.retrying import Retrier


@dataclass
class Baker:
    """Runs one plan on an engine, showing progress on a console.

    ``metadata`` has buildx's metadata by target name afterwards.
    """

    engine: Engine
    console: Console
    retrier: Retrier
    clock: Callable[[], float] = time.monotonic
    metadata: dict[str, Any] = field(default_factory=dict)

    def bake(self, plan: Plan) -> BakeResult:
        """Build, push (or load), and tell what happened.

        A retry runs a wave again: steps that are done come from the engine's own cache, and
        layers that arrived are not sent twice.

        Raises:
            WhalebuildError: The build failed, or the registry refused or could not be reached.
        """
        begun = self.clock()
        states: dict[str, BuildState] = {}
        verb = "loading" if plan.options.load else "publishing"
        for wave in schedule(plan.jobs):
            names = [job.name for job in wave]
            state = BuildState(names)
            states |= dict.fromkeys(names, state)
            attempt = partial(self._attempt, plan, wave, state)
            try:
                self.retrier.call(f"{verb} {', '.join(names)}", attempt)
            except CommandFailedError as failed:
                raise as_error(classify(failed.stderr), log=failure_log(state)) from None
            self.metadata |= self.engine.metadata
        return make_result(
            plan.jobs,
            states,
            self.metadata,
            self.retrier.retries,
            published=not plan.options.load,
            seconds=self.clock() - begun,
        )

    def _attempt(self, plan: Plan, wave: Sequence[Job], state: BuildState) -> None:
        state.begin_attempt()
        self.console.begin(state.targets)
        definition = wave_definition(plan.definition, wave)
        settings = plan.settings
        for line in self.engine.bake(definition, builder=settings.builder, allow=settings.allow):
            self.console.raw(line)
            for event in parse_line(line):
                state.apply(event)
                self.console.event(event)

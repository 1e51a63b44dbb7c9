"""Runs tasks on the engine: in waves, with retries, showing progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from whalebuild.core.bakefile import Target
from whalebuild.core.events import parse_line
from whalebuild.core.failures import CommandFailedError, Failure, as_error, classify
from whalebuild.core.jobs import schedule
from whalebuild.core.progress import BuildState, failure_log
from whalebuild.core.settings import Settings
from whalebuild.core.tasks import Task, make_definition
from whalebuild.workflows.ports import Console, Engine
from whalebuild.workflows.retrying import Retrier


class CacheExportError(Exception):
    """All is well but the export of a cache: images were pushed by then."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


@dataclass
class Runner:
    """Runs tasks of one bake.

    Attributes:
        others: The bake file's targets, to which tasks may link.
        metadata: Buildx's metadata by task, of what has been run.
        states: The build in which each task was made.
    """

    engine: Engine
    console: Console
    retrier: Retrier
    settings: Settings
    others: Mapping[str, Target]
    metadata: dict[str, Any] = field(default_factory=dict)
    states: dict[str, BuildState] = field(default_factory=dict)

    def run(self, tasks: Sequence[Task], verb: str) -> None:
        """Build and push (or load).

        A retry runs a wave again: steps that are done come from the engine's own cache, and
        layers that arrived are not sent twice.

        Raises:
            WhalebuildError: The build failed, or the registry refused or could not be reached.
            CacheExportError: Only a cache could not be exported.
        """
        jobs = {task.job.name: task.job for task in tasks}
        for wave in schedule(jobs.values()):
            wanted = {job.name for job in wave}
            chosen = [task for task in tasks if task.job.name in wanted]
            names = [task.name for task in chosen]
            state = BuildState(names)
            self.states |= dict.fromkeys(names, state)
            attempt = partial(self._attempt, chosen, state)
            try:
                self.retrier.call(f"{verb} {', '.join(names)}", attempt)
            except CommandFailedError as failed:
                failure = classify(failed.stderr)
                if state.export_failed:
                    raise CacheExportError(failure) from None
                raise as_error(failure, log=failure_log(state)) from None
            self.metadata |= self.engine.metadata

    def _attempt(self, tasks: Sequence[Task], state: BuildState) -> None:
        state.begin_attempt()
        self.console.begin(state.targets)
        definition = make_definition(tasks, self.others)
        builder, allow = self.settings.builder, self.settings.allow
        for line in self.engine.bake(definition, builder=builder, allow=allow):
            self.console.raw(line)
            for event in parse_line(line):
                state.apply(event)
                self.console.event(event)

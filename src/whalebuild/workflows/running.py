"""Runs tasks on the engine: in waves, with retries, showing progress."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from whalebuild.core.bakefile import Target
from whalebuild.core.engine_failures import classify, digests_in, explains_little, registry_in
from whalebuild.core.events import parse_line
from whalebuild.core.failure_errors import as_error
from whalebuild.core.failures import CommandFailedError, FailedError, Failure, Kind, Remedy
from whalebuild.core.jobs import schedule
from whalebuild.core.progress import BuildState, failure_log
from whalebuild.core.references import Reference
from whalebuild.core.settings import Settings
from whalebuild.core.tasks import Task, make_definition
from whalebuild.workflows.engine_errors import engine_error
from whalebuild.workflows.importing import ImportFailedError, Imports
from whalebuild.workflows.ports import Console, Engine, Registry
from whalebuild.workflows.retrying import Retrier

# Steps of buildx's own: it waits for a builder of the driver "remote", and reads bake files.
_CONNECTING = "[internal] waiting for connection"
_READING = "[internal] load local bake definitions"


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
        fresh: Digests that were pushed: a registry that does not find one of them lags behind.
        about_to_push: Called with the names of jobs, before they are pushed.
    """

    engine: Engine
    registry: Registry
    console: Console
    retrier: Retrier
    imports: Imports
    settings: Settings
    others: Mapping[str, Target]
    metadata: dict[str, Any] = field(default_factory=dict)
    states: dict[str, BuildState] = field(default_factory=dict)
    fresh: set[str] = field(default_factory=set)
    about_to_push: Callable[[Collection[str]], None] = lambda _: None
    _built: set[str] = field(default_factory=set)

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
            self._run_wave([task for task in tasks if task.job.name in wanted], verb)

    def _run_wave(self, tasks: Sequence[Task], verb: str) -> None:
        names = [task.name for task in tasks]
        # Another run of the same tasks, say with another export, goes on with their state.
        state = self.states.get(names[0]) or BuildState(names)
        self.states |= dict.fromkeys(names, state)
        while True:
            attempt = _Attempt(self, tasks, state)
            try:
                self.retrier.call(f"{verb} {', '.join(names)}", attempt)
                break
            except ImportFailedError as failed:
                self.imports.drop(failed.source, failed.failure)
            except FailedError as failed:
                if state.failed_export == "cache":
                    raise CacheExportError(failed.failure) from None
                if not self.imports.blame(failed.failure, tasks):
                    raise as_error(failed.failure, log=failure_log(state)) from None
        self._built.update(names)
        self.metadata |= self.engine.metadata
        self.fresh |= digests_in(str(self.engine.metadata))

    def stream(self, tasks: Sequence[Task], state: BuildState) -> None:
        """Run the tasks once, showing progress.

        Raises:
            CommandFailedError: Buildx failed.
            ImportFailedError: A cache could not be imported for the moment.
        """
        state.begin_attempt()
        self.console.begin(state.targets)
        self._built |= state.built
        ready = [task.again() if task.name in self._built else task for task in tasks]
        definition = make_definition(
            [task.without(self.imports.unusable) for task in ready], self.others
        )
        builder, allow = self.settings.builder, self.settings.allow
        # Closing it stops buildx where the reading ends early.
        with closing(self.engine.bake(definition, builder=builder, allow=allow)) as lines:
            told = False
            for line in lines:
                self.console.raw(line)
                for event in parse_line(line):
                    state.apply(event)
                    self.console.event(event)
                if state.failed_imports:
                    self.imports.check(state, tasks)
                if state.built and not told:
                    told = True
                    self.about_to_push({task.job.name for task in tasks})


@dataclass
class _Attempt:
    """One try after another at the same tasks."""

    runner: Runner
    tasks: Sequence[Task]
    state: BuildState
    last: Failure | None = None

    def __call__(self) -> None:
        if self.last and self.last.kind is Kind.TRANSIENT:
            self._wait_for_registry(self.last)
        try:
            self.runner.stream(self.tasks, self.state)
        except CommandFailedError as failed:
            pushing = self.state.built.issuperset(self.state.targets)
            self.last = classify(failed.stderr, pushing=pushing, fresh=self.runner.fresh)
            if self._unconnected():
                if not self._met():
                    raise engine_error(failed) from None
                self.last = replace(self.last, kind=Kind.ENGINE_LOST)
            raise FailedError(self.last) from None
        except ImportFailedError as failed:
            self.last = failed.failure
            raise

    def _unconnected(self) -> bool:
        """Whether a builder elsewhere did not answer; the words are those of any deadline."""
        step = self.state.failed_step()
        return step is not None and _CONNECTING in step.name

    def _met(self) -> bool:
        """Whether the builder has answered in this bake: one that has not is down.

        The docker driver's is asked when the bake is planned.
        """
        states = self.runner.states.values()
        names = [step.name for state in states for step in state.steps.values()]
        return any(_CONNECTING not in name and _READING not in name for name in names)

    def _wait_for_registry(self, failure: Failure) -> None:
        """Ask the registry itself before the engine is sent there again.

        It tells how long to wait (``Retry-After``) and that its disk is full, which BuildKit does
        not, and one small request spares it many.
        """
        reference = self._reference_at(registry_in(failure.evidence))
        if reference is None:
            return
        registry = self.runner.registry

        def ask() -> None:
            registry.head(reference)
            if explains_little(failure):
                registry.try_upload(reference.repository)

        try:
            self.runner.retrier.call(
                f"asking {reference.registry}", ask, registry=reference.registry
            )
        except FailedError as failed:
            if failed.failure.kind is Kind.REGISTRY_FULL:
                raise
            # Another kind of answer is an answer: the push may do what this look-up may not.
            if failed.failure.remedy is Remedy.WAIT:
                raise as_error(failed.failure) from None

    def _reference_at(self, registry: str | None) -> Reference | None:
        every = (reference for task in self.tasks for reference in task.job.references)
        return next((r for r in every if r.registry == registry), None)

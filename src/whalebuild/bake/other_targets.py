"""Runs targets that are no pair, in one bake and as buildx runs them.

They come before the pairs: where a check or a test fails, nothing has been published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import field
from typing import Any

from whalebuild.bake.follow import Follower
from whalebuild.bake.ports import BakeEngine
from whalebuild.bake.result import OtherResult
from whalebuild.bakefile.others import OtherTarget
from whalebuild.bakefile.target import Target
from whalebuild.buildkit.console import Console
from whalebuild.buildkit.metadata import image_digest
from whalebuild.buildkit.progress import BuildState, failure_log
from whalebuild.errors import BuildError, WhalebuildError
from whalebuild.failures.classify_docker import classify
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.failures.failure import FailedError, FailureKind
from whalebuild.failures.messages import as_error
from whalebuild.oci.registry import Registry
from whalebuild.plan.definition import Definition, make_definition
from whalebuild.plan.plan import Plan
from whalebuild.runtime.retrier import Retrier
from whalebuild.values import dataclass


@dataclass
class OtherTargets:
    """The targets of one plan that are no pair.

    Attributes:
        metadata: Buildx's, by target.
        printed: What calls have printed.
    """

    plan: Plan
    engine: BakeEngine
    registry: Registry
    console: Console
    retrier: Retrier
    metadata: Mapping[str, Any] = field(default_factory=dict)
    printed: str = ""
    _uses_caches: bool = True

    def run(self) -> list[OtherResult]:
        """Do what buildx does with them, all at once; nothing where there are none.

        Raises:
            WhalebuildError: One of them failed.
        """
        results: list[OtherResult] = []
        for others in self._rounds():
            results += self._run(others)
        return results

    def _rounds(self) -> list[list[OtherTarget]]:
        """A pair's further outputs may have the name of a target that is itself run."""
        waiting = list(self.plan.others)
        rounds: list[list[OtherTarget]] = []
        while waiting:
            first = list({other.name: other for other in reversed(waiting)}.values())
            rounds.append(first[::-1])
            waiting = [other for other in waiting if other not in first]
        return rounds

    def _run(self, others: Sequence[OtherTarget]) -> list[OtherResult]:
        names = [other.name for other in others]
        state = BuildState(names)
        while True:
            try:
                self.retrier.call(
                    f"building {', '.join(names)}", lambda: self._stream(others, state)
                )
                break
            except FailedError as failed:
                cached = self._uses_caches and any(other.plain for other in others)
                if cached and failed.failure.kind is not FailureKind.BUILD:
                    # A published cache may be what cannot be read; buildx would not have read it.
                    self._uses_caches = False
                    continue
                raise self._error(failed, others, state) from None
        metadata = self.engine.metadata
        self.metadata = {**self.metadata, **metadata}
        self.printed += self.engine.printed
        return [self._result(other, state, metadata.get(other.name) or {}) for other in others]

    def _stream(self, others: Sequence[OtherTarget], state: BuildState) -> None:
        state.begin_attempt()
        self.console.begin(state.targets)
        follower, settings = Follower(self.console, self.registry), self.plan.settings
        bake = self.engine.bake(
            self._definition(others),
            builder=settings.builder,
            allow=settings.allow,
            call=self.plan.options.call,
        )
        try:
            with closing(bake) as lines:
                for printed in lines:
                    follower.take(printed, state)
        except CommandFailedError as failed:
            raise FailedError(classify(follower.hide(failed.stderr))) from None

    def _definition(self, others: Sequence[OtherTarget]) -> Definition:
        targets = [self._target(other) for other in others]
        return make_definition(targets, self.plan.all_targets)

    def _target(self, other: OtherTarget) -> Target:
        return other.target if self._uses_caches or other.plain is None else other.plain

    def _error(
        self, failed: FailedError, others: Sequence[OtherTarget], state: BuildState
    ) -> WhalebuildError:
        called = [other for other in others if other.target.call]
        printed = self.engine.printed.strip()
        if called and printed and not failed.failure.evidence:
            what = ", ".join(f'{other.target.call} of "{other.name}"' for other in called)
            return BuildError(
                f"{what}: buildx found something wrong",
                next_step="correct what is listed above; nothing has been published",
                log=printed,
            )
        return as_error(failed.failure, log=failure_log(state, log_shown=self.console.shows_logs))

    def _result(
        self, other: OtherTarget, state: BuildState, metadata: Mapping[str, Any]
    ) -> OtherResult:
        totals = state.totals(other.name)
        return OtherResult(
            target=other.name,
            why=other.why,
            call=other.target.call,
            outputs=tuple(dict(output) for output in other.target.outputs),
            tags=tuple(str(reference) for reference in other.references),
            digest=image_digest(metadata),
            platforms=other.target.platforms,
            steps_run=totals.run,
            steps_cached=totals.cached,
            bytes_pulled=totals.pulled,
            seconds=round(totals.seconds, 3),
        )

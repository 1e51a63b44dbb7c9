"""The check of the pairs: what is published of each, and what the next bake does with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from whalebuild.bakefile.pair_names import PairNames
from whalebuild.doctor.asking import Questions, in_time
from whalebuild.doctor.examine import Check
from whalebuild.doctor.finding import Finding, failure, skipped
from whalebuild.doctor.pair import PairFacts, blobs_of, judge_pair
from whalebuild.doctor.ports import ProjectQuestions
from whalebuild.doctor.registry_answers import UNREACHED, RegistryAnswers, read_tag
from whalebuild.errors import UsageError, WhalebuildError
from whalebuild.failures.failure import FailedError, Failure
from whalebuild.failures.messages import as_error
from whalebuild.oci.reference import Reference
from whalebuild.plan.decision import Decision
from whalebuild.published.inspect import Inspector
from whalebuild.published.lookup import ManifestLookup
from whalebuild.published.view import PairView
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.values import dataclass


@dataclass(frozen=True)
class PairChecks:
    """The check of the pairs."""

    known: RegistryAnswers
    registry: RetryingRegistry
    project: ProjectQuestions
    ask: Questions

    def checks(self) -> tuple[Check, ...]:
        """It alone."""
        return (Check("pair", "pair", self._pairs),)

    def _pairs(self) -> Iterator[Finding]:
        pairs = self.known.subject.pairs
        if not pairs:
            others = self.known.subject.repositories
            yield skipped("nothing is published as a pair" if others else self.known.why_none)
            return
        repositories = {Reference(r.repository) for each in pairs for r in each.references}
        if not all(self.known.there(each.registry) for each in repositories):
            yield skipped(UNREACHED)
            return
        reads = [
            self.ask.ask_registry(str(r), partial(read_tag, self.registry, r)) for r in repositories
        ]
        if any(isinstance(in_time(each.answer(), ""), Failure) for each in reads):
            yield skipped("it cannot be read")
            return
        planned = self.ask.ask("the plan", self._decisions)
        asked = [self.ask.ask(str(each.pulled), partial(self._look, each)) for each in pairs]
        decided = planned.answer()
        if isinstance(decided, WhalebuildError):  # a bake ends with it, too
            yield failure(decided)
        decisions = {} if isinstance(decided, WhalebuildError) else decided
        for each in asked:
            found = each.answer()
            if isinstance(found, WhalebuildError):
                yield failure(found)
                continue
            names, view, lost = found
            yield from judge_pair(PairFacts(names, view, lost, decisions.get(names.deps)))

    def _may_read(self, repository: Reference) -> bool:
        asked = self.ask.ask_registry(str(repository), partial(read_tag, self.registry, repository))
        return not isinstance(in_time(asked.answer(), str(repository)), Failure)

    def _decisions(self) -> Mapping[tuple[Reference, ...], Decision]:
        """What the next bake does with the dependencies; nothing where that cannot be told."""
        facts = self.known.answers.facts
        if not (facts and facts.containerd_store and self.known.answers.plan.answer()):
            return {}
        plan = self.project.decided()
        return {deps.image.references[:1]: deps.decision for deps in plan.deps}

    def _look(
        self, names: PairNames
    ) -> tuple[PairNames, PairView | None, Mapping[str, frozenset[str]]]:
        try:
            (view,) = Inspector(ManifestLookup(self.registry)).inspect([names])
        except UsageError:  # nothing is published
            return names, None, {}
        lost = {}
        for repository, digests in blobs_of(view).items():
            try:
                gone = self.known.questions.lost_blobs(repository, digests)
            except FailedError as failed:
                raise as_error(failed.failure) from None
            lost[repository] = frozenset(gone)
        return names, view, lost

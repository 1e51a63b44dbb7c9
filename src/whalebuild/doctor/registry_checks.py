"""The checks that need a registry: reached, logged in to, read, pushed to; pair, clock, proxies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from whalebuild.bakefile.pair_names import PairNames
from whalebuild.doctor.answers import Answers
from whalebuild.doctor.asking import Asked, Questions, in_time
from whalebuild.doctor.builder import judge_reach
from whalebuild.doctor.examine import Check
from whalebuild.doctor.facts import EngineFacts, Ping
from whalebuild.doctor.finding import Finding, failure, skipped
from whalebuild.doctor.machine import judge_clock, judge_proxies
from whalebuild.doctor.pair import PairFacts, blobs_of, judge_pair
from whalebuild.doctor.ports import MachineQuestions, ProjectQuestions, RegistryQuestions
from whalebuild.doctor.registry import judge_login, judge_ping, judge_push, judge_read
from whalebuild.doctor.subject import Subject, subject_of
from whalebuild.errors import UsageError, WhalebuildError
from whalebuild.failures.failure import FailedError, Failure, may_not_exist_yet
from whalebuild.failures.messages import as_error
from whalebuild.oci.reference import Reference
from whalebuild.plan.decision import Decision
from whalebuild.plan.plan import Plan
from whalebuild.published.inspect import Inspector
from whalebuild.published.lookup import ManifestLookup
from whalebuild.published.view import PairView
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.settings import Settings
from whalebuild.tags import APP_TAG

T = TypeVar("T")
_UNAUTHORIZED = 401
_NO_IMAGE = "no image is named: there is no project, and no --image"
_UNREACHED = "the registry cannot be reached"


@dataclass(frozen=True)
class RegistryAnswers:
    """What is known of the registries, as it comes."""

    answers: Answers
    settings: Settings
    questions: RegistryQuestions
    ask: Questions
    _subject: Asked[Subject]
    _pings: Asked[dict[str, Ping | Failure]]

    @property
    def subject(self) -> Subject:
        """Where images are published; nowhere where the project cannot be read."""
        found = self._subject.answer()
        return Subject() if isinstance(found, WhalebuildError) else found

    @property
    def pings(self) -> dict[str, Ping | Failure]:
        """What each registry answered first."""
        found = self._pings.answer()
        return {} if isinstance(found, WhalebuildError) else found

    def there(self, registry: str) -> bool:
        """Whether a registry answers."""
        return isinstance(self.pings.get(registry), Ping)


def ask_registries(
    answers: Answers, settings: Settings, questions: RegistryQuestions, ask: Questions
) -> RegistryAnswers:
    """Ask each registry whether it is there, as soon as it is known which they are."""

    def about() -> Subject:
        plan = answers.plan.answer()
        known = plan if isinstance(plan, Plan) else None
        return subject_of(known, None if known else settings.image)

    subject = ask.ask("the project", about)

    def ping_all() -> dict[str, Ping | Failure]:
        found = subject.answer()
        names = () if isinstance(found, WhalebuildError) else found.registries
        asked = {n: ask.ask_registry(n, partial(questions.ping, n)) for n in names}
        return {name: in_time(each.answer(), f"GET {name}/v2/") for name, each in asked.items()}

    return RegistryAnswers(
        *(answers, settings, questions, ask), subject, ask.ask("the registries", ping_all)
    )


@dataclass(frozen=True)
class RegistryChecks:
    """Checks of registries.

    Attributes:
        push: Whether it is tried whether an upload is taken.
        system: This machine's, as Python names it.
    """

    known: RegistryAnswers
    registry: RetryingRegistry
    machine: MachineQuestions
    project: ProjectQuestions
    ask: Questions
    push: bool
    system: str

    def checks(self) -> tuple[Check, ...]:
        """Those of the registries, in their order."""
        return (
            Check("registry", "registry", self._reached),
            Check("login", "login", self._logins),
            Check("read", "may read", self._reads),
            Check("push", "may push", self._pushes),
            Check("pair", "pair", self._pairs),
        )

    def machine_checks(self) -> tuple[Check, ...]:
        """Those of the machine that need to know the registries."""
        return (
            Check("clock", "clock", self._clock),
            Check("proxy", "proxies and CA", self._proxies),
        )

    def _reached(self) -> Iterator[Finding]:
        yield from self._for_each(judge_ping)
        facts = self.known.answers.facts
        unreached = judge_reach(facts, self.known.subject.registries) if facts else None
        if unreached:
            yield unreached

    def _logins(self) -> Iterator[Finding]:
        def judge(name: str, found: Ping | Failure) -> Finding:
            asked = found.status == _UNAUTHORIZED if isinstance(found, Ping) else None
            return judge_login(name, self.known.questions.login(name), asked=asked)

        yield from self._for_each(judge)

    def _for_each(self, judge: Callable[[str, Ping | Failure], Finding]) -> Iterator[Finding]:
        pings = self.known.pings
        if not pings:
            yield skipped(self._why_none())
        for name, found in pings.items():
            yield judge(name, found)

    def _why_none(self) -> str:
        plan = self.known.answers.plan.answer()
        failed = isinstance(plan, WhalebuildError) and not self.known.subject.repositories
        return "the project could not be read" if failed else _NO_IMAGE

    def _reads(self) -> Iterator[Finding]:
        def read(repository: Reference) -> str | None:
            try:
                found = self.registry.head(repository.tagged(APP_TAG))
            except FailedError as failed:
                if may_not_exist_yet(failed.failure):
                    return None
                raise
            return found.digest if found else None

        yield from self._each(read, judge_read)

    def _pushes(self) -> Iterator[Finding]:
        if not self.push:
            yield skipped("not asked for (--read-only)")
            return

        def push(repository: Reference) -> None:
            where = repository.repository
            self.registry.step(
                f"beginning an upload to {where}",
                repository.registry,
                lambda registry: registry.try_upload(where),
            )

        yield from self._each(push, judge_push)

    def _each(
        self,
        action: Callable[[Reference], T],
        judge: Callable[[str, str, T | Failure], Finding],
    ) -> Iterator[Finding]:
        """Do something with each repository of the registries that answer, side by side."""
        repositories = self.known.subject.repositories
        if not repositories:
            yield skipped(self._why_none())
        there = [each for each in repositories if self.known.there(each.registry)]
        asked = [(at, self.ask.ask_registry(str(at), partial(action, at))) for at in there]
        for at, answer in asked:
            found = in_time(answer.answer(), str(at))
            yield judge(at.repository, at.registry, found)
        if repositories and not there:
            yield skipped(_UNREACHED)

    def _pairs(self) -> Iterator[Finding]:
        pairs = self.known.subject.pairs
        if not pairs:
            others = self.known.subject.repositories
            yield skipped("nothing is published as a pair" if others else self._why_none())
            return
        if not all(self.known.there(ref.registry) for each in pairs for ref in each.references):
            yield skipped(_UNREACHED)
            return
        planned = self.ask.ask("the plan", self._decisions)
        asked = [self.ask.ask(str(each.pulled), partial(self._look, each)) for each in pairs]
        decided = planned.answer()
        decisions = {} if isinstance(decided, WhalebuildError) else decided
        for each in asked:
            found = each.answer()
            if isinstance(found, WhalebuildError):
                yield failure(found)
                continue
            names, view, lost = found
            yield from judge_pair(PairFacts(names, view, lost, decisions.get(names.deps)))

    def _decisions(self) -> Mapping[tuple[Reference, ...], Decision]:
        """What the next bake does with the dependencies; nothing where that cannot be told."""
        if self.known.answers.facts is None or not self.known.answers.plan.answer():
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

    def _clock(self) -> Iterable[Finding]:
        pings = {n: ping for n, ping in self.known.pings.items() if isinstance(ping, Ping)}
        engine = self.known.answers.engine.answer()
        ahead = engine.ahead if isinstance(engine, EngineFacts) else None
        return judge_clock(pings, ahead, self.system)

    def _proxies(self) -> Iterable[Finding]:
        engine = self.known.answers.engine.answer()
        set_ = list(self.machine.proxies())
        if isinstance(engine, EngineFacts):
            set_ += engine.proxies
        asked = [self.ask.ask(p.address, partial(self.machine.connect, p)) for p in set_]
        tried = [(p, each.answer()) for p, each in zip(set_, asked, strict=True)]
        proxies = [p if isinstance(found, WhalebuildError) else found for p, found in tried]
        used = {self.machine.proxy_of(name) for name in self.known.subject.registries} - {None}
        authorities = self.machine.authorities()
        return judge_proxies(proxies, {each for each in used if each}, authorities)

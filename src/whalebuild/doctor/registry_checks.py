"""The checks that need a registry: reached, logged in to, read, pushed to; clock and proxies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

from whalebuild.doctor.asking import Questions, in_time
from whalebuild.doctor.builder import judge_reach
from whalebuild.doctor.examine import Check
from whalebuild.doctor.facts import EngineFacts, Ping
from whalebuild.doctor.finding import Finding, skipped
from whalebuild.doctor.machine import judge_clock, judge_proxies
from whalebuild.doctor.ports import MachineQuestions
from whalebuild.doctor.registry import judge_login, judge_ping, judge_push, judge_read
from whalebuild.doctor.registry_answers import UNREACHED, RegistryAnswers, read_tag
from whalebuild.errors import WhalebuildError
from whalebuild.failures.failure import Failure
from whalebuild.oci.reference import Reference
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.values import dataclass

T = TypeVar("T")
_UNAUTHORIZED = 401


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
            yield skipped(self.known.why_none)
        for name, found in pings.items():
            yield judge(name, found)

    def _reads(self) -> Iterator[Finding]:
        yield from self._each(partial(read_tag, self.registry), judge_read)

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
            yield skipped(self.known.why_none)
        there = [each for each in repositories if self.known.there(each.registry)]
        asked = [(at, self.ask.ask_registry(str(at), partial(action, at))) for at in there]
        for at, answer in asked:
            found = in_time(answer.answer(), str(at))
            yield judge(at.repository, at.registry, found)
        if repositories and not there:
            yield skipped(UNREACHED)

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

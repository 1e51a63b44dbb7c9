"""Finds steps that ran although a cache should have had them, from BuildKit's events.

A change of code makes the instruction run that copies it, and all that stand on that one: with any
cache. Every other step that ran will run again on the next machine with an empty disk, and what it
stands on has to be downloaded for it, as long as the cache is this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from whalebuild.buildkit.progress import BuildState, StepState
from whalebuild.values import dataclass


@dataclass(frozen=True)
class MissedSteps:
    """Steps that ran, and that the next change of code may well leave as they are.

    Attributes:
        after_files: Those that stand on files of the context that were not in the cache.
        others: Those that stand on nothing but what the cache had, and on each other.
    """

    after_files: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()


def missed_steps(state: BuildState, target: str) -> MissedSteps:
    """Find the steps of a target that its cache should have had, by their names.

    Args:
        state: Of a build in which nothing failed.
        target: The target.
    """
    after_files: set[str] = set()
    others: set[str] = set()
    for attempt in range(state.attempts + 1):
        # What was done in an earlier attempt has other identifiers in the next one, and is cached.
        graph = _Graph.of_attempt(state.steps, attempt)
        own = {digest for digest in graph.steps if target in graph.steps[digest].names}
        missed = graph.missed() & own
        sent = graph.standing_on(graph.readers & graph.executed)
        after_files |= {graph.steps[digest].name for digest in missed & sent}
        others |= {graph.steps[digest].name for digest in missed - sent}
    return MissedSteps(frozenset(after_files), frozenset(others))


@dataclass(frozen=True)
class _Graph:
    """The steps of one attempt, and which of them are made from which.

    Attributes:
        users: The steps that are made from a step.
    """

    steps: Mapping[str, StepState]
    users: Mapping[str, Set[str]]

    @classmethod
    def of_attempt(cls, steps: Mapping[str, StepState], attempt: int) -> _Graph:
        """The steps of an attempt."""
        found = {digest: step for digest, step in steps.items() if attempt in step.attempts}
        users: dict[str, set[str]] = {}
        for digest, step in found.items():
            for made_from in step.inputs:
                users.setdefault(made_from, set()).add(digest)
        return cls(found, users)

    @property
    def executed(self) -> frozenset[str]:
        """Instructions that were executed."""
        done = (d for d, step in self.steps.items() if step.executed and step.is_instruction)
        return frozenset(done)

    @property
    def _links(self) -> frozenset[str]:
        """Steps that only put layers together."""
        return frozenset(d for d, step in self.steps.items() if step.keyword == "LINK")

    @property
    def readers(self) -> frozenset[str]:
        """Instructions that read files of the client."""
        return frozenset(
            digest
            for digest, step in self.steps.items()
            if any(self.steps[each].sends for each in step.inputs if each in self.steps)
        )

    def missed(self) -> frozenset[str]:
        """Steps that ran, and would have been cached if one of the readers alone had run anew."""
        runs = [self.standing_on({reader}) for reader in self.readers] or [frozenset()]
        found = (self._missed_beside(anew) for anew in runs)
        return frozenset().union(*found)

    def standing_on(self, roots: Iterable[str]) -> frozenset[str]:
        """These steps, and all that are made from them."""
        found: set[str] = set()
        waiting = list(roots)
        while waiting:
            digest = waiting.pop()
            if digest not in found:
                found.add(digest)
                waiting += self.users.get(digest, ())
        return frozenset(found)

    def _missed_beside(self, anew: frozenset[str]) -> frozenset[str]:
        """Steps that ran beside those that run anew, and cost something beside them."""
        left = self.executed - anew
        downloaded = self._stood_on(left | anew) - left - anew
        if downloaded <= self._stood_on(anew) - anew:
            # What they stand on is downloaded anyway, and copying files again takes no time.
            return frozenset(digest for digest in left if self.steps[digest].keyword == "RUN")
        return left

    def _stood_on(self, digests: Iterable[str]) -> frozenset[str]:
        """The steps whose layers are needed to execute these."""
        executed = [self.steps[digest] for digest in digests]
        waiting = [d for step in executed if step.is_instruction for d in step.inputs]
        found: set[str] = set()
        while waiting:
            step = self.steps.get(digest := waiting.pop())
            if step is None or step.sends or digest in found:
                continue
            found.add(digest)
            # An instruction is executed on its first input; LINK puts the others on top of it.
            waiting += step.inputs[:1]
            if step.keyword == "LINK":
                found.update(step.inputs[1:])
        return frozenset(found) - self._links

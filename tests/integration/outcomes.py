"""What the runs of a campaign are, and what came of them."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass

KINDS = ("cold", "code", "deps")
ENGINE_STEPS = {"cold": 2, "code": 1, "deps": 2}


@dataclass(frozen=True)
class Scenario:
    """What a seed stands for. Three in a row make a story, on one builder and one registry.

    Attributes:
        kind: What is baked: everything for the first time, then after a change of the code, then
            after one of the dependencies.
        remote: Whether a remote builder does it, which pushes by digest.
        tokens: Whether the registry wants tokens.
        emptied: Whether the builder has lost its cache since the bake before the change.
    """

    seed: int
    kind: str
    remote: bool
    tokens: bool
    emptied: bool

    @classmethod
    def of(cls, seed: int) -> Scenario:
        story, number = divmod(seed, len(KINDS))
        chance = random.Random(story)
        remote, tokens = (chance.random() < 0.25 for _ in range(2))
        emptied = number > 0 and random.Random(f"emptied {seed}").random() < 0.5
        return cls(seed, KINDS[number], remote, tokens, emptied)

    def __str__(self) -> str:
        words = [self.kind, "remote builder" if self.remote else "docker"]
        words += ["tokens"] if self.tokens else []
        words += ["cache emptied"] if self.emptied else []
        return f"seed {self.seed} ({', '.join(words)})"


@dataclass
class Outcome:
    """What came of a run.

    Attributes:
        tries: Of each engine run and request that was tried more than once.
        reasons: Why, of each retry.
        waited: Seconds between tries.
        installed: How often the step was run that makes the dependencies.
        whole: Blobs behind both tags that were fetched and checked.
        torn: What is wrong with one of them.
    """

    scenario: Scenario
    code: int
    seconds: float
    requests: int
    hits: Counter[str]
    stderr: str
    whole: int = 0
    torn: str = ""

    def __post_init__(self) -> None:
        found = _RETRY.findall(self.stderr)
        self.waited = sum(float(wait) for _, wait, _, _ in found)
        self.reasons = [reason for *_, reason in found]
        self.tries: Counter[str] = Counter()
        for number, _, step, _ in found:
            self.tries[step] = max(self.tries[step], int(number) + 1)
        self.installed = self.stderr.count("| now installing")

    @property
    def good(self) -> bool:
        """Whether it succeeded, with both tags whole."""
        return self.code == 0 and not self.torn

    @property
    def engine_runs(self) -> list[int]:
        """The tries of each step that is done by the engine: the two images, or the application."""
        retried = [n for step, n in self.tries.items() if re.fullmatch(r"publishing [\w-]+", step)]
        return retried + [1] * (ENGINE_STEPS[self.scenario.kind] - len(retried))

    def __str__(self) -> str:
        words = f"{self.scenario}: exit code {self.code}, {self.seconds:.1f} s, "
        words += f"{self.requests} requests, {self.hits.total()} faults, "
        words += f"{len(self.reasons)} retries, {self.waited:.1f} s waited"
        return f"{words}: {self.torn}" if self.torn else words


_RETRY = re.compile(r"retry (\d+)/\d+ in ([\d.]+) s: (.+?): (.+)")

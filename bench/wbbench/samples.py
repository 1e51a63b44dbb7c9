"""What one run of one way gave, and medians over the rounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from wbbench.proxy import Request


@dataclass(frozen=True)
class Sample:
    """One timed run. Bytes are those of HTTP bodies; the base image's are counted apart."""

    scenario: str
    shape: str
    way: str
    round: int
    seconds: float = 0.0
    down: int = 0
    base_down: int = 0
    up: int = 0
    requests: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    code_layer: int = 0
    #: What the engine was asked to build, on machines that did nothing else.
    builds: int | None = None
    #: The longest time in which a client that asked every 50 ms had no answer.
    gap: float | None = None
    #: Docker commands of another such run, plugins that were started directly included.
    commands: int | None = None
    #: The peak of whalebuild's own process, in bytes.
    memory: int | None = None
    #: Of all that is published then, each blob once, in bytes.
    distinct: int | None = None
    #: Steps of the build, and their seconds.
    steps: dict[str, float] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Summary:
    """The samples of one scenario, shape and way."""

    scenario: str
    shape: str
    way: str
    samples: Sequence[Sample]

    @property
    def good(self) -> list[Sample]:
        """Those that ended well."""
        return [sample for sample in self.samples if not sample.error]

    @property
    def error(self) -> str:
        """Why there are no numbers, in one line."""
        errors = [sample.error for sample in self.samples if sample.error]
        return "" if self.good or not errors else errors[0].splitlines()[0]

    def middle(self, value: Callable[[Sample], float]) -> float:
        """The median of a value over the rounds."""
        return median(value(sample) for sample in self.good)

    @property
    def seconds(self) -> float:
        """Median wall time."""
        return self.middle(lambda sample: sample.seconds)

    @property
    def down(self) -> int:
        """Median bytes from the pair's own repository."""
        return int(self.middle(lambda sample: sample.down))

    def known(self, value: Callable[[Sample], float | None]) -> float | None:
        """The median of what only some samples have; None where none has."""
        found = [each for sample in self.good if (each := value(sample)) is not None]
        return median(found) if found else None

    @property
    def gap(self) -> float | None:
        """Median of the longest times without an answer."""
        return self.known(lambda sample: sample.gap)

    @property
    def commands(self) -> float | None:
        """Median number of docker commands."""
        return self.known(lambda sample: sample.commands)

    @property
    def memory(self) -> float | None:
        """The largest of the peaks of whalebuild's own memory."""
        return max((s.memory for s in self.good if s.memory is not None), default=None)

    @property
    def distinct(self) -> float | None:
        """Median of the sizes of all that was published."""
        return self.known(lambda sample: sample.distinct)

    @property
    def base_down(self) -> int:
        """Median bytes from the base image's repository."""
        return int(self.middle(lambda sample: sample.base_down))

    @property
    def up(self) -> int:
        """Median bytes to the registry."""
        return int(self.middle(lambda sample: sample.up))

    @property
    def code_layer(self) -> int:
        """Median size of the layer with the code."""
        return int(self.middle(lambda sample: sample.code_layer))

    @property
    def requests(self) -> int:
        """Median number of requests, to whatever repository."""
        return int(self.middle(lambda sample: sample.requests))


def count(requests: Iterable[Request], base: str) -> dict[str, object]:
    """Sum up what the proxy saw, as fields of a sample."""
    requests = list(requests)
    return {
        "down": sum(r.down for r in requests if r.repository != base),
        "base_down": sum(r.down for r in requests if r.repository == base),
        "up": sum(r.up for r in requests),
        "requests": len(requests),
        "kinds": dict(sorted(Counter(r.kind for r in requests).items())),
    }


def summarize(samples: Iterable[Sample]) -> list[Summary]:
    """Group by scenario, shape and way, in the order in which they first appear."""
    groups: dict[tuple[str, str, str], list[Sample]] = {}
    for sample in samples:
        groups.setdefault((sample.scenario, sample.shape, sample.way), []).append(sample)
    return [Summary(*key, group) for key, group in groups.items()]

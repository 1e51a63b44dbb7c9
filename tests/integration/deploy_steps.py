"""What happens in a campaign of deployments: chosen by a seed, before anything of it is done."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is done, and how it ends if all is well."""

    CODE = "code"
    MIGRATION = "code with a migration"
    CONFIGURATION = "another configuration"
    BOTH = "another configuration, and code"
    UNHEALTHY = "a web that is unhealthy"
    WORKER = "a worker that ends"
    BROKEN = "a configuration that web does not work with"
    MIGRATION_FAILS = "a migration that fails"
    MIGRATION_HANGS = "a migration that hangs"
    KILLED = "killed with -9"
    INTERRUPTED = "interrupted with Ctrl-C"
    TERMINATED = "terminated"
    BY_HAND = "by hand"
    ROLLBACK = "rollback"


class ByHand(StrEnum):
    """What somebody does on the host in between."""

    RESTART = "docker compose restart worker"
    RESTART_WEB = "docker compose restart web"
    STOP = "docker compose stop scheduler"
    REMOVE = "docker compose rm --stop --force worker"
    TAG = "docker tag: latest stands for another version"
    TAG_AND_UP = "docker tag, and docker compose up scheduler"


#: Where the code may come with a migration, or not.
_OPEN = frozenset(Kind) - {
    *(Kind.MIGRATION, Kind.MIGRATION_FAILS, Kind.MIGRATION_HANGS, Kind.CONFIGURATION),
    *(Kind.BY_HAND, Kind.ROLLBACK),
}
#: After these, something else runs than what is meant to.
DRIFTS = frozenset({ByHand.STOP, ByHand.REMOVE, ByHand.TAG_AND_UP})


@dataclass(frozen=True)
class Step:
    """One of a campaign's.

    Attributes:
        moment: Of those that are stopped: when, as a share of what a deploy takes.
        migrates: Whether the code comes with a migration, where that is left open.
        by_hand: What is done by hand.
        mended_by_rollback: Whether what is left unfinished is mended by a rollback, and not by the
            next deploy.
    """

    number: int
    kind: Kind
    moment: float
    migrates: bool
    by_hand: ByHand
    mended_by_rollback: bool

    def __str__(self) -> str:
        words = f"step {self.number}: {self.kind}"
        if self.kind is Kind.BY_HAND:
            words += f" ({self.by_hand})"
        if self.kind in {Kind.KILLED, Kind.INTERRUPTED, Kind.TERMINATED}:
            words += f" after {self.moment:.2f} of it"
        return words + (", with a migration" if self.migrates else "")


def choose(seed: int, count: int) -> list[Step]:
    """The steps of a seed: each kind comes before one comes again."""
    chance = random.Random(seed)
    kinds: list[Kind] = []
    hands: list[ByHand] = []
    while len(kinds) < count:
        kinds += chance.sample(list(Kind), len(Kind))
        hands += chance.sample(list(ByHand), len(ByHand))
    return [
        Step(
            number,
            kind,
            moment=chance.random(),
            migrates=chance.random() < 0.3 and kind in _OPEN,
            by_hand=hands[sum(k is Kind.BY_HAND for k in kinds[: number - 1])],
            mended_by_rollback=chance.random() < 0.5,
        )
        for number, kind in enumerate(kinds[:count], 1)
    ]

"""A project's lock on its engine, as other machines see it: whose it is, and whether that lives.

A claim is a volume with the next number. Each number can be made once, so that of several who try
for it one has it. The holder is who made the highest one. To show that it lives it makes the next
one from time to time, and whoever takes over from a dead holder does the same: one of the two gets
the number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from whalebuild import jsonread as values
from whalebuild.deployments.volumes import NONCE, TEXT, Volume, numbered
from whalebuild.values import dataclass

#: Seconds between two signs of life, and after how many without one a holder counts as dead.
RENEWED = 20.0
LEASE = 60.0


@dataclass(frozen=True)
class Holder:
    """Who holds the lock.

    Attributes:
        who: ``user@machine``.
        verb: What it runs: ``deploy``, ``rollback``, ``prune``.
        since: Time as RFC 3339, in UTC.
        machine: Stands for the file by which deploys of one machine lock each other out: who has
            locked that file knows that another holder of the same one is gone.
    """

    who: str
    verb: str
    since: str
    machine: str

    def __str__(self) -> str:
        return f"`whalebuild {self.verb}` of {self.who}, since {self.since}"


@dataclass(frozen=True)
class Claim:
    """A volume of a lock.

    Attributes:
        nonce: Whose it is; each run has one.
        holder: None where its labels cannot be read.
        created: When it was made, by the engine's clock; None where that is not known.
    """

    name: str
    number: int
    nonce: str
    holder: Holder | None
    created: datetime | None

    def __str__(self) -> str:
        return str(self.holder) if self.holder else f"somebody (volume {self.name})"

    def silent(self, now: datetime) -> float:
        """Seconds since its last sign of life; 0 where that is not known."""
        return (now - self.created).total_seconds() if self.created else 0.0

    def is_dead(self, now: datetime, machine: str) -> bool:
        """Whether its holder is gone.

        Args:
            now: By the engine's clock.
            machine: Of the one who asks, and has locked that machine's file.
        """
        ours = self.holder is not None and self.holder.machine == machine
        return ours or self.silent(now) > LEASE


def holder_text(holder: Holder) -> str:
    """What the label of a claim says."""
    return json.dumps(asdict(holder))


def claims(volumes: Iterable[Volume]) -> list[Claim]:
    """The claims of a project, the holder's last."""
    return [
        Claim(v.name, v.number, v.labels.get(NONCE, ""), _holder(v.labels.get(TEXT, "")), v.created)
        for v in numbered(volumes)
    ]


def _holder(text: str) -> Holder | None:
    try:
        found = values.table(json.loads(text))
        return Holder(*(values.text(found.get(key)) for key in ("who", "verb", "since", "machine")))
    except (ValueError, RecursionError):
        return None

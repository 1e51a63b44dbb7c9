"""Volumes of an engine that hold nothing: their labels are where an engine can keep a text.

Labels are given when a volume is made, and never change. Who makes a volume under a name that is
taken gets the one that is there, with its labels: of several, the first one has the name. A volume
of the driver ``local`` says by the engine's own clock when it was made.
https://docs.docker.com/reference/api/engine/version/v1.43/#tag/Volume

``docker volume prune`` leaves volumes with a name, unless it is told ``--all``; ``docker compose
down --volumes`` removes those with compose's labels, which these have not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from whalebuild.values import dataclass

PROJECT = "dev.whalebuild.project"
PURPOSE = "dev.whalebuild.purpose"
TEXT = "dev.whalebuild.text"
#: Whose a volume is: of two that make one of the same name, the other one has not this value.
NONCE = "dev.whalebuild.nonce"
_NUMBERED = re.compile(r".*-(\d{1,15})")


class Purpose(StrEnum):
    """What a volume is for."""

    RECORD = "record"
    LOCK = "lock"


@dataclass(frozen=True)
class Volume:
    """A volume.

    Attributes:
        created: When it was made; None where the engine does not say.
    """

    name: str
    labels: Mapping[str, str]
    created: datetime | None = None

    @property
    def number(self) -> int:
        """The number at the end of its name; 0 if there is none."""
        found = _NUMBERED.fullmatch(self.name)
        return int(found[1]) if found else 0


class Volumes(Protocol):
    """The volumes of an engine. Every method may raise ``EngineError``."""

    def find(self, labels: Mapping[str, str]) -> tuple[Volume, ...]:
        """Those with all of these labels."""

    def create(self, name: str, labels: Mapping[str, str]) -> Mapping[str, str]:
        """Make a volume, unless there is one of that name; the labels of the one that is there."""

    def remove(self, names: Sequence[str]) -> None:
        """Remove volumes; one that is gone or in use is passed over."""

    def now(self) -> datetime:
        """The time by the engine's clock."""


def volume_name(project: str, purpose: Purpose, number: int) -> str:
    """The name of a numbered volume: one of each number can be made."""
    return f"whalebuild-{project}-{purpose}-{number}"


def numbered(volumes: Iterable[Volume]) -> list[Volume]:
    """Those with a number, the lowest first."""
    return sorted((each for each in volumes if each.number), key=lambda each: each.number)

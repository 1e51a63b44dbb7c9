"""A ``deployments.volumes.Volumes`` in memory, with a clock of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from whalebuild.deployments.volumes import Volume
from whalebuild.failures.command_failed import CommandFailedError


@dataclass
class FakeVolumes:
    """See ``deployments.volumes.Volumes``.

    Attributes:
        refuses: What fails: ``find``, ``create``, ``remove``, ``now``.
        meanwhile: Called before each volume is made: what others do just then.
    """

    there: dict[str, Volume] = field(default_factory=dict)
    refuses: set[str] = field(default_factory=set)
    time: datetime = datetime(2026, 11, 29, tzinfo=UTC)
    meanwhile: Callable[[str], None] = lambda _: None
    _one: threading.Lock = field(default_factory=threading.Lock)

    def find(self, labels: Mapping[str, str]) -> tuple[Volume, ...]:
        self._answer("find")
        with self._one:
            return tuple(v for v in self.there.values() if labels.items() <= v.labels.items())

    def create(self, name: str, labels: Mapping[str, str]) -> Mapping[str, str]:
        self._answer("create")
        meanwhile, self.meanwhile = self.meanwhile, lambda _: None
        meanwhile(name)
        with self._one:
            return self.there.setdefault(name, Volume(name, dict(labels), self.time)).labels

    def remove(self, names: Sequence[str]) -> None:
        self._answer("remove")
        with self._one:
            for name in names:
                self.there.pop(name, None)

    def now(self) -> datetime:
        self._answer("now")
        return self.time

    def pass_seconds(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def _answer(self, what: str) -> None:
        if what in self.refuses:
            raise CommandFailedError(f"{what}: authorization denied by plugin no-volumes")

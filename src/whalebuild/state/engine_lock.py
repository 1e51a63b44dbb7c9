"""Holds a project's lock on its engine: other machines that deploy there see it.

The lock of this machine (``deployment_lock``) is held before it. See ``deployments.engine_lock``.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import field

from whalebuild.deployments.engine_lock import LEASE, RENEWED, Claim, Holder, claims, holder_text
from whalebuild.deployments.volumes import (
    NONCE,
    PROJECT,
    PURPOSE,
    TEXT,
    Purpose,
    Volumes,
    volume_name,
)
from whalebuild.errors import DeployError, EngineError
from whalebuild.runtime.repeating import repeated
from whalebuild.text import human_seconds
from whalebuild.values import dataclass

_LOOKS = 1.0  # seconds between two looks at whom is waited for


@dataclass
class EngineLock:
    """The lock of a project on an engine, by one run.

    Attributes:
        note: Says one line: who is waited for, whose lock is taken over, what the engine refuses.
        waits_for: Who has it, and was waited for.
        taken_by: Who has it now, although this run held it.
    """

    volumes: Volumes
    project: str
    holder: Holder
    note: Callable[[str], None]
    waits_for: Claim | None = None
    taken_by: Claim | None = None
    _nonce: str = field(default_factory=lambda: secrets.token_hex(8))
    _number: int = 0

    def require(self) -> None:
        """Check that this run holds it still.

        Raises:
            DeployError: Somebody has taken it over.
        """
        if self.taken_by:
            raise DeployError(
                f"another deploy of {self.project} has begun meanwhile",
                cause=f"{self.taken_by}: this one gave no sign of life to the engine for "
                f"{human_seconds(LEASE)} (this machine was asleep, or did not reach it)",
                next_step="see what runs with `whalebuild history` before you run it again",
            )

    def take(self, *, wait: bool) -> None:
        """Take the lock, as soon as nobody has it who lives.

        Raises:
            DeployError: Somebody has it, and is not waited for.
            EngineError: The engine makes no volumes, or is lost.
        """
        tried, seen = 0, time.monotonic()
        while True:
            try:
                top = self._top()
                dead = top is None or top.is_dead(self.volumes.now(), self.holder.machine)
                seen = time.monotonic()
                if dead:
                    tried = max(tried, top.number if top else 0) + 1
                    if self._claim(tried):
                        self._say_taken_over(top)
                        return
                    continue
            except EngineError:
                # Somebody has it: an engine that starts anew does not change that.
                if self.waits_for is None or time.monotonic() - seen > LEASE:
                    raise
            else:
                self._wait_for(top, wait=wait)
            time.sleep(_LOOKS)

    def _wait_for(self, other: Claim | None, *, wait: bool) -> None:
        if other and not wait:
            raise _held(self.project, other)
        if other and (self.waits_for is None or other.nonce != self.waits_for.nonce):
            self.note(f"waiting for another deploy of {self.project}: {other}")
        self.waits_for = other

    def renew(self) -> None:
        """Give a sign of life; an engine that does not answer is asked again the next time."""
        with suppress(EngineError):
            if self.taken_by is None and not self._claim(self._number + 1):
                self.taken_by = self._top()

    def free(self) -> None:
        """Have others take it."""
        try:
            self._remove(each for each in self._find() if each.nonce == self._nonce)
        except EngineError as failed:
            self.note(
                f"the lock of {self.project} stays on the engine for {human_seconds(LEASE)}: "
                f"{failed.what}"
            )

    def _claim(self, number: int) -> bool:
        """Make the volume with a number; whether that makes this run the holder."""
        name = volume_name(self.project, Purpose.LOCK, number)
        own = {NONCE: self._nonce, TEXT: holder_text(self.holder)}
        if self.volumes.create(name, {**self._labels, **own}).get(NONCE) != self._nonce:
            return False
        found = self._find()
        mine = bool(found) and found[-1].nonce == self._nonce
        # While it was made, another one may have gone on to higher numbers.
        self._remove(found[:-1] if mine else (c for c in found if c.nonce == self._nonce))
        if mine:
            self._number = number
        return mine

    def _say_taken_over(self, former: Claim | None) -> None:
        if former:
            ours = former.holder is not None and former.holder.machine == self.holder.machine
            why = "it was killed" if ours else "it has given no sign of life for too long"
            self.note(f"took over from {former}: {why}")

    @property
    def _labels(self) -> Mapping[str, str]:
        return {PROJECT: self.project, PURPOSE: Purpose.LOCK}

    def _find(self) -> list[Claim]:
        return claims(self.volumes.find(self._labels))

    def _top(self) -> Claim | None:
        return next(reversed(self._find()), None)

    def _remove(self, removed: Iterable[Claim]) -> None:
        self.volumes.remove([each.name for each in removed])


@contextmanager
def engine_lock(
    volumes: Volumes,
    project: str,
    note: Callable[[str], None],
    *,
    wait: bool,
    holder: Holder,
) -> Iterator[Callable[[], None]]:
    """Hold a project's lock on its engine, and give signs of life.

    An engine that keeps none is said, and no hindrance.

    Args:
        volumes: The engine's.
        project: Its name.
        note: Says one line.
        wait: Whether to wait for another holder.
        holder: What others are told of this run.

    Yields:
        What raises ``DeployError`` if somebody has taken the lock over meanwhile.

    Raises:
        DeployError: Another machine has it, and is not waited for.
    """
    lock = EngineLock(volumes, project, holder, note)
    try:
        lock.take(wait=wait)
    except EngineError as failed:
        if lock.waits_for:
            raise
        note(
            f"the engine keeps no lock ({failed.why}): other machines do not see this {holder.verb}"
        )
        yield lock.require
        return
    try:
        with repeated(lock.renew, RENEWED):
            yield lock.require
    finally:
        lock.free()


def _held(project: str, claim: Claim) -> DeployError:
    return DeployError(
        f"another deploy of {project} is under way",
        cause=f"{claim} (the engine has its lock)",
        next_step="run it again when that one has ended; one that was killed is taken over "
        f"{human_seconds(LEASE)} after its last sign of life",
    )

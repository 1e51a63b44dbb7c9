"""The record of deployments: what was to run when, by digest, and what ran in the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from whalebuild.oci.reference import Reference
from whalebuild.values import dataclass

# What runs of a service: ``repository[:tag]@digest``; None where it does not run at all.
Versions = Mapping[str, Reference | None]


class DeploymentKind(StrEnum):
    """What was asked for."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    FOUND = "found"  # nobody asked: it ran already, started by other means


class Outcome(StrEnum):
    """What came of it."""

    DONE = "done"
    ROLLED_BACK = "rolled back"  # it failed, and what ran before runs again
    FAILED = "failed"  # it failed, and was not rolled back, or could not be
    INTERRUPTED = "interrupted"  # the process was stopped: the record has no end of it


@dataclass(frozen=True)
class Begun:
    """Services are about to be switched.

    Attributes:
        number: 1, 2, ... within the project's record.
        at: Time as RFC 3339, in UTC.
        services: What is to run.
        before: What ran of these services.
        to: The deployment that a rollback goes back to.
        configurations: By which configuration services are to run, also those whose version stays:
            digests (``Configuration.digest``), as far as they are known.
        configured: What is another in that than before, in words, of those where something is.
    """

    number: int
    act: DeploymentKind
    at: str
    services: Versions
    before: Versions
    to: int | None = None
    configurations: Mapping[str, str] = field(default_factory=dict)
    configured: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """Services have been switched, or not.

    Attributes:
        running: What ran of the services in the end, as was looked up.
        downloaded: Bytes that the pull was to get.
        seconds: From the begin of the switch to the end.
    """

    number: int
    outcome: Outcome
    at: str
    running: Versions
    reason: str | None = None
    downloaded: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Warmed:
    """An image was pulled ahead for a service (``deploy --warm``)."""

    at: str
    service: str
    image: Reference


Entry = Begun | Ended | Warmed


@dataclass(frozen=True)
class Deployment:
    """One deployment as history shows it: its begin and, if it has one, its end."""

    begun: Begun
    ended: Ended | None = None

    @property
    def number(self) -> int:
        """Its number."""
        return self.begun.number

    @property
    def outcome(self) -> Outcome:
        """What came of it."""
        return self.ended.outcome if self.ended else Outcome.INTERRUPTED


@dataclass(frozen=True)
class History:
    """All that a record holds, the oldest first.

    Attributes:
        deployments: By number, each larger than the one before.
        damaged: Numbers of lines that cannot be read, from 1.
        highest: The largest number of a deployment that any line names, also a damaged one.
    """

    deployments: tuple[Deployment, ...] = ()
    warmed: tuple[Warmed, ...] = ()
    damaged: tuple[int, ...] = ()
    highest: int = 0

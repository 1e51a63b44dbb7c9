"""What a bake did, as values; ``cli.output.bake`` shows them as text or JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from typing import Any

from whalebuild.bakefile.images import PairImage, Role
from whalebuild.buildkit.metadata import published_metadata
from whalebuild.buildkit.progress import BuildState, pulled_bytes
from whalebuild.errors import Retry
from whalebuild.plan.definition import GeneratedTarget
from whalebuild.published.download import NextPull
from whalebuild.values import dataclass


class ImageAction(StrEnum):
    """What became of an image."""

    BUILT = "built"
    REUSED = "reused"  # dependencies as they are published
    UNCHANGED = "unchanged"  # an application as it is published
    TAGGED = "tagged"  # the same, under further tags


@dataclass
class Warnings:
    """Warnings of one bake: each is shown at once, and listed in the result.

    Attributes:
        show: Takes one line.
        texts: Those so far.
    """

    show: Callable[[str], None]
    texts: list[str] = field(default_factory=list)

    def warn(self, text: str) -> None:
        """Say that something is not as it should be, though it fails nothing."""
        self.texts.append(text)
        self.show(f"warning: {text}")


@dataclass(frozen=True)
class Verified:
    """One platform of an application that was built another way, too, with the same result.

    Attributes:
        against: The other way.
        layers: How many layers above the app base were compared.
        entries: How many entries of them.
    """

    platform: str
    against: str
    layers: int
    entries: int

    def __str__(self) -> str:
        layers = "1 layer" if self.layers == 1 else f"{self.layers} layers"
        what = f"{layers} with {self.entries} entries, and the configuration"
        return f"{self.against} ({self.platform}: {what})"


@dataclass(frozen=True)
class ImageResult:
    """One image: what became of it, its digest, the targets that built it and its platforms.

    ``next_pull`` is what a host that has the version before downloads, by platform; None where it
    is not known. ``bytes_pushed`` is what whalebuild itself has sent of it, ``verified`` what
    ``--verify`` has compared.
    """

    image: PairImage
    action: ImageAction
    digest: str | None
    targets: tuple[GeneratedTarget, ...]
    platforms: tuple[str, ...] = ()
    next_pull: Mapping[str, NextPull] | None = None
    bytes_pushed: int | None = None
    verified: tuple[Verified, ...] = ()


@dataclass(frozen=True)
class TargetResult:
    """One target's image.

    Attributes:
        digest: Of the image index (or manifest) that was pushed or loaded.
        steps_run: Instructions of the Dockerfile that were executed.
        steps_cached: Instructions that came from the cache.
        bytes_pulled: Compressed bytes of layers fetched while building it.
        bytes_pushed: Bytes of layers, configurations and attestations that whalebuild has sent,
            what was sent twice included; None where BuildKit pushed, which does not report it.
        seconds: From its first step to its last.
        next_pull: What a host that has the version before downloads of it, by platform; None
            where there was none before, or it is not known.
        verified: What ``--verify`` has compared; none where it was not given, or nothing was built
            on a stub.
    """

    target: str
    role: Role
    action: ImageAction
    tags: tuple[str, ...]
    digest: str | None
    platforms: tuple[str, ...]
    steps_run: int
    steps_cached: int
    bytes_pulled: int
    bytes_pushed: int | None
    seconds: float
    next_pull: Mapping[str, NextPull] | None = None
    verified: tuple[Verified, ...] = ()


@dataclass(frozen=True)
class OtherResult:
    """One target that is no pair, as buildx made it.

    Attributes:
        why: Why it is no pair.
        call: What the Dockerfile frontend was asked for in place of a build; None is a build.
        outputs: What was made of the result, as in the bake file.
        tags: What it was pushed under; none where it was not pushed.
        digest: Of what was pushed or loaded; None where nothing was.
    """

    target: str
    why: str
    call: str | None
    outputs: tuple[Mapping[str, str], ...]
    tags: tuple[str, ...]
    digest: str | None
    platforms: tuple[str, ...]
    steps_run: int
    steps_cached: int
    bytes_pulled: int
    seconds: float


@dataclass(frozen=True)
class BakeResult:
    """A finished bake.

    Attributes:
        others: Targets that are no pair.
        printed: The results of calls, as buildx prints them.
        published: False for ``--load`` and a partial bake.
        part: The file with what a partial bake has built.
        metadata: What buildx says of each target, with the digests that were published.
    """

    targets: tuple[TargetResult, ...]
    published: bool
    retries: tuple[Retry, ...]
    warnings: tuple[str, ...]
    bytes_pulled: int
    seconds: float
    part: str | None = None
    others: tuple[OtherResult, ...] = ()
    printed: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


def make_result(
    results: Sequence[ImageResult],
    states: Mapping[str, BuildState],
    retries: Sequence[Retry],
    *,
    warnings: Sequence[str],
    published: bool,
    seconds: float,
    metadata: Mapping[str, Any] | None = None,
) -> BakeResult:
    """Put together what BuildKit reported.

    Args:
        results: What became of each image.
        states: The build in which each target was made.
        retries: All that were made.
        warnings: Those of the bake itself; BuildKit's follow.
        published: Whether anything was pushed.
        seconds: Those of the whole command, planning and retries included.
        metadata: Buildx's, by generated target.
    """
    builds = list({id(state): state for state in states.values()}.values())
    return BakeResult(
        targets=tuple(_target(result, states) for result in results),
        published=published,
        retries=tuple(retries),
        warnings=tuple(
            dict.fromkeys([*warnings, *(w for state in builds for w in state.warnings)])
        ),
        bytes_pulled=sum(pulled_bytes(state.steps.values()) for state in builds),
        seconds=round(seconds, 3),
        metadata={each.image.name: _metadata(each, metadata or {}) for each in results},
    )


def _metadata(result: ImageResult, metadata: Mapping[str, Any]) -> dict[str, Any]:
    parts = (metadata.get(target.name) or {} for target in result.targets)
    return published_metadata(parts, result.digest, map(str, result.image.references))


def _target(result: ImageResult, states: Mapping[str, BuildState]) -> TargetResult:
    image = result.image
    totals = [states[target.name].totals(target.name) for target in result.targets]
    return TargetResult(
        target=image.name,
        role=image.role,
        action=result.action,
        tags=tuple(str(reference) for reference in image.references),
        digest=result.digest,
        platforms=result.platforms or image.platforms,
        steps_run=sum(each.run for each in totals),
        steps_cached=sum(each.cached for each in totals),
        bytes_pulled=sum(each.pulled for each in totals),
        bytes_pushed=result.bytes_pushed,
        seconds=round(max((each.seconds for each in totals), default=0.0), 3),
        next_pull=result.next_pull,
        verified=result.verified,
    )

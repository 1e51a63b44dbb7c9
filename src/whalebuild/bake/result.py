"""What a bake did, as values; ``cli.output.bake`` shows them as text or JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from whalebuild.bakefile.images import PairImage
from whalebuild.buildkit.progress import BuildState, pulled_bytes
from whalebuild.errors import Retry
from whalebuild.plan.definition import GeneratedTarget
from whalebuild.published.download import NextPull

SCHEMA = "whalebuild.bake/1"
_DIGEST = "containerimage.digest"


@dataclass(frozen=True)
class ImageResult:
    """One image: what became of it, its digest, the targets that built it and its platforms.

    ``next_pull`` is what a host that has the version before downloads, by platform; None where it
    is not known.
    """

    image: PairImage
    action: str
    digest: str | None
    targets: tuple[GeneratedTarget, ...]
    platforms: tuple[str, ...] = ()
    next_pull: Mapping[str, NextPull] | None = None


@dataclass(frozen=True)
class TargetResult:
    """One target's image.

    Attributes:
        action: ``built``; ``reused`` (dependencies as they are published), ``unchanged`` or
            ``tagged`` (an application as it is published, under further tags).
        digest: Of the image index (or manifest) that was pushed or loaded.
        steps_run: Instructions of the Dockerfile that were executed.
        steps_cached: Instructions that came from the cache.
        bytes_pulled: Compressed bytes of layers fetched while building it.
        bytes_pushed: None: BuildKit does not report the size of pushes.
        seconds: From its first step to its last.
        next_pull: What a host that has the version before downloads of it, by platform; None
            where there was none before, or it is not known.
    """

    target: str
    role: str
    action: str
    tags: tuple[str, ...]
    digest: str | None
    platforms: tuple[str, ...]
    steps_run: int
    steps_cached: int
    bytes_pulled: int
    bytes_pushed: int | None
    seconds: float
    next_pull: Mapping[str, NextPull] | None = None


@dataclass(frozen=True)
class BakeResult:
    """A finished bake.

    Attributes:
        published: False for ``--load`` and a partial bake.
        part: The file with what a partial bake has built.
    """

    targets: tuple[TargetResult, ...]
    published: bool
    retries: tuple[Retry, ...]
    warnings: tuple[str, ...]
    bytes_pulled: int
    seconds: float
    part: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The versioned form for machines."""
        return {"schema": SCHEMA, **asdict(self)}


def make_result(
    results: Sequence[ImageResult],
    states: Mapping[str, BuildState],
    retries: Sequence[Retry],
    *,
    warnings: Sequence[str],
    published: bool,
    seconds: float,
) -> BakeResult:
    """Put together what BuildKit reported.

    Args:
        results: What became of each image.
        states: The build in which each target was made.
        retries: All that were made.
        warnings: Those of the bake itself; BuildKit's follow.
        published: Whether anything was pushed.
        seconds: Those of the whole bake, retries included.
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
    )


def metadata_of(
    results: Sequence[ImageResult], metadata: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Buildx's metadata by target, with the digest and the names that were published."""
    made: dict[str, dict[str, Any]] = {}
    for result in results:
        entry: dict[str, Any] = {}
        for target in result.targets:
            entry |= metadata.get(target.name) or {}
        if result.digest != entry.get(_DIGEST):
            entry.pop("containerimage.descriptor", None)
        if result.digest:
            entry[_DIGEST] = result.digest
        entry["image.name"] = ",".join(str(reference) for reference in result.image.references)
        made[result.image.name] = entry
    return made


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
        bytes_pushed=None,
        seconds=round(max((each.seconds for each in totals), default=0.0), 3),
        next_pull=result.next_pull,
    )

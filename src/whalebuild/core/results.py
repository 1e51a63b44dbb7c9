"""What a bake did, as values; ``cli.render`` shows them as text or JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from whalebuild.core.definition import Job
from whalebuild.core.progress import BuildState, pulled_bytes
from whalebuild.core.retry import Retry

SCHEMA = "whalebuild.bake/1"
_PROVENANCE = "buildx.build.provenance"


@dataclass(frozen=True)
class TargetResult:
    """One target's image.

    Attributes:
        digest: Of the image index (or manifest) that was pushed or loaded.
        steps_run: Instructions of the Dockerfile that were executed.
        steps_cached: Instructions that came from the cache.
        bytes_pulled: Compressed bytes of layers fetched while building it.
        bytes_pushed: None: BuildKit does not report the size of pushes.
        seconds: From its first step to its last.
    """

    target: str
    role: str
    tags: tuple[str, ...]
    digest: str | None
    platforms: tuple[str, ...]
    steps_run: int
    steps_cached: int
    bytes_pulled: int
    bytes_pushed: int | None
    seconds: float


@dataclass(frozen=True)
class BakeResult:
    """A finished bake. ``published`` is False for ``--load``."""

    targets: tuple[TargetResult, ...]
    published: bool
    retries: tuple[Retry, ...]
    warnings: tuple[str, ...]
    bytes_pulled: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The versioned form for machines."""
        return {"schema": SCHEMA, **asdict(self)}


def make_result(
    jobs: Sequence[Job],
    states: Mapping[str, BuildState],
    metadata: Mapping[str, Any],
    retries: Sequence[Retry],
    *,
    published: bool,
    seconds: float,
) -> BakeResult:
    """Put together what BuildKit reported.

    ``states`` has the build in which each target was made, ``metadata`` is buildx's metadata file
    (target name → image digest, provenance and more), ``seconds`` are those of the whole bake,
    retries included.
    """
    builds = list({id(state): state for state in states.values()}.values())
    return BakeResult(
        targets=tuple(_target(job, states[job.name], metadata.get(job.name) or {}) for job in jobs),
        published=published,
        retries=tuple(retries),
        warnings=tuple(dict.fromkeys(w for state in builds for w in state.warnings)),
        bytes_pulled=sum(pulled_bytes(state.steps.values()) for state in builds),
        seconds=round(seconds, 3),
    )


def _target(job: Job, state: BuildState, metadata: Mapping[str, Any]) -> TargetResult:
    totals = state.totals(job.name)
    return TargetResult(
        target=job.name,
        role=job.role,
        tags=tuple(str(reference) for reference in job.references),
        digest=metadata.get("containerimage.digest"),
        platforms=_platforms(metadata) or job.platforms,
        steps_run=totals.run,
        steps_cached=totals.cached,
        bytes_pulled=totals.pulled,
        bytes_pushed=None,
        seconds=round(totals.seconds, 3),
    )


def _platforms(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Platforms that were built: one provenance for each, named where there are several."""
    named = [k.partition("/")[2] for k in metadata if k.startswith(f"{_PROVENANCE}/")]
    if named:
        return tuple(sorted(named))
    environment = (metadata.get(_PROVENANCE) or {}).get("invocation", {}).get("environment", {})
    return (environment["platform"],) if "platform" in environment else ()

"""The generated bake definition: the one JSON document that buildx runs.

https://docs.docker.com/build/bake/reference/ (targets), ``docs/reference/buildx_build.md`` of
docker/buildx (``--output``, ``--cache-from``, ``--cache-to``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from whalebuild.core.bakefile import Target
from whalebuild.core.errors import UsageError
from whalebuild.core.pairs import APP_TAG, Image, Pair
from whalebuild.core.references import Reference, is_tag, parse_reference

Definition = dict[str, Any]


@dataclass(frozen=True)
class BuildOptions:
    """What the command line asks of every target.

    Attributes:
        load: Load the image into the local engine instead of pushing.
        no_cache: Run every step anew.
        pull: Ask the registry for newer base images.
        platforms: Platforms instead of the bake file's; empty keeps those.
        extra_tags: Further references for the application's image.
    """

    load: bool = False
    no_cache: bool = False
    pull: bool = False
    platforms: tuple[str, ...] = ()
    extra_tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """One target as it will be built: its role in the pair, references and cache sources."""

    target: Target
    role: str
    references: tuple[Reference, ...]
    cache_from: tuple[Reference, ...]
    platforms: tuple[str, ...]

    @property
    def name(self) -> str:
        """The target's name in the generated definition."""
        return self.target.name

    @property
    def contents(self) -> tuple[object, ...]:
        """What decides about the image: two jobs that agree in it build the same."""
        return (self.role, self.target.stage, self.target.made_of)

    def joined(self, other: Job) -> Job:
        """The same target with the references and cache sources of both."""
        references = tuple(dict.fromkeys((*self.references, *other.references)))
        cache_from = tuple(dict.fromkeys((*self.cache_from, *other.cache_from)))
        return replace(self, references=references, cache_from=cache_from)


def make_jobs(pairs: Sequence[Pair], options: BuildOptions) -> tuple[Job, ...]:
    """Turn pairs into the targets to build, dependencies first.

    With ``load`` only the image that is wanted locally is built: the application's, or the
    dependencies where they were asked for alone. Dependencies that several applications share are
    one target, published for each of them.

    Raises:
        UsageError: Two targets would be published under one reference, or an extra tag is none.
    """
    jobs: dict[str, Job] = {}
    for pair in pairs:
        images = [(pair.dependencies, "deps"), (pair.application, "app")]
        wanted = [(image, role) for image, role in images if image]
        for image, role in wanted[-1:] if options.load else wanted:
            job = _job(image, role, pair, options)
            jobs[job.name] = jobs[job.name].joined(job) if job.name in jobs else job
    _check_no_overwriting(jobs.values())
    return tuple(jobs.values())


def _check_no_overwriting(jobs: Iterable[Job]) -> None:
    """No reference may be published by two targets that build different things."""
    seen: dict[Reference, Job] = {}
    for job in jobs:
        for reference in job.references:
            other = seen.setdefault(reference, job)
            if other.contents != job.contents:
                raise UsageError(
                    f"{reference} would be published twice, with different contents",
                    cause=f'targets "{other.name}" and "{job.name}" both have it',
                    next_step="give each application a repository or a tag of its own",
                )


def generate(
    jobs: Iterable[Job],
    options: BuildOptions,
    others: Mapping[str, Target],
    published: Mapping[Reference, bool] | None = None,
) -> Definition:
    """Write the bake definition for these jobs; its default group is all of them.

    Args:
        jobs: What to build and publish.
        options: What the command line asks of every target.
        others: The bake file's targets; those that jobs link to come along as they are.
        published: For each cache source, whether the registry has it: one that is missing is left
            out, since BuildKit would report it as an error. None where it was not asked.
    """
    made = {job.name: _attributes(job, options, published or {}) for job in jobs}
    linked = _linked((job.target for job in jobs), others)
    targets = {**{name: dict(target.attributes) for name, target in linked.items()}, **made}
    return {"group": {"default": {"targets": list(made)}}, "target": targets}


def schedule(jobs: Iterable[Job]) -> tuple[tuple[Job, ...], ...]:
    """Order jobs in waves: dependencies first, and never two pushes to one repository at once.

    A blob that two targets share would be uploaded by each, and registries have lost sight of
    blobs in such a race (https://github.com/docker/buildx/pull/3731).
    """
    waves: list[list[Job]] = []
    for job in sorted(jobs, key=lambda job: job.role != "deps"):
        fitting = (wave for wave in waves if all(_may_share(job, other) for other in wave))
        wave = next(fitting, None)
        if wave is None:
            waves.append(wave := [])
        wave.append(job)
    return tuple(tuple(wave) for wave in waves)


def wave_definition(definition: Definition, wave: Iterable[Job]) -> Definition:
    """The definition with one wave for its default group."""
    group = {"default": {"targets": [job.name for job in wave]}}
    return {"group": group, "target": definition["target"]}


def _may_share(one: Job, other: Job) -> bool:
    mine = {reference.repository for reference in one.references}
    return one.role == other.role and mine.isdisjoint(r.repository for r in other.references)


def _linked(targets: Iterable[Target], others: Mapping[str, Target]) -> dict[str, Target]:
    """Targets that are used as named contexts, and those that these use in turn."""
    found: dict[str, Target] = {}
    waiting = [name for target in targets for name in target.linked]
    while waiting:
        name = waiting.pop()
        if name in others and name not in found:
            found[name] = others[name]
            waiting += others[name].linked
    return found


def _job(image: Image, role: str, pair: Pair, options: BuildOptions) -> Job:
    references = image.references
    if role == "app":
        references = (*references, *_extra(references[0], options.extra_tags))
    # The application stands on the dependencies: their image is its first source of cache.
    sources = (*pair.dependencies.references[:1], *(references[:1] if role == "app" else ()))
    platforms = options.platforms or image.target.platforms
    return Job(image.target, role, tuple(dict.fromkeys(references)), sources, platforms)


def _extra(main: Reference, tags: Iterable[str]) -> Iterable[Reference]:
    """``--tag v1`` is a tag of the same repository; ``--tag other/name:v1`` a reference."""
    for tag in tags:
        reference = parse_reference(tag, where="--tag") if not is_tag(tag) else main.tagged(tag)
        yield reference if reference.tag else reference.tagged(APP_TAG)


def _attributes(
    job: Job, options: BuildOptions, published: Mapping[Reference, bool]
) -> dict[str, Any]:
    made = job.target.with_attributes(
        tags=[str(reference) for reference in job.references],
        platforms=list(job.platforms) or None,
        cache_from=_cache_from(job, published) or None,
        cache_to=None if options.load else _cache_to(job.target),
        output=[_output(job.target, load=options.load)],
        no_cache=options.no_cache or job.target.attributes.get("no-cache"),
        pull=options.pull or job.target.attributes.get("pull"),
    )
    if options.load:
        # The local engine holds one platform; buildx picks the node's own.
        made = made.with_attributes(platforms=["local"])
    return dict(made.attributes)


def _cache_from(job: Job, published: Mapping[Reference, bool]) -> list[Any]:
    known = (reference for reference in job.cache_from if published.get(reference, True))
    ours = [{"type": "registry", "ref": str(reference)} for reference in known]
    theirs = job.target.attributes.get("cache-from") or []
    return ours + [source for source in theirs if source not in ours]


def _cache_to(target: Target) -> list[Any]:
    """Inline cache: the image carries the records of its own steps, so two tags are all."""
    theirs = target.attributes.get("cache-to") or []
    inline = {"type": "inline"}
    return [inline, *(export for export in theirs if export != inline)]


def _output(target: Target, *, load: bool) -> dict[str, str]:
    """One exporter; options such as compression that the bake file gives an image are kept."""
    if load:
        return {"type": "docker"}
    kept: dict[str, str] = {}
    for output in target.attributes.get("output") or []:
        if isinstance(output, dict) and output.get("type") in {"image", "registry"}:
            kept = {k: v for k, v in output.items() if k not in {"type", "push", "name"}}
    # Neither kept in nor unpacked into the engine's image store: that would download the cached
    # layers of the dependencies just to have them there.
    return {"type": "image", "push": "true", "store": "false", "unpack": "false", **kept}

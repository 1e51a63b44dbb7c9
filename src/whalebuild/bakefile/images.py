"""Jobs: the images that a bake is about, each with its role in a pair and its references."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from whalebuild.bakefile.pairs import Image, Pair
from whalebuild.bakefile.target import Target
from whalebuild.errors import UsageError
from whalebuild.oci.platform import resolve
from whalebuild.oci.reference import Reference, is_tag, parse_reference
from whalebuild.tags import APP_TAG


def portion_of(jobs: Iterable[PairImage], portion: Portion, own: str | None) -> Portion:
    """Check what a partial bake is to build, and name its platforms.

    Args:
        jobs: All images with the platforms of the whole.
        portion: As it was asked for.
        own: The builder's own platform, where it is known.

    Raises:
        UsageError: The whole is not known, or it lacks one of the platforms.
    """
    jobs = list(jobs)
    vague = next((job for job in jobs if not job.platforms), None)
    if vague:
        raise UsageError(
            f'it is not known which platforms "{vague.name}" is published for in all',
            cause="neither the bake file nor the settings say so, and --platform says only which "
            "of them are built here (--partial)",
            next_step='write platform = ["linux/amd64", "linux/arm64"] in whalebuild.toml, or '
            "platforms in the bake file's target",
        )
    whole = tuple(dict.fromkeys(platform for job in jobs for platform in job.platforms))
    mine = resolve(portion.platforms, own) if own else portion.platforms
    strange = [platform for platform in mine if platform not in whole]
    if strange:
        raise UsageError(
            f"{', '.join(strange)} is not among the platforms of this bake",
            cause=f"they are {', '.join(whole)}; with --partial, --platform picks some of them",
            next_step="add it to platform in the settings, or to the bake file's target",
        )
    deps = {job.name: job for job in jobs if job.role == DEPS}
    for job in jobs:
        lacking = [p for p in job.platforms if p not in deps[job.deps].platforms]
        if lacking:
            raise UsageError(
                f'"{job.deps}" is not for {", ".join(lacking)}, and "{job.name}" is',
                cause="the parts of a pair are its platforms (--partial)",
                next_step="give both targets the same platforms, or bake them all in one run",
            )
    return replace(portion, platforms=mine or whole)


DEPS, APP = "deps", "app"


@dataclass(frozen=True)
class Portion:
    """What a partial bake builds of the platforms that are published together.

    Attributes:
        platforms: Those that it builds; empty is all of them.
        token: What makes its staging tags its own.
    """

    platforms: tuple[str, ...]
    token: str


@dataclass(frozen=True)
class BuildOptions:
    """What the command line asks of every target.

    Attributes:
        load: Load the image into the local engine instead of pushing.
        read_only: Build, and publish nothing.
        force: Build and publish even where nothing has changed.
        no_cache: Run every step anew.
        pull: Ask the registry for newer base images.
        platforms: Platforms instead of the bake file's; empty keeps those.
        extra_tags: Further references for the application's image.
        portion: What a partial bake builds; None where everything is built and published.
    """

    load: bool = False
    read_only: bool = False
    force: bool = False
    no_cache: bool = False
    pull: bool = False
    platforms: tuple[str, ...] = ()
    extra_tags: tuple[str, ...] = ()
    portion: Portion | None = None

    @property
    def publishes(self) -> bool:
        """Whether anything is pushed."""
        return not (self.load or self.read_only)

    def mine(self, platforms: tuple[str, ...]) -> tuple[str, ...]:
        """Those of these platforms that are built here."""
        wanted = self.portion.platforms if self.portion else ()
        return tuple(p for p in platforms if p in wanted) if wanted else platforms


@dataclass(frozen=True)
class PairImage:
    """One image: what it is built from and the references that it is published under.

    Attributes:
        role: ``deps`` or ``app``.
        bundle: For an application, the reference of its dependencies' bundle.
        deps: The job of its dependencies, by name; for dependencies their own name.
        seed: Another scope's bundle that will do where this one has none that fits.
    """

    target: Target
    role: str
    references: tuple[Reference, ...]
    platforms: tuple[str, ...]
    bundle: Reference
    deps: str
    seed: Reference | None = None

    @property
    def name(self) -> str:
        """The target's name in the bake file."""
        return self.target.name

    @property
    def repositories(self) -> tuple[str, ...]:
        """The repositories that the image is pushed to."""
        return tuple(dict.fromkeys(reference.repository for reference in self.references))

    @property
    def contents(self) -> tuple[object, ...]:
        """What decides about the image: two jobs that agree in it build the same."""
        return (self.role, self.target.stage, self.target.made_of)

    def joined(self, other: PairImage) -> PairImage:
        """The same image with the references of both."""
        return replace(self, references=tuple(dict.fromkeys((*self.references, *other.references))))


def pair_images(pairs: Sequence[Pair], options: BuildOptions) -> tuple[PairImage, ...]:
    """Turn pairs into jobs, dependencies first.

    Dependencies that several applications share are one job, published for each of them.

    Raises:
        UsageError: Two images would be published under one reference, or an extra tag is none.
    """
    jobs: dict[str, PairImage] = {}
    for pair in pairs:
        images = [(pair.dependencies, DEPS), (pair.application, APP)]
        for image, role in ((image, role) for image, role in images if image):
            job = _job(image, role, pair, options)
            jobs[job.name] = jobs[job.name].joined(job) if job.name in jobs else job
    _check_no_overwriting(jobs.values())
    # Caches are children of one bundle, so they have to be in its repository.
    made = (replace(job, bundle=jobs[job.deps].bundle) for job in jobs.values())
    return tuple(sorted(made, key=lambda job: job.role != DEPS))


def schedule(jobs: Iterable[PairImage]) -> tuple[tuple[PairImage, ...], ...]:
    """Order jobs in waves: dependencies first, and never two pushes to one repository at once.

    A blob that two targets share would be uploaded by each, and registries have lost sight of
    blobs in such a race (https://github.com/docker/buildx/pull/3731).
    """
    waves: list[list[PairImage]] = []
    for job in sorted(jobs, key=lambda job: job.role != DEPS):
        fitting = (wave for wave in waves if all(_may_share(job, other) for other in wave))
        wave = next(fitting, None)
        if wave is None:
            waves.append(wave := [])
        wave.append(job)
    return tuple(tuple(wave) for wave in waves)


def _may_share(one: PairImage, other: PairImage) -> bool:
    return one.role == other.role and _pushed_to(one).isdisjoint(_pushed_to(other))


def _pushed_to(job: PairImage) -> set[str]:
    """The repositories of the image and of its cache."""
    return {*job.repositories, job.bundle.repository}


def _check_no_overwriting(jobs: Iterable[PairImage]) -> None:
    """No reference may be published by two targets that build different things."""
    seen: dict[Reference, PairImage] = {}
    for job in jobs:
        for reference in job.references:
            other = seen.setdefault(reference, job)
            if other.contents != job.contents:
                raise UsageError(
                    f"{reference} would be published twice, with different contents",
                    cause=f'targets "{other.name}" and "{job.name}" both have it',
                    next_step="give each application a repository or a tag of its own",
                )


def _job(image: Image, role: str, pair: Pair, options: BuildOptions) -> PairImage:
    references = image.references
    if role == APP:
        references = (*references, *_extra(references[0], options.extra_tags))
    return PairImage(
        target=image.target,
        role=role,
        references=tuple(dict.fromkeys(references)),
        platforms=options.platforms or image.target.platforms,
        bundle=pair.dependencies.references[0],
        deps=pair.dependencies.target.name,
        seed=pair.seed,
    )


def _extra(main: Reference, tags: Iterable[str]) -> Iterable[Reference]:
    """``--tag v1`` is a tag of the same repository; ``--tag other/name:v1`` a reference."""
    for tag in tags:
        reference = parse_reference(tag, where="--tag") if not is_tag(tag) else main.tagged(tag)
        yield reference if reference.tag else reference.tagged(APP_TAG)

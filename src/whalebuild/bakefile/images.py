"""Images and pairs: the images of a bake, each with its role in a pair and its references."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

from whalebuild.bakefile.app_base import AppBase
from whalebuild.bakefile.target import Target
from whalebuild.errors import UsageError
from whalebuild.oci.platform import resolve
from whalebuild.oci.reference import Reference, is_tag, parse_reference
from whalebuild.tags import APP_TAG
from whalebuild.values import dataclass


class Role(StrEnum):
    """Which of a pair's two images one is."""

    DEPS = "deps"
    APP = "app"


@dataclass(frozen=True)
class PairImage:
    """One image: what it is built from and the references that it is published under.

    Attributes:
        references: At least one.
        platforms: All that it is published for; empty is the builder's own.
        bundle: The reference of the dependencies' bundle: caches of both images are its children.
        deps: The name of the dependencies' target; for dependencies their own name.
        seed: For dependencies another scope's bundle that will do where this one has none that
            fits.
        derived: Whether the bake file has no target for these dependencies: they are built from a
            stage of the application's Dockerfile.
        guess: What was guessed about the target's part in the pair, in a few words.
        also: Names of other targets of the bake file that are this very image.
        app_base: How an application is built on its app base; None where its dependencies are a
            stage or a target of its own.
        boundary: For an app base, where the Dockerfile is cut and why.
    """

    target: Target
    role: Role
    references: tuple[Reference, ...]
    platforms: tuple[str, ...]
    bundle: Reference
    deps: str
    seed: Reference | None = None
    derived: bool = False
    guess: str | None = None
    also: tuple[str, ...] = ()
    app_base: AppBase | None = None
    boundary: str | None = None

    @property
    def on_dependencies(self) -> Target:
        """The target that builds an application on the image of its dependencies."""
        return (self.app_base and self.app_base.application) or self.target

    @property
    def name(self) -> str:
        """The target's name in the bake file."""
        return self.target.name

    @property
    def repositories(self) -> tuple[str, ...]:
        """The repositories that the image is pushed to."""
        return tuple(dict.fromkeys(reference.repository for reference in self.references))

    def differs(self, other: PairImage) -> str | None:
        """Name the attribute in which two targets would build different images; None if none."""
        if self.role is not other.role:
            return "their part in a pair"
        return self.target.differs(other.target)

    def joined(self, other: PairImage) -> PairImage:
        """The same image with the references of both."""
        references = tuple(dict.fromkeys((*self.references, *other.references)))
        if other.name == self.name:
            return replace(self, references=references)
        platforms = tuple(dict.fromkeys((*self.platforms, *other.platforms)))
        also = tuple(dict.fromkeys((*self.also, other.name, *other.also)))
        return replace(self, references=references, platforms=platforms, also=also)


@dataclass(frozen=True)
class Pair:
    """An application and its dependencies; ``application`` is None where it is not asked for."""

    application: PairImage | None
    dependencies: PairImage

    @property
    def images(self) -> tuple[PairImage, ...]:
        """Both, dependencies first."""
        return (self.dependencies, *((self.application,) if self.application else ()))

    def on_base(self, base: AppBase) -> Pair:
        """The same with the app base for dependencies."""
        application = self.application and replace(self.application, app_base=base)
        return Pair(application, replace(self.dependencies, boundary=base.boundary))


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
        verify: Compare what is built on a stub with the ordinary build of it.
        call: What Dockerfiles are asked for in place of a build, as ``--call`` takes it.
    """

    load: bool = False
    read_only: bool = False
    force: bool = False
    no_cache: bool = False
    pull: bool = False
    platforms: tuple[str, ...] = ()
    extra_tags: tuple[str, ...] = ()
    portion: Portion | None = None
    verify: bool = False
    call: str | None = None

    @property
    def publishes(self) -> bool:
        """Whether anything is pushed."""
        return not (self.load or self.read_only)

    def built_here(self, platforms: tuple[str, ...]) -> tuple[str, ...]:
        """Those of these platforms that are built here."""
        wanted = self.portion.platforms if self.portion else ()
        return tuple(p for p in platforms if p in wanted) if wanted else platforms


def make_pair(
    application: tuple[Target, tuple[Reference, ...]] | None,
    dependencies: tuple[Target, tuple[Reference, ...]],
    *,
    derived: bool = False,
    guess: str | None = None,
) -> Pair:
    """Make a pair of targets and the references that their images are published under.

    ``derived`` and ``guess`` are about the dependencies, see :class:`PairImage`.
    """
    deps, deps_references = dependencies

    def image(role: Role, target: Target, references: tuple[Reference, ...]) -> PairImage:
        return PairImage(target, role, references, target.platforms, deps_references[0], deps.name)

    made = replace(image(Role.DEPS, *dependencies), derived=derived, guess=guess)
    return Pair(image(Role.APP, *application) if application else None, made)


def pair_images(pairs: Sequence[Pair], options: BuildOptions) -> tuple[PairImage, ...]:
    """List the images of pairs as the command line asks for them, dependencies first.

    Dependencies that several applications share are one image, published for each of them.

    Raises:
        UsageError: Two images would be published under one reference, or an extra tag is none.
    """
    images: dict[str, PairImage] = {}
    joined: dict[str, str] = {}
    holders: dict[Reference, list[str]] = {}
    every = [_with_options(each, options) for pair in pairs for each in pair.images]
    # What differs is told of the applications: the names of derived targets are ours.
    for image in sorted(every, key=lambda image: image.role is Role.DEPS):
        known = images.get(image.name) or _same_reference(image, _sharing(image, holders, images))
        name = known.name if known else image.name
        images[name] = known.joined(image) if known else image
        joined[image.name] = name
        for reference in images[name].references:
            holders.setdefault(reference, []).append(name)
    for image in images.values():
        others = _sharing(image, holders, images)
        _same_reference(image, (each for each in others if each is not image))
    at_home = [_at_home(image, joined, images) for image in images.values()]
    return tuple(sorted(at_home, key=lambda image: image.role is not Role.DEPS))


def _sharing(
    image: PairImage, holders: Mapping[Reference, Sequence[str]], images: Mapping[str, PairImage]
) -> list[PairImage]:
    """Those of the images that may be published under one of an image's references.

    Args:
        image: The image.
        holders: The names of the images of each reference.
        images: By name.
    """
    names = {name for reference in image.references for name in holders.get(reference, ())}
    if names <= {image.name}:  # most share nothing
        return [images[name] for name in names]
    return [each for name, each in images.items() if name in names]


def _same_reference(image: PairImage, others: Iterable[PairImage]) -> PairImage | None:
    """Find the image that is published under one of an image's references: they have to be one.

    Raises:
        UsageError: They differ.
    """
    for other in others:
        shared = next((ref for ref in image.references if ref in other.references), None)
        if shared is None:
            continue
        differing = other.differs(image)
        # What is derived for two applications is for the platforms of both.
        inner = image.derived and other.derived
        if differing is None and set(image.platforms) != set(other.platforms) and not inner:
            differing = "platforms"
        if differing:
            raise published_twice(shared, other.name, image.name, differing)
        return other
    return None


def published_twice(reference: Reference, one: str, other: str, differing: str) -> UsageError:
    """The error for two targets that would replace each other's image."""
    return UsageError(
        f"{reference} would be published twice, with different contents",
        cause=f'targets "{one}" and "{other}" both have it, and differ in {differing}',
        next_step="give each of them a repository or a tag of its own, or name one of them only",
    )


def _at_home(
    image: PairImage, joined: Mapping[str, str], images: Mapping[str, PairImage]
) -> PairImage:
    """The image with the dependencies that it has in the end.

    Caches are children of one bundle, so they have to be in its repository.
    """
    deps = images[joined[image.deps]]
    return replace(image, deps=deps.name, bundle=deps.bundle)


def portion_of(images: Iterable[PairImage], portion: Portion, own: str | None) -> Portion:
    """Check what a partial bake is to build, and name its platforms.

    Args:
        images: All images with the platforms of the whole.
        portion: As it was asked for.
        own: The builder's own platform, where it is known.

    Raises:
        UsageError: The whole is not known, or it lacks one of the platforms.
    """
    images = list(images)
    unknown = next((image for image in images if not image.platforms), None)
    if unknown:
        raise UsageError(
            f'it is not known which platforms "{unknown.name}" is published for in all',
            cause="neither the bake file nor the settings say so, and --platform says only which "
            "of them are built here (--partial)",
            next_step='write platform = ["linux/amd64", "linux/arm64"] in whalebuild.toml, or '
            "platforms in the bake file's target",
        )
    whole = tuple(dict.fromkeys(platform for image in images for platform in image.platforms))
    wanted = resolve(portion.platforms, own) if own else portion.platforms
    strange = [platform for platform in wanted if platform not in whole]
    if strange:
        raise UsageError(
            f"{', '.join(strange)} is not among the platforms of this bake",
            cause=f"they are {', '.join(whole)}; with --partial, --platform picks some of them",
            next_step="add it to platform in the settings, or to the bake file's target",
        )
    deps = {image.name: image for image in images if image.role == Role.DEPS}
    for image in images:
        lacking = [p for p in image.platforms if p not in deps[image.deps].platforms]
        if lacking:
            raise UsageError(
                f'"{image.deps}" is not for {", ".join(lacking)}, and "{image.name}" is',
                cause="the parts of a pair are its platforms (--partial)",
                next_step="give both targets the same platforms, or bake them all in one run",
            )
    return replace(portion, platforms=wanted or whole)


def _with_options(image: PairImage, options: BuildOptions) -> PairImage:
    references = image.references
    if image.role is Role.APP:
        references = (*references, *_extra(references[0], options.extra_tags))
    return replace(
        image,
        references=tuple(dict.fromkeys(references)),
        platforms=options.platforms or image.platforms,
    )


def _extra(main: Reference, tags: Iterable[str]) -> Iterable[Reference]:
    """``--tag v1`` is a tag of the same repository; ``--tag other/name:v1`` a reference."""
    for tag in tags:
        reference = parse_reference(tag, where="--tag") if not is_tag(tag) else main.tagged(tag)
        yield reference if reference.tag else reference.tagged(APP_TAG)

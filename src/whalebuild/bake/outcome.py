"""What was pushed, and the indexes that are published of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from whalebuild.bakefile.images import Role
from whalebuild.buildkit.metadata import exported_cache, image_digest
from whalebuild.bundle.annotations import to_annotations
from whalebuild.bundle.build_inputs import BuildInputs
from whalebuild.bundle.index import Bundle, Cache, Stub, write_bundle
from whalebuild.bundle.lock import Lock
from whalebuild.bundle.published import AppRecord
from whalebuild.errors import VerificationError
from whalebuild.oci.manifest import Descriptor, Manifest
from whalebuild.plan.decision import DepsAction
from whalebuild.plan.definition import GeneratedTarget
from whalebuild.plan.pins import DepsImage, deps_image_of
from whalebuild.plan.plan import AppPlan, DepsPlan
from whalebuild.values import dataclass


@dataclass(frozen=True)
class PushedTarget:
    """What one generated target has pushed.

    Attributes:
        name: Its name in the generated definition.
        platforms: Those that it was built for.
        digest: Of the image index, or of the manifest where there is no index.
        cache: The cache manifest that it exported.
        missed: Whether steps ran without an input being the reason, although there was a cache.
    """

    name: str
    platforms: tuple[str, ...]
    digest: str
    cache: Descriptor | None = None
    missed: bool = False


def pushed_target(
    target: GeneratedTarget, metadata: Mapping[str, Any], *, exported: bool, missed: bool = False
) -> PushedTarget:
    """Read from buildx's metadata of a target what it pushed.

    Args:
        target: The target.
        metadata: Buildx's.
        exported: Whether the cache that it names is whalebuild's own.
        missed: See ``PushedTarget``.

    Raises:
        VerificationError: It does not say.
    """
    digest = image_digest(metadata)
    if digest is None:
        raise VerificationError(
            f'buildx did not say what it pushed for "{target.name}"',
            cause="its metadata has no digest",
            next_step="check `docker buildx version` (0.12 or later)",
        )
    cache = exported_cache(metadata) if exported else None
    return PushedTarget(target.name, target.platforms, digest, cache, missed)


@dataclass(frozen=True)
class PushedImage:
    """An image as it was pushed: by all its generated targets together.

    Attributes:
        index: Digest of what the last target pushed.
        images: Image manifests by platform.
        annotations: Of the pushed index.
        caches: Those that later bakes can import.
        targets: Whose pushes these are; one whose cache cannot be imported has none.
        manifests: Those of its images, by digest, as far as they are known.
        bytes_pushed: Bytes of blobs that whalebuild itself has sent; None where BuildKit pushed.
        steady: Whether it was made from what the plan says; not where an address had something
            else while it was built.
    """

    index: str
    images: Mapping[str, Descriptor]
    attestations: tuple[Descriptor, ...] = ()
    annotations: Mapping[str, str] | None = None
    caches: tuple[Cache, ...] = ()
    targets: tuple[PushedTarget, ...] = ()
    manifests: Mapping[str, Manifest] = field(default_factory=dict)
    bytes_pushed: int | None = None
    steady: bool = True

    def joined(self, other: PushedImage) -> PushedImage:
        """The image with the platforms of both."""
        return PushedImage(
            other.index,
            {**self.images, **other.images},
            (*self.attestations, *other.attestations),
            {**(self.annotations or {}), **(other.annotations or {})},
            (*self.caches, *other.caches),
            (*self.targets, *other.targets),
            {**self.manifests, **other.manifests},
        )

    def made_with(self, inputs: BuildInputs) -> PushedImage:
        """The image with caches that say what they were made with."""
        return replace(self, caches=tuple(replace(each, inputs=inputs) for each in self.caches))

    @property
    def digests(self) -> dict[str, str]:
        """Digests of the image manifests by platform."""
        return {platform: image.digest for platform, image in self.images.items()}


@dataclass(frozen=True)
class DepsOutcome:
    """What became of dependencies.

    Attributes:
        pushed: What was pushed; None where nothing was.
        changed: Whether their images are others than the published ones.
        deps_image: The image that applications are built on.
        tagged: Whether the push has set the tag, too.
    """

    plan: DepsPlan
    pushed: PushedImage | None
    changed: bool
    deps_image: DepsImage
    tagged: bool = False

    def bundle(
        self,
        app_caches: Iterable[Cache],
        repository: str | None = None,
        now: Bundle | None = None,
        stubs: Sequence[Stub] = (),
    ) -> bytes | None:
        """Compose the bundle to publish; None where what is published stays as it is.

        Args:
            app_caches: Caches of applications that were exported.
            repository: Where it is for; in others than the bundle's own there are no caches.
            now: What is published there by now, if another bake has published the same images:
                its caches and its lock are kept.
            stubs: New ones, of its images.
        """
        at_home = repository in {None, self.plan.image.bundle.repository}
        new = tuple(app_caches) if at_home else ()
        new_stubs = tuple(stubs) if at_home else ()
        source = self.plan.source
        if not self.changed and source is not None:
            if self.plan.surplus:
                return self._trimmed(now or source.bundle, new, new_stubs, at_home=at_home)
            if not new and not new_stubs:
                same = source.raw if at_home else _without_caches(source.bundle)
                return same if self.tag_must_be_set else None
            latest = now or source.bundle
            kept_caches = _without(latest.caches, new)
            latest = replace(latest, stubs=(*latest.stubs, *new_stubs))
            return _compose(latest, (*kept_caches, *new), latest.annotations)
        assert self.pushed is not None, "what changed was pushed"  # noqa: S101 - a slip of ours
        lock = self.plan.lock
        annotations = to_annotations(lock) if isinstance(lock, Lock) else {}
        kept = _kept(self.plan, self.pushed)
        images = Bundle(
            "",
            {**kept.images, **self.pushed.images},
            (*kept.attestations, *self.pushed.attestations),
            stubs=(*kept.stubs, *new_stubs) if at_home else (),
        )
        caches = (*kept.caches, *self.pushed.caches, *new) if at_home else ()
        return _compose(images, caches, {**(self.pushed.annotations or {}), **annotations})

    def fits(self, now: Bundle) -> bool:
        """Whether what is published by now has the images that this bake has reused."""
        wanted = {p: d for p, d in _digests(now).items() if p not in self.plan.surplus}
        return not self.changed and wanted == self.deps_image.images

    def _trimmed(
        self, bundle: Bundle, new: Sequence[Cache], stubs: Sequence[Stub], *, at_home: bool
    ) -> bytes:
        """The same dependencies without the platforms that the pair is not for any more."""
        gone, lock = self.plan.surplus, self.plan.lock
        images = {p: image for p, image in bundle.images.items() if p not in gone}
        left = (cache.without(gone) for cache in _without(bundle.caches, new))
        caches = (*filter(None, left), *new) if at_home else ()
        annotations = to_annotations(lock) if isinstance(lock, Lock) else {}
        own_stubs = (*bundle.stubs, *stubs) if at_home else ()
        kept = Bundle("", images, bundle.attestations, stubs=own_stubs)
        return _compose(kept, caches, {**bundle.annotations, **annotations})

    @property
    def tag_must_be_set(self) -> bool:
        """Whether the tag has to be set although the image is the same.

        A tag that is right is not set again: another bake may have changed it since.
        """
        return self.tagged or self.plan.differs_from_source


@dataclass(frozen=True)
class BuiltImages:
    """What the builds of a plan have pushed: verified, and still to be published.

    Attributes:
        deps: What became of dependencies, by image.
        apps: The applications that were built, by image.
        targets: What built them, by image.
        stubs: New stubs of dependencies, by image.
    """

    deps: Mapping[str, DepsOutcome]
    apps: Mapping[str, PushedImage]
    targets: Mapping[str, tuple[GeneratedTarget, ...]]
    stubs: Mapping[str, tuple[Stub, ...]] = field(default_factory=dict)


def deps_outcome(
    plan: DepsPlan, pushed: PushedImage | None, *, tagged: bool = False
) -> DepsOutcome:
    """Compare what was pushed (and perhaps tagged) with what is published."""
    repository = plan.image.bundle.repository
    source = plan.source
    if pushed is None:
        assert source is not None, "what is reused is published"  # noqa: S101 - a slip of ours
        deps_image = deps_image_of(repository, source.bundle, plan.surplus)
        return DepsOutcome(plan, None, changed=False, deps_image=deps_image)
    same = source is not None and all(
        platform in source.bundle.images and source.bundle.images[platform].digest == digest
        for platform, digest in pushed.digests.items()
    )
    if same and source is not None and plan.decision.action is DepsAction.ASK:
        deps_image = deps_image_of(repository, source.bundle)
        return DepsOutcome(plan, pushed, changed=False, deps_image=deps_image, tagged=tagged)
    images = {**_digests(_kept(plan, pushed)), **pushed.digests}
    return DepsOutcome(
        plan, pushed, changed=True, deps_image=DepsImage(repository, pushed.index, images)
    )


def app_index(pushed: PushedImage, app: AppPlan, deps_image: DepsImage | None) -> bytes:
    """Compose an application's index: what was pushed, and how it was made."""
    annotations = dict(pushed.annotations or {})
    made_of = app.material if pushed.steady else None
    if made_of is not None and deps_image is not None:
        on = deps_image.images
        annotations |= AppRecord(made_of.key(on), on, made_of.bases).as_annotations()
    missed = any(target.missed for target in pushed.targets)
    annotations |= replace(app.cache.record, missed=missed).as_annotations()
    return _compose(Bundle("", pushed.images, pushed.attestations), (), annotations)


def _kept(plan: DepsPlan, pushed: PushedImage) -> Bundle:
    """What stays of the published bundle: platforms that were asked for and are not stale."""
    source = plan.source
    wanted = set(plan.lock.platforms) if isinstance(plan.lock, Lock) else set()
    kept = wanted - set(plan.decision.platforms) - pushed.images.keys()
    if source is None or not kept:
        return Bundle("", {})
    images = {p: image for p, image in source.bundle.images.items() if p in kept}
    of_deps = (cache for cache in source.bundle.caches if cache.role == Role.DEPS)
    left = (cache.without(set(cache.platforms) - kept) for cache in of_deps)
    caches = tuple(filter(None, left))
    return Bundle("", images, source.bundle.attestations, caches, stubs=source.bundle.stubs)


def _compose(bundle: Bundle, caches: Sequence[Cache], annotations: Mapping[str, str]) -> bytes:
    return write_bundle(bundle.images, bundle.attestations, caches, annotations, bundle.stubs)


def _without_caches(bundle: Bundle) -> bytes:
    return _compose(replace(bundle, stubs=()), (), bundle.annotations)


def _without(caches: Iterable[Cache], replaced: Sequence[Cache]) -> tuple[Cache, ...]:
    """The caches, without platforms that new ones are for."""
    renewed: dict[tuple[str, str], set[str]] = {}
    for new in replaced:
        renewed.setdefault((new.role, new.target), set()).update(new.platforms)
    left = (cache.without(renewed.get((cache.role, cache.target), ())) for cache in caches)
    return tuple(filter(None, left))


def _digests(bundle: Bundle) -> dict[str, str]:
    return {platform: image.digest for platform, image in bundle.images.items()}

"""Verifies what was pushed, and publishes it: one PUT a tag, ``:deps`` before the application."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn, TypeVar

from whalebuild.bake.outcome import CACHE_CONFIG_LIMIT, PushedImage, exported_cache, pushed_digest
from whalebuild.bakefile.images import Role
from whalebuild.bundle.index import Cache
from whalebuild.errors import VerificationError
from whalebuild.failures.classify_http import NoAnswer, no_answer
from whalebuild.failures.failure import RequestFailedError
from whalebuild.failures.messages import failures_as_errors
from whalebuild.oci.manifest import (
    INDEX_TYPE,
    Descriptor,
    Manifest,
    parse_image,
    parse_index,
    platform_of,
)
from whalebuild.oci.reference import Reference
from whalebuild.oci.registry import Registry
from whalebuild.plan.definition import GeneratedTarget
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.text import human_bytes

T = TypeVar("T")
_Look = Callable[[Registry, Reference], T | None]
_CONFIG_LIMIT = 4 << 20
# Some 25 seconds: one that does not find by then what was pushed has lost it.
_MOST_LOOKS = 8


@dataclass(frozen=True)
class PushVerifier:
    """Reads back what targets pushed, and sets tags.

    Attributes:
        warn: Takes one line.
        platform: The builder's own platform, where it is known.
    """

    registry: RetryingRegistry
    warn: Callable[[str], None]
    platform: str | None = None

    def collect(
        self, targets: Sequence[GeneratedTarget], metadata: Mapping[str, Any]
    ) -> PushedImage:
        """Read what the targets of one image pushed, and verify it.

        Raises:
            VerificationError: A manifest does not answer, or a platform is missing.
            WhalebuildError: The registry refused, or could not be reached.
        """
        first, *others = (
            self._pushed(target, metadata.get(target.name) or {}) for target in targets
        )
        whole = first
        for other in others:
            whole = whole.joined(other)
        return whole

    def publish(self, reference: Reference, raw: bytes, media_type: str = INDEX_TYPE) -> str:
        """Set a tag; return the digest that it has now.

        Where that took several tries, what the registry keeps is read back: docker-registry 2.8
        keeps what it wrote of a manifest when its disk was full, and takes it for whole later.
        """
        tries = 0

        def put(registry: Registry) -> str:
            nonlocal tries
            tries += 1
            return registry.put_manifest(reference, raw, media_type)

        with failures_as_errors():
            digest = self.registry.step(f"publishing {reference}", reference.registry, put)
        if tries > 1:
            by_digest = Reference(reference.repository, digest=digest)
            self._pushed_there(by_digest, _manifest)
        return digest

    def _pushed(self, target: GeneratedTarget, metadata: Mapping[str, Any]) -> PushedImage:
        digest = pushed_digest(metadata)
        if digest is None:
            raise VerificationError(
                f'buildx did not say what it pushed for "{target.name}"',
                cause="its metadata has no digest",
                next_step="check `docker buildx version` (0.12 or later)",
            )
        for repository in target.image.repositories:
            found = self._pushed_there(Reference(repository, digest=digest), _manifest)
        index = parse_index(found.raw)
        if index is None:
            platform = self._platform_of(target, found)
            pushed = PushedImage(digest, {platform: replace(found.descriptor, platform=platform)})
        else:
            pushed = PushedImage(digest, index.images, index.attestations, index.annotations)
        self._verify(target, pushed)
        cache = self._cache(target, metadata, tuple(pushed.images))
        return pushed.joined(PushedImage(digest, {}, caches=(cache,))) if cache else pushed

    def _verify(self, target: GeneratedTarget, pushed: PushedImage) -> None:
        missing = [p for p in target.platforms if p not in pushed.images]
        if missing:
            raise VerificationError(
                f'what was pushed for "{target.name}" lacks {", ".join(missing)}',
                cause=f"it has {', '.join(pushed.images) or 'no image'}",
                next_step="check the builder's platforms: docker buildx inspect",
            )
        if not pushed.images:
            raise VerificationError(
                f'what was pushed for "{target.name}" has no image',
                cause=f"{pushed.index} is an index without one",
                next_step="run the bake again; nothing that was published before has changed",
            )
        for image in pushed.images.values():
            if image.digest != pushed.index:
                repository = target.image.references[0].repository
                self._pushed_there(Reference(repository, digest=image.digest), _head)

    def _cache(
        self, target: GeneratedTarget, metadata: Mapping[str, Any], platforms: tuple[str, ...]
    ) -> Cache | None:
        """The cache that a target exported, if later bakes can import it."""
        exported = exported_cache(metadata)
        if exported is None:
            return None
        reference = Reference(target.image.bundle.repository, digest=exported.digest)
        found = self._fresh(reference, _manifest)
        config = parse_image(found.raw) if found else None
        if found is None or config is None:
            self.warn(f"the cache of {target.name} did not arrive: the next bake has none")
            return None
        if config.config.size > CACHE_CONFIG_LIMIT:
            self.warn(
                f"the cache of {target.name} is left out: its configuration has "
                f"{human_bytes(config.config.size)}, and BuildKit imports none over 1 MiB"
            )
            return None
        image = target.image
        name = image.name if image.role is Role.APP else ""
        return Cache(image.role, platforms, exported.digest, len(found.raw), name)

    def _platform_of(self, target: GeneratedTarget, image: Manifest) -> str:
        """The platform of an image that was pushed without an index."""
        platform = self._configured(target.image.references[0].repository, image) or self.platform
        if platform is None:
            raise VerificationError(
                f'it cannot be told which platform "{target.name}" was built for',
                cause="its configuration names none",
                next_step="name it with --platform, or leave attestations on",
            )
        return platform

    def check_platforms(self, repository: str, images: Mapping[str, Descriptor]) -> None:
        """Check that images are what an index says, by their configurations.

        Raises:
            VerificationError: One is for another platform.
        """
        for platform, image in images.items():
            reference = Reference(repository, digest=image.digest)
            found = self._pushed_there(reference, _manifest)
            configured = self._configured(repository, found)
            # A variant may stand in one of them alone.
            if configured and configured.split("/")[:2] != platform.split("/")[:2]:
                raise VerificationError(
                    f"{reference} is for {configured}, and its index says {platform}",
                    next_step="run the bake again; nothing that was published before has changed",
                )

    def _configured(self, repository: str, image: Manifest) -> str | None:
        """The platform that an image's configuration names."""
        parsed = parse_image(image.raw)
        if parsed is None:
            return None
        with failures_as_errors():
            config = self.registry.blob(repository, parsed.config.digest, _CONFIG_LIMIT)
        return platform_of(config)

    def head(self, reference: Reference) -> Descriptor | None:
        """Ask what a reference stands for; None for nothing.

        Raises:
            WhalebuildError: The registry refused, or could not be reached.
        """
        with failures_as_errors():
            return self.registry.head(reference)

    def manifest(self, reference: Reference) -> Manifest | None:
        """Read a manifest; None if it is not there.

        Raises:
            WhalebuildError: The registry refused, or could not be reached.
        """
        with failures_as_errors():
            return self.registry.manifest(reference)

    def _pushed_there(self, reference: Reference, look: _Look[T]) -> T:
        """Read something that was pushed just now."""
        found = self._fresh(reference, look)
        if found is None:
            _gone(reference)
        return found

    def _fresh(self, reference: Reference, look: _Look[T]) -> T | None:
        """Read something that was pushed just now: a registry may not find it at once."""
        looks = 0

        def find(registry: Registry) -> T | None:
            nonlocal looks
            looks += 1
            found = look(registry, reference)
            if found is None and looks < min(_MOST_LOOKS, self.registry.retrier.policy.attempts):
                raise RequestFailedError(no_answer(f"GET {reference}", NoAnswer.NOT_YET))
            return found

        with failures_as_errors():
            return self.registry.read(reference, find)


def _manifest(registry: Registry, reference: Reference) -> Manifest | None:
    return registry.manifest(reference)


def _head(registry: Registry, reference: Reference) -> Descriptor | None:
    return registry.head(reference)


def _gone(reference: Reference) -> NoReturn:
    raise VerificationError(
        f"{reference} was pushed, and the registry does not have it",
        cause="it lost it, or another registry answered",
        next_step="run the bake again; nothing that was published before has changed",
    )

"""Reads back what was pushed, and verifies that it is whole."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import NoReturn, TypeVar

from whalebuild.bake.outcome import PushedImage, PushedTarget
from whalebuild.bakefile.images import PairImage, Role
from whalebuild.bundle.index import CACHE_CONFIG_LIMIT, Cache
from whalebuild.errors import VerificationError
from whalebuild.failures.classify_http import NoAnswer, no_answer
from whalebuild.failures.failure import RequestFailedError
from whalebuild.failures.messages import failures_as_errors
from whalebuild.oci.manifest import (
    Descriptor,
    Manifest,
    parse_image,
    parse_index,
    platform_of,
)
from whalebuild.oci.reference import Reference
from whalebuild.oci.registry import Registry
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.text import human_bytes
from whalebuild.values import dataclass

T = TypeVar("T")
_Look = Callable[[Registry, Reference], T | None]
_CONFIG_LIMIT = 4 << 20
# Some 25 seconds: one that does not find by then what was pushed has lost it.
_MOST_LOOKS = 8


@dataclass(frozen=True)
class PushVerifier:
    """Reads back what was pushed.

    Attributes:
        warn: Takes one line.
        platform: The builder's own platform, where it is known.
    """

    registry: RetryingRegistry
    warn: Callable[[str], None]
    platform: str | None = None

    def verify(self, image: PairImage, targets: Iterable[PushedTarget]) -> PushedImage:
        """Read what the targets of one image pushed (at least one), and verify it.

        Raises:
            VerificationError: A manifest does not answer, or a platform is missing.
            WhalebuildError: The registry refused, or could not be reached.
        """
        return functools.reduce(
            PushedImage.joined, (self._pushed(image, target) for target in targets)
        )

    def with_caches(
        self, pushed: PushedImage, image: PairImage, targets: Iterable[PushedTarget]
    ) -> PushedImage:
        """Add the caches that the targets of an image exported, as far as they can be imported.

        Raises:
            WhalebuildError: The registry refused, or could not be reached.
        """
        built = [(t, self._cache(image, t, t.platforms or tuple(pushed.images))) for t in targets]
        done = tuple(
            replace(t, cache=Descriptor(c.digest, c.size) if c else None) for t, c in built
        )
        return replace(pushed, caches=tuple(c for _, c in built if c), targets=done)

    def read_back(self, reference: Reference) -> Manifest:
        """Read a manifest that was pushed just now: a registry may not find it at once.

        Raises:
            VerificationError: It is not there.
            WhalebuildError: The registry refused, or could not be reached.
        """
        return self._pushed_there(reference, _manifest)

    def _pushed(self, image: PairImage, target: PushedTarget) -> PushedImage:
        for repository in image.repositories:
            found = self.read_back(Reference(repository, digest=target.digest))
        index = parse_index(found.raw)
        if index is None:
            platform = self._platform_of(image, target, found)
            by_platform = {platform: replace(found.descriptor, platform=platform)}
            pushed = PushedImage(target.digest, by_platform)
        else:
            pushed = PushedImage(target.digest, index.images, index.attestations, index.annotations)
        manifests = self._check_whole(image, target, pushed, found)
        cache = self._cache(image, target, tuple(pushed.images))
        usable = Descriptor(cache.digest, cache.size) if cache else None
        return replace(
            pushed,
            manifests=manifests,
            caches=(cache,) if cache else (),
            targets=(replace(target, cache=usable),),
        )

    def _check_whole(
        self, image: PairImage, target: PushedTarget, pushed: PushedImage, found: Manifest
    ) -> dict[str, Manifest]:
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
        repository = image.references[0].repository
        read: dict[str, Manifest] = {}
        for manifest in pushed.images.values():
            if manifest.digest != pushed.index:
                by_digest = Reference(repository, digest=manifest.digest)
                found = self._pushed_there(by_digest, _manifest)
            read[manifest.digest] = found
            parsed = parse_image(found.raw)
            if parsed is not None and not parsed.layers:
                raise VerificationError(
                    f'the image that was pushed for "{target.name}" has no layers',
                    cause="its stage has nothing in it, or something else was made of it",
                    next_step="check `target`, `call` and `output` of the bake file's target",
                )
        return read

    def _cache(
        self, image: PairImage, target: PushedTarget, platforms: tuple[str, ...]
    ) -> Cache | None:
        """The cache that a target exported, if later bakes can import it."""
        exported = target.cache
        if exported is None:
            return None
        reference = Reference(image.bundle.repository, digest=exported.digest)
        found = self._just_pushed(reference, _manifest)
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
        name = image.name if image.role is Role.APP else ""
        return Cache(image.role, platforms, exported.digest, len(found.raw), name)

    def _platform_of(self, image: PairImage, target: PushedTarget, manifest: Manifest) -> str:
        """The platform of an image that was pushed without an index."""
        platform = self._configured(image.references[0].repository, manifest) or self.platform
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
            found = self.read_back(reference)
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

    def _pushed_there(self, reference: Reference, look: _Look[T]) -> T:
        """Read something that was pushed just now."""
        found = self._just_pushed(reference, look)
        if found is None:
            _gone(reference)
        return found

    def _just_pushed(self, reference: Reference, look: _Look[T]) -> T | None:
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


def _gone(reference: Reference) -> NoReturn:
    raise VerificationError(
        f"{reference} was pushed, and the registry does not have it",
        cause="it lost it, or another registry answered",
        next_step="run the bake again; nothing that was published before has changed",
    )

"""Reads the pairs that ``inspect`` shows: indexes first, then their manifests side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from whalebuild.bakefile.pair_names import PairNames
from whalebuild.bundle.index import Cache
from whalebuild.bundle.published import PublishedApp, PublishedDeps
from whalebuild.errors import UsageError
from whalebuild.oci.manifest import Descriptor, parse_index, platform_of
from whalebuild.oci.reference import Reference
from whalebuild.published.lookup import ManifestLookup
from whalebuild.published.view import (
    UNKNOWN_PLATFORM,
    AppSide,
    DepsSide,
    PairView,
    TagView,
    make_view,
    record_of,
    view_manifest,
)
from whalebuild.values import dataclass


@dataclass(frozen=True)
class Inspector:
    """Looks at published pairs."""

    lookup: ManifestLookup

    def inspect(
        self, pairs: Sequence[PairNames], platforms: Sequence[str] = ()
    ) -> tuple[PairView, ...]:
        """Read what is published of these pairs.

        Args:
            pairs: Where to look.
            platforms: What to look at; empty is all.

        Raises:
            UsageError: Nothing at all is published, or not for these platforms.
            WhalebuildError: The registry refused, or could not be reached.
        """
        self.lookup.begin(reference for pair in pairs for reference in pair.references)
        found = [(self._deps(pair), self._app(pair)) for pair in pairs]
        if not any(deps or app for deps, app in found):
            raise _nothing(pairs)
        for deps, app in found:
            if deps:
                self._begin(deps.reference, deps.bundle.images, deps.bundle.caches)
            if app:
                self._begin(app.reference, app.images)
        views = tuple(
            make_view(pair, self._view_deps(deps), self._view_app(app))
            for pair, (deps, app) in zip(pairs, found, strict=True)
        )
        return _only(views, platforms) if platforms else views

    def _deps(self, pair: PairNames) -> PublishedDeps | None:
        published = (self.lookup.deps(reference) for reference in pair.deps)
        return next((found for found in published if found), None)

    def _app(self, pair: PairNames) -> PublishedApp | None:
        return self.lookup.app(pair.app) if pair.app else None

    def _begin(
        self, where: Reference, images: Mapping[str, Descriptor], caches: Sequence[Cache] = ()
    ) -> None:
        """Start to read the manifests that are going to be shown."""
        digests = [*(image.digest for image in images.values()), *(c.digest for c in caches)]
        self.lookup.begin(Reference(where.repository, digest=digest) for digest in digests)

    def _view_deps(self, deps: PublishedDeps | None) -> DepsSide | None:
        if deps is None:
            return None
        bundle = deps.bundle
        tag = self._tag(deps.reference, bundle.images, len(bundle.attestations))
        repository = deps.reference.repository
        caches = [
            (cache, self.lookup.image(repository, cache.digest, cache.size))
            for cache in bundle.caches
        ]
        return tag, deps.lock, caches

    def _view_app(self, app: PublishedApp | None) -> AppSide | None:
        if app is None:
            return None
        index = parse_index(app.manifest.raw)
        attestations = len(index.attestations) if index else 0
        return self._tag(app.reference, app.images, attestations), record_of(app)

    def _tag(
        self, reference: Reference, children: Mapping[str, Descriptor], attestations: int
    ) -> TagView:
        """What a tag stands for: these images of an index, or one image itself."""
        found = self.lookup.manifest(reference)
        assert found is not None, "each manifest is read once"  # noqa: S101
        repository = reference.repository
        alone = view_manifest(found)
        if alone.manifest is not None:
            config = self.lookup.config(repository, alone.manifest)
            images = {platform_of(config) or UNKNOWN_PLATFORM: alone}
        else:
            images = {
                platform: self.lookup.image(repository, child.digest, child.size)
                for platform, child in children.items()
            }
        return TagView(reference, found.digest, len(found.raw), images, attestations)


def _nothing(pairs: Sequence[PairNames]) -> UsageError:
    references = [str(reference) for pair in pairs for reference in pair.references]
    return UsageError(
        f"nothing is published under {', '.join(dict.fromkeys(references))}",
        cause="no bake has published it yet, or the name is another one",
        next_step="give registry/name or registry/name:tag, or run `whalebuild bake` first",
    )


def _only(views: Sequence[PairView], platforms: Sequence[str]) -> tuple[PairView, ...]:
    shown = tuple(view.only(platforms) for view in views)
    if any(view.platforms for view in shown):
        return shown
    published = sorted({platform for view in views for platform in view.platforms})
    raise UsageError(
        f"nothing is published for {', '.join(platforms)}",
        cause=f"there is {', '.join(published)}" if published else None,
        next_step="leave out --platform to see all",
    )

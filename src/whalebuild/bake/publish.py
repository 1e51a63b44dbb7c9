"""Sets the tags of a bake, each with one PUT: ``:deps`` before the applications."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from whalebuild.bake.concurrent import ConcurrentBakes
from whalebuild.bake.outcome import BuiltImages, DepsOutcome, PushedImage, app_index
from whalebuild.bake.result import ImageResult
from whalebuild.bake.verify import PushVerifier
from whalebuild.bundle.index import Cache
from whalebuild.oci.manifest import INDEX_TYPE, digest_of
from whalebuild.oci.reference import Reference
from whalebuild.plan.plan import AppAction, AppPlan, Plan

_REPLACED = "this bake's takes its place"
_LEFT = "it is left as it is, and the application stands on the one that was read"


@dataclass(frozen=True)
class Publisher:
    """Sets tags to what was verified."""

    publisher: PushVerifier
    meanwhile: ConcurrentBakes

    def check(self, plan: Plan) -> None:
        """Look for other bakes' tags before anything is published.

        Raises:
            VerificationError: One has moved, and that is to end the bake.
        """
        for deps in plan.deps:
            self.meanwhile.deps(deps)
        for app in plan.apps:
            if app.action is not AppAction.NOTHING:
                self.meanwhile.app(app)

    def about_to_push(self, plan: Plan, images: Iterable[str]) -> None:
        """Say what the docker driver's push of dependencies is going to replace."""
        for deps in plan.deps:
            if deps.image.name in images:
                for there in self.meanwhile.deps(deps).values():
                    self.meanwhile.tell(deps, there, _REPLACED)

    def pushed(self, image: PushedImage) -> None:
        """Learn what a push may have given a tag to."""
        self.meanwhile.own.add(image.index)

    def keep(self, outcomes: Iterable[DepsOutcome]) -> None:
        """Give tags that a push has set their lock and caches back before anything can fail."""
        for deps in outcomes:
            if deps.pushed is not None:
                for reference in deps.plan.image.references:
                    raw = deps.bundle((), reference.repository)
                    if raw is not None:
                        self._put([reference], raw)

    def publish(self, plan: Plan, built: BuiltImages) -> list[ImageResult]:
        """Set every tag, and tell what became of each image."""
        results = []
        for deps in plan.deps:
            names = [app.image.name for app in plan.apps if plan.deps_of(app) is deps]
            new = [built.apps[name] for name in names if name in built.apps]
            results.append(self._publish_deps(built.deps[deps.image.name], new, built))
        return [*results, *(self._publish_app(app, built) for app in plan.apps)]

    def _publish_deps(
        self, deps: DepsOutcome, apps: Sequence[PushedImage], built: BuiltImages
    ) -> ImageResult:
        image = deps.plan.image
        digest = deps.deps_image.index
        if deps.pushed or deps.plan.needs_tag or apps:
            digest = self.deps(deps, [cache for app in apps for cache in app.caches])
        action = "built" if deps.changed else "reused"
        targets = built.targets.get(image.name, ())
        return ImageResult(image, action, digest, targets, tuple(deps.deps_image.images))

    def _publish_app(self, app: AppPlan, built: BuiltImages) -> ImageResult:
        name, pushed = app.image.name, built.apps.get(app.image.name)
        if pushed is not None:
            digest = self.app(app, pushed, built.deps[app.image.deps])
            targets = built.targets.get(name, ())
            return ImageResult(app.image, "built", digest, targets, tuple(pushed.images))
        assert app.published is not None, "what is not built is there"  # noqa: S101
        self.more(app)
        action, digest = "tagged" if app.missing else "unchanged", app.published.manifest.digest
        return ImageResult(app.image, action, digest, (), app.published.platforms)

    def deps(self, deps: DepsOutcome, caches: Sequence[Cache]) -> str:
        """Publish dependencies, if there is anything new about them; return their digest."""
        digest = deps.deps_image.index
        theirs = self.meanwhile.deps(deps.plan)
        for reference in deps.plan.image.references:
            there = theirs.get(reference)
            raw = deps.bundle(caches, reference.repository, there.bundle if there else None)
            if there is not None and raw is not None and digest_of(raw) == there.bundle.digest:
                digest = there.bundle.digest  # these very dependencies, by an earlier merge
                continue
            if there is not None and deps.changed:
                self.meanwhile.tell(deps.plan, there, _REPLACED)
            elif there is not None and not deps.fits(there.bundle):
                self.meanwhile.tell(deps.plan, there, _LEFT)
                continue
            elif there is not None and not caches:
                continue
            if raw is not None:
                self._put([reference], raw)
                digest = digest_of(raw) if reference == deps.plan.image.references[0] else digest
        return digest

    def app(self, app: AppPlan, pushed: PushedImage, deps: DepsOutcome) -> str:
        """Publish an application; return its digest."""
        raw = app_index(pushed, app.material, deps.deps_image)
        self._put(app.image.references, raw)
        return digest_of(raw)

    def _put(
        self, references: Iterable[Reference], raw: bytes, media_type: str = INDEX_TYPE
    ) -> None:
        for reference in references:
            self.meanwhile.own.add(digest_of(raw))
            self.publisher.publish(reference, raw, media_type)

    def more(self, app: AppPlan) -> None:
        """Give a published application the references that it lacks."""
        if app.published is not None:
            found = app.published.manifest
            self._put(app.missing, found.raw, found.media_type)

"""Sets the tags of a bake, each with one PUT: ``:deps`` before the applications."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from whalebuild.bake.concurrent import ConcurrentBakes
from whalebuild.bake.outcome import BuiltImages, DepsOutcome, PushedImage, app_index
from whalebuild.bake.result import ImageAction, ImageResult
from whalebuild.bake.runner import apart
from whalebuild.bake.verify import PushVerifier
from whalebuild.bundle.index import Cache, Stub
from whalebuild.failures.messages import failures_as_errors
from whalebuild.oci.manifest import INDEX_TYPE, digest_of
from whalebuild.oci.reference import Reference
from whalebuild.oci.registry import Registry
from whalebuild.plan.plan import AppAction, AppPlan, Plan
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.runtime.threads import Submit, side_by_side
from whalebuild.values import dataclass

_REPLACED = "this bake's takes its place"
_LEFT = "it is left as it is, and the application stands on the one that was read"


@dataclass(frozen=True)
class Publisher:
    """Sets tags to what was verified."""

    plan: Plan
    registry: RetryingRegistry
    verifier: PushVerifier
    others: ConcurrentBakes

    def check_unchanged(self) -> None:
        """Look for other bakes' tags before anything is published.

        Raises:
            VerificationError: One was changed, and that is to end the bake.
        """
        for deps in self.plan.deps:
            self.others.deps_of_others(deps)
        for app in self.plan.apps:
            if app.action is not AppAction.NOTHING:
                self.others.check_app(app)

    def about_to_push(self, images: Collection[str]) -> None:
        """Say what the docker driver's push of dependencies is going to replace."""
        for deps in self.plan.deps:
            if deps.image.name in images:
                for theirs in self.others.deps_of_others(deps).values():
                    self.others.announce(deps, theirs, _REPLACED)

    def note_push(self, image: PushedImage) -> None:
        """Remember the digest of a push, which may have set a tag: it is this bake's own."""
        self.others.own.add(image.index)

    def restore_bundles(self, outcomes: Iterable[DepsOutcome]) -> None:
        """Publish bundles where a push has set the tag to an index without lock and caches.

        This is done at once, before anything else can fail.
        """
        for deps in outcomes:
            if deps.pushed is not None:
                for reference in deps.plan.image.references:
                    raw = deps.bundle((), reference.repository)
                    if raw is not None:
                        self._put([reference], raw)

    def publish(self, built: BuiltImages) -> list[ImageResult]:
        """Set every tag, and tell what became of each image.

        Raises:
            VerificationError: Another bake has changed a tag, and that is to end this one; or
                what was published is not there afterwards.
            WhalebuildError: The registry refused, or could not be reached.
        """
        submit = Submit()
        apps = {app.image.name: app for app in self.plan.apps}
        of_deps: dict[str, list[PushedImage]] = {}
        for name, pushed in built.apps.items():
            of_deps.setdefault(apps[name].image.deps, []).append(pushed)

        def set_deps(name: str) -> ImageResult:
            return self._deps(built.deps[name], of_deps.get(name, ()), built)

        deps_images = [deps.image for deps in self.plan.deps]
        app_images = [app.image for app in self.plan.apps]
        first = side_by_side(submit, apart(deps_images), set_deps)
        then = side_by_side(submit, apart(app_images), lambda name: self._app(apps[name], built))
        results = [first[image.name] for image in deps_images]
        return [*results, *(then[image.name] for image in app_images)]

    def _deps(
        self, deps: DepsOutcome, apps: Sequence[PushedImage], built: BuiltImages
    ) -> ImageResult:
        image = deps.plan.image
        digest = deps.deps_image.index
        stubs = built.stubs.get(image.name, ())
        caches = [cache for app in apps for cache in app.caches]
        if deps.pushed or deps.plan.needs_tag or apps or stubs:
            digest = self._set_deps_tags(deps, caches, stubs)
        action = ImageAction.BUILT if deps.changed else ImageAction.REUSED
        targets = built.targets.get(image.name, ())
        return ImageResult(image, action, digest, targets, tuple(deps.deps_image.images))

    def _app(self, app: AppPlan, built: BuiltImages) -> ImageResult:
        name, pushed = app.image.name, built.apps.get(app.image.name)
        if pushed is not None:
            raw = app_index(pushed, app, built.deps[app.image.deps].deps_image)
            self._put(app.image.references, raw)
            targets = built.targets.get(name, ())
            platforms = tuple(pushed.images)
            return ImageResult(
                *(app.image, ImageAction.BUILT, digest_of(raw), targets, platforms),
                bytes_pushed=pushed.bytes_pushed,
            )
        assert app.published is not None, "what is not built is there"  # noqa: S101
        found = app.published.manifest
        self._put(app.missing, found.raw, found.media_type)
        action = ImageAction.TAGGED if app.missing else ImageAction.UNCHANGED
        return ImageResult(app.image, action, found.digest, (), app.published.platforms)

    def _set_deps_tags(
        self, deps: DepsOutcome, caches: Sequence[Cache], stubs: Sequence[Stub] = ()
    ) -> str:
        """Publish dependencies, if there is anything new about them; return their digest."""
        digest = deps.deps_image.index
        published = self.others.deps_of_others(deps.plan)
        for reference in deps.plan.image.references:
            theirs = published.get(reference)
            now = theirs.bundle if theirs else None
            raw = deps.bundle(caches, reference.repository, now, stubs)
            if theirs is not None and raw is not None and digest_of(raw) == theirs.bundle.digest:
                digest = theirs.bundle.digest  # these very dependencies, by an earlier merge
                continue
            if theirs is not None and deps.changed:
                self.others.announce(deps.plan, theirs, _REPLACED)
            elif theirs is not None and not deps.fits(theirs.bundle):
                self.others.announce(deps.plan, theirs, _LEFT)
                continue
            elif theirs is not None and not caches and not stubs:
                continue
            if raw is not None:
                self._put([reference], raw)
                first = reference == deps.plan.image.references[0]
                digest = digest_of(raw) if first else digest
        return digest

    def _put(
        self, references: Iterable[Reference], raw: bytes, media_type: str = INDEX_TYPE
    ) -> None:
        for reference in references:
            self.others.own.add(digest_of(raw))
            self._set_tag(reference, raw, media_type)

    def _set_tag(self, reference: Reference, raw: bytes, media_type: str) -> None:
        """Set a tag.

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
            self.verifier.read_back(Reference(reference.repository, digest=digest))

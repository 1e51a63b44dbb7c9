"""Publishes what partial bakes have built, as one bake of all platforms would have done."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from whalebuild.bake.concurrent import ConcurrentBakes
from whalebuild.bake.outcome import BuiltImages, DepsOutcome, PushedImage, deps_outcome
from whalebuild.bake.partial.baseline import Baseline
from whalebuild.bake.partial.join import JoinedImage, PartShare, join
from whalebuild.bake.partial.part import Part
from whalebuild.bake.publish import Publisher
from whalebuild.bake.result import BakeResult, Warnings, make_result
from whalebuild.bake.staging_tags import delete_tags
from whalebuild.bake.verify import PushVerifier
from whalebuild.bakefile.images import BuildOptions, Role
from whalebuild.buildkit.console import Console
from whalebuild.bundle.app_key import AppMaterial
from whalebuild.bundle.build_inputs import BuildRecord, record_of
from whalebuild.bundle.lock import Lock
from whalebuild.errors import VerificationError
from whalebuild.inputs.values import Undetermined
from whalebuild.oci.registry import Registry
from whalebuild.plan.app_cache import AppCache
from whalebuild.plan.plan import AppAction, AppPlan, DepsPlan, Plan
from whalebuild.published.lookup import ManifestLookup
from whalebuild.runtime.retrier import Retrier
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.runtime.threads import Submit
from whalebuild.settings import Settings
from whalebuild.values import dataclass


@dataclass(frozen=True)
class Merger:
    """Merges the parts of one bake.

    Attributes:
        clock: Seconds since the command began.
    """

    registry: Registry
    console: Console
    retrier: Retrier
    settings: Settings
    clock: Callable[[], float]

    def merge(self, parts: Sequence[Part]) -> BakeResult:
        """Check that the parts fit and that all they name is there; publish; tidy up.

        Raises:
            UsageError: They are no parts of one bake.
            VerificationError: A platform is missing, they were made from different inputs, or the
                registry does not have what they name. Nothing was published then.
            WhalebuildError: The registry refused, or could not be reached.
        """
        images = join(parts)
        warnings = Warnings(self.console.note)
        registry = RetryingRegistry(self.registry, self.retrier)
        verifier = PushVerifier(registry, warnings.warn)
        lookup = ManifestLookup(registry, Submit())
        lookup.begin(reference for joined in images for reference in joined.image.references)
        plan, built = _Reader(verifier, Baseline(lookup)).read(images, self.settings)
        for deps in plan.deps:
            if isinstance(deps.lock, Undetermined):
                warnings.warn(
                    f"{deps.image.name}: whether all parts were made from the same cannot be told: "
                    f"{deps.lock}"
                )
        strict = self.settings.if_unchanged
        others = ConcurrentBakes(registry, warnings.warn, strict=strict)
        publisher = Publisher(plan, registry, verifier, others)
        if strict:
            publisher.check_unchanged()
        results = publisher.publish(built)
        staging = dict.fromkeys(reference for part in parts for reference in part.staging)
        delete_tags(self.registry, staging, warnings.warn)
        return make_result(
            results,
            {},
            self.retrier.retries,
            warnings=warnings.texts,
            published=True,
            seconds=self.clock(),
        )


@dataclass(frozen=True)
class _Reader:
    """Reads what parts name, and makes the plan and the images of a bake of all platforms."""

    verifier: PushVerifier
    baseline: Baseline

    def read(self, images: Sequence[JoinedImage], settings: Settings) -> tuple[Plan, BuiltImages]:
        """Read and verify everything."""
        outcomes: dict[str, DepsOutcome] = {}
        apps: dict[str, PushedImage] = {}
        app_plans = []
        for joined in images:
            pushed = self._pushed(joined)
            if joined.image.role is Role.DEPS:
                outcomes[joined.image.name] = self._outcome(joined, pushed)
            else:
                app_plans.append(self._app(joined))
                apps |= {joined.image.name: pushed} if pushed else {}
        deps_plans = tuple(done.plan for done in outcomes.values())
        plan = Plan(
            *(deps_plans, tuple(app_plans), BuildOptions(), settings, "parts"),
            facts=None,
            all_targets={},
        )
        return plan, BuiltImages(outcomes, apps, {})

    def _pushed(self, joined: JoinedImage) -> PushedImage | None:
        """What was pushed for all platforms; None for nothing."""
        whole: PushedImage | None = None
        for share in joined.shares:
            if share.entry.pushed:
                pushed = self._verified(share)
                whole = whole.joined(pushed) if whole else pushed
        return whole

    def _verified(self, share: PartShare) -> PushedImage:
        image = share.entry.image
        try:
            pushed = self.verifier.verify(image, share.entry.pushed)
            self.verifier.check_platforms(image.references[0].repository, pushed.images)
        except VerificationError as failed:
            raise _in_part(share, failed.what, failed.cause) from None
        if pushed.images.keys() != share.pushed:
            what = f'what was pushed for "{image.name}" is for {", ".join(pushed.images)}'
            raise _in_part(share, what, f"the part says {', '.join(sorted(share.pushed))}")
        return pushed.made_with(share.entry.inputs)

    def _outcome(self, joined: JoinedImage, pushed: PushedImage | None) -> DepsOutcome:
        plan = self._deps(joined, pushed)
        done = deps_outcome(plan, pushed)
        for share in joined.shares:
            for platform, digest in share.entry.stands_on.items():
                if done.deps_image.images.get(platform) != digest:
                    what = f'"{joined.image.name}" is not {digest} for {platform}'
                    raise _in_part(share, what, "the application of this part stands on that one")
        return done

    def _deps(self, joined: JoinedImage, pushed: PushedImage | None) -> DepsPlan:
        image, lock = joined.image, joined.lock
        decision = self.baseline.decision(joined, pushed)
        source = self.baseline.source(joined, lock)
        for share in joined.shares:
            for digest in share.reused.values():
                if not self.baseline.has(image.references[0].repository, digest):
                    what = f'the registry does not have {digest} of "{image.name}" any more'
                    raise _in_part(share, what, "it was deleted since the part was baked")
        published = tuple(
            self.baseline.deps(reference, [entry.published[number] for entry in joined.entries])
            for number, reference in enumerate(image.references)
        )
        return DepsPlan(image, decision, published, source, lock, {})

    def _app(self, joined: JoinedImage) -> AppPlan:
        image, lock = joined.image, joined.lock
        actions = {share.entry.action is AppAction.BUILD: share for share in joined.shares}
        if len(actions) > 1:
            what = f'"{image.name}" was published as it is to be when this part was baked'
            raise _in_part(actions[False], what, f"{actions[True].part.file} has built it")
        first = joined.shares[0]
        attributes = first.entry.attributes
        made_of = AppMaterial(lock, attributes) if isinstance(lock, Lock) else None
        reads = [entry.published[0] for entry in joined.entries]
        published = self.baseline.app(image.references[0], reads)
        if True in actions:
            last = published.build if published else BuildRecord()
            cache = AppCache(record=record_of(first.entry.inputs, last))
            return AppPlan(
                *(image, AppAction.BUILD, "", (), None, {}, made_of, published), cache=cache
            )
        if published is None or not published.images:
            what = f'the registry does not have "{image.name}" any more as it was published'
            raise _in_part(first, what, "the part has built nothing, since that would do")
        missing = self.baseline.lacking(image.references[1:], published.manifest.digest)
        action = AppAction.TAG if missing else AppAction.NOTHING
        return AppPlan(image, action, "", (), None, {}, made_of, published, missing)


def _in_part(share: PartShare, what: str, cause: str | None) -> VerificationError:
    platforms = ", ".join(share.platforms)
    return VerificationError(
        f"{share.part.file}: {what}",
        cause=cause,
        next_step=f"bake {platforms} again with --partial; nothing was published",
    )

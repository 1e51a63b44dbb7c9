"""Publishes what partial bakes have built, as one bake of all platforms would have done."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from whalebuild.bake.concurrent import ConcurrentBakes
from whalebuild.bake.outcome import BuiltImages, DepsOutcome, PushedImage, outcome
from whalebuild.bake.partial.baseline import Baseline
from whalebuild.bake.partial.join import JoinedImage, PartShare, join
from whalebuild.bake.partial.part import Part
from whalebuild.bake.publish import Publisher
from whalebuild.bake.result import BakeResult, make_result
from whalebuild.bake.staging_tags import delete_tags
from whalebuild.bake.verify import PushVerifier
from whalebuild.bakefile.images import DEPS, BuildOptions
from whalebuild.bakefile.target import Target
from whalebuild.buildkit.console import Console
from whalebuild.bundle.app_key import AppMaterial
from whalebuild.bundle.lock import Lock
from whalebuild.errors import VerificationError
from whalebuild.inputs.values import Undetermined
from whalebuild.oci.registry import Registry
from whalebuild.plan.definition import GeneratedTarget
from whalebuild.plan.plan import AppAction, AppPlan, DepsPlan, Plan
from whalebuild.published.lookup import ManifestLookup
from whalebuild.runtime.retrier import Retrier
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.runtime.threads import Submit
from whalebuild.settings import Settings


@dataclass
class Merger:
    """Merges the parts of one bake.

    Attributes:
        warnings: What was not as it should be, though it failed nothing.
    """

    registry: Registry
    console: Console
    retrier: Retrier
    settings: Settings
    clock: Callable[[], float] = time.monotonic
    warnings: list[str] = field(default_factory=list)

    def merge(self, parts: Sequence[Part]) -> BakeResult:
        """Check that the parts fit and that all they name is there; publish; tidy up.

        Raises:
            UsageError: They are no parts of one bake.
            VerificationError: A platform is missing, they were made from different inputs, or the
                registry does not have what they name. Nothing was published then.
            WhalebuildError: The registry refused, or could not be reached.
        """
        begun = self.clock()
        self.warnings.clear()
        images = join(parts)
        registry = RetryingRegistry(self.registry, self.retrier)
        publisher = PushVerifier(registry, self._warn)
        strict = self.settings.if_unchanged
        tagger = Publisher(publisher, ConcurrentBakes(publisher, self._warn, strict=strict))
        survey = ManifestLookup(registry, Submit())
        survey.begin(reference for image in images for reference in image.job.references)
        plan, built = _Reader(publisher, Baseline(survey)).read(images, self.settings)
        for deps in plan.deps:
            if isinstance(deps.lock, Undetermined):
                self._warn(
                    f"{deps.job.name}: whether all parts were made from the same cannot be told: "
                    f"{deps.lock}"
                )
        if strict:
            tagger.check(plan)
        made = tagger.publish(plan, built)
        staging = dict.fromkeys(reference for part in parts for reference in part.staging)
        delete_tags(self.registry, staging, self._warn)
        return make_result(
            made,
            {},
            self.retrier.retries,
            warnings=self.warnings,
            published=True,
            seconds=self.clock() - begun,
        )

    def _warn(self, text: str) -> None:
        """Say that something is not as it should be, now and in the result."""
        self.warnings.append(text)
        self.console.note(f"warning: {text}")


@dataclass(frozen=True)
class _Reader:
    """Reads what parts name, and makes of it what a bake of all platforms would have at hand."""

    publisher: PushVerifier
    standing: Baseline

    def read(self, images: Sequence[JoinedImage], settings: Settings) -> tuple[Plan, BuiltImages]:
        """Read and verify everything."""
        outcomes: dict[str, DepsOutcome] = {}
        apps: dict[str, PushedImage] = {}
        app_plans = []
        for image in images:
            pushed = self._pushed(image)
            if image.job.role == DEPS:
                outcomes[image.job.name] = self._outcome(image, pushed)
            else:
                app_plans.append(self._app(image))
                apps |= {image.job.name: pushed} if pushed else {}
        deps_plans = tuple(done.plan for done in outcomes.values())
        plan = Plan(
            *(deps_plans, tuple(app_plans), BuildOptions(), settings, "parts"),
            facts=None,
            others={},
        )
        return plan, BuiltImages(outcomes, apps, {})

    def _pushed(self, image: JoinedImage) -> PushedImage | None:
        """What was pushed for all platforms; None for nothing."""
        whole: PushedImage | None = None
        for share in image.shares:
            if share.image.pushed:
                pushed = self._verified(share)
                whole = whole.joined(pushed) if whole else pushed
        return whole

    def _verified(self, share: PartShare) -> PushedImage:
        job = share.image.job
        tasks = [
            GeneratedTarget(
                job, each.platforms, Target(each.name, {}), exports=each.cache is not None
            )
            for each in share.image.pushed
        ]
        metadata = {each.name: each.metadata() for each in share.image.pushed}
        try:
            pushed = self.publisher.collect(tasks, metadata)
            self.publisher.check_platforms(job.references[0].repository, pushed.images)
        except VerificationError as failed:
            raise _in_part(share, failed.what, failed.cause) from None
        if pushed.images.keys() != share.pushed:
            what = f'what was pushed for "{job.name}" is for {", ".join(pushed.images)}'
            raise _in_part(share, what, f"the part says {', '.join(sorted(share.pushed))}")
        return pushed

    def _outcome(self, image: JoinedImage, pushed: PushedImage | None) -> DepsOutcome:
        plan = self._deps(image, pushed)
        done = outcome(plan, pushed)
        for share in image.shares:
            for platform, digest in share.image.stands_on.items():
                if done.stand.images.get(platform) != digest:
                    what = f'"{image.job.name}" is not {digest} for {platform}'
                    raise _in_part(share, what, "the application of this part stands on that one")
        return done

    def _deps(self, image: JoinedImage, pushed: PushedImage | None) -> DepsPlan:
        job, lock = image.job, image.lock
        decision = self.standing.decision(image, pushed)
        source = self.standing.source(image, lock)
        for share in image.shares:
            for digest in share.reused.values():
                if not self.standing.has(job.references[0].repository, digest):
                    what = f'the registry does not have {digest} of "{job.name}" any more'
                    raise _in_part(share, what, "it was deleted since the part was baked")
        published = tuple(
            self.standing.deps(reference, [share.image.published[number] for share in image.shares])
            for number, reference in enumerate(job.references)
        )
        return DepsPlan(job, decision, published, source, lock, {})

    def _app(self, image: JoinedImage) -> AppPlan:
        job, lock = image.job, image.lock
        actions = {share.image.action == AppAction.BUILD.value: share for share in image.shares}
        if len(actions) > 1:
            there = f'"{job.name}" was published as it is to be when this part was baked'
            raise _in_part(actions[False], there, f"{actions[True].part.file} has built it")
        attributes = image.shares[0].image.attributes
        made_of = AppMaterial(lock, attributes) if isinstance(lock, Lock) else None
        reads = [share.image.published[0] for share in image.shares]
        published = self.standing.app(job.references[0], reads)
        if True in actions:
            return AppPlan(job, AppAction.BUILD, "", (), None, {}, made_of, published)
        if published is None or not published.images:
            what = f'the registry does not have "{job.name}" any more as it was published'
            raise _in_part(image.shares[0], what, "the part has built nothing, since that would do")
        missing = self.standing.lacking(job.references[1:], published.manifest.digest)
        action = AppAction.TAG if missing else AppAction.NOTHING
        return AppPlan(job, action, "", (), None, {}, made_of, published, missing)


def _in_part(share: PartShare, what: str, cause: str | None) -> VerificationError:
    platforms = ", ".join(share.platforms)
    return VerificationError(
        f"{share.part.file}: {what}",
        cause=cause,
        next_step=f"bake {platforms} again with --partial; nothing was published",
    )

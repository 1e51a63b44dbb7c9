"""Decides per image what becomes of it, from what is read and what is published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from whalebuild.core.advice import Sizes, advise, explain_code_changes
from whalebuild.core.app_key import AppMaterial, material
from whalebuild.core.bakefile import Target
from whalebuild.core.decision import Action, Decision, decide
from whalebuild.core.inputs import Undetermined
from whalebuild.core.jobs import BuildOptions, Job
from whalebuild.core.lock import Lock
from whalebuild.core.lock_annotations import NoLock
from whalebuild.core.manifests import parse_image
from whalebuild.core.pins import base_contexts, lost_arguments, stage_names, target_contexts
from whalebuild.core.plan import AppAction, AppPlan, DepsPlan, reused_stand
from whalebuild.core.published import PublishedApp, PublishedDeps
from whalebuild.core.references import Reference
from whalebuild.core.stage_inputs import BaseImage
from whalebuild.workflows.locking import Locker, Reading
from whalebuild.workflows.surveying import Survey


@dataclass(frozen=True)
class DepsDecider:
    """Decides about dependencies.

    Attributes:
        survey: What is published; None where the registry is not to be asked.
        follow: Whether external images are taken as they are now, and not as they are pinned.
        thorough: Whether to find out which pinned images have moved.
    """

    locker: Locker
    survey: Survey | None
    options: BuildOptions
    follow: bool
    thorough: bool

    def decide(self, job: Job, application: Target | None) -> DepsPlan:
        """Decide about one image; ``application`` is one that stands on it."""
        reading = self.locker.read(job.target, job.platforms)
        own = self._published(job)
        tried = [self._try(job, reading, own, found) for found in self._candidates(job, own)]
        made = next((plan for plan in tried if plan.reused), tried[0])
        if isinstance(reading, Undetermined) or not isinstance(made.lock, Lock):
            return made
        final = (
            application.stage if application and application.same_dockerfile(job.target) else None
        )
        advice = advise(
            reading.dockerfile,
            reading.inputs,
            final=final,
            files=reading.files,
            sizes=Sizes(self._size(made.source)) if self.thorough else None,
        )
        splits = explain_code_changes(
            made.decision.changes, reading.dockerfile, reading.inputs, reading.files
        )
        return replace(made, advice=advice, splits=splits, moved=self._moved(reading, made.lock))

    def _published(self, job: Job) -> tuple[PublishedDeps | None, ...]:
        if self.survey is None:
            return (None,) * len(job.references)
        return tuple(self.survey.deps(reference) for reference in job.references)

    def _candidates(
        self, job: Job, own: tuple[PublishedDeps | None, ...]
    ) -> list[tuple[PublishedDeps | None, ...]]:
        """What may be reused: what is published, else what another scope has."""
        seed = self.survey.deps(job.seed) if self.survey and job.seed else None
        if seed is None:
            return [own]
        seeded = (seed,) * len(own)
        return [own, seeded] if any(own) else [seeded]

    def _try(
        self,
        job: Job,
        reading: Reading | Undetermined,
        own: tuple[PublishedDeps | None, ...],
        found: tuple[PublishedDeps | None, ...],
    ) -> DepsPlan:
        source = next((each for each in found if each), None)
        if isinstance(reading, Undetermined):
            return DepsPlan(job, self._decision(job, reading, found), own, source, reading, {})
        digests = self._digests(reading, _pinned(source))
        lock = self._lock(reading, digests, _pinned(source))
        contexts = base_contexts(reading.inputs.closures, digests)
        decision = self._decision(job, lock, found)
        return DepsPlan(job, decision, own, source, lock, contexts, reading.files.entries)

    def _decision(
        self,
        job: Job,
        lock: Lock | Undetermined,
        published: tuple[PublishedDeps | None, ...],
    ) -> Decision:
        platforms = lock.platforms if isinstance(lock, Lock) else job.platforms
        return decide(lock, published, platforms=platforms, no_cache=self.options.no_cache)

    def _digests(self, reading: Reading, pinned: Mapping[str, str]) -> dict[str, str]:
        if self.survey is None:
            return dict(pinned)
        return _resolve(self.locker, reading.images, {} if self.follow else pinned)

    def _lock(
        self, reading: Reading, digests: Mapping[str, str], pinned: Mapping[str, str]
    ) -> Lock | Undetermined:
        """Make the lock, unless a new base image brings instructions of its own."""
        new = [each for each in reading.images if digests.get(each.key) != pinned.get(each.key)]
        found = self.locker.bases.with_triggers(new) if self.survey else None
        if found:
            return Undetermined(f"{found.reference} brings instructions of its own (ONBUILD)")
        return reading.lock(digests)

    def _size(self, source: PublishedDeps | None) -> int | None:
        """Bytes of the published dependencies image, of its first platform."""
        image = next(iter(source.bundle.images.values()), None) if source else None
        if source is None or image is None or self.survey is None:
            return None
        found = self.survey.manifest(Reference(source.reference.repository, digest=image.digest))
        parsed = parse_image(found.raw) if found else None
        return parsed.size if parsed else None

    def _moved(self, reading: Reading, lock: Lock) -> tuple[str, ...]:
        if not self.thorough or self.survey is None:
            return ()
        digests = _flat(lock)
        now = self.locker.bases.digests(reading.images)
        return tuple(key for key, digest in now.items() if digests.get(key, digest) != digest)


@dataclass(frozen=True)
class AppDecider:
    """Decides about applications; see ``DepsDecider``."""

    locker: Locker
    survey: Survey | None
    options: BuildOptions
    follow: bool

    def decide(self, job: Job, deps: DepsPlan) -> AppPlan:
        """Decide about one image."""
        published = self.survey.app(job.references[0]) if self.survey else None
        unpinned = self._unpinned(job, deps)
        pins = () if unpinned else stage_names(job.target, deps.job.target)
        stands_on = target_contexts(job.target, deps.job.target) if pins else {}
        reading = self.locker.read(job.target, job.platforms, stands_on)
        contexts: Mapping[str, str] = deps.contexts
        made_of: AppMaterial | None = None
        if isinstance(reading, Reading):
            digests = self._digests(reading, deps, published)
            contexts = base_contexts(reading.inputs.closures, digests)
            lock = reading.lock(digests)
            made_of = material(lock, job.target) if isinstance(lock, Lock) else None
        action, reason, missing = self._action(job, deps, made_of, published)
        if isinstance(reading, Undetermined):
            reason = f"its inputs cannot be told: {reading}"
        return AppPlan(job, action, reason, pins, unpinned, contexts, made_of, published, missing)

    def _unpinned(self, job: Job, deps: DepsPlan) -> str | None:
        """Why the application's build cannot stand on the published image."""
        app, target = job.target, deps.job.target
        names = stage_names(app, target)
        if not names:
            return "its Dockerfile has no such stage by name, and no named context links to it"
        stage = (target.stage or "").lower()
        if stage not in names:
            return None
        dockerfile = self.locker.tree.dockerfile(app)
        found = dockerfile.stage(stage) if dockerfile else None
        if dockerfile is None or found is None:
            return None
        final = dockerfile.stage(app.stage) if app.stage else dockerfile.stages[-1]
        lost = lost_arguments(dockerfile, found, final) if final else None
        if lost:
            return (
                f"line {lost[1]} may use ARG {lost[0]} of stage {found.label}, which an image does "
                f"not hand down: write ARG {lost[0]} in its own stage, or move it out of that one"
            )
        return self._differing(job, deps)

    def _differing(self, job: Job, deps: DepsPlan) -> str | None:
        """Whether the application's target would build that stage otherwise."""
        target = deps.job.target
        if deps.job.target.made_of == job.target.made_of or not isinstance(deps.lock, Lock):
            return None
        own = self.locker.read(job.target.with_attributes(target=target.stage), deps.job.platforms)
        lock = own.lock(_flat(deps.lock)) if isinstance(own, Reading) else own
        if isinstance(lock, Lock) and lock.key == deps.lock.key:
            return None
        return f'target "{job.name}" would build that stage otherwise than target "{target.name}"'

    def _digests(
        self, reading: Reading, deps: DepsPlan, published: PublishedApp | None
    ) -> dict[str, str]:
        """External images: as the dependencies have them, else as the last build had them."""
        pinned = _flat(deps.lock) if isinstance(deps.lock, Lock) else {}
        if self.survey is None:
            return pinned
        last = published.record.bases if published and published.record and not self.follow else {}
        return _resolve(self.locker, reading.images, {**last, **pinned})

    def _action(
        self,
        job: Job,
        deps: DepsPlan,
        made_of: AppMaterial | None,
        published: PublishedApp | None,
    ) -> tuple[AppAction, str, tuple[Reference, ...]]:
        reason = self._asked() or _reason(deps, made_of, published)
        if reason or published is None or self.survey is None:
            return AppAction.BUILD, reason, ()
        others = ((ref, self.survey.manifest(ref)) for ref in job.references[1:])
        digest = published.manifest.digest
        missing = tuple(ref for ref, found in others if not found or found.digest != digest)
        if any(reference.repository != job.references[0].repository for reference in missing):
            return AppAction.BUILD, f"{missing[0]} does not have it", ()
        return (AppAction.TAG if missing else AppAction.NOTHING), "", missing

    def _asked(self) -> str:
        if not self.options.publishes:
            return "it was asked for"
        return "--force was given" if self.options.force else ""


def _reason(deps: DepsPlan, made_of: AppMaterial | None, published: PublishedApp | None) -> str:
    """Why an application has to be built; empty if it need not be."""
    if published is None:
        return "it is not published yet"
    stand = reused_stand(deps)
    if stand is None:
        asked = deps.decision.action is Action.ASK
        return "its dependencies may change" if asked else "its dependencies change"
    if made_of is None:
        return "its inputs cannot be told"
    record = published.record
    if record is None:
        return f"it cannot be told what {published.reference} was made from"
    if record.key == made_of.key(stand.images):
        return ""
    other = set(published.platforms) != set(made_of.lock.platforms)
    return "its platforms change" if other else "its code or its other inputs changed"


def _pinned(source: PublishedDeps | None) -> dict[str, str]:
    if source is None or isinstance(source.lock, NoLock):
        return {}
    return _flat(source.lock)


def _flat(lock: Lock) -> dict[str, str]:
    """Digests of external images: each is the same on all platforms, where an index has them."""
    return {key: digest for pins in lock.bases.values() for key, digest in pins.items()}


def _resolve(
    locker: Locker, images: Iterable[BaseImage], pinned: Mapping[str, str]
) -> dict[str, str]:
    known = {image.key: pinned[image.key] for image in images if image.key in pinned}
    return known | locker.bases.digests(image for image in images if image.key not in known)

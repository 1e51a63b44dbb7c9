"""What the registry had when parts were baked, and what of it is still there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from whalebuild.bake.outcome import PushedImage
from whalebuild.bake.partial.join import JoinedImage
from whalebuild.bundle.annotations import NoLock
from whalebuild.bundle.index import Bundle
from whalebuild.bundle.lock import Lock
from whalebuild.bundle.published import PublishedApp, PublishedDeps, read_app, read_deps
from whalebuild.errors import VerificationError
from whalebuild.inputs.values import Undetermined
from whalebuild.oci.manifest import INDEX_TYPE, Manifest
from whalebuild.oci.reference import Reference
from whalebuild.plan.decision import Decision, DepsAction
from whalebuild.published.lookup import ManifestLookup
from whalebuild.values import dataclass

Digests = Sequence[str | None]


@dataclass(frozen=True)
class Baseline:
    """Reads what parts have read: by digest, since tags may have been set since."""

    lookup: ManifestLookup

    def has(self, repository: str, digest: str) -> bool:
        """Whether the registry has a manifest."""
        return self.lookup.manifest(Reference(repository, digest=digest)) is not None

    def deps(self, reference: Reference, reads: Digests) -> PublishedDeps | None:
        """What parts have read under a ``:deps``.

        Where they have read different ones, it is one that is not published any more. Of one that
        the registry has lost by now only the digest is known.
        """
        was = self._was(reference, reads)
        if was is None:
            return None
        found = self._at(reference, was)
        if found is None:
            return PublishedDeps(reference, Bundle(was, {}), NoLock("it is gone"))
        return read_deps(reference, found)

    def app(self, reference: Reference, reads: Digests) -> PublishedApp | None:
        """The same for an application."""
        was = self._was(reference, reads)
        if was is None:
            return None
        found = self._at(reference, was)
        if found is None:
            return PublishedApp(reference, Manifest(b"", INDEX_TYPE, was), {}, None)
        return read_app(reference, found)

    def lacking(self, references: Iterable[Reference], digest: str) -> tuple[Reference, ...]:
        """The references that do not name this digest."""
        found = ((each, self.lookup.manifest(each)) for each in references)
        return tuple(each for each, now in found if now is None or now.digest != digest)

    def decision(self, joined: JoinedImage, pushed: PushedImage | None) -> Decision:
        """What parts have decided about dependencies, all platforms taken together."""
        if pushed is None:
            return Decision(DepsAction.REUSE)
        asked = any(share.entry.action is DepsAction.ASK for share in joined.shares)
        action = DepsAction.ASK if asked else DepsAction.REBUILD
        return Decision(action, platforms=tuple(pushed.images))

    def source(self, joined: JoinedImage, lock: Lock | Undetermined) -> PublishedDeps | None:
        """The bundle that parts reuse: the published one, if it has the same images for them.

        Raises:
            VerificationError: There is none that has all that they reuse.
        """
        reused = {p: digest for share in joined.shares for p, digest in share.reused.items()}
        using = [share for share in joined.shares if share.reused]
        sources = dict.fromkeys(s.entry.source for s in using or joined.shares if s.entry.source)
        found = [self._source(source) for source in sorted(sources, key=self._tag_changed)]
        fitting = (each for each in found if each and _fits(each, reused, lock))
        chosen = next(fitting, None)
        if reused and chosen is None:
            files = ", ".join(share.part.file for share in using)
            raise VerificationError(
                f'the published "{joined.image.name}" that {files} would take is not there any '
                "more, or not one and the same",
                cause="other dependencies were published while the parts were baked",
                next_step="bake all parts again; nothing was published",
            )
        return chosen

    def _source(self, source: Reference) -> PublishedDeps | None:
        reference = Reference(source.repository, source.tag)
        found = self._at(reference, str(source.digest))
        return read_deps(reference, found) if found else None

    def _tag_changed(self, source: Reference) -> bool:
        now = self.lookup.manifest(Reference(source.repository, source.tag))
        return now is None or now.digest != source.digest

    def _was(self, reference: Reference, reads: Digests) -> str | None:
        found = self.lookup.manifest(reference)
        now = found.digest if found else None
        return next((read for read in reads if read != now), now)

    def _at(self, reference: Reference, digest: str) -> Manifest | None:
        now = self.lookup.manifest(Reference(reference.repository, reference.tag))
        if now is not None and now.digest == digest:
            return now
        return self.lookup.manifest(Reference(reference.repository, digest=digest))


def _fits(found: PublishedDeps, reused: dict[str, str], lock: Lock | Undetermined) -> bool:
    """Whether a bundle has these images, made from what is asked for."""
    images = found.bundle.images
    same = all(p in images and images[p].digest == digest for p, digest in reused.items())
    if not same or isinstance(lock, Undetermined):
        return same
    keys = found.lock.keys if isinstance(found.lock, Lock) else {}
    return all(keys.get(platform) == lock.keys.get(platform) for platform in reused)

"""Caches that cannot be imported: they cost time, and never the build.

BuildKit goes on by itself without a cache whose manifest or configuration it cannot read, and
builds everything anew even where another try would have done; a layer that is missing fails it.
And it takes a manifest for what it is named without a look at the digest: a damaged one stays with
the builder as a layer of the wrong kind, which no build gets past. So each is read here first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field

from whalebuild.bake.registry_probe import RegistryProbe
from whalebuild.buildkit.progress import BuildState
from whalebuild.failures.classify_docker import DockerFailure, classify
from whalebuild.failures.failure import FailedError, Failure, FailureKind, Remedy
from whalebuild.oci.manifest import Manifest, parse_image
from whalebuild.oci.reference import Reference
from whalebuild.plan.definition import GeneratedTarget
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.values import dataclass

# What a build may fail with that reads a cache's layer.
_DAMAGE = frozenset({FailureKind.GONE, FailureKind.UNKNOWN})
_READING = _DAMAGE | {
    FailureKind.MISSING,
    FailureKind.REFUSED,
    FailureKind.CREDENTIAL,
    FailureKind.TRANSIENT,
}


class ImportFailedError(FailedError):
    """A cache could not be imported; the build has been stopped before it ran steps in vain."""

    failure: DockerFailure

    def __init__(self, failure: DockerFailure, source: str) -> None:
        super().__init__(failure)
        self.source = source


@dataclass
class CacheImports:
    """What is known of the caches that targets import.

    Attributes:
        warn: Takes one line.
        unusable: References of caches that are not imported any more.
        uncached: Targets whose steps are not to be taken from the builder's cache either: it has
            them from a damaged one.
    """

    registry: RetryingRegistry
    warn: Callable[[str], None]
    unusable: set[str] = field(default_factory=set)
    uncached: set[str] = field(default_factory=set)
    _read: dict[Reference, Manifest | None] = field(default_factory=dict)

    def check(self, state: BuildState, targets: Sequence[GeneratedTarget]) -> None:
        """Look at what BuildKit says of imports while it builds.

        Raises:
            ImportFailedError: One failed in a way that may pass.
        """
        for source, words in state.failed_imports.items():
            if source in self.unusable:
                continue
            failure = RegistryProbe(self.registry).second_look(classify(words))
            if failure.remedy is not Remedy.STOP:
                raise ImportFailedError(failure, source)
            self.unusable.add(source)
            # One of the bake file's own may well not be there yet.
            if source in _sources(targets) or failure.kind is not FailureKind.MISSING:
                self._announce(source, failure)

    def drop(self, source: str, failure: Failure) -> None:
        """Import a cache no more."""
        self.unusable.add(source)
        self._announce(source, failure)

    def prepared(self, target: GeneratedTarget, *, built: bool = False) -> GeneratedTarget:
        """The target without imports of caches that cannot be used.

        Args:
            target: The target.
            built: Whether every step of it is done.
        """
        if built:
            target = target.to_push_again()
        for source in target.imports if target.attributes.get("cache-from") else ():
            if str(source) not in self.unusable:
                try:
                    self._manifest(source)
                except FailedError as failed:
                    self.drop(str(source), failed.failure)
        target = target.without_imports(self.unusable)
        anew = target.name in self.uncached and not built
        return target.uncached() if anew else target

    def drop_cause_of(self, failure: Failure, targets: Sequence[GeneratedTarget]) -> bool:
        """Drop the caches that a build failed for; tell whether there were any."""
        if not isinstance(failure, DockerFailure):  # one of a request that was made here
            return False
        if failure.kind not in _READING or failure.pushing:
            return False
        left = [source for source in _sources(targets).values() if str(source) not in self.unusable]
        named = failure.digests
        broken = [source for source in left if named and named & self._content(source)]
        if not broken and (failure.kind in _DAMAGE or failure.corrupt):
            # A damaged manifest names what there is not, or fails a build in words of every sort.
            broken = left
            self.uncached.update(target.name for target in targets if broken)
        for source in broken:
            self.drop(str(source), failure)
        return bool(broken)

    def _content(self, source: Reference) -> set[str]:
        """The digests of what a cache consists of, as far as it can be read."""
        try:
            found = self._manifest(source)
        except FailedError:
            return set()
        image = parse_image(found.raw) if found else None
        return {part.digest for part in (image.config, *image.layers)} if image else set()

    def _manifest(self, source: Reference) -> Manifest | None:
        """A cache's manifest, asked for once; None if it is not there.

        Raises:
            FailedError: It cannot be read, or is not what its digest says.
        """
        if source not in self._read:
            self._read[source] = self.registry.manifest(source)
        return self._read[source]

    def _announce(self, source: str, failure: Failure) -> None:
        reason = failure.reason
        if failure.kind is FailureKind.MISSING:
            reason = "it is not there"
        elif failure.kind is FailureKind.UNKNOWN:
            reason = failure.evidence
        self.warn(f"the cache {source} cannot be used ({reason}): building without it")


def _sources(targets: Sequence[GeneratedTarget]) -> dict[str, Reference]:
    return {str(source): source for target in targets for source in target.imports}

"""What other bakes publish while this one is under way.

Registries have no conditional PUT, so the last writer wins: each tag is one writer's, whole. What
can be done is to look just before: to say so, to leave alone what is only to be added to, and to
refuse where that was asked for. What is published between the look and the PUT is not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from whalebuild.bundle.lock import Lock, compare
from whalebuild.bundle.published import PublishedDeps, read_deps
from whalebuild.errors import VerificationError
from whalebuild.failures.messages import failures_as_errors
from whalebuild.oci.manifest import Descriptor
from whalebuild.oci.reference import Reference
from whalebuild.plan.plan import AppPlan, DepsPlan
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.values import dataclass

_SHORT = len("sha256:") + 12


@dataclass
class ConcurrentBakes:
    """Looks whether tags are still what they were when the bake was planned.

    Attributes:
        warn: Takes one line.
        strict: Whether a tag that others have changed ends the bake.
        own: Digests that this bake itself has given to tags.
    """

    registry: RetryingRegistry
    warn: Callable[[str], None]
    strict: bool
    own: set[str] = field(default_factory=set)
    _announced: set[Reference] = field(default_factory=set)

    def deps_of_others(self, plan: DepsPlan) -> dict[Reference, PublishedDeps]:
        """Find what others have published under the references of dependencies.

        Raises:
            VerificationError: One was changed, and that is to end the bake.
            WhalebuildError: The registry refused, or could not be reached.
        """
        found: dict[Reference, PublishedDeps] = {}
        for reference, was in zip(plan.image.references, plan.published, strict=True):
            changed = self._changed_by_others(reference, was.bundle.digest if was else None)
            theirs = self._read(reference, changed) if changed else None
            if theirs is not None:
                found[reference] = theirs
        return found

    def announce(self, plan: DepsPlan, theirs: PublishedDeps, then: str) -> None:
        """Say once what another bake has published, and what becomes of it."""
        reference = theirs.reference
        if reference not in self._announced:
            self._announced.add(reference)
            short = theirs.bundle.digest[:_SHORT]
            which = f"{short}{_made_of(plan, theirs)}"
            self.warn(f"another bake has published {reference} meanwhile ({which}): {then}")

    def check_app(self, plan: AppPlan) -> None:
        """Refuse to publish an application where another bake has done so."""
        if self.strict:
            was = plan.published.manifest.digest if plan.published else None
            self._changed_by_others(plan.image.references[0], was)

    def _changed_by_others(self, reference: Reference, was: str | None) -> Descriptor | None:
        """What a tag names now, if another bake has set it since."""
        with failures_as_errors():
            now = self.registry.head(reference)
        if now is None or now.digest == was or now.digest in self.own:
            return None
        if self.strict:
            raise VerificationError(
                f"{reference} is not what it was when this bake began",
                cause=f"another bake has published {now.digest} meanwhile (--if-unchanged)",
                next_step="run the bake again: it begins with what is published now",
            )
        return now

    def _read(self, reference: Reference, now: Descriptor) -> PublishedDeps | None:
        by_digest = Reference(reference.repository, digest=now.digest)
        with failures_as_errors():
            found = self.registry.manifest(by_digest)
        return read_deps(reference, found) if found else None


def _made_of(plan: DepsPlan, theirs: PublishedDeps) -> str:
    """How another bake's dependencies differ from those of this one."""
    if not (isinstance(plan.lock, Lock) and isinstance(theirs.lock, Lock)):
        return ""
    changes = compare(theirs.lock, plan.lock)
    if not changes:
        return ", made from the same inputs"
    return f", made from other inputs ({'; '.join(map(str, changes))})"

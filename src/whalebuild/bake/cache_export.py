"""How caches are exported: by digest if that works, else under a staging tag, else not at all.

A push of a cache by digest is undocumented, so it is tried and not taken for granted. Trouble with
a cache never costs a build; whatever was exported beside it is pushed again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from whalebuild.bake.ports import BuilderNotes
from whalebuild.bake.runner import BuildxRunner, CacheExportError
from whalebuild.bake.staging_tags import delete_tags
from whalebuild.failures.failure import Detail, Failure, FailureKind
from whalebuild.failures.messages import as_error
from whalebuild.oci.reference import Reference
from whalebuild.oci.registry import Registry
from whalebuild.plan.definition import CacheExport, GeneratedTarget
from whalebuild.plan.plan import Plan
from whalebuild.values import dataclass

_FREES_SPACE_SECONDS = 5.0
TargetsByImage = Mapping[str, tuple[GeneratedTarget, ...]]


@dataclass
class CacheExporter:
    """Runs targets with the best export of caches that works here.

    Attributes:
        note: Takes one line for the user.
        warn: The same for a warning.
        token: Makes a random text, for staging tags that no other bake has.
        export: What is tried now; None is no export.
        staged: Staging tags that may have been set.
    """

    plan: Plan
    runner: BuildxRunner
    registry: Registry
    notes: BuilderNotes
    note: Callable[[str], None]
    warn: Callable[[str], None]
    token: Callable[[], str]
    export: CacheExport | None = field(default_factory=CacheExport)
    staged: dict[Reference, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with a staging tag where an earlier bake has found that a digest is refused."""
        if any(self.notes.refuses_cache_by_digest(*route) for route in self._routes()):
            self.export = self._staging()

    def build(self, make: Callable[[CacheExport | None], TargetsByImage]) -> TargetsByImage:
        """Run the targets that ``make`` makes for an export, until one works.

        A further run finds every step done, and pushes again what the registry does not have.
        """
        refused = False
        while True:
            targets = make(self.export)
            every = [target for each in targets.values() for target in each]
            self._note_staging_tags(every)
            try:
                self.runner.run(every, "publishing")
                apart = [target.to_push_again().cache_only() for target in every if target.apart]
                self.runner.run(apart, "exporting the cache of")
            except CacheExportError as failed:
                refused = self._may_take_a_tag(failed.failure)
                self.export = self._fall_back(failed.failure, by_tag=refused)
            else:
                # A manifest that was refused by digest and then taken by tag: it was the digest.
                for route in self._routes() if refused else ():
                    self.notes.note_refusal(*route)
                return targets

    def delete_staged(self) -> None:
        """Delete staging tags: what was pushed under them is in the bundle by now, or of no use."""
        delete_tags(self.registry, self.staged, self.warn)

    def _may_take_a_tag(self, failure: Failure) -> bool:
        """Whether a registry that took no cache by digest may take it by tag."""
        by_digest = self.export is not None and self.export.token is None
        return by_digest and failure.detail is Detail.UNSUPPORTED

    def _fall_back(self, failure: Failure, *, by_tag: bool) -> CacheExport | None:
        if by_tag:
            self.note(f"the registry took no cache by digest ({failure.reason}): by tag now")
            return self._staging()
        words = failure.evidence or failure.reason
        if self.plan.settings.strict_cache:
            raise as_error(failure)
        if failure.kind is FailureKind.DISK_FULL:
            # It frees what it had of the cache a little later.
            self.runner.retrier.sleep(_FREES_SPACE_SECONDS)
        self.warn(f"the cache could not be exported, the next bake has none: {words}")
        return None

    def _staging(self) -> CacheExport:
        return CacheExport(self.token())

    def _note_staging_tags(self, every: Sequence[GeneratedTarget]) -> None:
        """Note the staging tags before they are there: they are deleted whatever happens."""
        self.staged |= {reference: None for target in every for reference in target.staged}
        if self.export is not None and self.export.token is not None:
            caches = (self.export.reference(t.image, t.platforms) for t in every if t.exports)
            self.staged |= dict.fromkeys(caches)

    def _routes(self) -> list[tuple[str, str]]:
        builder = self.plan.facts.builder if self.plan.facts else "default"
        registries = dict.fromkeys(image.bundle.registry for image in self.plan.images)
        return [(builder, registry) for registry in registries]

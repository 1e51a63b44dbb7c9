"""Exports an application's cache again that did not serve, as BuildKit's events tell.

What the inputs tell is decided before the build (``plan.app_cache``), and the cache is exported
with it then. What only the build shows - steps that ran, a cache that could not be read - is known
once it is over: a further run, of which the cache alone is pushed, finds every step done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field

from whalebuild.bake.cache_export import CacheExporter
from whalebuild.bake.runner import BuildxRunner
from whalebuild.buildkit.missed import missed_steps
from whalebuild.errors import WhalebuildError
from whalebuild.plan.definition import CacheExport, GeneratedTarget
from whalebuild.plan.pins import skips_cache
from whalebuild.plan.plan import AppPlan
from whalebuild.values import dataclass

_MOST = 2
Targets = tuple[GeneratedTarget, ...]


@dataclass
class CacheRenewal:
    """Looks how caches served in a bake, and exports those again that did not.

    Attributes:
        note: Takes one line for the user.
        warn: The same for a warning.
        missed: Applications whose steps ran without an input being the reason.
    """

    runner: BuildxRunner
    exporter: CacheExporter
    note: Callable[[str], None]
    warn: Callable[[str], None]
    missed: set[str] = field(default_factory=set)

    def renew(
        self,
        apps: Iterable[tuple[AppPlan, Targets]],
        make: Callable[[AppPlan, CacheExport], Targets],
    ) -> None:
        """Export the caches again that did not serve.

        Trouble with that fails no bake: what was built is pushed.

        Args:
            apps: Applications, and the targets that have been run.
            make: Makes the targets of an application with an export.

        Raises:
            WhalebuildError: With ``--strict-cache``, where it cannot be exported.
        """
        unserved = {app.image.name: app for app, targets in apps if self._unserved(app, targets)}

        def cache_only(export: CacheExport | None) -> dict[str, Targets]:
            if export is None:  # it cannot be exported at all
                return {}
            return {
                name: tuple(target.cache_only() for target in make(app, export))
                for name, app in unserved.items()
            }

        try:
            self.exporter.build(cache_only)
        except WhalebuildError as failed:
            if self.runner.settings.strict_cache:
                raise
            self.warn(f"the cache could not be exported again: {failed.what}")

    def _unserved(self, app: AppPlan, targets: Sequence[GeneratedTarget]) -> bool:
        """Whether an application's cache did not serve and another one is going to; says so."""
        if any(target.exports for target in targets) or skips_cache(app.image.target):
            return False
        name, unusable = app.image.name, self.runner.imports.unusable
        found = [missed_steps(self.runner.states[t.name], t.name) for t in targets]
        others = sorted(frozenset().union(*(each.others for each in found)))
        after_files = sorted(frozenset().union(*(each.after_files for each in found)))
        if any(str(source) in unusable for target in targets for source in target.imports):
            others = ["it could not be read"]
        known = app.cache.record.inputs
        if others or (after_files and not known):
            self.missed.add(name)
            if app.cache.missed:  # a newer one made no difference
                return False
        elif not (after_files and app.cache.files):
            return False
        shown = (others or after_files)[:_MOST]
        self.note(f"the cache of {name} did not serve ({', '.join(shown)}): exported again")
        return True

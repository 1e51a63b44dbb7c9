"""Looks at what is published: the bundle and the application's index of every pair."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial

from whalebuild.bundle.published import PublishedApp, PublishedDeps, read_app, read_deps
from whalebuild.failures.failure import FailedError, may_not_exist_yet
from whalebuild.failures.messages import failures_as_errors
from whalebuild.oci.manifest import Manifest
from whalebuild.oci.reference import Reference
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.runtime.threads import Submit


@dataclass
class ManifestLookup:
    """Manifests, asked for side by side; each once.

    This also finds trouble with the registry before a long build.
    """

    registry: RetryingRegistry
    submit: Submit
    _asked: dict[Reference, Future[Manifest | None]] = field(default_factory=dict)

    def begin(self, references: Iterable[Reference]) -> None:
        """Start to ask."""
        for reference in references:
            if reference not in self._asked:
                self._asked[reference] = self.submit(partial(self._look, reference))

    def manifest(self, reference: Reference) -> Manifest | None:
        """What a reference stands for, None for nothing yet.

        Raises:
            WhalebuildError: The registry refused, or could not be reached.
        """
        self.begin([reference])
        with failures_as_errors():
            return self._asked[reference].result()

    def deps(self, reference: Reference) -> PublishedDeps | None:
        """What is published under a ``:deps``."""
        found = self.manifest(reference)
        return read_deps(reference, found) if found else None

    def app(self, reference: Reference) -> PublishedApp | None:
        """What is published under an application's tag."""
        found = self.manifest(reference)
        return read_app(reference, found) if found else None

    def _look(self, reference: Reference) -> Manifest | None:
        try:
            return self.registry.manifest(reference)
        except FailedError as failed:
            # Docker Hub says so of a repository that the first push will create.
            if may_not_exist_yet(failed.failure):
                return None
            raise

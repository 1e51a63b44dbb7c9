"""Asks the registry itself about what the engine has met there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from whalebuild.failures.classify_docker import DockerFailure
from whalebuild.failures.failure import Detail, FailedError, FailureKind, Remedy
from whalebuild.failures.messages import as_error
from whalebuild.oci.reference import Reference
from whalebuild.oci.registry import Registry
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.values import dataclass

_FOUND_HERE = "the engine did not find what the registry has"


@dataclass(frozen=True)
class RegistryProbe:
    """Small requests to a registry, which tell more than BuildKit says of it."""

    registry: RetryingRegistry

    def second_look(self, failure: DockerFailure) -> DockerFailure:
        """Ask for an image that BuildKit did not find: if it is there, the failure may pass.

        Where its request for a manifest by digest is cut off, it asks for a blob of that digest
        next, and reports the 404 to that alone. To be removed when no engine in use does so:
        https://github.com/containerd/containerd/issues/12402
        """
        reference = failure.missing_image
        if (
            reference is None
            or failure.detail is Detail.NO_PLATFORM
            or failure.remedy is not Remedy.STOP
        ):
            return failure
        try:
            found = self.registry.step(
                f"asking for {reference}",
                reference.registry,
                lambda registry: registry.head(reference, mirrors=True),
            )
        except FailedError:
            return failure
        return (
            replace(failure, kind=FailureKind.TRANSIENT, reason=_FOUND_HERE) if found else failure
        )

    def wait(self, failure: DockerFailure, references: Iterable[Reference]) -> None:
        """Wait until a registry answers, before the engine is sent there again.

        It tells how long to wait (``Retry-After``) and that its disk is full, which BuildKit does
        not, and one small request spares it many.

        Args:
            failure: What the engine met there.
            references: What it was to push.

        Raises:
            FailedError: The registry's disk is full.
            WhalebuildError: It has not answered within the budget.
        """
        name = failure.registry
        # Words without an address, of which BuildKit has some, are about where the push goes.
        anywhere = name is None and failure.unexplained
        reference = next((r for r in references if anywhere or r.registry == name), None)
        if reference is None:
            return

        def ask(registry: Registry) -> None:
            registry.head(reference)
            if failure.unexplained:
                registry.try_upload(reference.repository)

        try:
            self.registry.step(f"asking {reference.registry}", reference.registry, ask)
        except FailedError as failed:
            if failed.failure.kind is FailureKind.REGISTRY_FULL:
                raise
            # Another kind of answer is an answer: the push may do what this look-up may not.
            if failed.failure.remedy is Remedy.WAIT:
                raise as_error(failed.failure) from None

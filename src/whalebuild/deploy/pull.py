"""Pulls images by digest: with retries, and with the bytes that are left."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import closing

from whalebuild.buildkit.console import Console
from whalebuild.compose.pull_progress import PullState, layer_id
from whalebuild.deployplan.plan import download_of
from whalebuild.deployplan.ports import Project
from whalebuild.deployplan.space import DiskSpace, require_space
from whalebuild.failures.classify_docker import classify_pull
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.failures.failure import FailedError
from whalebuild.failures.messages import as_pull_error
from whalebuild.oci.reference import Reference
from whalebuild.published.download import ImageDiff
from whalebuild.runtime.retrier import Retrier
from whalebuild.text import human_bytes
from whalebuild.values import dataclass


@dataclass(frozen=True)
class Puller:
    """Has the engine pull; the next try goes on with the part of a layer that the last one got.

    Attributes:
        space: Where the images go; None where that is not known.
    """

    project: Project
    retrier: Retrier
    console: Console
    space: Callable[[], DiskSpace | None] = lambda: None

    def pull(self, images: Mapping[str, Reference], diffs: Collection[ImageDiff]) -> None:
        """Pull images, by name.

        Args:
            images: By digest.
            diffs: What is to be downloaded of them.

        Raises:
            WhalebuildError: There is no room for it, the registry refused or could not be reached,
                or the engine went away; nothing that runs was touched.
        """
        tight = require_space(download_of(diffs)[0], self.space())
        if tight:
            self.console.note(tight)
        registries = {image.registry for image in images.values()}
        step = f"pulling {', '.join(images)}"
        expected = download_of(diffs)[0]
        new = {layer_id(layer.digest): layer.size for diff in diffs for layer in diff.new}
        state = PullState(new)
        digests = {image.digest for image in images.values() if image.digest}

        def once() -> None:
            try:
                with closing(self.project.pull(images)) as lines:
                    for line in lines:
                        state.add(line)
                        self.console.progress(step, _left(state.bytes, expected), state.bytes)
            except CommandFailedError as failed:
                raise FailedError(classify_pull(failed.stderr, there=digests)) from None

        try:
            only = registries.pop() if len(registries) == 1 else None
            self.retrier.call(step, once, registry=only)
        except FailedError as failed:
            raise as_pull_error(failed.failure) from None


def _left(done: int, expected: int) -> str:
    return f"{human_bytes(max(0, expected - done))} of {human_bytes(expected)} left"

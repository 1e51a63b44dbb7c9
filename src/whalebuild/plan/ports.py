"""What a plan asks of the engine and of the source tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from whalebuild.bakefile.entitlements import RealPath
from whalebuild.bakefile.request import BakeRequest
from whalebuild.bakefile.target import Target
from whalebuild.builder.ports import BuilderQuestions
from whalebuild.dockerfile.parser import Dockerfile
from whalebuild.inputs.values import Build, ContextFiles, StageInputs, Undetermined

# One of the additions: nothing is attested where the bake file says nothing of that.
NO_ATTESTATIONS = "BUILDX_NO_DEFAULT_ATTESTATIONS"


class BakeFiles(Protocol):
    """Buildx, as it resolves bake files. Every method may raise ``CommandFailedError``."""

    def print_bake(self, request: BakeRequest) -> object:
        """Return what ``bake --print`` prints, as parsed JSON."""

    def target_names(self, request: BakeRequest) -> tuple[str, ...]:
        """Return the names of all targets in the bake file."""


class PlanEngine(BakeFiles, BuilderQuestions, Protocol):
    """All that a plan asks of docker: what bake files say, and what the builder can do."""


class SourceTree(Protocol):
    """The files that the user builds from."""

    def bake_files(self) -> tuple[str, ...]:
        """Return the bake files that buildx would find by itself."""

    def bake_file_above(self) -> str | None:
        """Return the path, from where the user stands, of a bake file in a folder above."""

    def bake_text(self, files: Iterable[str]) -> str | None:
        """Return what stands in bake files; None if one of them is not here to be read."""

    def real_path(self, path: str) -> RealPath:
        """Follow the links in a path; relative ones start where buildx runs."""

    def dockerfile(self, target: Target) -> Dockerfile | None:
        """Return the target's parsed Dockerfile; None where the context is not a local folder."""

    def own_ignore_file(self, target: Target) -> str | None:
        """Return the name of the ignore file beside the target's Dockerfile; None without one."""

    def patchable(self, target: Target) -> str | None:
        """Return the path of the target's Dockerfile below the working folder, for a patch.

        None where it is no file there, or a link.
        """

    def context_text(self, target: Target, path: str) -> str | None:
        """Return what stands in a file of the target's context; None if it is not here as text."""

    def context_files(
        self, inputs: StageInputs, build: Build, dockerfile: str | None
    ) -> ContextFiles | Undetermined:
        """List the files that a stage reads, with their digests; or say why that cannot be told."""

    def additions(self, target: Target) -> Mapping[str, Any]:
        """Return what buildx adds to the target's image by its environment; empty for nothing."""


class Web(Protocol):
    """Servers of addresses that ADD and named contexts have."""

    def identity(self, url: str, known: str) -> str:
        """What is behind a URL or a git reference now: the same text means the same content.

        Args:
            url: The address, with no login.
            known: What was behind it, for a conditional request; empty where that is not known.

        Returns:
            An entity tag, a digest or a commit, each after its kind and a colon; empty where the
            server has nothing there or does not say.

        Raises:
            RequestFailedError: The server did not answer, or not properly.
        """

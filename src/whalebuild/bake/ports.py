"""What a bake asks of the engine, and what it remembers of builders."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, BinaryIO, Protocol

from whalebuild.oci.blobs import BlobSource


class Export(Protocol):
    """A folder of this run's into which a builder exports, or from which it reads."""

    @property
    def path(self) -> str:
        """Where it is, for an output's ``dest``."""

    def read(self, name: str) -> bytes:
        """Read a small file; raises ``OSError`` where there is none."""

    def write(self, name: str, content: bytes) -> None:
        """Write a small file, which the builder is to read."""

    def source(self, name: str) -> ExportedFile:
        """A file that is read in parts."""


class ExportedFile(BlobSource, Protocol):
    """A file of an export."""

    def open(self, offset: int = 0) -> BinaryIO:
        """Begin to read at the offset."""


class BakeEngine(Protocol):
    """Buildx, as it runs a bake definition. Every method may raise ``CommandFailedError``."""

    def bake(
        self,
        definition: Mapping[str, Any],
        *,
        builder: str | None,
        allow: Sequence[str],
        git_labels: bool = True,
        call: str | None = None,
    ) -> Generator[str, None, None]:
        """Run a definition; yield its rawjson lines. ``metadata`` has the result afterwards.

        Closing the generator stops the build.

        Args:
            definition: What to build.
            builder: Where; None is buildx's own choice.
            allow: Consent, as ``--allow`` takes it.
            git_labels: Whether images may have the labels that buildx takes from git.
            call: What all targets are asked for in place of a build, as ``--call`` takes it.
        """

    def export_folder(self) -> Export:
        """Make a new folder to export into or to read from; it is removed with the run."""

    def drop_broken(self, builder: str | None) -> None:
        """Have the builder drop what arrived broken of images; nothing of its cache."""

    @property
    def printed(self) -> str:
        """What buildx printed to standard output in the last bake: the results of calls."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Buildx's metadata of the last bake that succeeded, by target name."""


class BuilderNotes(Protocol):
    """What was found out about builders, kept from one run to the next."""

    def refuses_cache_by_digest(self, builder: str, registry: str) -> bool:
        """Whether the registry has refused a cache by digest from this builder lately."""

    def note_refusal(self, builder: str, registry: str) -> None:
        """Remember that it has refused one."""

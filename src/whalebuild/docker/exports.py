"""Folders into which builders export, or from which they read, in the scratch folder."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from whalebuild.values import dataclass


@dataclass(frozen=True)
class FileSource:
    """A file of an export, as ``oci.blobs.BlobSource`` has it."""

    path: Path

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.path.stat().st_size

    def open(self, offset: int = 0) -> BinaryIO:
        """Begin to read at the offset."""
        stream = self.path.open("rb")
        stream.seek(offset)
        return stream


@dataclass(frozen=True)
class ExportFolder:
    """One folder; see ``bake.ports.Export``."""

    folder: Path

    @property
    def path(self) -> str:
        """Where it is."""
        return str(self.folder)

    def read(self, name: str) -> bytes:
        """Read a small file."""
        return (self.folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """Write a small file, which the builder is to read."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def source(self, name: str) -> FileSource:
        """A file that is read in parts."""
        return FileSource(self.folder / name)

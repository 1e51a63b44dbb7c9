"""The configurations of services that deployments started: a private file for each, by digest.

They have what compose has resolved, the values of variables too. The records have the digests.
"""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from whalebuild.compose.configuration import (
    Configuration,
    configuration_text,
    read_configuration,
)
from whalebuild.state.records import as_record_error, make_private

_SUFFIX = ".json.gz"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MOST_BYTES = 64 << 20  # unpacked; configs that are kept are 1 MB each at the most


class FileConfigurations:
    """See ``deploy.ports.Configurations``.

    Args:
        folder: ``FileRecord.configurations``; made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, digest: str) -> Configuration | None:
        """See ``deploy.ports.Configurations``."""
        if not _DIGEST.fullmatch(digest):
            return None
        try:
            with gzip.open(self._file(digest)) as file:
                text = file.read(_MOST_BYTES).decode()
        except (OSError, EOFError, UnicodeDecodeError):
            return None
        found = read_configuration(text)
        return found if found and found.digest == digest else None

    def all(self) -> Iterator[Configuration]:
        """See ``deploy.ports.Configurations``."""
        found = [(_written(file), file) for file in self._folder.glob(f"*{_SUFFIX}")]
        for _, file in sorted(found, reverse=True):
            read = self.read(f"sha256:{file.name.removesuffix(_SUFFIX)}")
            if read:
                yield read

    def keep(self, configuration: Configuration) -> str:
        """See ``deploy.ports.Configurations``.

        Raises:
            UsageError: The file cannot be written.
        """
        digest = configuration.digest
        file = self._file(digest)
        with as_record_error("write", file):
            if self.read(digest):
                os.utime(file)  # the last that was kept
                return digest
            make_private(self._folder)
            new = file.with_suffix(".new")
            new.unlink(missing_ok=True)
            opened = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(opened, "wb") as to:
                to.write(gzip.compress(configuration_text(configuration).encode()))
                to.flush()
                os.fsync(to.fileno())
            new.replace(file)
        return digest

    def drop_all_but(self, digests: Collection[str]) -> None:
        """See ``deploy.ports.Configurations``."""
        kept = {self._file(each).name for each in digests}
        for file in self._folder.glob("*"):
            if file.name not in kept:
                with suppress(OSError):
                    file.unlink()

    def _file(self, digest: str) -> Path:
        return self._folder / f"{digest.removeprefix('sha256:')}{_SUFFIX}"


def _written(file: Path) -> float:
    with suppress(OSError):
        return file.stat().st_mtime
    return 0.0

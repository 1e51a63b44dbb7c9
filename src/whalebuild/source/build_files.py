"""The Dockerfile of a target and its ignore file, as BuildKit reads them.

Buildx sends the folder that a file is in, and BuildKit follows links inside of that alone: one that
leads out of it leads to nothing, whatever is there. Follows ``loadInputs`` in ``build/opt.go`` of
buildx and ``ReadEntrypoint`` and ``dockerIgnorePatterns`` in ``frontend/dockerui`` of BuildKit.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from whalebuild.bakefile.contexts import dockerfile_path
from whalebuild.dockerfile.gopath import PatternError
from whalebuild.dockerfile.ignorefile import PatternMatcher
from whalebuild.source.context_folder import ContextFolder
from whalebuild.source.context_walk import ContextTree
from whalebuild.source.plain_file import read_plain
from whalebuild.values import dataclass

_DOCKERFILE, _LOWER_CASE = "Dockerfile", "dockerfile"
_IGNORE_FILE = ".dockerignore"


@dataclass(frozen=True)
class DockerfilePlace:
    """The folder that buildx sends for a Dockerfile, and the file's name in it."""

    folder: Path
    name: str

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.folder / self.name

    def read(self) -> bytes:
        """Read the Dockerfile.

        Raises:
            OSError: It cannot be read, or BuildKit does not find it. The message says why.
        """
        try:
            return _read_inside(self.folder, self.name)
        except OSError:
            if self.name != _DOCKERFILE:
                raise
            # https://github.com/moby/moby/issues/10807
            try:
                return _read_inside(self.folder, _LOWER_CASE)
            except OSError:
                pass
            raise


def find_dockerfile(root: Path, context: str, dockerfile: str) -> DockerfilePlace:
    """Find out where buildx looks for a Dockerfile.

    Args:
        root: The folder that buildx runs in.
        context: The context, as the bake file has it.
        dockerfile: The Dockerfile, likewise.
    """
    path = root / dockerfile_path(context, dockerfile)
    name = path.name
    if name == _DOCKERFILE:
        # buildx looks at the names alone: what is called so need not be readable.
        names = set(_names_in(path.parent))
        if name not in names and _LOWER_CASE in names:
            name = _LOWER_CASE
    return DockerfilePlace(path.parent, name)


def _names_in(folder: Path) -> Iterator[str]:
    try:
        yield from (path.name for path in folder.iterdir())
    except OSError:
        return


def ignore_file_of(dockerfile: DockerfilePlace) -> str:
    """The name of the ignore file that is for one Dockerfile alone."""
    return f"{dockerfile.name}{_IGNORE_FILE}"


def read_ignore_text(
    context: Path, dockerfile: DockerfilePlace | None, *, external: bool = False
) -> str:
    """Read the ignore file beside the Dockerfile, or else that of the context; empty if none.

    Args:
        context: The context's folder.
        dockerfile: None for a named context, and where the Dockerfile is in the bake file.
        external: Whether the Dockerfile names its frontend: that is sent the files, and to its
            protocol an empty one is none.

    Raises:
        OSError: One cannot be read.
    """
    places = [(context, _IGNORE_FILE)]
    if dockerfile:
        places.insert(0, (dockerfile.folder, ignore_file_of(dockerfile)))
    for folder, name in places:
        try:
            data = _read_inside(folder, name)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            continue
        if data or not external:
            return decode(data)
    return ""


def decode(data: bytes) -> str:
    """The text of a file; bytes that are not UTF-8 are kept as ``surrogateescape`` has them."""
    return data.decode(errors="surrogateescape")


def _read_inside(folder: Path, name: str) -> bytes:
    """Read a file of a folder that is sent; links are followed inside of it.

    Raises:
        OSError: It cannot be read.
    """
    tree = ContextTree(ContextFolder(folder), PatternMatcher(()))
    end, links = tree.resolve(name)
    path = folder / name
    if end is None and links:
        link = folder / links[-1]
        reason = f"{links[-1]} is a link to {link.readlink()}, and BuildKit follows links inside "
        raise FileNotFoundError(errno.ENOENT, f"{reason}of the folder alone", path)
    if end is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    unsent = next((each for each in (*links, end) if not _matches_itself(each)), None)
    if unsent is not None:
        reason = f"BuildKit takes the name {unsent} for a pattern, which does not match it"
        raise FileNotFoundError(errno.ENOENT, reason, path)
    if tree.is_folder(end):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not tree.is_file(end):
        raise OSError(errno.EINVAL, "it is neither a file nor a folder", path)
    return read_plain(folder / end)


def _matches_itself(path: str) -> bool:
    """Whether a file is sent that is asked for by its path, which is a pattern to the client."""
    try:
        return PatternMatcher([path]).match(path)[0]
    except PatternError:
        return False

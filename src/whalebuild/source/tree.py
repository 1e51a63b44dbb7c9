"""The user's files below the working folder: bake files, Dockerfiles, context files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from whalebuild.bakefile.contexts import dockerfile_path, is_remote, local_path
from whalebuild.bakefile.entitlements import RealPath
from whalebuild.bakefile.target import Target
from whalebuild.dockerfile.parser import Dockerfile, parse_dockerfile
from whalebuild.errors import UsageError
from whalebuild.inputs.values import Build, ContextFiles, NamedContext, StageInputs, Undetermined
from whalebuild.source.additions import find_additions
from whalebuild.source.bake_files import bake_text, find_bake_files
from whalebuild.source.build_files import decode, find_dockerfile, ignore_file_of
from whalebuild.source.content_digests import FileDigests
from whalebuild.source.context import LocalContextFiles
from whalebuild.source.project_folder import bake_file_above
from whalebuild.source.real_path import real_path

# A file by which BuildKit takes other sources than those that are named.
_SOURCE_POLICY = "EXPERIMENTAL_BUILDKIT_SOURCE_POLICY"


class LocalSourceTree:
    """Files below a folder, the one that buildx runs in; the user may stand in one below that."""

    def __init__(
        self,
        root: Path,
        environment: Mapping[str, str],
        start: Path | None = None,
        known: Callable[[str], FileDigests] | None = None,
    ) -> None:
        self._root = root
        self._start = start or root
        self._environment = environment
        self._files = LocalContextFiles(root, known)

    def bake_files(self) -> tuple[str, ...]:
        """See ``plan.ports.SourceTree``."""
        return find_bake_files(self._root, self._environment)

    def bake_file_above(self) -> str | None:
        """See ``plan.ports.SourceTree``."""
        found = bake_file_above(self._root, self._environment)
        return os.path.relpath(found, self._start) if found else None

    def bake_text(self, files: Iterable[str]) -> str | None:
        """See ``plan.ports.SourceTree``."""
        return bake_text(self._root, files)

    def real_path(self, path: str) -> RealPath:
        """See ``plan.ports.SourceTree``."""
        return real_path(self._root, path)

    def dockerfile(self, target: Target) -> Dockerfile | None:
        """See ``plan.ports.SourceTree``.

        Raises:
            UsageError: A context is neither a folder nor elsewhere, or the Dockerfile in a folder
                cannot be read.
        """
        is_local = (self._root / target.context).is_dir()
        if not is_local and not is_remote(target.context):
            raise _no_folder(target.context, f'target "{target.name}"')
        for name, value in target.contexts.items():
            folder = NamedContext(name, value).folder
            if folder is not None and not (self._root / folder).is_dir():
                raise _no_folder(value, f'named context "{name}" of target "{target.name}"')
        if target.dockerfile_inline:
            return parse_dockerfile(target.dockerfile_inline)
        if not is_local:
            return None
        place = find_dockerfile(self._root, target.context, target.dockerfile)
        try:
            return parse_dockerfile(decode(place.read()))
        except OSError as failed:
            raise UsageError(
                f"cannot read the Dockerfile {_shown(place.path, self._root)}",
                cause=f'{failed.strerror} (target "{target.name}")',
                next_step="run whalebuild where the Dockerfile is, or set dockerfile and context "
                "in the bake file",
            ) from None

    def own_ignore_file(self, target: Target) -> str | None:
        """See ``plan.ports.SourceTree``."""
        if target.dockerfile_inline:
            return None
        place = find_dockerfile(self._root, target.context, target.dockerfile)
        name = ignore_file_of(place)
        return name if os.path.lexists(place.folder / name) else None

    def patchable(self, target: Target) -> str | None:
        """See ``plan.ports.SourceTree``."""
        if target.dockerfile_inline or not (self._root / target.context).is_dir():
            return None
        place = find_dockerfile(self._root, target.context, target.dockerfile)
        path = dockerfile_path(target.context, target.dockerfile)
        file = self._root / path
        outside = path.startswith(("/", "../"))
        # ``dockerfile`` in lower case may be what BuildKit reads.
        return path if not outside and file.is_file() and not place.path.is_symlink() else None

    def context_text(self, target: Target, path: str) -> str | None:
        """See ``plan.ports.SourceTree``."""
        try:
            return (self._root / local_path(target.context) / path).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def context_files(
        self, inputs: StageInputs, build: Build, dockerfile: str | None
    ) -> ContextFiles | Undetermined:
        """See ``plan.ports.SourceTree``."""
        if self._environment.get(_SOURCE_POLICY):
            return Undetermined(f"{_SOURCE_POLICY} may have BuildKit read something else")
        return self._files.list_files(inputs, build, dockerfile)

    def additions(self, target: Target) -> Mapping[str, Any]:
        """See ``plan.ports.SourceTree``."""
        return find_additions(self._root, self._environment, target)


def _no_folder(context: str, where: str) -> UsageError:
    return UsageError(
        f"the context {context} is not a folder",
        cause=f"it is neither one here nor a URL ({where})",
        next_step="run whalebuild where the folder is, or name another one in the bake file",
    )


def _shown(path: Path, root: Path) -> str:
    path = path.parent.resolve() / path.name
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)

"""What buildx adds to an image by its environment: labels from git, and whether it is attested.

Follows ``getGitAttributes`` in ``build/git.go`` and ``toSolveOpt`` in ``build/opt.go`` of buildx.
https://docs.docker.com/build/building/variables/#build-tool-configuration-variables
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from whalebuild.bakefile.contexts import dockerfile_path, local_path
from whalebuild.bakefile.target import Target
from whalebuild.plan.ports import NO_ATTESTATIONS
from whalebuild.text import is_true
from whalebuild.values import dataclass

_GIT_LABELS = "BUILDX_GIT_LABELS"
_CHECK_DIRTY = "BUILDX_GIT_CHECK_DIRTY"
_OF_RESULTS = (NO_ATTESTATIONS, "BUILDX_NO_DEFAULT_OCI_ARTIFACT")
_REVISION = "org.opencontainers.image.revision"
_SOURCE = "org.opencontainers.image.source"
_ENTRYPOINT = "com.docker.image.source.entrypoint"


def find_additions(root: Path, environment: Mapping[str, str], target: Target) -> dict[str, Any]:
    """What buildx would add to a target's image: equal where it adds the same.

    Args:
        root: The folder that buildx runs in.
        environment: The one that it runs with.
        target: The target.

    Returns:
        The labels, by name, and variables that are on; empty if there is nothing.
    """
    found: dict[str, Any] = {
        name: True for name in _OF_RESULTS if is_true(environment.get(name, ""))
    }
    wanted = environment.get(_GIT_LABELS, "")
    if wanted == "full" or is_true(wanted):
        labels = _git_labels(_working_folder(root, environment), environment, target)
        found |= {_GIT_LABELS: labels} if labels else {}
    return found


def _git_labels(
    folder: Path, environment: Mapping[str, str], target: Target
) -> dict[str, str] | None:
    git = _Git(folder / local_path(target.context), environment)
    top = git.says("rev-parse", "--show-toplevel")
    if git.says("rev-parse", "--is-inside-work-tree") != "true" or not top:
        return None
    dirty = is_true(environment.get(_CHECK_DIRTY, "")) and git.is_dirty()
    revision = git.says("show", "--format=%H", "HEAD", "--quiet", "--")
    path = os.path.relpath(folder / dockerfile_path(target.context, target.dockerfile), top)
    labels = {
        _REVISION: f"{revision}{'-dirty' if dirty else ''}" if revision else None,
        _SOURCE: git.remote(),
        _ENTRYPOINT: None if path.startswith("..") else path,
    }
    return {name: value for name, value in labels.items() if value}


@dataclass(frozen=True)
class _Git:
    """The commands that buildx asks git with, in a folder that need not be there."""

    folder: Path
    environment: Mapping[str, str]

    def says(self, *words: str) -> str:
        """The first line of an answer; empty where git fails."""
        return (self._run(*words) or "").partition("\n")[0].replace("'", "")

    def is_dirty(self) -> bool:
        """Whether anything is not committed, ignored files included."""
        return self._run("status", "--porcelain", "--ignored") != ""

    def remote(self) -> str:
        """The URL of the branch's remote, or else of origin or upstream, without credentials."""
        branch = self.says("symbolic-ref", "-q", "HEAD")
        own = self.says("for-each-ref", "--format=%(upstream:remotename)", branch) if branch else ""
        names = [name for name in (own, "origin", "upstream") if name]
        urls = (self.says("remote", "get-url", name) for name in names)
        return _without_credentials(next((url for url in urls if url), ""))

    def _run(self, *words: str) -> str | None:
        try:
            done = subprocess.run(  # noqa: S603 - fixed words and names of remotes and branches
                ["git", "-c", "log.showSignature=false", *words],  # noqa: S607 - as buildx does
                cwd=self.folder,
                env={**self.environment, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        except OSError:  # no git, or no such folder
            return None
        return done.stdout.strip() if done.returncode == 0 else None


def _working_folder(root: Path, environment: Mapping[str, str]) -> Path:
    """The folder as the shell calls it: Go's ``os.Getwd`` keeps the links that led there."""
    named = environment.get("PWD", "")
    try:
        same = bool(named) and Path(named).samefile(root)
    except OSError:
        same = False
    return Path(named) if same else root


def _without_credentials(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

"""What the value of a context is: a folder here, or something elsewhere.

Follows ``loadInputs`` in ``build/opt.go`` of buildx, and ``ParseGitRef`` of BuildKit.
https://docs.docker.com/build/concepts/context/
"""

from __future__ import annotations

import posixpath
import re

# Where the command runs, even if the bake file comes from elsewhere.
_HERE = "cwd://"
_SCHEME = re.compile(r"([a-zA-Z0-9]+)://")
_GIT_SCHEMES = frozenset({"http", "https", "git", "ssh"})
# user@host:path, as scp and git write it.
_SCP = re.compile(r"[a-zA-Z0-9_-]+@[a-zA-Z0-9.-]+:.*")


def is_remote(context: str) -> bool:
    """Whether a context is a git repository or a URL, should there be no folder of that name."""
    if context.startswith(("http://", "https://", "github.com/")):
        return True
    scheme = _SCHEME.match(context)
    if scheme:
        return scheme[1].lower() in _GIT_SCHEMES
    return not context.startswith(("./", "../")) and _SCP.fullmatch(context) is not None


def local_path(context: str) -> str:
    """The path of a context that is a folder, relative to where the command runs."""
    if context.startswith(_HERE):
        return posixpath.normpath(context.removeprefix(_HERE))
    return context


def dockerfile_path(context: str, dockerfile: str) -> str:
    """The path of a Dockerfile, relative to where the command runs: links play no part in it."""
    if dockerfile.startswith(_HERE) or is_remote(context):
        return posixpath.normpath(dockerfile.removeprefix(_HERE))
    return posixpath.normpath(posixpath.join(context, dockerfile))

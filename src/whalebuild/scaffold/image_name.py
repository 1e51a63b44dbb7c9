"""The image's name, where nobody has said one: from the project's origin, or its folder."""

from __future__ import annotations

import re

from whalebuild.errors import UsageError
from whalebuild.oci.reference import parse_repository
from whalebuild.scaffold.project import Guess

_ORIGIN = re.compile(r'\[remote "origin"\][^\[]*?^\s*url\s*=\s*(\S+)', re.MULTILINE)
_URL = re.compile(r"(?:\w+://)?(?:[^@/]+@)?(github\.com|gitlab\.com)[:/]+([\w./-]+?)(?:\.git)?/?$")
_REGISTRIES = {"github.com": "ghcr.io", "gitlab.com": "registry.gitlab.com"}
_LOCAL = "localhost:5000"


def guess_image(folder: str, git_config: str) -> Guess:
    """A name to publish under.

    Args:
        folder: The name of the project's folder.
        git_config: The text of ``.git/config``; empty where there is none.
    """
    origin = _ORIGIN.search(git_config)
    found = _URL.search(origin[1]) if origin else None
    if found:
        name = f"{_REGISTRIES[found[1]]}/{found[2].lower()}"
        because = f"the origin of the repository is at {found[1]}"
    else:
        name = f"{_LOCAL}/{plain_name(folder)}"
        because = "a registry on this machine, and the name of the folder"
    return Guess("image", name, because, sure=False)


def parse_image(text: str, *, where: str) -> str:
    """Read a name that the user gave.

    Docker takes a first part with upper case for a registry, and there hardly is one without a dot:
    ``splitDockerDomain`` of https://github.com/distribution/reference/blob/main/normalize.go

    Args:
        text: The name.
        where: Where it was given, for the message.

    Raises:
        UsageError: It is no name of an image, or most likely not the one that was meant.
    """
    name = str(parse_repository(text, where=where))
    first, slash, _ = name.partition("/")
    if slash and first != first.lower() and not {".", ":"} & set(first):
        raise UsageError(
            f'"{text}" is no name to publish under ({where})',
            cause=f'docker takes "{first}" for a registry, as it has upper case',
            next_step=f"write {name.lower()}, or the registry's whole name, such as "
            f"{first.lower()}.example.com",
        )
    return name


def plain_name(folder: str) -> str:
    """A folder's name as a part of an image's."""
    plain = re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-")
    return plain or "app"

"""Image references, as the OCI distribution specification and docker write them.

Grammar: https://github.com/distribution/reference/blob/main/reference.go
"""

from __future__ import annotations

import ipaddress
import re

from whalebuild.errors import UsageError
from whalebuild.values import dataclass

_ALNUM = r"[a-z0-9]+"
_PATH_PART = rf"{_ALNUM}(?:(?:\.|_|__|-+){_ALNUM})*"
_HOST_PART = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_HOST_PART}(?:\.{_HOST_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_TAG = r"[\w][\w.-]{0,127}"
_DIGEST = r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(
    rf"(?P<repository>(?:{_HOST}/)?{_PATH_PART}(?:/{_PATH_PART})*)"
    rf"(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?",
    re.ASCII,
)
_MAX_REPOSITORY = 255


@dataclass(frozen=True)
class Reference:
    """``repository[:tag][@digest]``, the repository with its registry as the user wrote it."""

    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"

    def tagged(self, tag: str) -> Reference:
        """Return the reference of another tag in the same repository."""
        return Reference(self.repository, tag)

    @property
    def registry(self) -> str:
        """The registry's host and port; docker's rule for names without one (``docker.io``)."""
        first, slash, _ = self.repository.partition("/")
        if slash and ("." in first or ":" in first or first == "localhost"):
            return first
        return "docker.io"


def parse_reference(text: str, *, where: str) -> Reference:
    """Parse an image reference; ``where`` is where it was found, for the message.

    Raises:
        UsageError: The text is not a reference.
    """
    found = _REFERENCE.fullmatch(text)
    if found and len(found["repository"]) <= _MAX_REPOSITORY:
        return Reference(found["repository"], found["tag"], found["digest"])
    login, at, rest = text.rpartition("@")
    # A password before the @ must not get into a log.
    shown = f"***@{rest}" if at and ":" in login and not _like_digest(rest) else text
    raise UsageError(
        f'"{shown}" is not an image reference ({where})',
        cause=_fault(text) if shown == text else "a reference has no login: `docker login` has",
        next_step="write it as [registry[:port]/]name[:tag], such as ghcr.io/acme/web:latest",
    )


def parse_repository(text: str, *, where: str) -> Reference:
    """Parse an image name without tag and digest.

    Raises:
        UsageError: The text is not a reference, or it has a tag or a digest.
    """
    reference = parse_reference(text, where=where)
    if reference.tag or reference.digest:
        raise UsageError(
            f'"{text}" has a tag or digest where only the image\'s name belongs ({where})',
            cause="whalebuild publishes two tags of one name: the dependencies and the application",
            next_step=f"write {reference.repository}; further tags are given with --tag",
        )
    return reference


def is_tag(text: str) -> bool:
    """Whether the text is a tag, such as ``v1.2``."""
    return re.fullmatch(_TAG, text, re.ASCII) is not None


def familiar(name: str) -> str:
    """A reference in docker's short form, without ``:latest``, as named contexts are looked up.

    ``contextByName`` in ``frontend/dockerui/namedcontext.go`` of BuildKit.
    """
    first, slash, rest = name.partition("/")
    explicit = slash and ("." in first or ":" in first or first == "localhost")
    if explicit and first in {"docker.io", "index.docker.io"}:
        name = rest
    if not explicit or first in {"docker.io", "index.docker.io"}:
        path = name.removeprefix("library/")
        name = path if "/" not in path else name
    return name.removesuffix(":latest")


def is_loopback(host: str) -> bool:
    """Tell whether a host, with or without port, is this machine by its name alone.

    As containerd's ``MatchLocalhost``: other names are not looked up.
    """
    name = host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    if host == "::1" or name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _like_digest(text: str) -> bool:
    return re.match(r"[a-z0-9]+:[0-9a-fA-F]*$", text) is not None


def _fault(text: str) -> str | None:
    if text != text.strip() or " " in text:
        return "it contains white space"
    if "://" in text:
        return "it is a URL; a reference has no scheme"
    name = text.partition("@")[0]
    host, slash, path = name.partition("/")
    path = re.sub(r":[^/]*$", "", path if slash else host)
    if path != path.lower():
        return "names are lower case"
    return None

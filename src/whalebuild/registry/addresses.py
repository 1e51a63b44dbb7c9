"""Asks servers of files and of git repositories what is behind an address now.

A file is told by its entity tag, and by its content where the server has no strong one. BuildKit
itself takes a file with the same entity tag for the same (``resolveMetadataRef`` in
``source/http/source.go``), and a repository for the commit of a reference
(``resolveMetadataFromURL`` in ``source/git/source.go``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Self

from whalebuild.failures.classify_http import from_answer
from whalebuild.failures.failure import Remedy, RequestFailedError
from whalebuild.inputs.sources import is_git
from whalebuild.registry.transport import Answer, Request, Transport

_TAG, _CONTENT, _COMMIT = "etag:", "sha256:", "commit:"
# https://www.rfc-editor.org/rfc/rfc9110#name-etag: a weak one is of what means the same.
_STRONG = re.compile(r'"[\x21\x23-\x7e]{1,200}"')
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_NOT_MODIFIED = 304
_LARGEST_FILE = 32 << 20
_LARGEST_LIST = 16 << 20
_ERROR_LIMIT = 4096
_LENGTH = 4  # of the length in front of each line of git's protocol


class WebAddresses:
    """All servers, through the proxies that the registry client goes through; thread-safe.

    A context manager: leaving it closes connections.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._transport = Transport(env)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._transport.close()

    def identity(self, url: str, known: str) -> str:
        """See ``plan.ports.Web``."""
        return self._commit(url) if is_git(url) else self._file(url, known)

    def _file(self, url: str, known: str) -> str:
        tag = known.removeprefix(_TAG) if known.startswith(_TAG) else ""
        headers = {"If-None-Match": tag} if tag else {}
        answer = self._transport.send(Request("HEAD", url, headers), limit=0)
        if answer.status == _NOT_MODIFIED and tag:
            return known
        # Some servers know no HEAD.
        found = answer.headers.get("ETag", "") if answer.ok else ""
        return f"{_TAG}{found}" if _STRONG.fullmatch(found) else self._content(url)

    def _content(self, url: str) -> str:
        answer = self._get(url, _LARGEST_FILE)
        if answer is None or not answer.complete:
            return ""
        return f"{_CONTENT}{hashlib.sha256(answer.body).hexdigest()}"

    def _commit(self, url: str) -> str:
        """The commit of a reference, as git's smart protocol lists them.

        https://git-scm.com/docs/http-protocol#_smart_clients
        """
        repository, _, fragment = url.partition("#")
        asked = f"{repository}/info/refs?service=git-upload-pack"
        answer = self._get(asked, _LARGEST_LIST)
        if answer is None or not answer.complete:
            return ""
        sha = _resolve(_references(answer.body), fragment.partition(":")[0])
        return f"{_COMMIT}{sha}" if sha else ""

    def _get(self, url: str, limit: int) -> Answer | None:
        """What is at a URL; None where the server has nothing there.

        Raises:
            RequestFailedError: It did not answer, or may do so later.
        """
        request = Request("GET", url, {})
        answer = self._transport.send(request, limit=limit)
        if answer.ok:
            return answer
        body = answer.body[:_ERROR_LIMIT]
        failure = from_answer(str(request), answer.status, answer.headers, body)
        if failure.remedy is Remedy.WAIT:
            raise RequestFailedError(failure)
        return None


def _references(body: bytes) -> dict[str, str]:
    """What references stand for, by their names; empty where it is no list of them."""
    found: dict[str, str] = {}
    lines = list(_lines(body))
    if not lines or not lines[0].startswith(b"# service=git-upload-pack"):
        return {}
    for line in lines[1:]:
        # The first line goes on with what the server can do.
        sha, _, name = line.partition(b"\0")[0].decode("utf-8", "replace").strip().partition(" ")
        if _SHA.fullmatch(sha):
            found[name] = sha
    return found


def _lines(body: bytes) -> Iterator[bytes]:
    """Lines of git's protocol, each behind its length in hexadecimal digits."""
    at = 0
    while at + _LENGTH <= len(body):
        try:
            length = int(body[at : at + _LENGTH], 16)
        except ValueError:
            return
        if length > _LENGTH:
            yield body[at + _LENGTH : at + length]
        at += max(length, _LENGTH)


def _resolve(references: Mapping[str, str], wanted: str) -> str:
    """What BuildKit takes a reference for: a branch before a tag of the same name."""
    if not wanted:
        return references.get("HEAD", "")
    names = (
        f"refs/{wanted.removeprefix('refs/')}",
        f"refs/heads/{wanted.removeprefix('refs/heads/')}",
        f"refs/tags/{wanted.removeprefix('refs/tags/')}",
    )
    return next((references[name] for name in names if name in references), "")

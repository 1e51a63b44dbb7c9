"""Checks what registries answer: digests, sizes and media types are not taken on trust."""

from __future__ import annotations

import hashlib
import json

from whalebuild.failures.classify_http import HttpFailure, NoAnswer, no_answer
from whalebuild.failures.failure import RequestFailedError
from whalebuild.oci.manifest import INDEX_TYPES, MANIFEST_TYPES
from whalebuild.registry.session import Call
from whalebuild.registry.transport import Answer

# Registries must take manifests of 4 MiB and may refuse larger ones (specification, "Pushing").
MANIFEST_LIMIT = 4 * 1024 * 1024
_ALGORITHMS = frozenset({"sha256", "sha512"})  # the registered ones


def digest_like(raw: bytes, *, like: str | None = None) -> str:
    """The digest in SHA-256, or in the algorithm of another digest."""
    algorithm = (like or "sha256").partition(":")[0]
    if algorithm not in _ALGORITHMS:
        return "nothing that can be computed"
    return f"{algorithm}:{hashlib.new(algorithm, raw).hexdigest()}"


def named_digest(answer: Answer) -> str | None:
    """The digest that the answer names; None if it names none, or one of an unknown algorithm."""
    named = answer.headers.get("Docker-Content-Digest")
    return named if named and named.partition(":")[0] in _ALGORITHMS else None


def verify(call: Call, answer: Answer, digest: str | None) -> None:
    """Compare the content with a digest, if there is one.

    Raises:
        RequestFailedError: It is other content.
    """
    if digest and digest != (found := digest_like(answer.body, like=digest)):
        detail = f"expected {digest}, got {found}"
        raise RequestFailedError(wrong(call, answer, NoAnswer.WRONG_CONTENT, detail))


def require_manifest(call: Call, answer: Answer) -> None:
    """Check that an answer is a manifest: a network's login page answers 200 as well.

    Raises:
        RequestFailedError: This is no manifest, or too large for one.
    """
    if not answer.complete:
        raise RequestFailedError(wrong(call, answer, NoAnswer.TOO_LARGE, "over 4 MiB"))
    if not answer.body:
        raise RequestFailedError(wrong(call, answer, NoAnswer.CLOSED, "the answer is empty"))
    if not answer.body.lstrip().startswith(b"{"):
        raise RequestFailedError(wrong(call, answer, NoAnswer.NO_REGISTRY, "no JSON"))


def media_type_of(answer: Answer) -> str:
    """The media type of the answer; the manifest's own where the header has no useful one."""
    named = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    if named in INDEX_TYPES | MANIFEST_TYPES or not answer.body:
        return named
    try:
        itself = json.loads(answer.body).get("mediaType")
    except (AttributeError, ValueError, RecursionError):
        return named
    return itself if isinstance(itself, str) else named


def wrong(call: Call, answer: Answer, why: NoAnswer, detail: str) -> HttpFailure:
    """The failure of an answer whose status is right and whose content is not."""
    return no_answer(f"{call.method} {answer.url.partition('?')[0]}", why, detail)

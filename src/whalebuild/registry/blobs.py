"""Blobs of a repository: whether one is there, mounting one, and the beginning of an upload."""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from urllib.parse import urlencode

from whalebuild.failures.classify_http import NoAnswer
from whalebuild.failures.failure import FailureKind, RequestFailedError
from whalebuild.oci.reference import Reference
from whalebuild.registry.answers import wrong
from whalebuild.registry.hosts import split_repository
from whalebuild.registry.session import Call, RegistrySession
from whalebuild.registry.transport import Answer, follow_link
from whalebuild.values import dataclass

# HEAD leaves out the reason of a 403, and some registries have no HEAD. GET would be the blob
# itself: what is not known to be there is uploaded, and that says the reason, if there is one.
_NOT_KNOWN_TO_BE_THERE = frozenset(
    {
        HTTPStatus.NOT_FOUND.value,
        HTTPStatus.FORBIDDEN.value,
        HTTPStatus.METHOD_NOT_ALLOWED.value,
    }
)
_NO = frozenset({FailureKind.REFUSED, FailureKind.MISSING, FailureKind.CREDENTIAL})


@dataclass(frozen=True)
class Begun:
    """What a registry answers to the beginning of an upload.

    Attributes:
        location: Where the blob is to be sent; None if it was mounted instead.
        least_chunk: Bytes that every chunk but the last must have (``OCI-Chunk-Min-Length``).
    """

    location: str | None
    least_chunk: int = 0


def has_blob(session: RegistrySession, repository: str, digest: str) -> bool:
    """Whether a repository has a blob that is to be pushed to it; False where it does not say.

    Raises:
        RequestFailedError: The registry could not be asked.
    """
    # The login that the upload needs, so that it is not asked for twice.
    call = Call("HEAD", f"blobs/{digest}", action="push", accepted=_NOT_KNOWN_TO_BE_THERE)
    return session.call(repository, call).ok


def begin_upload(session: RegistrySession, repository: str) -> Begun:
    """Begin an upload.

    Raises:
        RequestFailedError: The registry refused, could not be reached, or names no location.
    """
    return _begin(session, repository, Call("POST", "blobs/uploads/", _EMPTY, action="push"))


def try_mount(
    session: RegistrySession, repository: str, digest: str, from_repository: str
) -> Begun | None:
    """Mount a blob of another repository; a registry that does not begins an upload, or refuses.

    Returns:
        None if it refused, which may mean that the other repository must not be read. Whether
        pushing is refused as well is for ``begin_upload`` to find out.

    Raises:
        RequestFailedError: The registry could not be reached, or names no location.
    """
    registry, _ = split_repository(Reference(repository).registry, repository)
    others, path = split_repository(Reference(from_repository).registry, from_repository)
    if others != registry:
        return None
    query = urlencode({"mount": digest, "from": path}, safe="/:")
    call = Call("POST", f"blobs/uploads/?{query}", _EMPTY, action="push", reads=path)
    try:
        return _begin(session, repository, call)
    except RequestFailedError as error:
        if error.failure.kind in _NO:
            return None
        raise


def cancel_upload(session: RegistrySession, repository: str, location: str) -> None:
    """Cancel an upload; a registry that cannot forgets it in time."""
    with suppress(RequestFailedError):
        session.call(repository, Call("DELETE", location, action="push"))


def location_of(answer: Answer) -> str | None:
    """The URL of the next step, where the answer names one."""
    location = answer.headers.get("Location")
    return follow_link(answer.url, location) if location else None


_EMPTY = {"Content-Length": "0"}


def _begin(session: RegistrySession, repository: str, call: Call) -> Begun:
    answer = session.call(repository, call)
    if call.reads and answer.status == HTTPStatus.CREATED:
        return Begun(None)
    location = location_of(answer)
    if location is None:
        raise RequestFailedError(wrong(call, answer, NoAnswer.NO_REGISTRY, "no Location"))
    least = answer.headers.get("OCI-Chunk-Min-Length", "")
    return Begun(location, int(least) if least.isdecimal() else 0)

"""Conversations with registries: which host to ask, with which login, and what has failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from http import HTTPStatus
from urllib.parse import urlencode

from whalebuild.failures.classify_http import HttpFailure, from_answer
from whalebuild.failures.failure import NO_SCOPE, FailureKind, RequestFailedError
from whalebuild.oci.reference import Reference
from whalebuild.registry.auth import Authorizer
from whalebuild.registry.credentials import CredentialStore
from whalebuild.registry.hosts import Endpoint, HostSettings, endpoints, split_repository
from whalebuild.registry.streamed import Part
from whalebuild.registry.transport import Answer, Request, Transport, origin
from whalebuild.values import dataclass

_ANSWER_LIMIT = 1024 * 1024
_ACTIONS = {"pull": "pull", "push": "pull,push", "delete": "pull,delete"}


@dataclass(frozen=True)
class Call:
    """A request to a repository.

    Attributes:
        path: Below the repository's own path, such as ``manifests/latest``; or a URL that the
            registry itself gave for the next step.
        action: What the login must be good for: ``pull``, ``push`` or ``delete``.
        accepted: Statuses beside 2xx that the caller deals with itself.
        limit: How much of the answer to read.
        mirrors: Whether the registry's mirrors are asked first.
        reads: The path of another repository that the login must be good to read, too.
        answer_within: Seconds to wait for the answer, if not as usual.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Part | None = None
    action: str = "pull"
    accepted: frozenset[int] = frozenset()
    limit: int = _ANSWER_LIMIT
    mirrors: bool = False
    reads: str = ""
    answer_within: float | None = None


class RegistrySession:
    """Connections, tokens and what was learned about hosts; thread-safe."""

    def __init__(self, env: Mapping[str, str], settings: Mapping[str, HostSettings]) -> None:
        self._settings = settings
        self._transport = Transport(env)
        self._authorizer = Authorizer(
            CredentialStore(env),
            lambda request, limit: self._transport.send(request, limit=limit),
        )
        # By registry, the one of several schemes that has answered.
        self._working: dict[str, Endpoint] = {}

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def hide(self, text: str) -> str:
        """Remove the secrets of all logins from a text."""
        return self._authorizer.hide(text)

    def call(self, repository: str, call: Call) -> Answer:
        """Make a request, and a second one with a login where the registry asks for that.

        Raises:
            RequestFailedError: There was no answer, or one that is neither a success nor accepted.
        """
        registry, path = split_repository(Reference(repository).registry, repository)
        ways = self._ways(registry, mirrors=call.mirrors)
        for way in ways[:-1]:
            try:
                answer, failure = self._ask(way, path, call)
            except RequestFailedError:
                continue  # a mirror that is down, or the wrong one of two schemes
            if way.mirrored and not answer.ok:
                continue
            if failure is None or failure.kind is not FailureKind.UNREACHABLE:
                return self._settle(registry, way, answer, failure)
        answer, failure = self._ask(ways[-1], path, call)
        return self._settle(registry, ways[-1], answer, failure)

    def _ways(self, registry: str, *, mirrors: bool) -> tuple[Endpoint, ...]:
        ways = endpoints(registry, self._settings)
        known = self._working.get(registry)
        own = (known,) if known else tuple(way for way in ways if not way.mirrored)
        return (*(way for way in ways if mirrors and way.mirrored), *own)

    def _settle(
        self, registry: str, way: Endpoint, answer: Answer, failure: HttpFailure | None
    ) -> Answer:
        if not way.mirrored and not (failure and failure.kind is FailureKind.UNREACHABLE):
            self._working[registry] = way
        if failure:
            raise RequestFailedError(failure)
        return answer

    def _ask(self, way: Endpoint, path: str, call: Call) -> tuple[Answer, HttpFailure | None]:
        url = call.path if "://" in call.path else f"{way.base}/{path}/{call.path}"
        if way.mirrored:
            # As containerd: a mirror of several registries is told which one is meant.
            url = f"{url}?{urlencode({'ns': way.mirrored})}"
        scope = f"repository:{path}:{_ACTIONS[call.action]}"
        if call.reads:
            scope = f"{scope} repository:{call.reads}:pull"
        # A registry may have uploads go elsewhere: that host gets no login.
        ours = origin(url) == origin(way.base)
        authorization = self._authorizer.header(way, scope) if ours else None
        request = _request(call, way, url, authorization)
        answer = self._transport.send(request, limit=call.limit)
        if answer.status == HTTPStatus.UNAUTHORIZED and origin(answer.url) == origin(way.base):
            challenges = answer.headers.getlist("WWW-Authenticate")
            again = self._authorizer.answer(way, scope, challenges, authorization)
            if again:
                request = _request(call, way, url, again)
                answer = self._transport.send(request, limit=call.limit)
        if answer.ok or answer.status in call.accepted:
            return answer, None
        said = f"{request} ({NO_SCOPE})" if _lacks_scope(answer) else str(request)
        failure = from_answer(said, answer.status, answer.headers, answer.body)
        return answer, self._authorizer.explain(failure, way)


def _lacks_scope(answer: Answer) -> bool:
    """Whether the token was good, but not for this: Docker Hub's word for "no such repository"."""
    return any(NO_SCOPE in header for header in answer.headers.getlist("WWW-Authenticate"))


def _request(call: Call, way: Endpoint, url: str, authorization: str | None) -> Request:
    trust = way.trust if origin(url) == origin(way.base) else type(way.trust)()
    return Request(
        call.method,
        url,
        call.headers,
        call.body,
        authorization,
        trust,
        answer_within=call.answer_within,
    )

"""Answers a registry's challenges: Basic, and Bearer tokens from the server that it names.

Protocol: https://distribution.github.io/distribution/spec/auth/token/ (GET) and ``…/oauth/``
(POST, for identity tokens). As the docker client, the first request to a host goes without a
login; what the host asks for is remembered, so that later ones bring theirs along.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import field, replace
from typing import Any
from urllib.parse import urlencode

from whalebuild.failures.classify_http import HttpFailure, NoAnswer, from_answer, no_answer
from whalebuild.failures.failure import FailureKind, RequestFailedError
from whalebuild.failures.redaction import hide
from whalebuild.oci.reference import is_loopback
from whalebuild.registry.credentials import CredentialStore, Login
from whalebuild.registry.hosts import Endpoint, Trust
from whalebuild.registry.transport import Answer, Request, origin
from whalebuild.values import dataclass

_CLIENT_ID = "whalebuild"
_TOKEN_LIMIT = 1024 * 1024
_USUAL_SECONDS = 60.0  # a token's life where the server does not say: the specification's default
_MARGIN_SECONDS = 5.0
_SHORTEST_SECRET = 4  # replacing shorter ones would tell them
# A scheme, or one of its parameters: name="value". Nothing is looked for behind it that has no end.
_PART = re.compile(
    r"(?<![\w-])(?:(?P<key>[\w-]++)\s{0,9}=\s{0,9}"
    r"(?:\"(?P<quoted>(?:[^\"\\]|\\.){0,4096}+)\"|(?P<plain>[^\s,\"]*+))"
    r"|(?P<scheme>[A-Za-z][\w-]*+))"
)


@dataclass(frozen=True)
class Challenge:
    """What a 401 asks for: ``scheme`` in lower case, and its parameters."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


@dataclass(frozen=True)
class _Token:
    """A token as it is sent, and when it is not to be sent any more (by ``Authorizer``'s clock)."""

    header: str = field(repr=False)
    ends: float


class Authorizer:
    """Knows what to send to which host; thread-safe.

    Args:
        store: Where logins come from.
        send: Sends a request to a token server, reading at most so many bytes.
        clock: Seconds that only ever grow.
    """

    def __init__(
        self,
        store: CredentialStore,
        send: Callable[[Request, int], Answer],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._send = send
        self._clock = clock
        self._lock = threading.Lock()
        self._challenges: dict[str, Challenge] = {}
        self._tokens: dict[tuple[str, str], _Token] = {}
        self._fetching: dict[tuple[str, str], threading.Lock] = {}
        self._secrets: set[str] = set()

    def header(self, endpoint: Endpoint, scope: str) -> str | None:
        """Return the ``Authorization`` for a host that has asked for one before, else None.

        Raises:
            RequestFailedError: The token server did not give a token.
        """
        challenge = self._challenges.get(endpoint.host)
        if challenge is None:
            return None
        if challenge.scheme == "basic":
            return self._login(endpoint.host).basic or None
        return self._token(endpoint, replace(challenge, scope=""), scope, tried=None)

    def answer(
        self, endpoint: Endpoint, scope: str, challenges: Iterable[str], tried: str | None
    ) -> str | None:
        """Return the ``Authorization`` to send after a 401; None if there is none to try.

        Args:
            endpoint: Where the 401 came from.
            scope: What the request needs, such as ``repository:acme/web:pull,push``.
            challenges: The answer's ``WWW-Authenticate`` headers.
            tried: The ``Authorization`` that was refused.

        Raises:
            RequestFailedError: The token server did not give a token.
        """
        login = self._login(endpoint.host)
        if login.registry_token:
            given = f"Bearer {login.registry_token}"
            return None if tried == given else given
        for challenge in sorted(parse_challenges(challenges), key=lambda c: c.scheme != "bearer"):
            if challenge.scheme == "bearer" and challenge.realm:
                self._challenges[endpoint.host] = replace(challenge, scope="")
                return self._token(endpoint, challenge, scope, tried=tried)
            if challenge.scheme == "basic" and login.basic and login.basic != tried:
                self._challenges[endpoint.host] = challenge
                return login.basic
        return None

    def explain(self, failure: HttpFailure, endpoint: Endpoint) -> HttpFailure:
        """Add what is wrong with the login, where that may be the cause; remove every secret."""
        problem, kind = "", failure.kind
        if failure.status in {401, 403}:
            # Only another login is worth another try: a helper's may have been replaced by now.
            if kind is FailureKind.CREDENTIAL and not self._store.read_anew(endpoint.host):
                kind = FailureKind.REFUSED
            problem = self._login(endpoint.host).problem
        reason, evidence = failure.reason, failure.evidence
        if problem:
            evidence = f"{evidence} (without a login: {problem})"
        return replace(failure, kind=kind, reason=self.hide(reason), evidence=self.hide(evidence))

    def hide(self, text: str) -> str:
        """Remove from a text every secret that was sent or received."""
        with self._lock:
            secrets = sorted(self._secrets, key=len, reverse=True)
        for secret in secrets:
            text = text.replace(secret, "***")
        return text

    def _login(self, host: str) -> Login:
        login = self._store.login(host)
        self._keep_secret(*login.secrets, login.basic.removeprefix("Basic "))
        return login

    def _keep_secret(self, *secrets: str) -> None:
        hide(*secrets)
        with self._lock:
            self._secrets.update(s for s in secrets if len(s) >= _SHORTEST_SECRET)

    def _token(
        self, endpoint: Endpoint, challenge: Challenge, scope: str, *, tried: str | None
    ) -> str:
        key = (endpoint.host, scope)
        with self._lock:
            fetching = self._fetching.setdefault(key, threading.Lock())
        with fetching:  # threads that need the same token wait for the one who fetches it
            known = self._known(endpoint.host, scope)
            if known and known != tried:
                return known
            token = self._fetch(endpoint, challenge, scope)
            self._tokens[key] = token
            return token.header

    def _known(self, host: str, scope: str) -> str | None:
        """A token that is good for the scope: its own, or the one for pushing."""
        for usable in (scope, f"{scope},push"):
            token = self._tokens.get((host, usable))
            if token and self._clock() < token.ends:
                return token.header
        return None

    def _fetch(self, endpoint: Endpoint, challenge: Challenge, scope: str) -> _Token:
        login = self._login(endpoint.host)
        request = _token_request(endpoint, challenge, join_scopes(scope, challenge.scope), login)
        started = self._clock()
        answer = self._send(request, _TOKEN_LIMIT)
        if not answer.ok:
            failure = from_answer(str(request), answer.status, answer.headers, answer.body)
            raise RequestFailedError(self.explain(failure, endpoint))
        parsed = _json_object(answer.body)
        value = parsed.get("token") or parsed.get("access_token")
        if not isinstance(value, str):
            raise RequestFailedError(
                no_answer(str(request), NoAnswer.NO_REGISTRY, "there is no token in it")
            )
        self._keep_secret(value)
        lasts = parsed.get("expires_in")
        seconds = float(lasts) if isinstance(lasts, int | float) and lasts > 0 else _USUAL_SECONDS
        return _Token(f"Bearer {value}", started + seconds - _MARGIN_SECONDS)


def _token_request(
    endpoint: Endpoint, challenge: Challenge, scopes: tuple[str, ...], login: Login
) -> Request:
    service = {"service": challenge.service} if challenge.service else {}
    same = origin(challenge.realm) == origin(endpoint.base)
    trust = endpoint.trust if same or endpoint.trust.insecure else Trust()
    if login.basic or login.identity_token:
        _refuse_plaintext(endpoint, challenge)
    if login.identity_token:
        form = {
            "grant_type": "refresh_token",
            **service,
            "client_id": _CLIENT_ID,
            "scope": " ".join(scopes),
            "refresh_token": login.identity_token,
        }
        return Request(
            "POST",
            challenge.realm,
            {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            urlencode(form).encode(),
            trust=trust,
            follow=False,  # the body is a secret, and another host may be named
        )
    query = urlencode([*service.items(), *(("scope", scope) for scope in scopes)])
    joint = "&" if "?" in challenge.realm else "?"
    return Request(
        "GET",
        f"{challenge.realm}{joint}{query}",
        {"Accept": "application/json"},
        authorization=login.basic or None,
        trust=trust,
    )


def _refuse_plaintext(endpoint: Endpoint, challenge: Challenge) -> None:
    """Refuse to send a login over plain http for a registry that is spoken to over https."""
    scheme, host, _ = origin(challenge.realm)
    safe = scheme == "https" or is_loopback(host)
    if not safe and endpoint.scheme == "https" and not endpoint.trust.insecure:
        raise RequestFailedError(
            no_answer(
                f"GET {challenge.realm.partition('?')[0]}",
                NoAnswer.NO_REGISTRY,
                "the registry wants a login to be sent over plain http",
            )
        )


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Parse ``WWW-Authenticate`` (RFC 9110, 11.6.1); a header may have several challenges."""
    found: list[tuple[str, dict[str, str]]] = []
    for header in headers:
        for part in _PART.finditer(header):
            if part["scheme"]:
                found.append((part["scheme"].lower(), {}))
            elif found:
                quoted = part["quoted"]
                value = part["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
                found[-1][1][part["key"].lower()] = value
    return tuple(
        Challenge(scheme, given.get("realm", ""), given.get("service", ""), given.get("scope", ""))
        for scheme, given in found
    )


def join_scopes(*scopes: str) -> tuple[str, ...]:
    """Join scopes: one for each resource, its actions in order of appearance."""
    joined: dict[str, dict[str, None]] = {}
    for scope in " ".join(scopes).split():
        resource, _, actions = scope.rpartition(":")
        joined.setdefault(resource, {}).update(dict.fromkeys(actions.split(",")))
    return tuple(f"{resource}:{','.join(actions)}" for resource, actions in joined.items())

"""Answers as registries give them, and what each is taken for."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whalebuild.errors import ExitCode
from whalebuild.failures.classify_http import HttpFailure, NoAnswer, from_answer, no_answer
from whalebuild.failures.failure import FailureKind
from whalebuild.failures.messages import as_error

REQUEST = "GET https://registry.test/v2/acme/web/manifests/deps"
SPECIFICATION = "https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes"


class Answered(NamedTuple):
    source: str
    kind: FailureKind
    status: int
    body: str


def listed(code: str, message: str) -> str:
    return json.dumps({"errors": [{"code": code, "message": message, "detail": {"a": 1}}]})


ANSWERS = [
    Answered(
        SPECIFICATION, FailureKind.MISSING, 404, listed("MANIFEST_UNKNOWN", "manifest unknown")
    ),
    Answered(
        SPECIFICATION, FailureKind.MISSING, 404, listed("NAME_UNKNOWN", "repository name not known")
    ),
    Answered(
        SPECIFICATION,
        FailureKind.CREDENTIAL,
        401,
        listed("UNAUTHORIZED", "authentication required"),
    ),
    Answered(
        SPECIFICATION, FailureKind.REFUSED, 403, listed("DENIED", "requested access is denied")
    ),
    Answered(
        SPECIFICATION, FailureKind.REFUSED, 400, listed("MANIFEST_INVALID", "manifest invalid")
    ),
    Answered(
        SPECIFICATION, FailureKind.REFUSED, 405, listed("UNSUPPORTED", "operation is unsupported")
    ),
    Answered(
        SPECIFICATION, FailureKind.TRANSIENT, 429, listed("TOOMANYREQUESTS", "too many requests")
    ),
    Answered(
        "https://docs.docker.com/docker-hub/usage/",
        FailureKind.TRANSIENT,
        429,
        listed("TOOMANYREQUESTS", "You have reached your unauthenticated pull rate limit."),
    ),
    Answered(
        "GitHub's secondary limits", FailureKind.TRANSIENT, 403, listed("DENIED", "API rate limit")
    ),
    Answered("Amazon ECR", FailureKind.TRANSIENT, 403, listed("TOOMANYREQUESTS", "Rate exceeded")),
    Answered(
        "Google Artifact Registry",
        FailureKind.TRANSIENT,
        403,
        listed("DENIED", "Quota exceeded for quota metric 'Requests' and limit 'per minute'"),
    ),
    Answered(
        "Harbor's storage quota",
        FailureKind.REFUSED,
        412,
        listed("PRECONDITION", "adding 10.0 MiB of storage resource will exceed the quota"),
    ),
    Answered(
        "Harbor's immutable tags",
        FailureKind.REFUSED,
        412,
        listed("PRECONDITION", "configured as immutable, cannot be updated"),
    ),
    Answered(
        "Amazon ECR's immutable tags",
        FailureKind.REFUSED,
        400,
        listed("TAG_INVALID", "The image tag 'latest' already exists and is immutable"),
    ),
    Answered("two writers", FailureKind.TRANSIENT, 409, ""),
    Answered("a locked tag", FailureKind.REFUSED, 409, listed("CONFLICT", "the tag is immutable")),
    Answered("nginx", FailureKind.REFUSED, 413, "<html>413 Request Entity Too Large</html>"),
    Answered(
        "https://github.com/docker/buildx/pull/3731",
        FailureKind.TRANSIENT,
        400,
        listed("MANIFEST_BLOB_UNKNOWN", "blob unknown to registry"),
    ),
    Answered(
        "https://github.com/docker/buildx/pull/3731",
        FailureKind.TRANSIENT,
        400,
        listed("DIGEST_INVALID", "provided digest did not match uploaded content"),
    ),
    Answered(
        "distribution 2.8.3, GET of a blob that is not there",
        FailureKind.MISSING,
        404,
        listed("BLOB_UNKNOWN", "blob unknown to registry"),
    ),
    Answered("a timeout", FailureKind.TRANSIENT, 408, ""),
    Answered("early data", FailureKind.TRANSIENT, 425, ""),
    *(
        Answered("a server in trouble", FailureKind.TRANSIENT, n, "")
        for n in (500, 502, 503, 504, 522)
    ),
    Answered("a server without the method", FailureKind.REFUSED, 501, ""),
    Answered("a full disk", FailureKind.REGISTRY_FULL, 507, ""),
    Answered(
        "docker-registry 2.8 with a full disk, POST of an upload; PUT of a manifest is the same",
        FailureKind.REGISTRY_FULL,
        500,
        '{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":{"DriverName":'
        '"filesystem","Enclosed":{"Op":"write","Path":"/disk/docker/registry/v2/repositories/x/_uploads/'
        '75f5524c-b174-4768-9814-c171afd2e77c/startedat","Err":28}}}]}',
    ),
    Answered(
        "https://docs.aws.amazon.com/AmazonECR/latest/userguide/common-errors-docker.html",
        FailureKind.CREDENTIAL,
        403,
        listed("DENIED", "Your authorization token has expired. Reauthenticate and try again."),
    ),
    Answered(
        SPECIFICATION,
        FailureKind.TRANSIENT,
        404,
        listed("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"),
    ),
    Answered("a proxy that wants a login", FailureKind.UNREACHABLE, 407, ""),
    Answered(
        "net/http of Go",
        FailureKind.UNREACHABLE,
        400,
        "Client sent an HTTP request to an HTTPS server.\n",
    ),
    Answered(
        "nginx",
        FailureKind.UNREACHABLE,
        400,
        "<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>",
    ),
    Answered("a redirect to nowhere", FailureKind.UNREACHABLE, 302, ""),
]


@pytest.mark.parametrize("answered", ANSWERS, ids=lambda a: f"{a.status} {a.source}")
def test_answers(answered: Answered) -> None:
    failure = from_answer(REQUEST, answered.status, {}, answered.body.encode())
    assert failure.kind is answered.kind
    assert failure.status == answered.status
    assert str(answered.status) in failure.evidence
    assert failure.evidence.startswith(REQUEST)


def test_what_is_said() -> None:
    body = listed("DENIED", "requested access to the resource is denied").encode()
    assert from_answer(REQUEST, 403, {}, body) == HttpFailure(
        FailureKind.REFUSED,
        "denied: requested access to the resource is denied (403 Forbidden)",
        f"{REQUEST}: 403 Forbidden: denied: requested access to the resource is denied",
        403,
        "DENIED",
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "403 Forbidden"),
        ("<html>\n<h1>No</h1></html>", "403 Forbidden"),
        ("  \n", "403 Forbidden"),
        ("[]", "403 Forbidden"),
        ("{}", "403 Forbidden"),
        ('{"errors": "x"}', "403 Forbidden"),
        ('{"errors": [1]}', "403 Forbidden"),
        ("not today\nnor tomorrow", "not today (403 Forbidden)"),
        ('{"details": "incorrect password"}', "incorrect password (403 Forbidden)"),
        ('{"message": "no", "details": "x"}', "no (403 Forbidden)"),
        ('{"errors": [{"message": "no"}]}', "no (403 Forbidden)"),
        ('{"errors": [{"code": "DENIED"}]}', "denied (403 Forbidden)"),
        ("a\x1b[31mb", "a [31mb (403 Forbidden)"),
    ],
)
def test_words_of_all_kinds(body: str, reason: str) -> None:
    assert from_answer(REQUEST, 403, {}, body.encode()).reason == reason


def test_a_full_disk_is_said() -> None:
    body = b'{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":{"Err":28}}]}'
    failure = from_answer(REQUEST, 500, {}, body)
    assert failure.reason == "no space left on device (500 Internal Server Error)"


def test_the_wait_that_is_asked_for_is_said() -> None:
    failure = from_answer(REQUEST, 429, {"Retry-After": "3600"}, b"")
    assert failure.evidence.endswith("429 Too Many Requests (it asks to wait 3600 s)")


def test_several_errors_are_all_said_once() -> None:
    errors = [{"code": code, "message": "no"} for code in ("A", "B", "B")]
    failure = from_answer(REQUEST, 400, {}, json.dumps({"errors": errors}).encode())
    assert (failure.code, failure.reason) == ("A", "a: no; b: no (400 Bad Request)")


def test_secrets_in_urls_are_removed() -> None:
    message = "see https://ada:pass@store.test/x?X-Signature=abc"
    failure = from_answer(f"{REQUEST}?token=abc", 403, {}, listed("DENIED", message).encode())
    assert "pass" not in failure.evidence + failure.reason
    assert "abc" not in failure.evidence + failure.reason


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "30"}, 30.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "9" * 400}, None),
        ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, None),
        (
            {
                "Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT",
                "Date": "Fri, 31 Dec 1999 23:59:49 GMT",
            },
            10.0,
        ),
        (
            {
                "Retry-After": "Fri, 31 Dec 1999 23:59:39 GMT",
                "Date": "Fri, 31 Dec 1999 23:59:49 GMT",
            },
            0.0,
        ),
        (
            {
                "Retry-After": "Fri, 31 Dec 1999 23:59:39 -0000",
                "Date": "Fri, 31 Dec 1999 23:59:49 GMT",
            },
            None,
        ),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert from_answer(REQUEST, 503, headers, b"").retry_after == seconds


@pytest.mark.parametrize("trouble", NoAnswer)
def test_troubles(trouble: NoAnswer) -> None:
    kind, reason = trouble.kind, trouble.reason
    assert kind in {FailureKind.TRANSIENT, FailureKind.UNREACHABLE}
    failure = no_answer(REQUEST, trouble, "more of it")
    assert failure.kind is kind
    assert reason in failure.reason
    assert "more of it" in failure.evidence
    assert no_answer(REQUEST, trouble).evidence == f"{REQUEST}: {reason}"
    assert as_error(failure).exit_code is ExitCode.UNREACHABLE


def test_next_steps_are_found_by_dockers_words() -> None:
    certificate = no_answer(REQUEST, NoAnswer.CERTIFICATE, "self-signed certificate")
    assert certificate.reason == "x509: self-signed certificate"
    assert "authority" in (as_error(certificate).next_step or "")
    assert "plain http" in (as_error(no_answer(REQUEST, NoAnswer.PLAIN_HTTP)).next_step or "")


@given(st.integers(100, 599), st.binary(max_size=400), st.text(max_size=20))
def test_any_answer_is_some_failure(status: int, body: bytes, wait: str) -> None:
    failure = from_answer(REQUEST, status, {"Retry-After": wait, "Date": wait}, body)
    assert failure.kind is not FailureKind.UNKNOWN
    assert len(failure.reason) < 400
    assert failure.evidence.isprintable()

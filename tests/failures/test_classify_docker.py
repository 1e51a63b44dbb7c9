"""Recorded messages of docker, buildx, BuildKit and registries: what each is taken for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.failures.recorded import DIGEST, Recorded
from tests.failures.recorded_cache_messages import CACHE_MESSAGES
from tests.failures.recorded_compose_messages import COMPOSE_MESSAGES
from tests.failures.recorded_engine_messages import ENGINE_MESSAGES
from tests.failures.recorded_messages import MESSAGES
from tests.failures.recorded_registry_messages import REGISTRY_MESSAGES
from whalebuild.failures.classify_docker import DockerFailure, classify, classify_pull, final_error
from whalebuild.failures.failure import (
    NO_PLATFORM,
    Detail,
    Failure,
    FailureKind,
    Remedy,
    redact,
)
from whalebuild.failures.messages import as_error, as_pull_error

ALL = [*MESSAGES, *REGISTRY_MESSAGES, *CACHE_MESSAGES, *ENGINE_MESSAGES]


@pytest.mark.parametrize(
    "message",
    ALL,
    ids=[f"{m.kind.value}: {m.source.removeprefix('https://github.com/')}" for m in ALL],
)
def test_recorded_messages_are_told_apart(message: Recorded) -> None:
    failure = classify(message.text)
    assert failure.kind is message.kind
    assert failure.evidence in redact(message.text)


@pytest.mark.parametrize("message", COMPOSE_MESSAGES, ids=[m.source for m in COMPOSE_MESSAGES])
def test_recorded_messages_of_a_hosts_pull(message: Recorded) -> None:
    failure = classify_pull(message.text)
    assert failure.kind is message.kind
    assert failure.evidence in message.text
    assert as_pull_error(failure).cause == failure.evidence.removeprefix("ERROR: ")


@pytest.mark.parametrize("kind", [FailureKind.MISSING, FailureKind.GONE])
def test_a_registry_that_does_not_find_what_it_has_may_find_it_soon(kind: FailureKind) -> None:
    of_kind = [message.text for message in COMPOSE_MESSAGES if message.kind is kind]
    texts = [text for text in of_kind if DIGEST in text]
    assert texts
    for text in texts:
        assert classify_pull(text, there=[DIGEST]).kind is FailureKind.TRANSIENT
        assert classify_pull(text, there=[f"sha256:{'b' * 64}"]).kind is kind


def test_a_pull_has_no_build() -> None:
    lacks = classify_pull(f"ERROR: {NO_PLATFORM}: not found")
    assert lacks.kind is FailureKind.MISSING
    full = classify_pull("ERROR: write /disk/ingest/x: no space left on device")
    assert full.kind is FailureKind.DISK_FULL
    for failure, code, words in (
        (lacks, 5, "platform"),
        (full, 3, "disk of the host's engine"),
        (classify_pull("ERROR: error from registry: denied"), 5, "refused: denied"),
        (classify_pull("Cannot connect to the Docker daemon"), 3, "went away"),
    ):
        error = as_pull_error(failure)
        assert error.exit_code == code
        assert words in error.what
        assert "bake" not in f"{error.next_step}"
        assert "push" not in f"{error.next_step}"


@pytest.mark.parametrize("message", [m for m in ALL if m.kind is not FailureKind.BUILD], ids=repr)
def test_the_reason_is_words_that_can_stand_alone(message: Recorded) -> None:
    reason = classify(message.text).reason
    assert reason[0].isalnum() or reason[0] == "'"
    assert len(reason) > 2


def test_what_a_failing_step_printed_is_no_answer_of_a_registry() -> None:
    log = "#9 0.1 503 Service Unavailable\n#9 0.2 denied: no\nERROR: dial tcp: i/o timeout\n"
    step = 'ERROR: target app: failed to solve: process "/bin/sh -c false" did not complete '
    assert classify(f"{log}{step}successfully: exit code: 1\n").kind is FailureKind.BUILD


@pytest.mark.parametrize("end", ["exit code: 22", "cannot allocate memory", "signal: killed"])
def test_the_words_of_a_failing_command_are_no_answer_of_a_registry(end: str) -> None:
    command = 'process "/bin/sh -c test $(curl -s url) != 503 Service Unavailable"'
    text = f"ERROR: failed to solve: {command} did not complete successfully: {end}"
    assert classify(text).kind is FailureKind.BUILD


def test_unknown_words_are_kept_as_evidence() -> None:
    assert classify("one\nERROR: something new\n") == DockerFailure(
        FailureKind.UNKNOWN, "unknown failure", "ERROR: something new"
    )
    assert classify("") == DockerFailure(FailureKind.UNKNOWN, "unknown failure", "")


def test_only_the_last_error_counts() -> None:
    assert final_error("ERROR: one\nnote\nERROR: two\nmore\n") == "ERROR: two\nmore"
    assert final_error("no mark\n") == "no mark"


def test_events_are_no_error() -> None:
    """What buildx prints where a check finds something: the finding is on standard output."""
    assert not final_error('{"vertexes":[{"digest":"sha256:d0"}]}\n{"logs":[]}\n')


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Get https://me:secret@r.io/v2/: EOF", "Get https://r.io/v2/: EOF"),
        ("Get https://me:sec@ret@r.io/v2/: EOF", "Get https://r.io/v2/: EOF"),
        ('Put "http://r.io/u?_state=abc&digest=x": EOF', 'Put "http://r.io/u": EOF'),
        ("r.io/acme/web:deps: not found", "r.io/acme/web:deps: not found"),
        ("mail me@example.org?", "mail me@example.org?"),
    ],
    ids=["user", "at sign in the password", "query", "reference", "no URL"],
)
def test_secrets_in_urls_are_removed(text: str, clean: str) -> None:
    assert redact(text) == clean


JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.c2lnbmVk-_"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("denied: you sent Basic YWRhOng=", "denied: you sent Basic ***"),
        ("map[Authorization:[Bearer t0ken-of-mine]]", "map[Authorization:[***]]"),
        (f"denied: {JWT} is no good", "denied: *** is no good"),
        (
            "form grant_type=password&password=S3CRET&x=1",
            "form grant_type=password&password=***&x=1",
        ),
        ('500: {"access_token": "S3CRET", "a": 1}', '500: {"access_token": "***", "a": 1}'),
        (r"{\"refresh_token\":\"S3CRET\"}", r"{\"refresh_token\":\"***\"}"),
        (
            "error getting credentials - err: exit status 1, out: `pass: S3CRET`",
            "error getting credentials - err: exit status 1, out: `***`",
        ),
        # Words that are not secrets: failures are told by them.
        ("no basic auth credentials", "no basic auth credentials"),
        ("wants Basic authentication, not Bearer tokens.", None),
        ('Bearer realm="http://h/token",service="s"', None),
        ("failed to fetch oauth token: unexpected status: 503", None),
        ("unauthorized: incorrect username or password", None),
        ("invalid_token: the secret has expired", None),
    ],
)
def test_credentials_are_removed_and_words_are_not(text: str, clean: str | None) -> None:
    assert redact(text) == (clean or text)


word = st.text(alphabet="abcXYZ019-_.~%:!$&'()*+,;=", min_size=1)


@given(word.map("S3CRET".__add__), word.map("T0KEN".__add__))
def test_no_secret_of_a_url_survives(password: str, query: str) -> None:
    url = f"https://user:{password}@registry.example/v2/?token={query}"
    failure = classify(f'ERROR: failed to push: Put "{url}": 503 Service Unavailable')
    assert not {"S3CRET", "T0KEN"} & set(failure.evidence.split("@")[0].split(":"))
    assert "S3CRET" not in failure.evidence
    assert "T0KEN" not in failure.evidence


@pytest.mark.parametrize(
    ("kind", "code", "what"),
    [
        (FailureKind.USAGE, 2, "the evidence"),
        (FailureKind.ENGINE, 3, "the Docker engine cannot do this: the reason"),
        (FailureKind.BUILD, 4, "the build failed"),
        (FailureKind.UNKNOWN, 4, "the build failed"),
        (FailureKind.REFUSED, 5, "the registry refused: the reason"),
        (FailureKind.REGISTRY_FULL, 5, "the registry's disk is full"),
        (FailureKind.MISSING, 5, "the registry refused: the reason"),
        (FailureKind.TRANSIENT, 6, "the registry could not be reached: the reason"),
        (FailureKind.UNREACHABLE, 6, "the registry could not be reached: the reason"),
        (FailureKind.ENGINE_LOST, 3, "the Docker engine went away: the reason"),
        (FailureKind.DISK_FULL, 3, "the builder's disk is full"),
        (FailureKind.CREDENTIAL, 5, "the registry did not accept the login: the reason"),
        (FailureKind.GONE, 5, "the registry has lost something that is published: the reason"),
        (FailureKind.UNKNOWN_PUSH, 6, "the push failed for a reason that whalebuild does not know"),
        (FailureKind.UNKNOWN_PULL, 6, "the pull failed for a reason that whalebuild does not know"),
    ],
)
def test_every_kind_has_its_exit_code_and_message(kind: FailureKind, code: int, what: str) -> None:
    error = as_error(Failure(kind, "the reason", "ERROR: the evidence"), log="log of the step")
    assert (error.exit_code, error.what) == (code, what)
    assert (error.cause or error.what) == "the evidence"
    assert error.log == ("log of the step" if code == 4 else None)


def test_a_step_that_filled_the_disk_says_how_to_free_some() -> None:
    failure = Failure(
        FailureKind.BUILD, "exit code: 1", "ERROR: process did not complete: exit code: 1"
    )
    error = as_error(failure, log="dd: error writing '/x': No space left on device")
    assert error.exit_code == 4
    assert "no space left on device" in str(error.cause)
    assert "docker buildx prune" in str(error.next_step)


@pytest.mark.parametrize(
    ("text", "registry"),
    [
        ("PUT request to http://127.0.0.1:5000/v2/x/manifests/1: 503", "127.0.0.1:5000"),
        ("failed to push registry.example/acme/web:deps: denied", "registry.example"),
        ("dial tcp: lookup registry.example on 10.0.0.1:53: no such host", "registry.example"),
        ("dial tcp 127.0.0.1:5000: connect: connection refused", "127.0.0.1:5000"),
        ("process did not complete", None),
    ],
)
def test_the_registry_is_told_from_the_evidence(text: str, registry: str | None) -> None:
    assert classify(f"ERROR: {text}").registry == registry


def test_what_was_pushed_just_now_and_is_not_found_is_on_its_way() -> None:
    fresh = f"sha256:{'a' * 64}"
    text = f"ERROR: failed to resolve source metadata for r.io/web@{fresh}: not found"
    assert classify(text).kind is FailureKind.BUILD
    assert classify(text, fresh={fresh}).kind is FailureKind.TRANSIENT
    assert classify(text, fresh={f"sha256:{'b' * 64}"}).kind is FailureKind.BUILD


def test_a_platform_that_is_not_in_what_was_pushed_just_now_is_not_on_its_way() -> None:
    fresh = f"sha256:{'1' * 64}"
    text = (
        f"ERROR: failed to resolve source metadata for r.io/web@{fresh}: {NO_PLATFORM}: not found"
    )
    assert classify(text, fresh=[fresh]).kind is FailureKind.BUILD


def test_every_kind_has_a_remedy() -> None:
    remedies = {kind: kind.remedy for kind in FailureKind}
    assert {kind for kind, remedy in remedies.items() if remedy is Remedy.WAIT} == {
        FailureKind.TRANSIENT,
        FailureKind.ENGINE_LOST,
    }
    assert {kind for kind, remedy in remedies.items() if remedy is Remedy.ONCE} == {
        FailureKind.CREDENTIAL,
        FailureKind.UNKNOWN_PUSH,
        FailureKind.UNKNOWN_PULL,
    }


@pytest.mark.parametrize(("code", "hint"), [(137, True), (1, False), (13, False)])
def test_a_step_that_was_killed_has_a_hint(code: int, hint: bool) -> None:
    words = f'process "/bin/sh -c make" did not complete successfully: exit code: {code}'
    error = as_error(classify(f"ERROR: failed to solve: {words}"))
    assert error.exit_code == 4
    assert ("memory" in str(error.next_step)) is hint


@pytest.mark.parametrize(
    ("reason", "step"),
    [
        ("x509: certificate signed by unknown authority", "certificate authority"),
        ("server gave HTTP response to HTTPS client", "insecure registry"),
        ("503 Service Unavailable", "--retry-attempts"),
    ],
)
def test_the_next_step_fits_the_trouble(reason: str, step: str) -> None:
    error = as_error(classify(f"ERROR: {reason}"))
    assert step in str(error.next_step)


def test_a_number_of_bytes_is_no_status() -> None:
    said = "ERROR: failed to solve: short read: expected 502 bytes but got 251: unexpected EOF"
    assert classify(said).reason == "unexpected EOF"


A_DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("words", "detail"),
    [
        ("x509: certificate signed by unknown authority", Detail.CERTIFICATE),
        ("http: server gave HTTP response to HTTPS client", Detail.PLAIN_HTTP),
        (f"failed to resolve source metadata for x: {NO_PLATFORM}: not found", Detail.NO_PLATFORM),
        ('process "make" did not complete successfully: exit code: 137', Detail.KILLED),
        ("rpc error: string field contains invalid UTF-8", Detail.NOT_UTF8),
        ("server message: insufficient_scope: authorization failed", Detail.NO_SCOPE),
        ("unexpected status: 503 Service Unavailable", None),
    ],
)
def test_what_the_next_step_depends_on_is_a_detail(words: str, detail: Detail | None) -> None:
    assert classify(f"ERROR: failed to solve: {words}").detail is detail


def test_what_a_failure_names_is_read_once() -> None:
    push = classify(f"ERROR: failed to push r.io/web@{A_DIGEST}: 500 Internal Server Error")
    assert (push.pushing, push.unexplained, push.registry) == (True, True, "r.io")
    assert push.digests == {A_DIGEST}
    explained = classify("ERROR: failed to push r.io/web: 503 Service Unavailable")
    assert (explained.pushing, explained.unexplained) == (True, False)
    base = classify(
        "ERROR: failed to resolve source metadata for r.io/base:1: r.io/base:1: not found"
    )
    assert str(base.missing_image) == "r.io/base:1"


@pytest.mark.parametrize("part", ["manifest", "index", "config", "layer", "unknown"])
@pytest.mark.parametrize(
    "how", ["unexpected commit digest x, expected y", "unexpected commit size 1, expected 2"]
)
def test_what_arrived_broken_stays_with_a_builder(part: str, how: str) -> None:
    """A layer, too, with a builder's OCI worker: each later build fails of it."""
    words = f'failed commit on ref "{part}-{A_DIGEST}": {how}: failed precondition'
    broken = classify(f"ERROR: failed to solve: failed to copy: {words}")
    assert (broken.kind, broken.corrupt, broken.kept_broken) == (FailureKind.TRANSIENT, True, True)


def test_a_push_keeps_nothing_broken_with_a_builder() -> None:
    words = f'failed commit on ref "manifest-{A_DIGEST}": failed to do request: EOF'
    assert not classify(f"ERROR: failed to push r.io/web: {words}").kept_broken


WRITING = "error writing manifest blob: "
PUT = f"{WRITING}unexpected status from PUT request to http://r.io/v2/x/manifests/sha256:1: "


@pytest.mark.parametrize(
    ("words", "unsupported"),
    [
        (f"{WRITING}unsupported", True),
        (f"{WRITING}unknown: tag invalid", True),
        (f"{WRITING}unknown: manifest unknown", True),
        (f"{PUT}400 Bad Request", True),
        (f"{PUT}404 Not Found", True),
        (f"{PUT}405 Method Not Allowed", True),
        (f"{WRITING}denied", False),
        (f"{WRITING}denied: Quota exceeded", False),
        (f"{WRITING}unknown: exceeds the invalid limit", False),
        (f"{WRITING}unauthorized", False),
        (f"{WRITING}unavailable", False),
        (f"{PUT}403 Forbidden", False),
        (f"{PUT}400 Bad Request: storage quota exceeded", False),
        ("error writing layer blob: unsupported", False),
        ("r.io/base:1: not found", False),
    ],
)
def test_a_manifest_that_is_not_taken_for_its_form(words: str, unsupported: bool) -> None:
    failure = classify(f"ERROR: failed to solve: {words}")
    assert (failure.detail is Detail.UNSUPPORTED) is unsupported


def test_words_of_a_cache_may_name_no_registry() -> None:
    failure = classify("ERROR: failed to solve: error writing layer blob: unknown")
    assert (failure.registry, failure.unexplained) == (None, True)


ASKS = """\
Your build is requesting privileges for following possibly insecure capabilities:

 - Read access to path ..
 - Write access to path /etc/x

Pass "--allow=fs.read=.. --allow=fs.write=/etc/x" to grant requested privileges.

ERROR: additional privileges requested
"""
ASKS_IN_THE_ERROR = """\
ERROR: additional privileges requested: pass "--allow=buildx.local.delete" to grant requested \
privileges
"""
REQUIRES = (
    'ERROR: local output mode=delete for destination "." requires --allow=buildx.local.delete'
)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        (ASKS, ("fs.read=..", "fs.write=/etc/x")),
        (ASKS_IN_THE_ERROR, ("buildx.local.delete",)),
        (REQUIRES, ("buildx.local.delete",)),
        ("ERROR: additional privileges requested\n", ()),
    ],
)
def test_what_buildx_wants_to_be_allowed_is_the_next_step(
    said: str, asked: tuple[str, ...]
) -> None:
    """``EntitlementConf.Prompt`` in ``bake/entitlements.go`` and ``commands/bake.go`` of buildx."""
    failure = classify(said)
    assert (failure.kind, failure.detail) == (FailureKind.USAGE, Detail.PRIVILEGES)
    assert failure.allow == asked
    error = as_error(failure)
    assert error.exit_code == 2
    assert error.what.startswith("additional privileges requested")
    flags = " ".join(f"--allow {each}" for each in asked) or "--allow"
    assert error.next_step == f"if that is meant, give {flags}"


def test_a_long_word_is_no_image_and_is_read_once() -> None:
    """From each of its letters anew it would take minutes."""
    assert classify("x" * 100_000).kind is FailureKind.UNKNOWN

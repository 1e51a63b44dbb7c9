from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.errors import outcome
from whalebuild.errors import UsageError
from whalebuild.oci.reference import (
    Reference,
    is_loopback,
    is_tag,
    parse_reference,
    parse_repository,
)

DIGEST = "sha256:" + "0f" * 32
HOSTS = ("", "ghcr.io/", "localhost/", "localhost:5000/", "127.0.0.1:5000/", "[::1]:5000/", "A.b/")

paths = st.from_regex(r"[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}", fullmatch=True)
references = st.builds(
    Reference,
    st.builds(lambda h, p: h + "/".join(p), st.sampled_from(HOSTS), st.lists(paths, min_size=1)),
    st.none() | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True),
    st.none() | st.just(DIGEST),
).filter(lambda reference: len(reference.repository) <= 255)


@given(references)
def test_a_reference_reads_back_as_it_was_written(reference: Reference) -> None:
    assert parse_reference(str(reference), where="here") == reference


@given(st.text() | st.text(alphabet="aA0.:/@-_[] ", max_size=40))
def test_any_text_is_a_reference_or_a_usage_error(text: str) -> None:
    made = outcome(lambda: parse_reference(text, where="here"))
    if isinstance(made, UsageError):
        # A login in it is left out, and there is none without a colon.
        assert text in made.what or (":" in text and f"***@{text.rpartition('@')[2]}" in made.what)
    else:
        assert str(made) == text


@pytest.mark.parametrize(
    ("text", "repository", "tag", "digest"),
    [
        ("web", "web", None, None),
        ("acme/web:v1.2", "acme/web", "v1.2", None),
        ("localhost:5000/web", "localhost:5000/web", None, None),
        ("host:5000", "host", "5000", None),
        (f"ghcr.io/acme/web@{DIGEST}", "ghcr.io/acme/web", None, DIGEST),
        (f"ghcr.io/acme/web:v1@{DIGEST}", "ghcr.io/acme/web", "v1", DIGEST),
    ],
)
def test_references_are_split_as_docker_splits_them(
    text: str, repository: str, tag: str | None, digest: str | None
) -> None:
    assert parse_reference(text, where="x") == Reference(repository, tag, digest)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ada:S3CRET@ghcr.io/acme/web", "***@ghcr.io/acme/web"),
        ("https://ada:S3CRET@ghcr.io/acme/web", "***@ghcr.io/acme/web"),
        ("ada:S3/CR@ET@ghcr.io/acme/web:v1", "***@ghcr.io/acme/web:v1"),
        ("ada:S3CRET@localhost:5000/web", "***@localhost:5000/web"),
        ("web:v1@sha256:12", "web:v1@sha256:12"),
        ("web@host", "web@host"),
    ],
)
def test_a_password_in_a_reference_is_not_repeated(text: str, shown: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_reference(text, where="x")
    assert caught.value.what == f'"{shown}" is not an image reference (x)'
    assert ("docker login" in str(caught.value.cause)) is (shown != text)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("https://ghcr.io/acme/web", "no scheme"),
        ("acme/web v1", "white space"),
        (" acme/web", "white space"),
        ("Acme", "lower case"),
        ("ghcr.io/Acme/web", "lower case"),
        ("ghcr.io/Acme/web:latest", "lower case"),
    ],
)
def test_a_malformed_reference_says_what_is_wrong_and_where(text: str, cause: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_reference(text, where='tags of target "app"')
    assert caught.value.what == f'"{text}" is not an image reference (tags of target "app")'
    assert cause in str(caught.value.cause)
    assert "name[:tag]" in str(caught.value.next_step)


@pytest.mark.parametrize(
    "text", ["", "a//b", "a/", "/a", "a:", "a:b:c", "a@sha256:12", "a-/b", "a\n"]
)
def test_these_are_no_references(text: str) -> None:
    with pytest.raises(UsageError):
        parse_reference(text, where="x")


@pytest.mark.parametrize("text", ["acme/web:latest", f"acme/web@{DIGEST}"])
def test_a_repository_has_no_tag_and_no_digest(text: str) -> None:
    with pytest.raises(UsageError, match="only the image's name") as caught:
        parse_repository(text, where="--image")
    assert "write acme/web" in str(caught.value.next_step)


@pytest.mark.parametrize(
    ("text", "registry"),
    [
        ("web", "docker.io"),
        ("acme/web", "docker.io"),
        ("ghcr.io/acme/web", "ghcr.io"),
        ("localhost/web", "localhost"),
        ("127.0.0.1:5000/web", "127.0.0.1:5000"),
    ],
)
def test_the_registry_is_told_by_dockers_rule(text: str, registry: str) -> None:
    assert parse_reference(text, where="x").registry == registry


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v1.2", True),
        ("V_1-a", True),
        ("", False),
        ("a/b", False),
        ("a:b", False),
        ("-a", False),
        ("a" * 129, False),
    ],
)
def test_a_tag_alone_is_recognised(text: str, expected: bool) -> None:
    assert is_tag(text) is expected


def test_another_tag_of_an_image_drops_the_digest() -> None:
    assert str(Reference("acme/web", "v1", DIGEST).tagged("deps")) == "acme/web:deps"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("127.0.0.1:5000", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("[::1]", True),
        ("[::1]:5000", True),
        ("[2001:db8::1]:5000", False),
        ("localhost.example.com", False),
        ("10.0.0.1:5000", False),
        ("registry.test", False),
    ],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback

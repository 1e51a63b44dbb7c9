"""The file: what is in it, and how it is told from others."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from whalebuild.oci.reference import Reference
from whalebuild.override.content import Given
from whalebuild.override.file import HEADER, is_own, override_text, targets_of

DIGEST = f"sha256:{'a' * 64}"
WEB = Given(
    "web",
    "app",
    contexts={"python:3.13": f"docker-image://python:3.13@{DIGEST}"},
    caches=(Reference("acme/web", digest=DIGEST),),
)


def test_the_text() -> None:
    left_out = Given("db", left_out="it has no build")
    assert override_text([WEB, left_out], ["app"]).splitlines()[3:] == [
        '# targets: ["app"]',
        "services:",
        '  "web":',
        "    build:",
        "      additional_contexts:",
        f'        "python:3.13": "docker-image://python:3.13@{DIGEST}"',
        "      cache_from:",
        f'        - "type=registry,ref=acme/web@{DIGEST}"',
    ]


def test_nothing_to_give() -> None:
    text = override_text([Given("db", left_out="no")])
    assert is_own(text)
    assert text.endswith("\nservices: {}\n")


def test_others_files_are_not_ours() -> None:
    assert not is_own("services: {}\n")
    assert not is_own(f"services: {{}}\n{HEADER}\n")


@given(st.lists(st.text(min_size=1)))
def test_targets_come_back(targets: list[str]) -> None:
    assert targets_of(override_text([], targets)) == tuple(targets)


def test_targets_that_somebody_has_edited() -> None:
    text = override_text([], ["app"])
    assert targets_of(text.replace('["app"]', '[app"]')) == ()
    assert targets_of("") == ()


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1))
def test_any_name_is_one_scalar(name: str) -> None:
    line = override_text([Given(name, "app", caches=WEB.caches)]).split("\n")[4]
    assert json.loads(line.strip().removesuffix(":")) == name.replace("$", "$$")

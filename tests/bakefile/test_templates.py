from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whalebuild.bakefile.target import parse_print
from whalebuild.bakefile.templates import (
    PROBE,
    escape,
    is_escaped,
    may_be_escaped,
    unescape_printed,
)
from whalebuild.errors import UsageError

TRICKY = st.text(st.sampled_from("$%{}x"), max_size=12)


@given(TRICKY)
def test_what_is_escaped_is_read_again(text: str) -> None:
    assert unescape_printed(escape("app", {"args": {"A": text}})) == {"args": {"A": text}}


@given(TRICKY)
def test_nothing_is_left_that_buildx_would_take_for_a_template(text: str) -> None:
    (escaped,) = escape("app", {"target": text}).values()
    assert "${" not in escaped.replace("$${", " ")
    assert "%{" not in escaped.replace("%%{", " ")


def test_every_string_is_escaped_whatever_attribute_it_is_in() -> None:
    attributes = {
        "context": "${a}",
        "args": {"%{A}": "$${b}", "NONE": None},
        "cache-from": [{"type": "registry", "ref": "${c}"}],
        "no-cache": True,
        "tags": ("${d}",),
    }
    assert escape("app", attributes) == {
        "context": "$${a}",
        "args": {"%%{A}": "$$${b}", "NONE": None},
        "cache-from": [{"type": "registry", "ref": "$${c}"}],
        "no-cache": True,
        "tags": ["$${d}"],
    }


def test_only_what_buildx_escapes_is_unescaped() -> None:
    printed = {
        "annotations": ["manifest:a=$${x}"],
        "args": {"$${NAME}": "%%{x}", "NONE": None},
        "labels": {"a": "$$${x}"},
        "dockerfile-inline": "FROM $${BASE}\n",
        "extra-hosts": {"a": "$${x}"},
        "contexts": {"a": "$${x}"},
        "no-cache-filter": ["$${x}"],
    }
    assert parse_print({"target": {"app": printed}}, escaped=True).targets["app"].attributes == {
        "annotations": ["manifest:a=${x}"],
        "args": {"$${NAME}": "%{x}", "NONE": None},
        "labels": {"a": "$${x}"},
        "dockerfile-inline": "FROM ${BASE}\n",
        "extra-hosts": {"a": "${x}"},
        "contexts": {"a": "$${x}"},
        "no-cache-filter": ["$${x}"],
    }
    assert parse_print({"target": {"app": printed}}).targets["app"].attributes == printed


@pytest.mark.parametrize(
    ("text", "asks"), [("$${x}", True), ("%%{x}", True), ("${x}", False), ("$$ %% {", False)]
)
def test_whether_a_buildx_escapes_matters_only_where_there_is_an_escape(
    text: str, asks: bool
) -> None:
    assert may_be_escaped({"target": {"app": {"args": {"A": text}}}}) is asks


def test_the_probe_tells_whether_a_buildx_escapes() -> None:
    """What buildx 0.29 prints, and buildx 0.22."""
    assert is_escaped({"target": {"default": {"context": ".", "args": {"X": "$${"}}}})
    assert not is_escaped({"target": {"default": {"context": ".", "args": {"X": "${"}}}})
    assert escape("default", {"args": {"X": "${"}}) == PROBE["target"]["default"]


@pytest.mark.parametrize(
    "attributes",
    [{"args": {"A": "cafe\u0301"}}, {"labels": {"cafe\u0301": "x"}}, {"tags": ["e\u0301"]}],
    ids=["a value", "a name", "in a list"],
)
def test_a_text_that_buildx_would_change_is_refused_and_not_shown(
    attributes: dict[str, object],
) -> None:
    with pytest.raises(UsageError) as caught:
        escape("app", attributes)
    assert f'{next(iter(attributes))} of target "app"' in caught.value.what
    assert "caf" not in str(caught.value.what) + str(caught.value.cause)
    assert "U+0065 U+0301" in str(caught.value.cause)
    assert "U+00E9" in str(caught.value.next_step)


@given(st.text())
def test_a_text_in_normal_form_is_never_refused(text: str) -> None:
    escape("app", {"args": {"A": unicodedata.normalize("NFC", text)}})

"""Which stages, images, contexts and files a stage stands on; BuildKit agrees in integration."""

from __future__ import annotations

import pytest

from tests.support.inputs import find, reason
from whalebuild.inputs.values import Address

SHA = "a" * 40
DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM x AS a\nFROM a AS deps", ["a", "deps"]),
        ("FROM x AS a\nFROM y AS deps\nCOPY --from=A / /", ["a", "deps"]),
        ("FROM x\nFROM y AS deps\nCOPY --from=0 / /", ["unnamed, from x", "deps"]),
        ("FROM x AS a\nFROM y AS deps\nRUN --mount=from=a,target=/m z", ["a", "deps"]),
        ("FROM x AS a\nFROM a AS deps\nFROM deps AS deps", ["a", "deps", "deps #2"]),
        ("FROM x AS a\nFROM a AS b\nFROM y AS deps", ["deps"]),
        ("ARG A=a\nFROM x AS a\nFROM $A AS deps", ["a", "deps"]),
    ],
)
def test_stages_that_it_stands_on(text: str, expected: list[str]) -> None:
    assert [part.label for part in find(text).closures[0].stages] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM x:1 AS deps", ["x:1"]),
        ("FROM scratch AS deps\nCOPY --from=nginx:1 / /", ["nginx:1"]),
        ("FROM --platform=linux/arm64 x AS deps", ["x (linux/arm64)"]),
        ("FROM --platform=$BUILDPLATFORM x AS deps", ["x ($BUILDPLATFORM)"]),
        ("FROM --platform=$TARGETPLATFORM x AS deps", ["x"]),
        ("FROM x AS a\nFROM a AS deps\nCOPY --from=x / /", ["x"]),
        ("FROM scratch AS deps", []),
    ],
)
def test_images_that_it_stands_on(text: str, expected: list[str]) -> None:
    (closure,) = find(text, platforms=("linux/amd64",)).closures
    assert [base.key for base in closure.bases] == expected


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("golang:1", "golang:1"),
        ("golang", "golang"),
        ("golang:latest", "golang"),
        ("docker.io/library/golang:1", "golang:1"),
        ("docker.io/me/golang", "me/golang"),
        ("ghcr.io/me/golang", "ghcr.io/me/golang"),
        ("golang:1", "golang:1::linux/amd64"),
    ],
)
def test_a_named_context_takes_the_place_of_an_image(name: str, key: str) -> None:
    value = "docker-image://example.org/mine:1"
    found = find(f"FROM {name} AS deps", contexts={key: value}, platforms=("linux/amd64",))
    assert [(context.name, context.image) for context in found.contexts] == [
        (key, "example.org/mine:1")
    ]
    assert found.bases == ()


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("target:base", ("base", None, None, False)),
        ("docker-image://x:1", (None, "x:1", None, False)),
        ("./folder", (None, None, "./folder", False)),
        (f"https://example.org/x.git#{SHA}", (None, None, None, True)),
        (f"oci-layout://x@{DIGEST}", (None, None, None, False)),
    ],
)
def test_kinds_of_named_contexts(value: str, parts: tuple[object, ...]) -> None:
    (found,) = find("FROM y AS base\nFROM base AS deps", contexts={"base": value}).contexts
    assert (found.target, found.image, found.folder, found.remote) == parts


@pytest.mark.parametrize(
    "value",
    ["git://example.org/x.git#main", "https://me:pw@example.org/x.git", "oci-layout://x:1"],
)
def test_a_named_context_that_may_change_cannot_be_told(value: str) -> None:
    said = reason("FROM base AS deps", contexts={"base": value})
    assert "may change behind" in said
    assert "pw" not in said


def test_a_named_context_whose_server_can_be_asked() -> None:
    contexts = {"base": "https://example.org/x.git#main", "other": "https://example.org/x.tgz"}
    found = find("FROM base AS deps\nCOPY --from=other / /", contexts=contexts)
    assert found.addresses == tuple(Address(value) for value in contexts.values())


def test_a_short_git_reference_is_no_named_context() -> None:
    """BuildKit: "invalid context specifier github.com/acme/x for base"."""
    said = reason("FROM base AS deps", contexts={"base": "github.com/acme/x"})
    assert "wants https://github.com/acme/x" in said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM $BASE AS deps", "FROM $BASE has no value"),
        ("ARG BASE=$BUILDARCH\nFROM x-$BASE AS deps", "depends on BASE"),
        ("FROM x:${A AS deps", "unsupported modifier"),
        ("FROM UPPER AS deps", "not an image reference"),
        ("FROM x:1-onbuild AS deps", "instructions of its own"),
        ("FROM --platform=$NONE x AS deps", "has no value"),
        ("FROM x AS deps\nCOPY --from=late / /\nFROM y AS late", "stands before"),
        ("FROM x AS deps\nCOPY --from=deps / /", "stands before"),
        ("FROM x AS deps\nCOPY --from=5 / /", "stands before"),
        ("FROM x AS deps\nCOPY --from=$A / /", "variables are not replaced"),
        ("FROM x AS a\nONBUILD ONBUILD RUN x\nFROM a AS deps", "ONBUILD takes one"),
        ("# escape=`\nFROM x AS a\nONBUILD RUN dir c:\\\nFROM a AS deps", "escape directive"),
        ("FROM x y\nFROM z AS deps\nCOPY --from=0 / /", "one or three words"),
    ],
)
def test_parents_that_cannot_be_told(text: str, expected: str) -> None:
    assert expected in reason(text)


def test_triggers_of_a_local_parent_run_before_its_childs_instructions() -> None:
    found = find(
        "FROM x AS a\nONBUILD ADD one /\nONBUILD COPY --from=b . /\n"
        "FROM y AS b\nCOPY far /\nFROM a AS deps\nCOPY two /\nFROM deps AS end\n",
        "end",
    )
    # Only children, not grandchildren; the line is that of the child's FROM.
    assert [(read.sources[0], read.stage, read.line) for read in found.reads] == [
        ("one", "deps", 6),
        ("far", "b", 5),
        ("two", "deps", 7),
    ]


def test_triggers_of_an_image_run_where_they_are_known() -> None:
    known = {"x:onbuild": ("COPY requirements.txt /", "RUN pip install")}
    found = find("FROM x:onbuild AS a\nFROM a AS deps", onbuild=known)
    assert [(read.sources, read.stage) for read in found.reads] == [(("requirements.txt",), "a")]
    (context,) = find(
        "FROM y AS deps", onbuild=known, contexts={"y": "docker-image://x:onbuild"}
    ).reads
    assert context.stage == "deps"
    assert find("FROM scratch AS deps\nCOPY --from=x:onbuild / /", onbuild=known).reads == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("FROM x AS deps\nRUN a", "FROM x AS deps\nRUN b"),
        ("FROM x AS deps\nRUN a", "FROM x AS deps\nRUN a\nRUN a"),
        ("FROM x AS deps\nRUN a", 'FROM x AS deps\nRUN ["a"]'),
        ("FROM x AS deps\nCOPY a /", "FROM x AS deps\nADD a /"),
        ("FROM x AS deps\nCOPY a /", "FROM x AS deps\nCOPY --chmod=755 a /"),
        ("FROM x AS deps\nCOPY a /", "FROM x AS deps\nCOPY a /b"),
        ("FROM x AS deps\nENV A=1", "FROM x AS deps\nENV A='1 '"),
        ("FROM x AS deps\nRUN <<E\na\nE", "FROM x AS deps\nRUN <<E\nb\nE"),
        ("FROM x AS deps\nRUN <<E\n\ta\nE", "FROM x AS deps\nRUN <<-E\n\ta\nE"),
        ("FROM x AS deps\nCOPY <<E /\na\nE", "FROM x AS deps\nCOPY <<'E' /\na\nE"),
        ("FROM x AS deps\nRUN --network=none a", "FROM x AS deps\nRUN a"),
        ("FROM x AS deps\nRUN a\\b", "# escape=`\nFROM x AS deps\nRUN a\\b"),
        (
            "FROM c AS deps\nRUN a",
            "FROM --platform=linux/s390x c AS deps\nRUN a",
        ),
        (
            "FROM y AS a\nFROM z AS b\nFROM x AS deps\nCOPY --from=0 / /",
            "FROM y AS a\nFROM z AS b\nFROM x AS deps\nCOPY --from=1 / /",
        ),
    ],
)
def test_what_instructions_say_counts(before: str, after: str) -> None:
    build = {"contexts": {"c": "docker-image://x"}}
    assert find(before, **build).closures[0].stages != find(after, **build).closures[0].stages


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("FROM x AS deps\nRUN a", "# why\nfrom x as Deps\n\n  run a"),
        ("FROM x AS deps\nCOPY a b /", "FROM x AS deps\nCOPY a \\\n# why\n  b /"),
        (
            "FROM y AS a\nFROM x AS deps\nCOPY --from=0 / /",
            "FROM z AS c\nFROM y AS a\nFROM x AS deps\nCOPY --from=1 / /",
        ),
        ("FROM x AS deps\nCOPY --from=a / /", "FROM x AS deps\nCOPY --from=a / /\nFROM z AS c"),
    ],
)
def test_where_and_how_it_is_written_does_not(before: str, after: str) -> None:
    def canonical(text: str) -> list[tuple[str, str]]:
        return [(part.label, part.canonical) for part in find(text).closures[0].stages]

    assert canonical(before) == canonical(after)

"""Inputs of single instructions: ``StepReader``."""

from __future__ import annotations

import pytest

from tests.support.inputs import find, reason
from whalebuild.inputs.values import Address, Remote

SHA = "a" * 40
SUM = "sha256:" + "b" * 64


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("COPY a ./b/../c /x", [("a", "c")]),
        ("COPY . /", [(".",)]),
        ("COPY ../../a /", [("a",)]),
        ('COPY ["a b", "/c", "/"]', [("a b", "c")]),
        ("ARG X=a\nCOPY $X.txt /", [("a.txt",)]),
        ("ARG X\nCOPY a$X.txt /", [("a.txt",)]),
        ("ENV X=a Y=$X\nENV Z=${Y:-b}$X\nCOPY $Z /", [("ba",)]),
        ("ARG X=a\nENV Y=$X\nARG X=b\nCOPY $X $Y /", [("b", "a")]),
        ("COPY <<E b /\ntext\nE", [("b",)]),
        ("COPY <<E /\ntext\nE", []),
        ("RUN --mount=target=/m x", [(".",)]),
        ("RUN --mount=type=bind,src=a/b,dst=/m,ro x", [("a/b",)]),
        ("ARG D=d\nRUN --mount=source=$D,target=/m x", [("d",)]),
        ("RUN --mount=type=cache,target=/m,source=x x", []),
        ("RUN --mount=type=tmpfs,target=/m x", []),
        ("COPY --parents a/./b/../c d /", [("a/./c", "d")]),
    ],
)
def test_paths_that_are_read(steps: str, expected: list[tuple[str, ...]]) -> None:
    found = find(f"FROM scratch AS deps\n{steps}")
    assert [read.sources for read in found.reads] == expected


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (f"ADD --checksum={SUM} http://x/a /", Remote("http://x/a", SUM, 2)),
        (f"ADD https://x/a.git#{SHA} /", Remote(f"https://x/a.git#{SHA}", SHA, 2)),
        (f"ADD git@x:a.git#{SHA}:sub /", Remote(f"git@x:a.git#{SHA}:sub", SHA, 2)),
        (f"ADD --checksum={SHA} git://x/a.git#v1 /", Remote("git://x/a.git#v1", SHA, 2)),
        (
            f"ADD https://x/a.git?ref=v1&checksum={SHA} /",
            Remote(f"https://x/a.git?ref=v1&checksum={SHA}", SHA, 2),
        ),
    ],
)
def test_addresses_with_a_checksum(step: str, expected: Remote) -> None:
    found = find(f"FROM scratch AS deps\n{step}")
    assert found.remotes == (expected,)
    assert found.reads == ()


@pytest.mark.parametrize("url", ["http://x/a", "https://x/a.git", "https://x/a.git#v1:sub"])
def test_addresses_whose_servers_can_be_asked(url: str) -> None:
    found = find(f"FROM scratch AS deps\nADD {url} /")
    assert found.remotes == (Remote(url, None, 2),)
    assert found.addresses == (Address(url),)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("ADD http://x/a?b /", "ADD http://x/a has no checksum"),
        ("ADD http://me:secret@x/a /", "ADD http://x/a has no checksum"),
        ("ADD https://me@x/a.git#main /", "it has a login, which is sent to nobody"),
        ("ADD git@x:a.git#main /", "only servers of http and https are asked"),
        ("ADD GIT://x/a.git#main /", "has no checksum"),
        ("COPY http://x/a /", "COPY reads no URLs"),
        ("COPY $X /", "$X: the value of X cannot be told here (line 3)"),
        ("ENV X=$Y\nCOPY $X /", "the value of X cannot be told"),
        ("COPY a${ /", "bad substitution"),
        ("COPY a", "needs a source and a destination"),
        ("COPY --new a /", "--new is not a flag of COPY"),
        ("COPY --link=maybe a /", "--link is true or false"),
        ("COPY --from=a --from=b a /", "--from is given twice"),
        ("COPY --exclude a /", "--exclude needs a value"),
        ("COPY --exclude=[ a /", "bracket"),
        ("COPY a[ /", "bracket"),
        ("COPY [1, 2] /", "bracket"),
        ("COPY [1, 2]", "must hold strings only"),
        ("RUN --mount=type=new,target=/m x", "new is not a type of mount"),
        ("RUN --mount=from=$A,target=/m x", "takes no variables"),
        ("RUN --mount=target x", "needs a value"),
        ("RUN <<E\nx", "does not end"),
        ("ENV A", "ENV is not well formed"),
        ("ENV $X=1", "name that cannot be told"),
        ("USER --x y", "USER is not well formed"),
        ("NEW a", "NEW is not an instruction"),
        ("ARG", "ARG needs a name"),
    ],
)
def test_what_cannot_be_told(steps: str, expected: str) -> None:
    assert expected in reason(f"FROM image AS a\nFROM a AS deps\n{steps}")


def test_a_run_with_a_byte_that_is_not_utf8_is_refused_and_other_instructions_are_not() -> None:
    """So does BuildKit 0.25: "failed to marshal LLB definition"."""
    latin = b"K\xfcche".decode(errors="surrogateescape")
    assert "UTF-8" in reason(f"FROM x AS deps\nRUN echo {latin}")
    assert "UTF-8" in reason(f"FROM x AS deps\nRUN <<E\necho {latin}\nE")
    assert find(f"# {latin}\nFROM x AS deps\nENV A={latin}\nLABEL a={latin}\nRUN true").bases
    copied = "FROM x AS deps\nENV A={}\nCOPY $A /"
    assert find(copied.format(latin)).reads[0].sources == ("K\ufffdche",)


def test_a_long_instruction_is_shown_short() -> None:
    (read,) = find(f"FROM x AS deps\nCOPY {'a ' * 60} /").reads
    assert len(read.instruction) == 80
    assert read.instruction.endswith("…")


@pytest.mark.parametrize(
    ("text", "args", "expected"),
    [
        ("ARG A=1", {}, {"A": "1"}),
        ("ARG A=1", {"A": "2"}, {"A": "2"}),
        ("ARG A", {}, {}),
        ("ARG A", {"B": "2"}, {}),
        ("ARG GLOBAL", {}, {"GLOBAL": "g"}),
        ("ARG GLOBAL=own", {}, {"GLOBAL": "own"}),
        ("ARG TARGETARCH", {}, {}),
        ("ARG TARGETARCH", {"TARGETARCH": "x"}, {"TARGETARCH": "x"}),
    ],
)
def test_arguments_that_reach_it(text: str, args: dict[str, str], expected: dict[str, str]) -> None:
    whole = f"ARG GLOBAL=g\nFROM x AS deps\n{text}"
    found = find(whole, args=args, platforms=("linux/amd64",))
    assert dict(found.closures[0].args) == expected


def test_one_argument_with_two_values() -> None:
    found = find("FROM x AS a\nARG A=1\nFROM a AS deps\nARG A=2")
    assert dict(found.closures[0].args) == {"A": "1", "A (stage deps)": "2"}


@pytest.mark.parametrize(
    ("mount", "secrets", "caches"),
    [
        ("type=secret,id=a,target=/run/b", ("a",), ()),
        ("type=secret,target=/run/b", ("b",), ()),
        ("type=ssh", ("default",), ()),
        ("type=cache,target=/a/", (), ("/a",)),
        ("type=cache,target=/a,id=b", (), ("b",)),
    ],
)
def test_secrets_and_caches_count_by_their_names(
    mount: str, secrets: tuple[str, ...], caches: tuple[str, ...]
) -> None:
    (closure,) = find(f"FROM x AS deps\nRUN --mount={mount} y").closures
    assert (closure.secrets, closure.caches) == (secrets, caches)

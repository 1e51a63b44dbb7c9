from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.support.engine import FakeEngine, definition
from tests.support.source_tree import FakeTree
from whalebuild.bakefile.request import BakeRequest
from whalebuild.bakefile.templates import PROBE, escape
from whalebuild.errors import UsageError
from whalebuild.plan.read_bakefile import BakeFileReader
from whalebuild.settings import Settings

TEXT = "FROM ${BASE} AS dependencies\nFROM dependencies\n"


@dataclass
class EscapingEngine(FakeEngine):
    """Prints as buildx does since 0.23: JSON that it would read as what it was."""

    def print_bake(self, request: BakeRequest) -> object:
        printed: dict[str, dict[str, dict[str, str]]] = super().print_bake(request)  # type: ignore[assignment]
        escaped = {name: escape(name, given) for name, given in printed["target"].items()}
        return {**printed, "target": escaped}


def inline_of(engine: FakeEngine) -> str | None:
    bake, _, _ = BakeFileReader(engine, FakeTree(), Settings()).read(BakeRequest())
    return bake.targets["app"].dockerfile_inline


@pytest.mark.parametrize("text", [TEXT, "FROM $${BASE}\n"], ids=["as usual", "escaped itself"])
@pytest.mark.parametrize("engine", [EscapingEngine, FakeEngine], ids=["buildx 0.29", "buildx 0.22"])
def test_values_are_read_as_they_are_whether_buildx_escapes_or_not(
    engine: type[FakeEngine], text: str
) -> None:
    assert inline_of(engine(definition({"app": {"dockerfile-inline": text}}))) == text


def test_a_buildx_is_asked_whether_it_escapes_only_where_it_matters() -> None:
    engine = EscapingEngine(definition({"app": {"dockerfile-inline": "FROM scratch\n"}}))
    inline_of(engine)
    assert [request.definition for request in engine.requests] == [None]
    engine = EscapingEngine(definition({"app": {"dockerfile-inline": TEXT}}))
    inline_of(engine)
    assert [request.definition for request in engine.requests] == [None, PROBE]


def test_what_buildx_would_change_is_refused_before_anything_is_planned() -> None:
    engine = FakeEngine(definition({"app": {"tags": ["acme/web"], "labels": {"a": "e\u0301"}}}))
    reader = BakeFileReader(engine, FakeTree(), Settings())
    with pytest.raises(UsageError, match='labels of target "app"'):
        reader.targets(BakeRequest())


FILE = 'output = ["type=tar,dest=out.tar"]'


@pytest.mark.parametrize(
    ("text", "overrides"),
    [
        (FILE, ("lint.output=type=cacheonly",)),
        (None, ("lint.output=type=cacheonly",)),
        ('output = ["type=local,dest=out"]', ()),
    ],
    ids=["a file", "not to be read", "a folder"],
)
def test_files_of_targets_that_were_not_asked_for_stay_as_they_are(
    text: str | None, overrides: tuple[str, ...]
) -> None:
    app, lint = {"tags": ["acme/web"]}, {"output": [{"type": "tar", "dest": "out.tar"}]}
    engine = FakeEngine(definition({"app": app, "lint": lint}, "app"))
    tree = FakeTree()
    tree.bake = text
    _, every, _ = BakeFileReader(engine, tree, Settings()).read(BakeRequest())
    assert engine.requests[-1].targets == ("app", "lint")
    assert engine.requests[-1].overrides == overrides
    assert ("output" in every["lint"].attributes) is (not overrides)


def refusal(**attributes: object) -> str | None:
    """Why a target is refused; None where it is left to buildx and BuildKit."""
    engine = FakeEngine(definition({"app": {"tags": ["acme/web"], **attributes}}))
    try:
        BakeFileReader(engine, FakeTree(), Settings()).targets(BakeRequest())
    except UsageError as error:
        return f"{error.what}; {error.cause}"
    return None


def test_a_dockerfile_that_no_buildkit_builds_is_refused() -> None:
    bad = {"dockerfile-inline": "ARG A\nFORM x\n"}
    said = refusal(**bad)
    assert said is not None
    assert "the bake file's own Dockerfile, line 2: FORM is no instruction" in said
    assert 'did you mean "FROM"? (target "app")' in said
    assert refusal(**bad, output=[{"type": "local", "dest": "x"}]) == said
    assert refusal(**bad, call="check") is None
    assert refusal(**bad, args={"BUILDKIT_SYNTAX": "acme/other"}) is None
    assert refusal(**bad, args={"BUILDKIT_SYNTAX": None}) is None

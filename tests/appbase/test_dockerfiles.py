"""Dockerfiles as people write them: where they are cut, and the two that this gives."""

from __future__ import annotations

import pytest

from tests.appbase.cases import CASES, Case
from tests.appbase.cutting import FOLDER, cut_case, names
from whalebuild.appbase.generated import Tail, base_dockerfile, tail_dockerfile
from whalebuild.appbase.limits import why_not, why_whole
from whalebuild.appbase.values import Boundary, WhyNot
from whalebuild.dockerfile.parser import parse_dockerfile

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


def boundary(case: Case) -> Boundary:
    return cut_case(case.name, case.target)


def line(why: WhyNot | None) -> int | None:
    return why.line if why else None


def test_every_dockerfile_is_in_the_table() -> None:
    assert {case.name for case in CASES} == {path.name for path in FOLDER.iterdir()}


@every_case
def test_the_boundary_is_where_a_reader_puts_it(case: Case) -> None:
    found = boundary(case)
    assert found.line == case.line, found.reason
    final = parse_dockerfile(found.text).stage(case.target) if case.target else None
    expected = case.stage or (final or parse_dockerfile(found.text).stages[-1]).label
    assert found.stage.label == expected
    assert (line(why_whole(found)), line(why_not(found))) == (case.whole, case.not_at_all)


@every_case
def test_the_app_base_is_the_beginning_of_the_file(case: Case) -> None:
    found = boundary(case)
    base = base_dockerfile(found)
    assert f"{found.text}\n".startswith(base)
    stages = parse_dockerfile(base).stages
    assert stages[-1].index == found.stage.index
    assert stages[-1].instructions == found.before
    assert stages[:-1] == parse_dockerfile(found.text).stages[: found.stage.index]


@every_case
def test_the_tail_has_the_other_stages_and_the_rest(case: Case) -> None:
    found = boundary(case)
    tail = tail_dockerfile(found, "app-base", environment=names(found))
    assert isinstance(tail, WhyNot) is (case.not_at_all is not None)
    if not isinstance(tail, Tail):
        return
    assert tail.repeated == case.repeated
    before, after = parse_dockerfile(found.text), parse_dockerfile(tail.text)
    assert after.directives == before.directives
    assert after.before == before.before
    for old, new in zip(before.stages, after.stages, strict=True):
        assert new.name == old.name
        if old.index == found.stage.index:
            assert new.base == "app-base"
            assert new.instructions[tail.repeated :] == found.after
        else:
            assert (new.opening, new.instructions) == (old.opening, old.instructions)

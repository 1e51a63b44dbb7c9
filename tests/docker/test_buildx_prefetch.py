"""``PrefetchingBuildx`` asks the engine in advance, and each question once."""

from __future__ import annotations

import pytest

from tests.support.builders import GOOD_FACTS
from tests.support.engine import FakeEngine, definition
from whalebuild.bakefile.request import BakeRequest
from whalebuild.docker.buildx import PrefetchingBuildx
from whalebuild.failures.command_failed import CommandFailedError


def test_what_was_asked_ahead_is_asked_once() -> None:
    engine = FakeEngine(definition({"app": {}}))
    ahead = PrefetchingBuildx(engine)
    ahead.begin_print(BakeRequest())
    ahead.begin_facts(None)
    assert ahead.facts(None) == GOOD_FACTS
    assert ahead.print_bake(BakeRequest()) == engine.print_bake(BakeRequest())
    assert (len(engine.requests), engine.looked_at) == (2, [None])
    ahead.print_bake(BakeRequest())
    assert len(engine.requests) == 3, "an answer is handed out once"


def test_names_of_targets_are_listed_ahead() -> None:
    engine = FakeEngine(definition({"app": {}, "other": {}}))
    ahead = PrefetchingBuildx(engine)
    ahead.begin_names(BakeRequest())
    assert ahead.target_names(BakeRequest()) == ("app", "other")
    assert engine.listed == [BakeRequest()]
    other = BakeRequest(files=("other.hcl",))
    ahead.target_names(other)
    ahead.target_names(BakeRequest())
    assert engine.listed == [BakeRequest(), other, BakeRequest()], "an answer is handed out once"


def test_another_question_is_asked_of_the_engine() -> None:
    engine = FakeEngine(definition({"app": {}, "other": {}}))
    ahead = PrefetchingBuildx(engine)
    ahead.begin_print(BakeRequest())
    ahead.begin_facts("ci")
    assert ahead.print_bake(BakeRequest(targets=("other",))) == engine.print_bake(
        BakeRequest(targets=("other",))
    )
    ahead.facts(None)
    assert sorted(map(str, engine.looked_at)) == ["None", "ci"]


def test_a_failure_is_raised_where_the_answer_is_wanted() -> None:
    ahead = PrefetchingBuildx(FakeEngine(CommandFailedError("ERROR: no")))
    ahead.begin_print(BakeRequest())
    with pytest.raises(CommandFailedError):
        ahead.print_bake(BakeRequest())

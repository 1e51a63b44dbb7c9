"""Checks run side by side, nothing hangs, and the first failure gives the exit code."""

from __future__ import annotations

import threading
import time

from whalebuild.doctor.asking import Questions, in_time
from whalebuild.doctor.examine import Check, examine
from whalebuild.doctor.finding import Result, Status, exit_code, failure, ok, skipped, warning
from whalebuild.errors import EngineError, ExitCode, RefusedError
from whalebuild.failures.failure import Failure, FailureKind, RequestFailedError
from whalebuild.runtime.threads import Submit

GONE = Failure(FailureKind.REFUSED, "denied", "denied: no")


def test_results_come_in_order_and_checks_run_at_once() -> None:
    second_ran = threading.Event()

    def first() -> list[object]:
        assert second_ran.wait(10), "the second one was not begun"
        return [ok("one")]

    def second() -> list[object]:
        second_ran.set()
        return [warning("two")]

    checks = [Check("a", "A", first), Check("b", "B", second)]  # type: ignore[arg-type]
    results = [begun.result() for begun in examine(checks, Submit(), lambda: 0.0)]
    assert [r.name for r in results] == ["a", "b"]
    assert [r.status for r in results] == [Status.OK, Status.WARNING]


def test_an_answer_that_does_not_come() -> None:
    never = threading.Event()
    asked = Questions(Submit(), time.monotonic, seconds=0.05).ask("the engine", never.wait)
    answers = [asked.answer(), asked.answer()]
    never.set()
    for answer in answers:
        assert isinstance(answer, EngineError)
        assert answer.what == "the engine did not answer within 0 s"


def test_time_counts_from_the_question_on() -> None:
    never = threading.Event()
    now = [0.0]
    asked = Questions(Submit(), lambda: now[0], seconds=30).ask("it", never.wait, parts=2)
    now[0] = 59.95
    assert 0 < asked.left() < 1
    now[0] = 100.0
    assert isinstance(asked.answer(), EngineError)
    never.set()


def test_failures_of_registries_are_answers() -> None:
    def refuse() -> None:
        raise RequestFailedError(GONE)

    questions = Questions(Submit(), time.monotonic)
    assert questions.ask_registry("r", refuse).answer() == GONE
    late = in_time(EngineError("late"), "GET r/v2/")
    assert isinstance(late, Failure)
    assert late.reason == "i/o timeout"


def test_the_exit_code_is_that_of_the_first_failure() -> None:
    engine, refused = failure(EngineError("x")), failure(RefusedError("y"))
    results = [Result("a", "A", (ok("z"), refused)), Result("b", "B", (engine,))]
    assert exit_code(results) is ExitCode.REFUSED
    assert exit_code(results[1:]) is ExitCode.ENGINE
    assert exit_code([Result("a", "A", (warning("w"), skipped("s")))]) is ExitCode.DONE


def test_the_worst_finding_counts() -> None:
    assert Result("a", "A", (skipped("s"), ok("o"))).status is Status.SKIPPED
    assert Result("a", "A", (warning("w"), skipped("s"))).status is Status.WARNING
    assert Result("a", "A", ()).status is Status.OK

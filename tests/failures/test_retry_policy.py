"""The circuit of one registry, and the summary of retries."""

from __future__ import annotations

import pytest

from whalebuild.failures.classify_http import HttpFailure
from whalebuild.failures.failure import Failure, FailureKind
from whalebuild.failures.retry_policy import Circuit

BUSY = Failure(FailureKind.TRANSIENT, "503", "503")
ASKING = HttpFailure(FailureKind.TRANSIENT, "429", "429", 429, "", retry_after=5.0)


def down(failures: int = 3, failure: Failure = BUSY) -> Circuit:
    circuit = Circuit()
    for number in range(failures):
        circuit.failed(f"caller {number}", failure, 100.0 + number)
    return circuit


def test_a_few_failures_open_nothing() -> None:
    circuit = down(2)
    assert all(circuit.allows(caller) for caller in "abc")
    assert circuit.since == 100.0


@pytest.mark.parametrize(("failures", "failure"), [(3, BUSY), (1, ASKING)], ids=["many", "asked"])
def test_of_all_callers_one_is_let_through_while_it_is_open(
    failures: int, failure: Failure
) -> None:
    circuit = down(failures, failure)
    tester = f"caller {failures - 1}"
    assert circuit.allows(tester)
    assert not circuit.allows("another")
    circuit.left("another", BUSY)
    assert circuit.gave_up_with is None, "only the tester's word counts"
    assert not circuit.allows("another")


def test_an_answer_closes_it() -> None:
    circuit = down()
    circuit.answered()
    assert circuit == Circuit()
    assert circuit.allows("another")


def test_a_tester_that_is_interrupted_leaves_it_to_the_next() -> None:
    circuit = down()
    circuit.left("caller 2")
    assert circuit.allows("another")
    assert not circuit.allows("a third")


def test_a_tester_that_gives_up_gives_up_for_all() -> None:
    circuit = down()
    circuit.left("caller 2", BUSY)
    assert circuit.gave_up_with is BUSY
    assert all(circuit.allows(caller) for caller in "abc"), "nobody waits; whoever comes may look"

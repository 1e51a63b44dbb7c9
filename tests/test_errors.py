"""Every error has its exit code, and says what, why and what to do next."""

from __future__ import annotations

import pytest

from whalebuild import errors
from whalebuild.errors import Retry, retry_summary


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError, 2),
        (errors.EngineError, 3),
        (errors.BuildError, 4),
        (errors.RefusedError, 5),
        (errors.UnreachableError, 6),
        (errors.InterruptedRunError, 130),
    ],
)
def test_every_error_has_its_exit_code(error: type[errors.WhalebuildError], code: int) -> None:
    made = error("what", cause="why", next_step="do", log="log")
    assert made.exit_code == code
    assert (str(made), made.what, made.cause, made.next_step, made.log) == (
        "what",
        "what",
        "why",
        "do",
        "log",
    )


def test_the_summary_counts_reasons() -> None:
    retries = [Retry("a", "503", 1, 0.25), Retry("a", "503", 2, 1.0), Retry("b", "reset", 1, 0.0)]
    assert retry_summary(retries) == "3 retries, 1.2 s waited (2 x 503, reset)"
    assert retry_summary(retries[:1]) == "1 retry, 0.2 s waited (503)"
    assert retry_summary([]) == ""

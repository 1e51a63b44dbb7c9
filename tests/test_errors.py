"""Every error has its exit code, and says what, why and what to do next."""

from __future__ import annotations

import pytest

from whalebuild import errors


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

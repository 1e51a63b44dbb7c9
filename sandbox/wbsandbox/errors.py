"""The one error that the commands report, and its exit code."""

from __future__ import annotations

#: The same code as whalebuild's own "no engine, or one that cannot do the job".
EXIT_NO_ENGINE = 3


class SandboxError(Exception):
    """An expected problem: what happened, the likely cause, and what to do next."""

    def __init__(self, what: str, *, cause: str, next_step: str) -> None:
        super().__init__(what)
        self.what = what
        self.cause = cause
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.what}\n  likely cause: {self.cause}\n  next step: {self.next_step}"

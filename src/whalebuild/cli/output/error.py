"""What is said of an error, whatever the verb."""

from __future__ import annotations

from whalebuild.cli.output.table import fit
from whalebuild.errors import WhalebuildError, retry_summary


def error_text(error: WhalebuildError, width: int | None = None) -> str:
    """What happened, why, and what to do next; a log stays as its program wrote it."""
    log = f"{error.log}\n\n" if error.log else ""
    lines = [f"error: {error.what}"]
    if error.cause:
        lines.append(f"  cause: {error.cause}")
    if error.retries:
        lines.append(f"  after: {retry_summary(error.retries)}")
    if error.next_step:
        lines.append(f"  next:  {error.next_step}")
    return log + fit("\n".join(lines), width)

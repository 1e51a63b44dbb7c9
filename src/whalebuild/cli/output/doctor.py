"""What the doctor found, as text and as JSON."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import typer

from whalebuild import __version__
from whalebuild.cli.output.table import shortened
from whalebuild.cli.screen import screen_width
from whalebuild.doctor.examine import Begun
from whalebuild.doctor.finding import Finding, Result, Status, counted, exit_code
from whalebuild.runtime.waiting import said_if_slow

SCHEMA = "whalebuild.doctor/1"
_WORDS = {
    Status.OK: "ok",
    Status.SKIPPED: "-",
    Status.WARNING: "warning",
    Status.FAILURE: "failure",
}
_COLOURS = {Status.OK: "green", Status.WARNING: "yellow", Status.FAILURE: "red"}
_STATUS, _TITLE = 9, 16  # columns, the space behind included
_NARROWEST = 30


class DoctorPrinter:
    """Prints each result as soon as it is there."""

    def __init__(self) -> None:
        self._width = screen_width(sys.stdout)
        dumb = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
        self._colour = self._width is not None and not dumb

    def show(self, begun: Iterable[Begun]) -> list[Result]:
        """Print all, and the sum; return them."""
        shown: list[Result] = []
        for each in begun:
            with said_if_slow(partial(_say, f"looking at: {each.check.title}")):
                shown.append(each.result())
            for line in result_lines(shown[-1], self._width, colour=self._colour):
                typer.echo(line, color=self._colour)
        typer.echo(f"\n{summary(shown)}")
        return shown


def _say(text: str) -> None:
    print(f"whalebuild: {text}", file=sys.stderr, flush=True)  # noqa: T201


def report_text(results: Sequence[Result], width: int | None = None) -> str:
    """All of it; None is no terminal, which has a line for each text."""
    lines = [line for result in results for line in result_lines(result, width)]
    return "\n".join([*lines, "", summary(results)])


def result_lines(result: Result, width: int | None, *, colour: bool = False) -> Iterator[str]:
    """A check: a line for each finding, and below it why and what mends it."""
    title = result.title
    for finding in result.findings:
        yield from _finding_lines(finding, title, width, colour=colour)
        title = ""


def _finding_lines(
    finding: Finding, title: str, width: int | None, *, colour: bool
) -> Iterator[str]:
    word = _WORDS[finding.status].ljust(_STATUS)
    if colour and finding.status in _COLOURS:
        word = typer.style(word, fg=_COLOURS[finding.status])
    first, *more = _wrapped(finding.what, width) or [""]
    yield f"{word}{title.ljust(_TITLE)}{first}".rstrip()
    indent = " " * (_STATUS + _TITLE)
    yield from (f"{indent}{line}" for line in more)
    if finding.cause:
        yield from _labelled("why", finding.cause, width)
    if finding.next_step:
        yield from _labelled("mend", finding.next_step, width)
    if finding.command:
        # Whole, however long it is: it is there to be copied.
        yield f"{indent}$ {finding.command}"


def _labelled(label: str, text: str, width: int | None) -> Iterator[str]:
    indent = " " * (_STATUS + _TITLE)
    first, *more = _wrapped(f"{label}: {text}", width)
    yield f"{indent}{first}"
    yield from (f"{indent}  {line}" for line in more)


def _wrapped(text: str, width: int | None) -> list[str]:
    if width is None:
        return [" ".join(text.split())]
    room = max(_NARROWEST, width - _STATUS - _TITLE - len("  "))
    # An address is there to be followed.
    words = (each if "://" in each else shortened(each, room) for each in text.split())
    flat = " ".join(words)
    return textwrap.wrap(flat, room, break_long_words=False, break_on_hyphens=False)


def summary(results: Sequence[Result]) -> str:
    """How many checks ended how."""
    counts = counted(results)
    failed, warned = counts[Status.FAILURE], counts[Status.WARNING]
    if not failed and not warned:
        return f"nothing wrong: {_ok(counts)}"
    parts = [_number(failed, "failure")] if failed else []
    parts += [_number(warned, "warning")] if warned else []
    return f"{', '.join(parts)}; {_ok(counts)}"


def _ok(counts: dict[Status, int]) -> str:
    good, left = counts[Status.OK], counts[Status.SKIPPED]
    not_made = f", {left} not made" if left else ""
    return f"{_number(good, 'check')} {'is' if good == 1 else 'are'} ok{not_made}"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def report_json(results: Sequence[Result]) -> dict[str, Any]:
    """The versioned form."""
    return {
        "schema": SCHEMA,
        "whalebuild": __version__,
        "exit_code": int(exit_code(results)),
        "checks": [
            {
                "check": result.name,
                "status": result.status.value,
                "seconds": result.seconds,
                "findings": [_finding_json(finding) for finding in result.findings],
            }
            for result in results
        ],
    }


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "status": finding.status.value,
        "what": finding.what,
        "cause": finding.cause,
        "next": finding.next_step,
        "command": finding.command,
        "exit_code": int(finding.exit_code),
    }

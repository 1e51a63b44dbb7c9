"""GitHub Actions: step outputs, the step summary and annotations, where the runner asks for them.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from whalebuild.bake.result import BakeResult
from whalebuild.cli.output.bake import result_json
from whalebuild.cli.output.github_place import Annotated, annotated
from whalebuild.cli.output.saved import saved_line
from whalebuild.errors import WhalebuildError

_FEWEST_TICKS = 3
# GitHub takes a summary of 1 MiB a step, and fails the step's upload of a longer one.
_LONGEST = 500_000


def write_outputs(
    result: BakeResult,
    table: str,
    environment: Mapping[str, str],
    note: Callable[[str], None],
) -> None:
    """Append outputs ``result`` (JSON), ``digest`` and ``deps-digest``, and a summary.

    The two digests are of the first pair; a bake of several has them all in ``result``. A partial
    bake has published nothing: in their place is ``part``, its file. What cannot be written is
    said: what is published stays published.

    Args:
        result: What was done.
        table: The same as text.
        environment: Names the files.
        note: Takes one line for the user.
    """
    lines = [_result(result_json(result))]
    if result.part:
        lines.append(f"part={result.part}")
    published = () if result.part else result.targets
    for role, name in (("app", "digest"), ("deps", "deps-digest")):
        digests = [target.digest for target in published if target.role == role]
        if digests and digests[0]:
            lines.append(f"{name}={digests[0]}")
    _append("GITHUB_OUTPUT", "\n".join(lines) + "\n", environment, note)
    saved = saved_line(result)
    text = f"### whalebuild bake\n\n{_fenced(table)}" + (f"\n{saved}\n" if saved else "")
    _append("GITHUB_STEP_SUMMARY", text, environment, note)


def write_failure(
    error: WhalebuildError,
    text: str,
    as_json: Mapping[str, Any],
    environment: Mapping[str, str],
    say: Callable[[str], None],
) -> None:
    """Append the output ``result`` (JSON) and a summary of what has failed, and annotate it.

    Args:
        error: The error.
        text: The same as text.
        as_json: The same for machines.
        environment: Names the files.
        say: Takes one line of the log.
    """
    found = annotated(error, environment)
    say(found.command())

    def warn(said: str) -> None:
        say(f"whalebuild: {said}")

    _append("GITHUB_OUTPUT", f"{_result(as_json)}\n", environment, warn)
    where = f"{_where(found)}\n\n" if found.file else ""
    summary = f"### whalebuild: {_inline(error.what)}\n\n{where}{_fenced(text)}"
    _append("GITHUB_STEP_SUMMARY", summary, environment, warn)


def _where(found: Annotated) -> str:
    return f"In `{found.file}`" + (f", line {found.line}" if found.line else "")


def _result(value: Mapping[str, Any]) -> str:
    return f"result={json.dumps(value, separators=(',', ':'))}"


def _inline(text: str) -> str:
    """A text in a line of Markdown, as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", " ".join(text.split()))


def _fenced(text: str) -> str:
    """A text as it is: between more backticks than it has itself."""
    if len(text) > _LONGEST:
        text = f"…{text[-_LONGEST:]}"
    longest = max((len(ticks) for ticks in re.findall(r"`+", text)), default=0)
    fence = "`" * max(_FEWEST_TICKS, longest + 1)
    return f"{fence}text\n{text}\n{fence}\n"


def _append(
    variable: str, text: str, environment: Mapping[str, str], note: Callable[[str], None]
) -> None:
    """Append to the file that a variable names, if it names one."""
    if not (named := environment.get(variable)):
        return
    try:
        with Path(named).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as failed:
        note(f"warning: {variable} could not be written: {failed.strerror} ({named})")

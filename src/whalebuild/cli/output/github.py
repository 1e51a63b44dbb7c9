"""GitHub Actions: step outputs and the step summary, where the runner asks for them.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from whalebuild.bake.result import BakeResult
from whalebuild.cli.output.bake import result_json


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
    if output := environment.get("GITHUB_OUTPUT"):
        lines = [f"result={json.dumps(result_json(result), separators=(',', ':'))}"]
        if result.part:
            lines.append(f"part={result.part}")
        published = () if result.part else result.targets
        for role, name in (("app", "digest"), ("deps", "deps-digest")):
            digests = [target.digest for target in published if target.role == role]
            if digests and digests[0]:
                lines.append(f"{name}={digests[0]}")
        _append(Path(output), "\n".join(lines) + "\n", "GITHUB_OUTPUT", note)
    if summary := environment.get("GITHUB_STEP_SUMMARY"):
        text = f"### whalebuild bake\n\n```text\n{table}\n```\n"
        _append(Path(summary), text, "GITHUB_STEP_SUMMARY", note)


def _append(path: Path, text: str, variable: str, note: Callable[[str], None]) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as failed:
        note(f"warning: {variable} could not be written: {failed.strerror} ({path})")

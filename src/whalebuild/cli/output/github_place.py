"""The annotation of an error: in which of the user's files it is shown, and at which line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from whalebuild.ci.commands import command
from whalebuild.errors import Place, WhalebuildError
from whalebuild.values import dataclass

# Messages about a file begin with it, or name it: "docker-bake.hcl:5,3-8: Unsupported block type",
# "whalebuild.toml: unknown setting", "cannot read whalebuild.toml".
_FILE = re.compile(
    r"(?:^|(?<=[\s\"'(]))(?P<file>[\w./-]*(?:\.(?:toml|hcl|json|ya?ml)|Dockerfile[\w.-]*))"
    r"(?::(?P<line>\d+))?"
)
# As Python's tomllib and compose's YAML reader end a message.
_LINE = re.compile(r"\bline (?P<line>\d+)\b")


@dataclass(frozen=True)
class Annotated:
    """An error as GitHub shows it; ``file`` is relative to the repository."""

    text: str
    file: str | None = None
    line: int | None = None

    def command(self) -> str:
        """The line of the log that makes it an annotation."""
        return command("error", self.text, file=self.file, line=self.line, title="whalebuild")


def annotated(error: WhalebuildError, environment: Mapping[str, str]) -> Annotated:
    """The annotation of an error.

    Args:
        error: The error.
        environment: ``GITHUB_WORKSPACE`` is the folder that annotations start from.
    """
    parts = [error.what, error.cause, error.next_step and f"next: {error.next_step}"]
    text = "\n".join(part for part in parts if part)
    place = error.place or _named(error)
    path = Path(place.file) if place else None
    if place is None or path is None or not path.is_file():
        return Annotated(text)
    try:
        root = Path(environment.get("GITHUB_WORKSPACE") or ".").resolve()
        file = path.resolve().relative_to(root).as_posix()
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except (OSError, ValueError):  # not to be read, or outside of the repository
        return Annotated(text)
    return Annotated(text, file, _line(place, lines))


def _named(error: WhalebuildError) -> Place | None:
    """The file that a message names, where there is one of that name."""
    for text in (error.what, error.cause or ""):
        for found in _FILE.finditer(text):
            if Path(found["file"]).is_file():
                line = found["line"] or _line_named(text[found.end() :], error.cause)
                return Place(found["file"], int(line) if line else None)
    return None


def _line_named(*texts: str | None) -> str | None:
    found = (_LINE.search(text) for text in texts if text)
    return next((each["line"] for each in found if each), None)


def _line(place: Place, lines: list[str]) -> int | None:
    """The line that a place means.

    Where a Dockerfile is built in two parts its lines have other numbers: then it is the line with
    that text, if there is one alone.
    """
    if place.line is None:
        return None
    wanted = place.text.strip()
    if place.line <= len(lines) and (not wanted or lines[place.line - 1].strip() == wanted):
        return place.line
    same = [number for number, line in enumerate(lines, 1) if wanted and line.strip() == wanted]
    return same[0] if len(same) == 1 else None

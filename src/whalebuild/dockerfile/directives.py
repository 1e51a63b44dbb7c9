"""Parser directives: the special comments at the top of a Dockerfile.

Follows ``directives.go`` in ``frontend/dockerfile/parser`` of BuildKit.
https://docs.docker.com/reference/dockerfile/#parser-directives
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from whalebuild.dockerfile.lexer import GO_SPACE
from whalebuild.values import dataclass

_NAME_VALUE = re.compile(r"[ \t\n\f\r]*([a-zA-Z][a-zA-Z0-9]*)[ \t\n\f\r]*=[ \t\n\f\r]*(.+)")
_DIRECTIVES = ("syntax", "escape", "check")
_ESCAPES = ("\\", "`")
# Docker's own frontends, which read a Dockerfile like the one that is built into BuildKit.
_DOCKER_FRONTEND = re.compile(
    r"(?:docker\.io/)?docker/dockerfile(?:-upstream)?(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?"
)


@dataclass(frozen=True)
class Directives:
    """Parser directives; ``refused`` says why BuildKit would not read the file, if so."""

    escape: str = "\\"
    syntax: str | None = None
    check: str | None = None
    refused: str | None = None


def read_directives(text: str) -> Directives:
    """Read the directives at the top; the first line that is none ends them.

    ``syntax`` is also read where BuildKit reads it to choose a frontend: after a ``#!`` line, after
    ``//``, and as a key of a JSON document.
    """
    found: dict[str, str] = {}
    refused = None
    for name, value in _directive_lines(text.removeprefix("\ufeff").split("\n"), "#"):
        if name in found:
            refused = f"only one {name} parser directive can be used"
            break
        found[name] = value
    if found.get("escape", "\\") not in _ESCAPES:
        refused = "the escape directive must be ` or \\"
    escape = "`" if found.get("escape") == "`" else "\\"
    return Directives(escape, _syntax(text), found.get("check"), refused)


def is_docker_frontend(syntax: str) -> bool:
    """Whether a frontend is one of Docker's own for Dockerfiles."""
    return _DOCKER_FRONTEND.fullmatch(syntax) is not None


def _directive_lines(lines: list[str], comment: str) -> Iterator[tuple[str, str]]:
    for line in lines:
        stripped = line.removesuffix("\r").lstrip(GO_SPACE) if comment == "#" else line
        if not stripped.startswith(comment):
            return
        found = _NAME_VALUE.fullmatch(stripped.removeprefix(comment).rstrip("\r"))
        if not found or found[1].lower() not in _DIRECTIVES:
            return
        yield found[1].lower(), found[2].rstrip(" \t\n\f\r")


def _syntax(text: str) -> str | None:
    """``DetectSyntax`` of BuildKit."""
    text = text.removeprefix("\ufeff")
    if text.startswith("#!"):
        text = text.partition("\n")[2]
    for comment in ("#", "//"):
        values = dict(reversed(list(_directive_lines(text.split("\n"), comment))))
        if "syntax" in values:
            return values["syntax"].partition(" ")[0]
    if text.lstrip().startswith("{"):
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return None
        value = document.get("syntax") if isinstance(document, dict) else None
        return value if isinstance(value, str) else None
    return None

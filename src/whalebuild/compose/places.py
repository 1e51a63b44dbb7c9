"""Where a project's files name the image of a service: file and line, where that can be told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_KEY = re.compile(
    r"""^(?P<indent>\s*)(?P<quote>["']?)(?P<key>[\w.-]+)(?P=quote)\s*:\s*(?P<value>.*)$"""
)
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)|(?P<bare>\w+))")
_ENV = re.compile(r"^\s*(?:export\s+)?(?P<name>\w+)\s*=")
_YAML = (".yaml", ".yml")


def image_place(files: Mapping[str, str], service: str) -> str:
    """Where the image of a service is named.

    Args:
        files: Texts of compose and env files by their names, in the order in which compose merges
            them.
        service: The service.

    Returns:
        ``line 3 of .env (TAG)``, ``line 12 of compose.yaml``; where it is named in no way that can
        be told so (an anchor, another file), the key: ``services.web.image``.
    """
    found = None
    for name, text in files.items():
        if name.endswith(_YAML):
            for line, value in _images(text, service):
                found = (name, line, value)
    if found is None:
        return f"services.{service}.image"
    name, line, value = found
    variables = [each["braced"] or each["bare"] for each in _VARIABLE.finditer(value)]
    if not variables:
        return f"line {line} of {name}"
    variable = variables[-1]  # the tag comes last
    for env, text in reversed(list(files.items())):
        if not env.endswith(_YAML):
            lines = [n for n, each in enumerate(text.splitlines(), 1) if _names(each, variable)]
            if lines:
                return f"line {lines[-1]} of {env} ({variable})"
    return f"the variable {variable} (line {line} of {name})"


def _names(line: str, variable: str) -> bool:
    found = _ENV.match(line)
    return found is not None and found["name"] == variable


def _images(text: str, service: str) -> Iterator[tuple[int, str]]:
    """Lines with the image of a service in block style, and what they say."""
    path: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        found = _KEY.match(line)
        if found is None:
            continue
        indent = len(found["indent"])
        while path and path[-1][0] >= indent:
            path.pop()
        path.append((indent, found["key"]))
        if [key for _, key in path] == ["services", service, "image"]:
            yield number, found["value"].partition(" #")[0].strip()

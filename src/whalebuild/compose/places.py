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


def image_place(files: Mapping[str, str], service: str, named: str) -> str:
    """Where the image of a service is named.

    Args:
        files: Texts of compose and env files by their names, in the order in which compose merges
            them.
        service: The service.
        named: The image, as compose resolves it.

    Returns:
        ``line 3 of .env (TAG)``, ``line 12 of compose.yaml``; where it is named in no way that can
        be told so (another file), the key: ``services.web.image``.
    """
    lines = [
        (path, name, line, value)
        for name, text in files.items()
        if name.endswith(_YAML)
        for line, path, value in _images(text)
        if _may_be(value, named)
    ]
    own = [each for each in lines if each[0] == ["services", service]]
    # Without one of its own, it has it from an anchor.
    anchored = [each for each in lines if each[0][0] != "services"]
    if not own and not anchored:
        return f"services.{service}.image"
    _, name, line, value = (own or anchored)[-1]
    variables = [each["braced"] or each["bare"] for each in _VARIABLE.finditer(value)]
    if not variables:
        return f"line {line} of {name}"
    variable = variables[-1]  # the tag comes last
    for env, text in reversed(list(files.items())):
        if not env.endswith(_YAML):
            set_in = [n for n, each in enumerate(text.splitlines(), 1) if _names(each, variable)]
            if set_in:
                return f"line {set_in[-1]} of {env} ({variable})"
    return f"the variable {variable} (line {line} of {name})"


def _names(line: str, variable: str) -> bool:
    found = _ENV.match(line)
    return found is not None and found["name"] == variable


def _may_be(value: str, named: str) -> bool:
    """Whether what a line says can be this image, whatever its variables are."""
    parts = re.split(r"\$\{[^}]*\}|\$\w+", value.strip("\"'"))
    return re.fullmatch(".*".join(map(re.escape, parts)), named) is not None


def _images(text: str) -> Iterator[tuple[int, list[str], str]]:
    """Lines with an image in block style, the keys that it is under, and what they say."""
    path: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        found = _KEY.match(line)
        if found is None:
            continue
        indent = len(found["indent"])
        while path and path[-1][0] >= indent:
            path.pop()
        path.append((indent, found["key"]))
        if found["key"] == "image" and len(path) > 1:
            yield number, [key for _, key in path[:-1]], found["value"].partition(" #")[0].strip()

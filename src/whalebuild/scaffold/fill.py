"""Puts values into a template."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PLACE = re.compile(r"\{\{(\w+)\}\}")


def fill(template: str, values: Mapping[str, str]) -> str:
    """Replace each ``{{name}}``; a line that has nothing but an empty value is left out.

    Args:
        template: The text.
        values: A value for each of its names.
    """
    lines = []
    for line in template.splitlines():
        names = _PLACE.findall(line)
        if names and not any(values[name] for name in names) and not _PLACE.sub("", line).strip():
            continue
        filled = line
        for name in names:
            value = values[name].replace("\n", f"\n{line[: len(line) - len(line.lstrip())]}")
            filled = filled.replace(f"{{{{{name}}}}}", value)
        lines.append(filled)
    return "\n".join(lines) + "\n"

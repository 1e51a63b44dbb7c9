"""Templates: files with lines that are there or not, and with words that are filled in.

They are YAML files that people read, and YAML's comments and GitHub's ``${{ }}`` stay as they are:

- ``#? name`` begins lines that are there if ``name`` is on, ``#? !name`` if it is off; ``#.`` ends
  them. They may be nested.
- ``<<name>>`` is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

_BEGIN, _END = "#? ", "#."
_WORD = re.compile(r"<<([^<>]+)>>")


def fill(template: str, on: Collection[str], words: Mapping[str, str]) -> str:
    """Fill in a template.

    Args:
        template: Its text.
        on: The names that are on.
        words: What names are replaced by.

    Raises:
        KeyError: The template has a name that is not among the words.
    """
    kept: list[str] = []
    open_: list[bool] = []
    for line in template.splitlines(keepends=True):
        mark = line.strip()
        if mark.startswith(_BEGIN):
            name = mark.removeprefix(_BEGIN)
            open_.append(name[1:] not in on if name.startswith("!") else name in on)
        elif mark == _END:
            open_.pop()
        elif all(open_):
            kept.append(line)
    return _WORD.sub(lambda found: words[found[1]], "".join(kept))

"""The excerpt of the Dockerfile that buildx prints of a build that failed.

``Source.Print`` in https://github.com/moby/buildkit/blob/master/solver/errdefs/source.go.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from whalebuild.values import dataclass

_HEAD = re.compile(r"(?P<file>\S.*):(?P<line>\d+)")
_RULE = re.compile(r"-{20,}")
_MARKED = re.compile(r" *\d+ \| >>> ?(?P<text>.*)")


@dataclass(frozen=True)
class Excerpt:
    """The lines that an error is about.

    Attributes:
        file: The Dockerfile's name, without its folder.
        line: The number of the first one.
        text: The first one.
    """

    file: str
    line: int
    text: str


def excerpt(messages: Sequence[str]) -> Excerpt | None:
    """The first excerpt among what buildx has said, or None without one."""
    lines = "\n".join(messages).split("\n")
    for number, (line, rule) in enumerate(pairwise(lines)):
        head = _HEAD.fullmatch(line.strip())
        if head and _RULE.fullmatch(rule.strip()):
            marked = (_MARKED.match(each) for each in lines[number + 2 :])
            text = next((found["text"] for found in marked if found), "")
            return Excerpt(head["file"], int(head["line"]), text)
    return None

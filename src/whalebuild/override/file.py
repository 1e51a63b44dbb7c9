"""The text of a compose override, and how one that whalebuild wrote is told from others."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whalebuild.override.content import Given

#: The first line of a file that may be written over.
HEADER = "# Written by `whalebuild override`, which writes it anew: do not edit it."
_TARGETS = "# targets: "
_MORE = (
    "# `docker compose build` starts from what is published with it. Every step is compared with",
    "# what is on the disk: an old file costs time, and nothing else. It may be deleted any time.",
)
_NOTHING = "services: {}"
_SERVICE = re.compile(r'^  (".*"):$', re.MULTILINE)


def override_text(given: Sequence[Given], targets: Sequence[str] = ()) -> str:
    """The file.

    Args:
        given: What services are given; those that are left out are not in it.
        targets: The bake targets that it was asked for; without any, those that bake builds.
    """
    served = [each for each in given if not each.left_out]
    lines = [HEADER, *_MORE]
    if targets:
        lines.append(f"{_TARGETS}{json.dumps(list(targets))}")
    lines += ["services:"] if served else [_NOTHING]
    for each in served:
        lines += _service(each)
    return "\n".join([*lines, ""])


def is_own(text: str) -> bool:
    """Whether whalebuild wrote a file."""
    return text.startswith(HEADER)


def targets_of(text: str) -> tuple[str, ...]:
    """The targets that a file was asked for."""
    found = re.search(rf"^{_TARGETS}(\[.*\])$", text, re.MULTILINE)
    try:
        names = json.loads(found[1]) if found else []
    except (ValueError, RecursionError):  # somebody has edited it
        names = []
    return tuple(map(str, names))


def services_of(text: str) -> tuple[str, ...]:
    """The services that a file gives something."""
    names: list[str] = []
    for written in _SERVICE.findall(text):
        with suppress(ValueError):  # somebody has edited it
            names.append(str(json.loads(written)).replace("$$", "$"))
    return tuple(names)


def _service(given: Given) -> list[str]:
    lines = [f"  {_text(given.service)}:", "    build:"]
    if given.contexts:
        lines.append("      additional_contexts:")
        lines += [f"        {_text(k)}: {_text(v)}" for k, v in given.contexts.items()]
    lines.append("      cache_from:")
    return [*lines, *(f"        - {_text(each)}" for each in given.cache_from)]


def _text(value: str) -> str:
    """A scalar of YAML: JSON is one. ``$`` would begin a variable of compose."""
    return json.dumps(value.replace("$", "$$"), ensure_ascii=False)

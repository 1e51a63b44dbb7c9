"""Refuses values for variables that a bake file does not have, which buildx passes over."""

from __future__ import annotations

import re
from collections.abc import Iterable

from whalebuild.errors import UsageError
from whalebuild.text import did_you_mean

# A list's value may be given as JSON: https://docs.docker.com/build/bake/variables/
_JSON = "_JSON"
_DECLARED = re.compile(r'\bvariable\s+"?([^"\s{]+)"?\s*\{|\$\{?([A-Za-z_]\w*)')
# Further files of compose's, in which a variable may stand.
_OTHER_FILES = re.compile(r"^\s*(include|extends)\s*:", re.MULTILINE)


def check_variables(names: Iterable[str], text: str | None) -> None:
    """Refuse a variable whose name stands nowhere in the bake files: it changes nothing.

    A variable is a block, an attribute, or what a compose file interpolates; where its name is
    never written there is none. Whether another word of that name is one cannot be told here.

    Args:
        names: The variables that are given values.
        text: What stands in the bake files; None if that is not known.

    Raises:
        UsageError: A variable is not there.
    """
    if text is None or _OTHER_FILES.search(text):
        return
    for name in names:
        if not any(_stands_in(text, each) for each in (name, name.removesuffix(_JSON))):
            declared = sorted({a or b for a, b in _DECLARED.findall(text)})
            raise UsageError(
                f"--var {name}: the bake file has no variable of this name",
                cause="buildx would pass over it, and build as if it were not given",
                next_step=did_you_mean(name, declared)
                or f'declare it: variable "{name}" {{}}, and use it, or leave --var out',
            )


def _stands_in(text: str, name: str) -> bool:
    return bool(re.search(rf"\b{re.escape(name)}\b", text))

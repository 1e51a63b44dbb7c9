"""Template sequences in the strings of a bake file: ``${…}`` and ``%{…}``.

Buildx reads every string of a JSON bake file as a template of HCL, names of arguments and labels
included. Where the characters are meant, they are written ``$${`` and ``%%{``.
https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md#template-literals
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from whalebuild.errors import UsageError

# What ``bake --print`` escapes, and nothing else (``MarshalJSON`` in bake/bake.go of buildx).
_ESCAPED_IN_PRINT = ("annotations", "args", "dockerfile-inline", "extra-hosts", "labels")
# A definition whose printing shows whether this buildx escapes: it does since 0.23.
PROBE: Mapping[str, Any] = {"target": {"default": {"args": {"X": "$${"}}}}


def escape(target: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Write a target's attributes into a bake file: buildx reads what they are.

    Raises:
        UsageError: Buildx would read something else, see ``check_normal_form``.
    """
    check_normal_form(target, attributes)
    return {name: _each_text(value, _escape_text) for name, value in attributes.items()}


def unescape_printed(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a target as they are, from what a buildx has printed that escapes."""
    return {
        name: _each_text(value, _unescape_text, keys=False) if name in _ESCAPED_IN_PRINT else value
        for name, value in attributes.items()
    }


def may_be_escaped(printed: object) -> bool:
    """Whether something printed would be read differently if this buildx escapes."""
    return any(_unescape_text(text) != text for text in _texts(printed))


def is_escaped(probe: object) -> bool:
    """Whether the buildx that has printed ``PROBE`` escapes."""
    return any("$${" in text for text in _texts(probe))


def check_normal_form(target: str, attributes: Mapping[str, Any]) -> None:
    """Check that a target's strings are in Unicode's normal form C.

    Strings of HCL are always normalised (``cty.StringVal`` of github.com/zclconf/go-cty); those of
    compose files and of ``--set`` are not, and nothing else than HCL can hold a definition.

    Raises:
        UsageError: One is not.
    """
    for name, value in attributes.items():
        for text in _texts(value):
            if not unicodedata.is_normalized("NFC", text):
                raise _not_normal(text, f'{name} of target "{target}"')


def _not_normal(text: str, where: str) -> UsageError:
    normal = unicodedata.normalize("NFC", text)
    at = next(i for i, char in enumerate(text) if normal[i : i + 1] != char)
    written = " ".join(f"U+{ord(char):04X}" for char in text[at : at + 2])
    return UsageError(
        f"buildx would be given another text than is written ({where})",
        cause=f'"{normal[at : at + 1]}" is written as {written} there: a definition for buildx has '
        "only the composed form of such characters (Unicode's normal form C)",
        next_step=f"write U+{ord(normal[at]):04X} instead, in file names too",
    )


def _escape_text(text: str) -> str:
    return text.replace("${", "$${").replace("%{", "%%{")


def _unescape_text(text: str) -> str:
    return text.replace("$${", "${").replace("%%{", "%{")


def _each_text(value: Any, change: Callable[[str], str], *, keys: bool = True) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        changed = ((k, _each_text(v, change, keys=keys)) for k, v in value.items())
        return {change(name) if keys else name: each for name, each in changed}
    if isinstance(value, list | tuple):
        return [_each_text(each, change, keys=keys) for each in value]
    return value


def _texts(value: object) -> Iterator[str]:
    """All strings in a value, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _texts(name)
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)

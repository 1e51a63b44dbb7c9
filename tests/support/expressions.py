"""``${{ … }}`` of GitHub Actions, as far as whalebuild's workflows use it.

https://docs.github.com/actions/reference/workflows-and-actions/expressions. What is not known here
fails the test that uses it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(
    r"\s*(?P<text>'(?:[^']|'')*')|\s*(?P<number>-?\d+)|\s*(?P<op>&&|\|\||==|!=|!|\(|\)|,)"
    r"|\s*(?P<name>[A-Za-z_][\w.-]*)"
)


def interpolate(text: str, contexts: Mapping[str, Any]) -> str:
    """A text with its expressions replaced."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda f: shown(evaluate(f[1], contexts)), text)


def condition(text: str, contexts: Mapping[str, Any], *, failed: bool) -> bool:
    """An ``if:``, with or without the braces; without a status function ``success()`` is meant."""
    inner = re.sub(r"^\s*\$\{\{(.*)\}\}\s*$", r"\1", text)
    held = {**contexts, "always": True, "failure": failed, "success": not failed}
    known = bool(evaluate(inner, held))
    return known if re.search(r"\b(always|failure|success)\(\)", inner) else known and not failed


def shown(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def evaluate(text: str, contexts: Mapping[str, Any]) -> Any:
    parser = _Parser(text, contexts)
    value = parser.either()
    assert parser.rest().strip() == "", f"{parser.rest()!r} of {text!r} is not read here"
    return value


class _Parser:
    def __init__(self, text: str, contexts: Mapping[str, Any]) -> None:
        self._text, self._at, self._contexts = text, 0, contexts

    def rest(self) -> str:
        return self._text[self._at :]

    def either(self) -> Any:
        value = self._both()
        while self._take("||"):
            other = self._both()
            value = value or other
        return value

    def _both(self) -> Any:
        value = self._equal()
        while self._take("&&"):
            other = self._equal()
            value = value and other
        return value

    def _equal(self) -> Any:
        value = self._one()
        if self._take("=="):
            return _same(value, self._one())
        if self._take("!="):
            return not _same(value, self._one())
        return value

    def _one(self) -> Any:
        if self._take("!"):
            return not self._one()
        if self._take("("):
            value = self.either()
            assert self._take(")")
            return value
        found = _TOKEN.match(self._text, self._at)
        assert found, f"{self.rest()!r} is not read here"
        self._at = found.end()
        if found["text"] is not None:
            return found["text"][1:-1].replace("''", "'")
        if found["number"] is not None:
            return int(found["number"])
        assert found["name"], f"{found[0]!r} of {self._text!r} is not read here"
        return self._call(found["name"]) if self._take("(") else self._look_up(found["name"])

    def _call(self, name: str) -> Any:
        given = []
        while not self._take(")"):
            given.append(self.either())
            self._take(",")
        if name == "format":
            return str(given[0]).format(*map(shown, given[1:]))
        assert name in {"always", "failure", "success"}, f"{name}() is not known here"
        return self._contexts[name]

    def _look_up(self, name: str) -> Any:
        if name in {"true", "false", "null"}:
            return {"true": True, "false": False, "null": None}[name]
        first, *others = name.split(".")
        assert first in self._contexts, f"{first} is not known here"
        value: Any = self._contexts[first]
        for key in others:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def _take(self, word: str) -> bool:
        found = _TOKEN.match(self._text, self._at)
        if found and found["op"] == word:
            self._at = found.end()
            return True
        return False


def _same(one: Any, other: Any) -> bool:
    """Texts are compared without regard to case; null and '' are the same."""
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    return bool(one == other) or (one in {None, ""} and other in {None, ""})

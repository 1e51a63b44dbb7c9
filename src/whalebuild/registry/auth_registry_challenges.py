"""What registries ask for in a 401, and the scopes that tokens are asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_PART = re.compile(
    r"[\s,]*(?:(?P<key>[\w-]+)\s*=\s*(?:\"(?P<quoted>(?:[^\"\\]|\\.)*)\"|(?P<plain>[^\s,\"]*))"
    r"|(?P<scheme>[A-Za-z][\w-]*))"
)


@dataclass(frozen=True)
class Challenge:
    """What a 401 asks for: ``scheme`` in lower case, and its parameters."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Parse ``WWW-Authenticate`` (RFC 9110, 11.6.1): several headers, several to a header."""
    found: list[tuple[str, dict[str, str]]] = []
    for header in headers:
        for part in _PART.finditer(header):
            if part["scheme"]:
                found.append((part["scheme"].lower(), {}))
            elif found:
                quoted = part["quoted"]
                value = part["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
                found[-1][1][part["key"].lower()] = value
    return tuple(
        Challenge(scheme, given.get("realm", ""), given.get("service", ""), given.get("scope", ""))
        for scheme, given in found
    )


def join_scopes(*scopes: str) -> tuple[str, ...]:
    """Join scopes, those of one resource into one; actions in order of appearance."""
    joined: dict[str, dict[str, None]] = {}
    for scope in " ".join(scopes).split():
        resource, _, actions = scope.rpartition(":")
        joined.setdefault(resource, {}).update(dict.fromkeys(actions.split(",")))
    return tuple(f"{resource}:{','.join(actions)}" for resource, actions in joined.items())

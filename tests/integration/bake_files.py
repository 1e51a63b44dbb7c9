"""Bake files as plain data, and as the text of HCL, JSON and compose files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

#: Text, a switch, null, or lists and maps of them; plain text means itself, whatever is in it.
Value: TypeAlias = "str | bool | Sequence[Value] | Mapping[str, Value] | None"


class Template(str):
    """Text in which ``${…}`` is bake's: kept as it is when it is written."""

    __slots__ = ()


class Raw(str):
    """An expression of HCL's, such as ``upper(WHO)`` or a matrix's value."""

    __slots__ = ()


@dataclass
class BakeFile:
    """What one bake file says.

    Attributes:
        variables: Their defaults.
        groups: Names of targets and groups.
        targets: Attributes by bake's names.
    """

    variables: dict[str, Value] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    targets: dict[str, dict[str, Value]] = field(default_factory=dict)


def as_hcl(bake: BakeFile) -> str:
    """The bake file in HCL."""
    blocks = [
        _block("variable", name, {} if default is None else {"default": default})
        for name, default in bake.variables.items()
    ]
    blocks += [_block("group", name, {"targets": each}) for name, each in bake.groups.items()]
    blocks += [_block("target", name, each) for name, each in bake.targets.items()]
    return "\n".join(blocks)


def as_json(bake: BakeFile) -> str:
    """The bake file in JSON, whose texts are templates as in HCL."""
    variables = {n: {} if d is None else {"default": d} for n, d in bake.variables.items()}
    groups = {name: {"targets": each} for name, each in bake.groups.items()}
    parts = {"variable": variables, "group": groups, "target": bake.targets}
    return json.dumps(_in_json({name: each for name, each in parts.items() if each}), indent=2)


def as_compose(bake: BakeFile) -> str:
    """The targets as services of a compose file; its groups and variables are not to be had there.

    JSON is YAML, too.
    """
    services = {name: _service(target) for name, target in bake.targets.items()}
    secrets = {
        secret["id"]: {key: secret[where] for key, where in _SECRETS.items() if where in secret}
        for target in bake.targets.values()
        for secret in _secrets(target)
    }
    return json.dumps(_in_compose({"services": services, "secrets": secrets}), indent=2)


_SECRETS = {"file": "src", "environment": "env"}
#: What a service's build section has; bake's names are on the right.
_BUILD = {
    "context": "context",
    "dockerfile": "dockerfile",
    "dockerfile_inline": "dockerfile-inline",
    "args": "args",
    "labels": "labels",
    "target": "target",
    "network": "network",
    "shm_size": "shm-size",
}
#: What only bake has, below ``x-bake``.
_EXTENSION = ("output", "cache-to", "platforms", "no-cache", "no-cache-filter", "pull", "contexts")


def _service(target: Mapping[str, Value]) -> dict[str, Value]:
    build: dict[str, Value] = {"context": "."}
    build |= {key: target[name] for key, name in _BUILD.items() if name in target}
    secrets = [secret["id"] for secret in _secrets(target)]
    build |= {"secrets": secrets} if secrets else {}
    tags = target.get("tags")
    assert isinstance(tags, list | None)
    extension = {name: target[name] for name in _EXTENSION if name in target}
    extension |= {"tags": tags} if tags and len(tags) > 1 else {}
    build |= {"x-bake": extension} if extension else {}
    return {"build": build, **({"image": tags[0]} if tags else {})}


def _secrets(target: Mapping[str, Value]) -> list[dict[str, str]]:
    """A target's secrets: each is ``type=…,id=…`` and so on."""
    written = target.get("secret") or ()
    assert isinstance(written, list | tuple)
    return [dict(part.split("=", 1) for part in str(each).split(",")) for each in written]


def _block(kind: str, name: str, attributes: Mapping[str, Value]) -> str:
    lines = [f"  {key} = {_in_hcl(value)}" for key, value in attributes.items()]
    return "\n".join([f'{kind} "{name}" {{', *lines, "}", ""])


def _in_hcl(value: Value) -> str:
    match value:
        case Raw():
            return value
        case str():
            return json.dumps(_template(value), ensure_ascii=False)
        case list() | tuple():
            return f"[{', '.join(map(_in_hcl, value))}]"
        case dict():
            pairs = (f"{json.dumps(key)} = {_in_hcl(each)}" for key, each in value.items())
            return f"{{ {', '.join(pairs)} }}"
        case _:
            return json.dumps(value)


def _in_json(value: Value) -> Value:
    return _with_texts(
        value, lambda text: f"${{{text}}}" if isinstance(text, Raw) else _template(text)
    )


def _in_compose(value: Value) -> Value:
    return _with_texts(
        value, lambda text: str(text) if isinstance(text, Template) else text.replace("$", "$$")
    )


def _with_texts(value: Value, write: Callable[[str], str]) -> Value:
    """A value with each text in it written by a function; keys stay."""
    match value:
        case str():
            return write(value)
        case list() | tuple():
            return [_with_texts(each, write) for each in value]
        case dict():
            return {key: _with_texts(each, write) for key, each in value.items()}
        case _:
            return value


def _template(text: str) -> str:
    if isinstance(text, Template):
        return str(text)
    return text.replace("${", "$${").replace("%{", "%%{")

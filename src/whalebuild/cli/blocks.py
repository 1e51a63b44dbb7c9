"""Blocks of options that several verbs share: a verb takes one as a parameter of its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints


def with_blocks(verb: Callable[..., None]) -> Callable[..., None]:
    """Make a Typer command of a function that takes blocks of options.

    A block is a dataclass whose fields are options, each with a default. In the command's signature
    the options stand in the place of the block, in their order; the function gets them as one
    value.
    """
    blocks: dict[str, type] = {}
    parameters = []
    for parameter in inspect.signature(verb, eval_str=True).parameters.values():
        block = parameter.annotation
        if isinstance(block, type) and is_dataclass(block):
            blocks[parameter.name] = block
            parameters += _options(block)
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @wraps(verb)
    def command(**given: Any) -> None:
        for name, block in blocks.items():
            given[name] = block(**{each.name: given.pop(each.name) for each in _options(block)})
        verb(**given)

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


def _options(block: type) -> list[inspect.Parameter]:
    types = get_type_hints(block, include_extras=True)
    return [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=each.default,
            annotation=types[each.name],
        )
        for each in fields(block)
    ]

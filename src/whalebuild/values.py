"""``dataclass`` as the standard library has it, with less to compile when a module is imported.

``dataclasses`` compiles up to eight methods for each class: that was more than half of the time of
all imports here. These are shared by all classes, and an initialiser is compiled when the first
value is made: docs/adr/0022-around-a-bake.md.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls: type | None = None, /, *, frozen: bool = False, **others: bool) -> Any:
        """See ``dataclasses.dataclass``, which does what has other options than ``frozen``."""

        def decorate(cls: type) -> type:
            return _decorated(cls, frozen=frozen)

        if others:
            return dataclasses.dataclass(cls, frozen=frozen, **others)
        return decorate if cls is None else decorate(cls)


def _decorated(cls: type, *, frozen: bool) -> type:
    own = dict(vars(cls))
    # One without a docstring would be given its signature, which takes long to find out.
    cls.__doc__ = cls.__doc__ or cls.__name__
    dataclasses.dataclass(init=False, repr=False, eq=False)(cls)
    methods = {"__init__": _later(cls, frozen=frozen), "__repr__": _repr, **_compared(cls)}
    methods |= _frozen(cls) if frozen else {"__hash__": None}
    # The interpreter has put a None where only __eq__ is defined.
    kept = {name for name in own if name != "__hash__" or own[name] or "__eq__" not in own}
    for name in methods.keys() - kept:
        setattr(cls, name, methods[name])
    return cls


def _compared(cls: Any) -> dict[str, Any]:
    """``__eq__`` and ``__hash__``."""
    names = [each.name for each in dataclasses.fields(cls) if each.compare]
    values: Callable[[Any], Any] = attrgetter(*names) if len(names) > 1 else _few(names)

    def __eq__(self: Any, other: object) -> Any:  # noqa: N807
        if other.__class__ is not self.__class__:
            return NotImplemented
        return values(self) == values(other)

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(values(self))

    return {"__eq__": __eq__, "__hash__": __hash__}


def _few(names: list[str]) -> Callable[[Any], Any]:
    """A tuple of one value, or of none."""
    return lambda value: tuple(getattr(value, name) for name in names)


def _repr(self: Any) -> str:
    shown = (f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if f.repr)
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def _frozen(cls: Any) -> dict[str, Any]:
    """What refuses changes; a class derived from it may have attributes of its own."""
    names = {each.name for each in dataclasses.fields(cls)}

    def __setattr__(self: Any, name: str, value: object) -> None:  # noqa: N807
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def __delattr__(self: Any, name: str) -> None:  # noqa: N807
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    return {"__setattr__": __setattr__, "__delattr__": __delattr__}


def _later(cls: Any, *, frozen: bool) -> Callable[..., None]:
    """An initialiser that puts the compiled one into its place when it is first called."""

    def __init__(self: Any, *given: Any, **named: Any) -> None:  # noqa: N807
        made = _initialiser(cls, frozen=frozen)
        cls.__init__ = made
        made(self, *given, **named)

    return __init__


def _initialiser(cls: Any, *, frozen: bool) -> Callable[..., None]:
    known: dict[str, Any] = {"_set": object.__setattr__, "_made": object()}
    fields = dataclasses.fields(cls)
    named = [_parameter(each, known) for each in fields if each.init and each.kw_only]
    placed = [_parameter(each, known) for each in fields if each.init and not each.kw_only]
    parameters = ["self", *placed, *(["*"] if named else []), *named]
    body = []
    for each in fields:
        if value := _value(each, known):
            name = each.name
            body.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    lines = [f"def __init__({', '.join(parameters)}):", *(body or ["pass"])]
    exec("\n ".join(lines), known)  # noqa: S102 - of names of fields, as dataclasses does it
    made: Callable[..., None] = known["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _parameter(field: dataclasses.Field[Any], known: dict[str, Any]) -> str:
    """A field among the parameters, with its default."""
    if field.default_factory is not dataclasses.MISSING:
        return f"{field.name}=_made"
    if field.default is dataclasses.MISSING:
        return field.name
    known[f"_default_{field.name}"] = field.default
    return f"{field.name}=_default_{field.name}"


def _value(field: dataclasses.Field[Any], known: dict[str, Any]) -> str | None:
    """What a field is set to; None where the class has it already, or sets it itself."""
    if field.default_factory is dataclasses.MISSING:
        return field.name if field.init else None
    known[f"_new_{field.name}"] = field.default_factory
    new = f"_new_{field.name}()"
    return f"{new} if {field.name} is _made else {field.name}" if field.init else new

"""``values.dataclass`` and the standard library's do the same with the same class."""

from __future__ import annotations

import dataclasses
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from whalebuild.values import dataclass

T = TypeVar("T")
Decorate = Callable[..., Any]


def classes(decorate: Decorate) -> dict[str, Any]:
    @decorate(frozen=True)
    class Point:
        """Two values, one of them left open."""

        x: int
        y: int = 2
        count: ClassVar[int] = 5

        @property
        def both(self) -> int:
            return self.x + self.y

        @cached_property
        def kept(self) -> int:
            return self.x

    @decorate(frozen=True)
    class Named(Point):
        name: str = "n"
        others: list[int] = dataclasses.field(default_factory=list)

    @decorate
    class Changing:
        a: int = 0
        seen: dict[str, int] = dataclasses.field(default_factory=dict, compare=False, repr=False)
        only: int = dataclasses.field(default=7, kw_only=True)
        made: list[int] = dataclasses.field(default_factory=lambda: [1], init=False)
        fixed: int = dataclasses.field(default=3, init=False)

    @decorate(frozen=True)
    class One(Generic[T]):
        value: T

    @decorate(frozen=True)
    class Nothing:
        pass

    @decorate(frozen=True)
    class Checked:  # noqa: PLW1641 - that it has no hash is what is compared
        x: int

        def __post_init__(self) -> None:
            object.__setattr__(self, "x", self.x + 1)

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Checked)

        def __repr__(self) -> str:
            return "checked"

    @decorate(frozen=True)
    class Hashed:
        x: int

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 5

    @decorate(frozen=True, order=True)
    class Ordered:
        x: int

    @decorate
    class Own:
        x: int

        def __init__(self) -> None:
            self.x = 9

    class Derived(Named):
        pass

    return {name: each for name, each in locals().items() if isinstance(each, type)}


OURS, THEIRS = classes(dataclass), classes(dataclasses.dataclass)
VALUES: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("Point", (1,), {}),
    ("Point", (1, 3), {}),
    ("Point", (), {"y": 4, "x": 1}),
    ("Named", (1,), {}),
    ("Named", (1, 2, "m", [3]), {}),
    ("Derived", (1,), {"name": "d"}),
    ("Changing", (), {}),
    ("Changing", (1, {"a": 1}), {"only": 8}),
    ("One", (1.5,), {}),
    ("One", (float("nan"),), {}),
    ("Nothing", (), {}),
    ("Checked", (1,), {}),
    ("Hashed", (1,), {}),
    ("Ordered", (1,), {}),
    ("Own", (), {}),
]
WRONG: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("Point", (), {}),
    ("Point", (1, 2, 3), {}),
    ("Point", (1,), {"z": 1}),
    ("Changing", (1, {}, 8), {}),
    ("Changing", (), {"made": []}),
    ("Nothing", (1,), {}),
]


def told(action: Callable[[], Any]) -> Any:
    """What comes of something, so that it can be compared."""
    try:
        return action()
    except (TypeError, AttributeError) as failed:
        return type(failed), str(failed).rpartition("__init__")[2]


def facts(known: dict[str, Any], name: str, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
    cls = known[name]
    value = cls(*given, **named)
    again = cls(*given, **named)
    first = next(iter(vars(value)), "none")
    return (
        dict(vars(value)),
        repr(value).rpartition("<locals>.")[2],
        value == again,
        value != again,
        value == 1,
        all(value != other(*given, **named) for other in known.values() if told(other) == ()),
        isinstance(told(lambda: hash(value)), int),
        told(lambda: hash(value) == hash(again)),
        told(lambda: setattr(value, first, 5)),
        told(lambda: setattr(value, "new", 5)),
        told(lambda: delattr(value, first)),
        told(lambda: value < again),
        told(lambda: dataclasses.asdict(value)),
        told(lambda: dict(vars(dataclasses.replace(value)))),
        [(f.name, f.default, f.init, f.kw_only) for f in dataclasses.fields(cls)],
        dataclasses.is_dataclass(cls),
        getattr(cls, "__match_args__", None),
        [cls.__qualname__.rpartition(".")[2], cls.__init__.__name__],
    )


@pytest.mark.parametrize(("name", "given", "named"), VALUES, ids=range(len(VALUES)))
def test_a_value_is_as_the_standard_library_has_it(
    name: str, given: tuple[Any, ...], named: dict[str, Any]
) -> None:
    assert repr(facts(OURS, name, given, named)) == repr(facts(THEIRS, name, given, named))


@pytest.mark.parametrize(("name", "given", "named"), WRONG, ids=range(len(WRONG)))
def test_wrong_arguments_are_refused_alike(
    name: str, given: tuple[Any, ...], named: dict[str, Any]
) -> None:
    ours = told(lambda: OURS[name](*given, **named))
    assert ours == told(lambda: THEIRS[name](*given, **named))
    assert ours[0] is TypeError


def test_a_cached_property_of_a_frozen_value_is_kept() -> None:
    value = OURS["Point"](1)
    assert (value.kept, value.both, vars(value)["kept"]) == (1, 3, 1)


def test_a_class_without_a_docstring_is_not_asked_for_its_signature() -> None:
    assert OURS["Nothing"].__doc__ == "Nothing"
    assert OURS["Point"].__doc__ == "Two values, one of them left open."


@dataclass(frozen=True)
class Kept:
    x: int


def test_a_value_is_pickled_before_another_is_made() -> None:
    assert pickle.loads(pickle.dumps(Kept(1))) == Kept(1)


def test_threads_that_make_the_first_values_at_once_get_them() -> None:
    for _ in range(50):
        cls = classes(dataclass)["Named"]
        gate, made = threading.Barrier(8), []

        def make(cls: Any = cls, gate: threading.Barrier = gate, made: list[Any] = made) -> None:
            gate.wait()
            made.append(cls(1, name="t"))

        threads = [threading.Thread(target=make) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made == [cls(1, name="t")] * 8


def test_nothing_is_compiled_for_a_class_that_has_no_value() -> None:
    program = (
        "import builtins\n"
        "from whalebuild import values\n"
        "import dataclasses\n"
        "def no(*_): raise AssertionError('compiled')\n"
        "real, builtins.exec = builtins.exec, no\n"
        "@values.dataclass(frozen=True)\n"
        "class Some:\n    x: int\n    y: list = dataclasses.field(default_factory=list)\n"
        "builtins.exec = real\n"
        "print(Some(1))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("Some(x=1, y=[])\n", "")

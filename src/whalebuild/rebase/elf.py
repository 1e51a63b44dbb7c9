"""What a program of an image loads: its interpreter and libraries, out of its ELF headers.

https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html, chapter 5.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from whalebuild.values import dataclass

_MAGIC = b"\x7fELF"
_WIDE = 2  # ELFCLASS64
_LOAD, _DYNAMIC, _INTERPRETER = 1, 2, 3
_NEEDED, _STRINGS, _RPATH, _RUNPATH = 1, 5, 15, 29
# Audit libraries, and other objects in whose place or before which this one is loaded.
_FILTERS = frozenset({0x6FFFFEFB, 0x6FFFFEFC, 0x7FFFFFFD, 0x7FFFFFFF})


@dataclass(frozen=True)
class Elf:
    """A program or a library.

    Attributes:
        interpreter: The path of what loads it; empty for a library, and where nothing does.
        needed: Names of the libraries that it names.
        elsewhere: Whether it says where to look for them, or has others loaded by other means.
    """

    interpreter: str
    needed: tuple[str, ...]
    elsewhere: bool


@dataclass(frozen=True)
class _Segment:
    kind: int
    offset: int
    address: int
    size: int


def read_elf(data: bytes) -> Elf | None:
    """Read a file; None where it is no ELF file, or not a whole one."""
    if data[:4] != _MAGIC:
        return None
    try:
        wide, order = data[4] == _WIDE, "<" if data[5] == 1 else ">"
        segments = list(_segments(data, order, wide=wide))
        dynamic = list(_dynamic(data, segments, order, wide=wide))
        strings = next((value for tag, value in dynamic if tag == _STRINGS), 0)
        names = [_text(data, segments, strings + at) for tag, at in dynamic if tag == _NEEDED]
        found = [each for each in segments if each.kind == _INTERPRETER]
        interpreter = _until_zero(data, found[0].offset) if found else ""
    except (struct.error, IndexError, ValueError):
        return None
    elsewhere = any(tag in {_RPATH, _RUNPATH, *_FILTERS} for tag, _ in dynamic)
    return Elf(interpreter, tuple(names), elsewhere)


def _segments(data: bytes, order: str, *, wide: bool) -> Iterator[_Segment]:
    (table,) = struct.unpack_from(order + ("Q" if wide else "I"), data, 32 if wide else 28)
    size, count = struct.unpack_from(f"{order}HH", data, 54 if wide else 42)
    for at in range(table, table + size * count, size):
        if wide:
            kind, _, offset, address, _, length = struct.unpack_from(f"{order}IIQQQQ", data, at)
        else:
            kind, offset, address, _, length = struct.unpack_from(f"{order}IIIII", data, at)
        yield _Segment(kind, offset, address, length)


def _dynamic(
    data: bytes, segments: list[_Segment], order: str, *, wide: bool
) -> Iterator[tuple[int, int]]:
    form = struct.Struct(order + ("QQ" if wide else "II"))
    for each in segments:
        if each.kind == _DYNAMIC:
            for at in range(each.offset, each.offset + each.size, form.size):
                tag, value = form.unpack_from(data, at)
                if tag == 0:
                    return
                yield tag, value


def _text(data: bytes, segments: list[_Segment], address: int) -> str:
    for each in segments:
        if each.kind == _LOAD and each.address <= address < each.address + each.size:
            return _until_zero(data, each.offset + address - each.address)
    raise ValueError("an address is in no segment")


def _until_zero(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode("utf-8", "surrogateescape")

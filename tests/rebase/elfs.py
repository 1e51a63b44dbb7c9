"""ELF files of a few bytes, as a loader reads them."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_TAGS = {"needed": 1, "runpath": 29}


def elf(
    interpreter: str = "", needed: Sequence[str] = (), *, runpath: str = "", bits: int = 64
) -> bytes:
    """A program or library that names others; all of it is one segment at address 0x1000."""
    wide = bits == 64
    strings = b"\0" + b"".join(name.encode() + b"\0" for name in (*needed, runpath))
    tags = []
    at = 1
    for name in needed:
        tags.append((_TAGS["needed"], at))
        at += len(name) + 1
    if runpath:
        tags.append((_TAGS["runpath"], at))
    header, entry, word = (64, 56, "QQ") if wide else (52, 32, "II")
    first = header + 3 * entry
    table = first + len(interpreter) + 1
    tags += [(5, 0x1000 + table), (0, 0), (1, 99999)]
    dynamic = table + len(strings)
    body = interpreter.encode() + b"\0" + strings
    body += b"".join(struct.pack(f"<{word}", *tag) for tag in tags)
    size = first + len(body)
    segments = [(1, 0, 0x1000, size), (2, dynamic, 0, size - dynamic)]
    segments.append((3, first, 0, len(interpreter) + 1) if interpreter else (4, 0, 0, 0))
    packed = b"".join(_segment(*each, wide=wide) for each in segments)
    return _header(header, entry, len(segments), wide=wide) + packed + body


def _header(header: int, entry: int, count: int, *, wide: bool) -> bytes:
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + bytes(9)
    addresses = struct.pack("<QQQ" if wide else "<III", 0, header, 0)
    return (
        ident
        + struct.pack("<HHI", 3, 62, 1)
        + addresses
        + struct.pack("<IHHHHHH", 0, header, entry, count, 0, 0, 0)
    )


def _segment(kind: int, offset: int, address: int, size: int, *, wide: bool) -> bytes:
    if wide:
        return struct.pack("<IIQQQQQQ", kind, 4, offset, address, 0, size, size, 1)
    return struct.pack("<IIIIIIII", kind, offset, address, 0, size, size, 4, 1)

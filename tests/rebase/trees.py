"""Tars of file systems, written as BuildKit and docker write them, and read back."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable
from typing import Any

from whalebuild.rebase.reach import Reach
from whalebuild.rebase.stub import NoStub, StubLayer, derive_stub

# A default ACL as the kernel has it (posix_acl_xattr.h): version 2, then tag, permissions and id:
# user::rwx user:1000:rwx group::r-x mask::rwx other::---
ACL = bytes.fromhex(
    "0200000001000700ffffffff02000700e803000004000500ffffffff10000700ffffffff20000000ffffffff"
)


def entry(name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"", **fields: Any) -> Entry:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = len(content)
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


Entry = tuple[tarfile.TarInfo, bytes]


def folder(name: str, **fields: Any) -> Entry:
    return entry(name, tarfile.DIRTYPE, **fields)


def link(name: str, target: str, **fields: Any) -> Entry:
    return entry(name, tarfile.SYMTYPE, linkname=target, mode=0o777, **fields)


def xattr(name: str, value: bytes) -> dict[str, str]:
    return {f"SCHILY.xattr.{name}": value.decode("utf-8", "surrogateescape")}


def tar(entries: Iterable[Entry]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(
        fileobj=out,
        mode="w",
        format=tarfile.PAX_FORMAT,
        encoding="utf-8",
        errors="surrogateescape",
    ) as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def derive(
    *layers: Iterable[Entry], reaches: Iterable[str | Reach] = (), limit: int = 64 << 10
) -> StubLayer | NoStub:
    wanted = [Reach(each) if isinstance(each, str) else each for each in reaches]
    return derive_stub([io.BytesIO(tar(layer)) for layer in layers], wanted, limit)


def stub(
    *layers: Iterable[Entry], reaches: Iterable[str | Reach] = (), limit: int = 64 << 10
) -> dict[str, tarfile.TarInfo]:
    """The entries of the stub, by name."""
    found = derive(*layers, reaches=reaches, limit=limit)
    assert isinstance(found, StubLayer), found
    return {info.name: info for info, _ in read(found)}


def read(layer: StubLayer) -> list[Entry]:
    with tarfile.open(
        fileobj=io.BytesIO(gzip.decompress(layer.blob)), encoding="utf-8", errors="surrogateescape"
    ) as archive:
        return [
            (info, archive.extractfile(info).read() if info.isreg() else b"")  # type: ignore[union-attr]
            for info in archive
        ]

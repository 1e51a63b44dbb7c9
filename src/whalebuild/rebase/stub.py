"""Derives the stub of an app base: what ``COPY``, ``ADD`` and ``WORKDIR`` see of it.

They write the same onto the stub as onto the whole image, since what they write depends on nothing
but directories and links with their metadata, on what stands in their way, and on the names of
users (``solver/llbsolver/file/backend.go`` and ``ops/user_linux.go`` of BuildKit). For small RUNs
it has another layer, of the tools that these need (``rebase.tools``).

The same tree gives the same bytes wherever zlib is the same: other versions of it may compress
otherwise, so the digest of a stub may differ between machines; its diff id does not.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import BinaryIO

from whalebuild.oci.manifest import MANIFEST_TYPE, digest_of
from whalebuild.rebase.commands import Commands
from whalebuild.rebase.images import CONFIG_TYPE, LAYER_TYPE, Image, read_image
from whalebuild.rebase.reach import (
    NO_COMMANDS,
    USER_PATHS,
    Reach,
    Reached,
    reached,
    write_record,
)
from whalebuild.rebase.tars import USER_FILE_LIMIT, XATTR, keep_nothing, read_tree
from whalebuild.rebase.tools import NoToolsError, find_tools, is_of_tools
from whalebuild.rebase.tree import Entry, Kind, TooManyLinksError, Tree
from whalebuild.text import human_bytes, shown
from whalebuild.values import dataclass

# On the manifest of a stub: the digest of its app base's manifest.
STUB = "dev.whalebuild.stub"
# On the same: what it was derived for, as :func:`whalebuild.rebase.reach.covers` reads it.
STUB_REACHES = "dev.whalebuild.stub.reaches"
LIMIT = 64 << 10
# Up to here a stub has all directories and links; what else a bake reads is some 12 KB.
WHOLE_LIMIT = 16 << 10
TOOLS_LIMIT = 4 << 20

# The time of an empty file: one that no code has. BuildKit leaves out of a layer what has the type,
# mode, owner, size, time and content of what was there (``sameDirent`` in
# ``util/overlay/overlay_linux.go``): so it would leave out an empty file of the code that goes over
# a file of the app base which is not empty, but of the same time.
_NEVER = 0x7FFF_FFFE

_TAR_TYPES = {Kind.DIRECTORY: tarfile.DIRTYPE, Kind.LINK: tarfile.SYMTYPE}
_END = b"\0" * 1024
# RFC 1952: deflate, no name, no time, best compression, unknown system.
_GZIP = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
_LEVEL = 9
_PIECE = 64 << 10  # bytes of a tar that are written at once


@dataclass(frozen=True)
class Layer:
    """A layer.

    Attributes:
        blob: The tar, compressed by gzip.
        diff_id: The digest of the tar.
    """

    blob: bytes
    diff_id: str

    @property
    def digest(self) -> str:
        """The digest of the compressed layer."""
        return digest_of(self.blob)


@dataclass(frozen=True)
class StubLayer(Layer):
    """The layer of a stub that has directories and links, and what else it is made of.

    Attributes:
        reaches: What it was derived for, in JSON.
        tools: The layer of the tools of small RUNs; None where there are none.
    """

    reaches: str
    tools: Layer | None = None

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All layers of the stub, the lowest first."""
        return (self, self.tools) if self.tools else (self,)


@dataclass(frozen=True)
class NoStub:
    """Why an app base has no stub: then an application is built on the whole image."""

    reason: str


def derive_stub(
    tars: Iterable[BinaryIO],
    reaches: Collection[Reach],
    limit_bytes: int = LIMIT,
    commands: Commands = NO_COMMANDS,
) -> StubLayer | NoStub:
    """Derive the layer of a stub from the whole file system of its app base.

    It has every directory and symbolic link, and as empty files what stands where an instruction
    can reach. Where that is over 16 KB, it has the directories and links of these places alone.

    Args:
        tars: The layers of the app base, the lowest first, or one tar of all of it; see
            :func:`~whalebuild.rebase.tars.read_tree` for how these differ.
        reaches: The destinations of all instructions after the boundary.
        limit_bytes: The most that the layer may have, compressed.
        commands: What small RUNs need. Where that is more than a stub can have, its record says
            so, see :func:`~whalebuild.rebase.reach.refusal`.

    Raises:
        VerificationError: One of the streams is no whole tar.
    """
    tree = read_tree(tars, is_of_tools if commands else keep_nothing)
    try:
        places = reached(tree, reaches)
        contents = _user_files(tree)
    except TooManyLinksError:
        return NoStub("links on the way to a destination lead in a circle")
    if isinstance(contents, NoStub):
        return contents
    tools = _tools(tree, reaches, commands)
    refused = tools if isinstance(tools, str) else ""
    record = write_record(reaches, commands, refused)
    whole = _chosen(tree, places, contents, whole=True)
    made = _layer_within(min(WHOLE_LIMIT, limit_bytes), whole)
    made = made or _layer(_chosen(tree, places, contents, whole=False))
    if len(made.blob) <= limit_bytes:
        with_tools = tools if isinstance(tools, Layer) else None
        return StubLayer(made.blob, made.diff_id, record, with_tools)
    return NoStub(
        f"the directories, and the files in the way of its instructions, make up"
        f" {human_bytes(len(made.blob))}, more than {human_bytes(limit_bytes)}"
    )


def _tools(tree: Tree, reaches: Collection[Reach], commands: Commands) -> Layer | str | None:
    """The layer of the tools that commands need; or why they need the whole app base."""
    if not commands:
        return None
    try:
        made = _layer(sorted(find_tools(tree, reaches, commands).items(), key=_by_path))
    except NoToolsError as reason:
        return str(reason)
    if len(made.blob) > TOOLS_LIMIT:
        return f"the tools of its commands make up {human_bytes(len(made.blob))}"
    return made


def stub_image(app_base: Image, layer: StubLayer) -> Image:
    """Write the stub's configuration and manifest; the same arguments give the same bytes.

    Raises:
        VerificationError: The app base is not what its manifest says.
        ValueError: The app base has ``ONBUILD``, which would run in each build on the stub.
    """
    config = dict(read_image(app_base, "the app base").config)
    if (config.get("config") or {}).get("OnBuild"):
        raise ValueError("an app base with ONBUILD has no stub")
    # A cache that is inlined here names the app base's layers.
    config.pop("moby.buildkit.cache.v0", None)
    created = {"created": config["created"]} if config.get("created") else {}
    made_by = f"whalebuild: stub of {app_base.digest}"
    config["rootfs"] = {"type": "layers", "diff_ids": [each.diff_id for each in layer.layers]}
    config["history"] = [{**created, "created_by": made_by} for _ in layer.layers]
    raw = json.dumps(config, separators=(",", ":"), sort_keys=True).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": CONFIG_TYPE, "digest": digest_of(raw), "size": len(raw)},
        "layers": [
            {"mediaType": LAYER_TYPE, "digest": each.digest, "size": len(each.blob)}
            for each in layer.layers
        ],
        "annotations": {STUB: app_base.digest, STUB_REACHES: layer.reaches},
    }
    return Image(json.dumps(manifest, indent=2).encode(), raw)


def _user_files(tree: Tree) -> dict[str, bytes] | NoStub:
    """The files that list users and groups, where links of ``/etc`` lead (``openUserFile``)."""
    contents = {}
    for path in USER_PATHS:
        place = tree.walk(path).path
        found = tree.entries.get(place)
        if found is None or found.kind is Kind.DIRECTORY:
            continue  # BuildKit fails, or takes nobody for a user, with the stub as without
        name = f"/{path}" if place == path else f"/{path} (that is /{shown(place)})"
        if found.kind is not Kind.FILE:
            return NoStub(f"{name} is no regular file")
        if found.size > USER_FILE_LIMIT:
            return NoStub(f"{name} has {human_bytes(found.size)}")
        if found.content is None:
            return NoStub(f"{name} is a link to a file of another name")
        contents[place] = found.content
    return contents


def _chosen(
    tree: Tree, places: Reached, contents: dict[str, bytes], *, whole: bool
) -> Iterator[tuple[str, Entry]]:
    """Entries of the stub, by path: what is above comes before what is below."""
    for path in sorted(tree.entries, key=_bytes):
        entry = tree.entries[path]
        if entry.kind in {Kind.DIRECTORY, Kind.LINK}:
            if whole or path in places:
                yield path, entry
        elif path in contents:
            yield path, replace(entry, content=contents[path])
        elif path in places:
            yield path, replace(entry, content=b"", mtime=_NEVER)


class _Packer:
    """Compresses a tar as it comes. The header is our own: :mod:`gzip` names the system in it."""

    def __init__(self) -> None:
        self.packed = bytearray(_GZIP)
        self._packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._digest, self._crc, self._size = hashlib.sha256(), 0, 0

    def add(self, piece: bytes) -> None:
        """Take the next piece of the tar."""
        self.packed += self._packer.compress(piece)
        self._digest.update(piece)
        self._crc = zlib.crc32(piece, self._crc)
        self._size += len(piece)

    def layer(self) -> Layer:
        """The layer, at the end of the tar."""
        ends = (self._crc, self._size & 0xFFFF_FFFF)
        self.packed += self._packer.flush() + b"".join(end.to_bytes(4, "little") for end in ends)
        return Layer(bytes(self.packed), f"sha256:{self._digest.hexdigest()}")


def _layer(entries: Iterable[tuple[str, Entry]]) -> Layer:
    packer = _Packer()
    for piece in _tar(entries):
        packer.add(piece)
    return packer.layer()


def _layer_within(most: int, entries: Iterable[tuple[str, Entry]]) -> Layer | None:
    """The layer; None as soon as it has more bytes."""
    packer = _Packer()
    for piece in _tar(entries):
        packer.add(piece)
        if len(packer.packed) > most:
            return None
    made = packer.layer()
    return made if len(made.blob) <= most else None


def _tar(entries: Iterable[tuple[str, Entry]]) -> Iterator[bytes]:
    """Write a tar in POSIX's format, as Go's ``archive/tar`` reads it, in pieces."""
    piece = bytearray()
    for path, entry in entries:
        content = entry.content or b""
        info = tarfile.TarInfo(path)
        info.type = _TAR_TYPES.get(entry.kind, tarfile.REGTYPE)
        info.mode, info.uid, info.gid = entry.mode, entry.uid, entry.gid
        info.mtime, info.size, info.linkname = entry.mtime, len(content), entry.target
        info.pax_headers = {XATTR + name: value for name, value in sorted(entry.xattrs.items())}
        piece += info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
        piece += content + b"\0" * (-len(content) % tarfile.BLOCKSIZE)
        if len(piece) >= _PIECE:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece) + _END


def _by_path(item: tuple[str, Entry]) -> bytes:
    return _bytes(item[0])


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")

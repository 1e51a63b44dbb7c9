"""Laws of the stub, over random trees: what it has, and that writing onto it is the same."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass, field

from hypothesis import given, note
from hypothesis import strategies as st

from tests.rebase.trees import Entry, entry, folder, link, read, xattr
from tests.rebase.trees import derive as derive_of
from whalebuild.rebase.reach import Reach
from whalebuild.rebase.stub import StubLayer

NAMES = ("a", "b", "\udcff")
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)
MODES = st.sampled_from([0o755, 0o700, 0o1777, 0o2775, 0o6711, 0])
XATTRS = st.dictionaries(
    st.sampled_from(["user.x", "system.posix_acl_default"]), st.binary(max_size=20), max_size=2
)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """An entry of any kind, by few names: they are to meet. Files of users have their own tests."""
    name = draw(PATHS)
    fields = {"uid": draw(st.integers(0, 1 << 22)), "mtime": draw(st.integers(0, 1 << 32))}
    kind = draw(st.sampled_from(["directory", "link", "file", "file", "fifo"]))
    if kind == "directory":
        pax: dict[str, str] = {}
        for key, value in draw(XATTRS).items():
            pax |= xattr(key, value)
        return folder(name, pax_headers=pax, **fields | {"mode": draw(MODES)})
    if kind == "link":
        target = draw(st.sampled_from(NAMES) | PATHS)
        return link(name, f"/{target}" if draw(st.booleans()) else target, **fields)
    if kind == "fifo":
        return entry(name, tarfile.FIFOTYPE, **fields)
    return entry(name, content=draw(st.binary(min_size=1, max_size=9)), **fields)


@st.composite
def trees(draw: st.DrawFn) -> list[Entry]:
    """A file system as an exporter writes one: each path once, below directories alone."""
    made: dict[str, Entry] = {}
    for each in draw(st.lists(entries(), max_size=20)):
        name = each[0].name
        above = [name[:i] for i, c in enumerate(name) if c == "/"]
        if name in made or any(a in made and not made[a][0].isdir() for a in above):
            continue
        for a in above:
            made.setdefault(a, folder(a, mtime=3))
        made[name] = each
    return [made[name] for name in sorted(made)]


REACHES = st.lists(st.builds(Reach, PATHS.map("/{}".format), st.booleans()), max_size=3)


def metadata(info: tarfile.TarInfo) -> tuple[object, ...]:
    xattrs = {k: v for k, v in info.pax_headers.items() if k.startswith("SCHILY.")}
    return info.type, info.mode, info.uid, info.gid, info.mtime, info.linkname, xattrs


@given(trees(), REACHES)
def test_directories_and_links_are_all_there_and_equal(
    tree: list[Entry], reaches: list[Reach]
) -> None:
    made = derive_of(tree, reaches=reaches)
    if not isinstance(made, StubLayer):
        assert "circle" in made.reason
        return
    had = {i.name: i for i, _ in tree}
    got = {i.name: (i, content) for i, content in read(made)}
    wanted = {n: metadata(i) for n, i in had.items() if i.isdir() or i.issym()}
    assert {n: metadata(i) for n, (i, _) in got.items() if not i.isreg()} == wanted
    assert list(got) == sorted(got, key=lambda n: n.encode("utf-8", "surrogateescape"))
    for name, (info, content) in got.items():
        if info.isreg():
            assert not content
            assert metadata(info)[1:4] == metadata(had[name])[1:4]


@dataclass
class FileSystem:
    """BuildKit's ``COPY`` in small (``copy/copy.go`` of tonistiigi/fsutil), on a tree in memory.

    Attributes:
        upper: What was written: the layer.
    """

    paths: dict[str, tarfile.TarInfo]
    upper: dict[str, object] = field(default_factory=dict)

    def kind(self, path: str) -> str:
        if not path:
            return "directory"
        found = self.paths.get(path)
        if found is None:
            return "nothing"
        return "directory" if found.isdir() else "link" if found.issym() else "file"

    def resolve(self, path: str) -> str:
        """A path through links; links here have no ``..``."""
        at, todo, links = "", [p for p in path.split("/") if p], 0
        while todo:
            place = f"{at}/{todo[0]}" if at else todo[0]
            if self.kind(at) == "file":
                raise OSError("ENOTDIR")
            if self.kind(place) == "link":
                links += 1
                if links > 40:
                    raise OSError("ELOOP")
                target = self.paths[place].linkname
                at = "" if target.startswith("/") else at
                todo = [p for p in target.split("/") if p] + todo[1:]
            else:
                at, todo = place, todo[1:]
        return at

    def above(self, path: str) -> None:
        """The directories above what is written are in the layer too, made where need be."""
        parts = path.split("/")[:-1]
        for place in ("/".join(parts[: i + 1]) for i in range(len(parts))):
            if self.kind(place) not in {"directory", "nothing"}:
                raise OSError("ENOTDIR")
            if self.kind(place) == "nothing":
                self.paths[place] = folder(place)[0]
                self.upper[place] = "made"
            else:
                self.upper.setdefault(place, metadata(self.paths[place]))

    def put(self, path: str, *, directory: bool) -> None:
        self.above(path)
        if directory:
            if self.kind(path) not in {"directory", "nothing"}:
                raise OSError("cannot copy to non-directory")
            self.paths.setdefault(path, folder(path)[0])
            self.upper[path] = metadata(self.paths[path])
            return
        if self.kind(path) == "directory":
            raise OSError("cannot replace to directory with file")
        self.paths[path] = entry(path)[0]
        self.upper[path] = "new file"

    def copy(self, source: dict[str, bool], destination: str) -> object:
        """Copy a folder's content (paths, and whether each is a directory), or the file ''."""
        try:
            place = self.resolve(destination)
            if source == {"": False}:
                place = f"{place}/a".strip("/") if self.kind(place) == "directory" else place
                self.put(place, directory=False)
            else:
                for name, directory in {"": True, **source}.items():
                    if whole := f"{place}/{name}".strip("/"):
                        self.put(whole, directory=directory)
        except OSError as fault:
            return str(fault), None
        return self.upper


SOURCES = st.one_of(
    st.just({"": False}),
    st.dictionaries(PATHS, st.booleans(), min_size=2, max_size=6).map(
        lambda had: {
            **{name[:i]: True for name in had for i, c in enumerate(name) if c == "/"},
            **{n: d for n, d in had.items() if not any(o.startswith(f"{n}/") for o in had)},
        }
    ),
)


@given(trees(), SOURCES, st.booleans(), st.data())
def test_a_copy_writes_the_same_onto_the_stub(
    tree: list[Entry], source: dict[str, bool], small: bool, data: st.DataObject
) -> None:
    source = dict(sorted(source.items()))
    there = st.sampled_from([info.name for info, _ in tree]) if tree else PATHS
    destination = "/" + data.draw(st.one_of(PATHS, there), "destination")
    reach = Reach(destination, below=source != {"": False})
    made = derive_of(tree, reaches=[reach])
    if not isinstance(made, StubLayer):
        return
    if small:  # what is not reached is left out, where anything is
        less = derive_of(tree, reaches=[reach], limit=len(made.blob) - 1)
        made = less if isinstance(less, StubLayer) else made
    names = {info.name: info for info, _ in read(made)}
    on_image = FileSystem({i.name: i for i, _ in tree}).copy(source, destination)
    on_stub = FileSystem(names).copy(source, destination)
    note(f"stub: {sorted(names)}")
    assert on_stub == on_image

"""What stands after the boundary of a Dockerfile, as rewrites look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

from whalebuild.appbase.values import Boundary
from whalebuild.dockerfile import gopath
from whalebuild.dockerfile.instructions import Copy, StepError, read_copy
from whalebuild.dockerfile.lines import Instruction
from whalebuild.inputs.values import ContextFiles, ContextRead, FileEntry
from whalebuild.values import dataclass

_UNKNOWN = "?"  # the working directory of the base image


@dataclass(frozen=True)
class Rewrite:
    """A Dockerfile that is written otherwise.

    Attributes:
        text: The Dockerfile.
        step: The instruction that forced the long way.
        note: What was done, in words.
    """

    text: str
    step: Instruction
    note: str


@dataclass(frozen=True)
class Copied:
    """A COPY or ADD of files of the context.

    Attributes:
        step: The instruction.
        copy: What it says.
        folder: Where its files go, or the name of its one file.
        files: The context's files, by where they go.
        folders: Whether one of the sources is a folder.
    """

    step: Instruction
    copy: Copy
    folder: str
    files: Mapping[str, FileEntry]
    folders: bool = False


@dataclass(frozen=True)
class View:
    """A Dockerfile that is cut, and its files.

    Attributes:
        boundary: Where it is cut.
        files: The files that it reads.
        content: Reads a file of the context; None where it cannot be read.
    """

    boundary: Boundary
    files: ContextFiles
    content: Callable[[str], str | None]

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the Dockerfile."""
        return self.boundary.text.split("\n")

    @cached_property
    def workdirs(self) -> Mapping[int, str]:
        """The working directory in which instructions of the chain begin, by their lines."""
        found = {}
        current = _UNKNOWN
        for stage in self.boundary.chain:
            for step in stage.instructions:
                found[step.line] = current
                if step.keyword == "WORKDIR":
                    current = joined(current, step.rest.strip().strip("\"'"))
        return found

    def stage_steps(self, step: Instruction) -> list[Instruction]:
        """The instructions after the boundary in the stage of one of them."""
        stage = next(each.stage for each in self.boundary.tail if each.step is step)
        return [each.step for each in self.boundary.tail if each.stage is stage]

    def copied(self, step: Instruction) -> Copied | None:
        """What a COPY or ADD puts where; None where that cannot be told."""
        copy = self.copy(step)
        if copy is None:
            return None
        reads = [(r, e) for r, e in self.files.by_read if r.line == step.line and not r.context]
        if len(reads) != 1 or copy.origin or copy.parents or copy.documents:
            return None
        read, entries = reads[0]
        workdir = self.workdirs[step.line]
        folder = joined(workdir, copy.destination)
        into = len(read.sources) > 1 or copy.destination.endswith(("/", "/."))
        into = into or copy.destination == "." or folder == workdir
        placed = _placed(read, entries, folder, into=into)
        if placed is None:
            return None
        files, folders = placed
        return Copied(step, copy, folder, files, folders)

    def copy(self, step: Instruction) -> Copy | None:
        """What a COPY or ADD says; None for others, and where it is not well formed."""
        try:
            return read_copy(step) if step.keyword in {"COPY", "ADD"} else None
        except StepError:
            return None

    def destination(self, step: Instruction) -> str | None:
        """Where a COPY or ADD puts files, below it or just there; None for others."""
        copy = self.copy(step)
        return joined(self.workdirs[step.line], copy.destination) if copy else None

    def edited(self, edits: Mapping[tuple[int, int], Iterable[str]]) -> str:
        """The text with lines replaced.

        Args:
            edits: By first line and the line after the last one; of an empty range what is put
                before its first line. Ranges do not overlap.
        """
        lines = list(self.lines)
        end = "\r" if any(line.endswith("\r") for line in lines) else ""
        for (first, after), new in sorted(edits.items(), reverse=True):
            lines[first - 1 : after - 1] = [line.removesuffix("\r") + end for line in new]
        return "\n".join(lines)

    def raw(self, step: Instruction) -> list[str]:
        """The lines of an instruction."""
        return self.lines[step.line - 1 : step.end]


def joined(workdir: str, path: str) -> str:
    """A path as an instruction means it; one that begins with a variable is taken for absolute."""
    whole = path if path.startswith(("/", "$")) else f"{workdir}/{path}"
    return gopath.clean(whole)


def span(step: Instruction) -> tuple[int, int]:
    """The lines of an instruction: the first one, and the one after the last."""
    return step.line, step.end + 1


def _placed(
    read: ContextRead, entries: Iterable[FileEntry], folder: str, *, into: bool
) -> tuple[dict[str, FileEntry], bool] | None:
    entries = [entry for entry in entries if entry.kind in {"file", "link", "dir"}]
    if any(entry.kind == "link" for entry in entries):
        return None  # their names below a link are others
    found: dict[str, FileEntry] = {}
    folders = False
    for source in read.sources:
        top = [e.path for e in entries if _is_source(read, source, e.path)]
        for path in ["."] if source == "." else top:
            inside = [e for e in entries if path == "." or e.path.startswith(f"{path}/")]
            if inside or path == "." or any(e.path == path and e.kind == "dir" for e in entries):
                folders = True
                cut = 0 if path == "." else len(path) + 1
                found |= {joined(folder, e.path[cut:]): e for e in inside}
            else:
                name = path.rpartition("/")[2]
                (entry,) = (e for e in entries if e.path == path)
                found[joined(folder, name) if into else folder] = entry
    return found, folders


def _is_source(read: ContextRead, source: str, path: str) -> bool:
    if read.wildcards and gopath.has_wildcards(source):
        return gopath.matches(source, path)
    return path == source

"""What instructions after the boundary can reach in the app base's file system."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence

from whalebuild.rebase.commands import Commands
from whalebuild.rebase.tars import USER_FILES
from whalebuild.rebase.tree import Tree, clean
from whalebuild.values import dataclass

NO_COMMANDS = Commands()
USER_PATHS = tuple(f"etc/{name}" for name in USER_FILES)


@dataclass(frozen=True, order=True)
class Reach:
    """A destination of an instruction.

    Attributes:
        path: Absolute, as the Dockerfile has it after ``WORKDIR`` and variables.
        below: Whether a folder is written there. A single file may be: then it is only this path,
            or, where this is a directory of the app base, what is in it.
        excluded: Folders in it that nothing is written into, relative to it. They themselves may
            be written.
    """

    path: str
    below: bool = True
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reached:
    """Paths of a tree that instructions look at or write.

    Attributes:
        passed: Paths on the way to destinations.
        folders: Destinations that are directories, each with the folders left out of it.
    """

    passed: frozenset[str]
    folders: tuple[tuple[str, tuple[str, ...]], ...]

    def __contains__(self, path: str) -> bool:
        return path in self.passed or any(
            _in(path, folder) and not any(_in(path, left_out) for left_out in without)
            for folder, without in self.folders
        )


def reached(tree: Tree, reaches: Iterable[Reach]) -> Reached:
    """Find what instructions reach: their destinations, through links, and who is a user.

    No link below a destination is followed: ``COPY`` replaces it or fails (``copyDirectoryOnly``
    and ``ensureEmptyFileTarget`` in ``copy/copy.go`` of tonistiigi/fsutil), and ``ADD`` unpacks an
    archive with the destination as its root (``chrootarchive.Untar`` of moby/go-archive).

    Raises:
        TooManyLinksError: A destination leads in a circle.
    """
    passed: set[str] = set()
    folders = []
    for path in USER_PATHS:
        passed |= tree.walk(path).passed
    for reach in reaches:
        walk = tree.walk(reach.path)
        passed |= walk.passed
        if reach.below or tree.is_directory(walk.path):
            left_out = tuple(clean(f"{walk.path}/{each}") for each in reach.excluded)
            folders.append((walk.path, left_out))
    return Reached(frozenset(passed), tuple(folders))


def write_record(
    reaches: Collection[Reach], commands: Commands = NO_COMMANDS, refused: str = ""
) -> str:
    """Write down what a stub was derived for; the same arguments give the same text.

    Args:
        reaches: The destinations of instructions.
        commands: What small RUNs need.
        refused: Why these need the whole app base; empty where the stub has their tools.
    """
    listed = [
        {"path": f"/{clean(path)}", "below": below, "excluded": sorted(map(clean, excluded))}
        for path, below, excluded in sorted(
            {(each.path, each.below, each.excluded) for each in reaches}
        )
    ]
    if not commands:
        return json.dumps(listed, separators=(",", ":"))
    said = {"reaches": listed, "commands": commands.described()}
    return json.dumps({**said, "refused": refused} if refused else said, separators=(",", ":"))


def refusal(record: str, commands: Commands) -> str:
    """Why these very commands were found to need the whole app base; empty if they were not."""
    try:
        said = json.loads(record)
        same = bool(commands) and said["commands"] == commands.described()
        return str(said.get("refused", "")) if same else ""
    except (KeyError, TypeError, ValueError, RecursionError):
        return ""


def covers(record: str, wanted: Collection[Reach], commands: Commands = NO_COMMANDS) -> bool:
    """Whether a stub with this record serves instructions with these destinations.

    Each has to be in the record by its own path: what is below another one may be elsewhere in
    truth, through a link. The commands have to be the very same.
    """
    try:
        said = json.loads(record)
        if commands and (said["commands"] != commands.described() or "refused" in said):
            return False
        if isinstance(said, dict) != bool(commands):
            return False
        listed = said["reaches"] if commands else said
        had = [(e["path"], e["below"], set(e["excluded"])) for e in listed]
    except (KeyError, TypeError, ValueError, RecursionError):
        return False
    return all(_covered(had, reach) for reach in wanted)


def _covered(had: Sequence[tuple[str, bool, set[str]]], reach: Reach) -> bool:
    path, without = f"/{clean(reach.path)}", {clean(each) for each in reach.excluded}
    return any(
        path == its_path and (below or not reach.below) and excluded <= without
        for its_path, below, excluded in had
    )


def _in(path: str, folder: str) -> bool:
    """Whether a path is below a folder; everything is below the root."""
    return not folder or path.startswith(f"{folder}/")

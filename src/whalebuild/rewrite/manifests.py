"""Manifests before code: the packages are installed before the code is copied.

Of ``COPY . .`` and ``RUN pip install -r requirements.txt`` the copy moves down, and a copy of the
manifest takes its place.
"""

from __future__ import annotations

import re

from whalebuild.dockerfile.lines import Instruction
from whalebuild.inputs.values import FileEntry
from whalebuild.rewrite.installers import Split, is_apart, is_plain, split_run, wants_code
from whalebuild.rewrite.shell import words
from whalebuild.rewrite.view import Copied, Rewrite, View, joined, span

# Folders that installers fill: a copy of the same name would go over what they made.
_FILLED = frozenset({"node_modules", "vendor", ".venv", "venv", ".bundle", "__pypackages__"})
_SAFE = re.compile(r"[\w./@+-]+")


def manifests_first(view: View, step: Instruction) -> Rewrite | None:
    """Install before the code is copied; None where that cannot be, or not be told."""
    split = split_run(step) if step.keyword == "RUN" else None
    if split is None:
        return None
    steps = view.stage_steps(step)
    earlier = steps[: steps.index(step)]
    if _is_there(view, split):
        return None
    first = next((at for at, each in enumerate(earlier) if view.copied(each)), None)
    if first is None or not _may_move(view, earlier[first:], step):
        return None
    copies = [found for each in earlier[first:] if (found := view.copied(each))]
    wanted = _manifests(view, copies, view.workdirs[step.line], split)
    if wanted is None:
        return None
    moved = [c.step for c in copies if not set(c.files) <= set(wanted)]
    if not moved or not _may_pass(copies, moved):
        return None
    edits: dict[tuple[int, int], list[str]] = {span(each): [] for each in moved}
    for copied in copies:
        if copied.step in moved:
            own = [to for to, (provider, _) in wanted.items() if provider is copied]
            edits[span(copied.step)] = _manifest_copies(copied, own)
    flags = "".join(f"{flag} " for flag in step.flags)
    head = view.raw(step) if not split.rest else [f"RUN {flags}{' && '.join(split.head)}"]
    last = [f"RUN {flags}{' && '.join(split.rest)}"] if split.rest else []
    edits[span(step)] = [*head, *(line for each in moved for line in view.raw(each)), *last]
    note = f"{split.note} before the code is copied"
    return Rewrite(view.edited(edits), step, note)


def _is_there(view: View, split: Split) -> bool:
    """Whether the app base has all that is to be moved before the code."""
    steps = [step for _, part in view.boundary.parts() for step in part if step.keyword == "RUN"]
    has = [set(words(each) or ()) for step in steps for each in step.rest.split("&&")]
    new = [set(words(each) or ()) for each in split.head if not is_apart(each)]
    return bool(new) and all(any(each <= other for other in has) for each in new)


def _may_pass(copies: list[Copied], moved: list[Instruction]) -> bool:
    """Whether copies that move go over nothing that stays, or that is installed."""
    moving = [copied for copied in copies if copied.step in moved]
    if any(not _FILLED.isdisjoint(path.split("/")[:-1]) for c in moving for path in c.files):
        return False
    others = [(one, two) for one in copies for two in moving if one.step not in moved]
    return not any(
        one.files.keys() & two.files.keys()
        and (one.copy.chown, one.copy.chmod) != (two.copy.chown, two.copy.chmod)
        for one, two in others
    )


def _may_move(view: View, between: list[Instruction], step: Instruction) -> bool:
    """Whether the copies among these instructions may as well come after a RUN."""
    relative = False
    for each in between:
        copied = view.copied(each)
        if copied:
            relative = relative or not copied.copy.destination.startswith("/")
        elif (
            each.keyword in {"USER", "SHELL", "COPY", "ADD"}
            or (each.keyword == "RUN" and not is_plain(each))
            or (each.keyword == "WORKDIR" and relative)
        ):
            return False
    return not any("source=" in flag or "src=" in flag for flag in step.flags)


def _manifests(
    view: View, copies: list[Copied], workdir: str, split: Split
) -> dict[str, tuple[Copied, FileEntry]] | None:
    """The manifests by where they are read, and the copy that each comes from.

    None where one that is needed comes from elsewhere, wants code, or is replaced by a later copy.
    """
    wanted: dict[str, tuple[Copied, FileEntry]] = {}
    before = [each for _, part in view.boundary.parts() for each in part]
    there = {
        to: entry
        for each in before
        if (copied := view.copied(each))
        for to, entry in copied.files.items()
    }
    optional = [name for name in split.optional if name not in split.manifests]
    for name in (*split.manifests, *optional):
        path = joined(workdir, name)
        found = [(copied, copied.files[path]) for copied in copies if path in copied.files]
        if not found and name in optional:
            continue
        if len({entry.path for _, entry in found}) != 1:
            return None
        entry = found[-1][1]
        content = view.content(entry.path) if _SAFE.fullmatch(entry.path) else None
        if entry.kind != "file" or content is None or wants_code(name, content):
            return None
        if path not in there or there[path].path != entry.path:
            wanted[path] = found[-1]
    return wanted


def _manifest_copies(code: Copied, paths: list[str]) -> list[str]:
    """The instructions that copy these files alone to where a copy puts them."""
    folders: dict[str, list[str]] = {}
    for path in paths:
        folders.setdefault(_destination(code, path), []).append(code.files[path].path)
    given = {"chown": code.copy.chown, "chmod": code.copy.chmod}
    flags = "".join(f"--{name}={value} " for name, value in given.items() if value)
    return [f"COPY {flags}{' '.join(each)} {folder}" for folder, each in folders.items()]


def _destination(code: Copied, path: str) -> str:
    """The folder of a path as the code's copy would write it."""
    inside = path[len(code.folder) + 1 :].rpartition("/")[0]
    written = code.copy.destination.rstrip("/") or "/"
    parts = [written, inside] if inside else [written]
    folder = "/".join("" if part == "/" else part for part in parts)
    return "./" if folder == "." else f"{folder.removeprefix('./')}/"

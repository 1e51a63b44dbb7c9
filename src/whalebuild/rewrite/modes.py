"""``RUN chmod`` and ``RUN chown`` of what was just copied, as flags of the COPY.

A recursive one is moved before the copy as well: what was there before it gets the same mode or
owner as before, in the app base.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from whalebuild.dockerfile import gopath
from whalebuild.dockerfile.lines import Instruction
from whalebuild.inputs.values import FileEntry
from whalebuild.rewrite.shell import commands, words
from whalebuild.rewrite.view import Copied, Rewrite, View, joined, span

_OCTAL = re.compile(r"0?[0-7]{3}")
_SYMBOLIC = re.compile(r"([ugoa]*)\+([rx]+)")
_BITS = {"u": 0o700, "g": 0o070, "o": 0o007, "r": 0o444, "x": 0o111}
_OWNER = re.compile(r"[\w.-]+(?::[\w.-]+)?")
# What makes users and folders, wherever the code is.
_BEFORE = frozenset({"useradd", "adduser", "groupadd", "addgroup", "usermod"})
# What may stand between the copy and the command, and means the same on either side.
_NEUTRAL = frozenset({"COPY", "ADD", "LABEL", "EXPOSE", "CMD", "ENTRYPOINT", "STOPSIGNAL", "ENV"})
_PATH = re.compile(r"[\w./*?@+${}-]+")
_VARIABLE = re.compile(r"\$\{?(\w+)")


@dataclass(frozen=True)
class _Change:
    """One ``chmod`` or ``chown`` of one path."""

    flag: str
    value: str
    path: str
    recursive: bool
    command: str


@dataclass
class _Edits:
    """What is to become of the Dockerfile."""

    flags: dict[int, dict[str, str]] = field(default_factory=dict)
    added: dict[int, list[str]] = field(default_factory=dict)
    before: list[str] = field(default_factory=list)
    first: int | None = None


def flags_for_command(view: View, step: Instruction) -> Rewrite | None:
    """Give a COPY the mode or owner that a RUN after it sets; None where that is not the same."""
    parsed = _changes(step) if step.keyword == "RUN" and not step.flags else None
    if parsed is None or not parsed[1]:
        return None
    makers, changes = parsed
    steps = view.stage_steps(step)
    earlier = steps[: steps.index(step)]
    edits = _Edits()
    if not all(_fold(view, step, earlier, change, edits) for change in changes):
        return None
    if makers or edits.before:
        if edits.first is None:
            edits.first = next((s.line for s in earlier if view.copied(s)), None)
        if edits.first is None:
            return None
        between = [each for each in earlier if each.line >= edits.first]
        if not all(_is_neutral(view, each, changes) for each in between):
            return None
    done = {f"--{name}" for flags in edits.flags.values() for name in flags}
    done |= {word.partition("=")[0] for lines in edits.added.values() for word in lines[0].split()}
    shown = " and ".join(sorted(f"COPY {flag}" for flag in done if flag.startswith("--ch")))
    note = f"{shown} in the place of RUN {step.text}"
    return Rewrite(_written(view, step, [*makers, *edits.before], edits), step, note)


def _is_neutral(view: View, step: Instruction, changes: list[_Change]) -> bool:
    if step.keyword == "WORKDIR":
        # One that is there already makes no folder, and absolute paths stay what they are.
        folder = joined(view.workdirs[step.line], step.rest.strip())
        absolute = all(change.path.startswith(("/", "$")) for change in changes)
        return absolute and any(
            f"{joined('?', change.path)}/".startswith(f"{folder}/") for change in changes
        )
    named = {name for change in changes for name in _VARIABLE.findall(change.path)}
    return step.keyword in _NEUTRAL and not (step.keyword == "ENV" and named)


def _written(view: View, step: Instruction, before: list[str], edits: _Edits) -> str:
    changed: dict[tuple[int, int], list[str]] = {span(step): []}
    for each in view.stage_steps(step):
        if each.line in edits.flags:
            changed[span(each)] = _with_flags(view.raw(each), edits.flags[each.line])
        if each.line in edits.added:
            changed[each.end + 1, each.end + 1] = edits.added[each.line]
    if before and edits.first is not None:
        changed[edits.first, edits.first] = [f"RUN {' && '.join(before)}"]
    return view.edited(changed)


def _with_flags(lines: list[str], flags: dict[str, str]) -> list[str]:
    given = " ".join(f"--{name}={value}" for name, value in flags.items())
    return [re.sub(r"^(\s*\S+)", rf"\1 {given}", lines[0], count=1), *lines[1:]]


def _changes(step: Instruction) -> tuple[list[str], list[_Change]] | None:
    """The commands that make users, and the changes; None where there is anything else."""
    found = commands(step)
    if found is None:
        return None
    makers: list[str] = []
    changes: list[_Change] = []
    for command in found:
        given = words(command) or [""]
        if given[0] in _BEFORE and "$" not in command:
            makers.append(command)
            continue
        parsed = list(_parsed(command, given))
        if not parsed:
            return None
        changes += parsed
    return makers, changes


def _parsed(command: str, given: list[str]) -> Iterator[_Change]:
    recursive = len(given) > 1 and given[1] in {"-R", "--recursive"}
    match given[:1] + given[2 if recursive else 1 :]:
        case ["chmod" | "chown" as name, value, *paths] if paths:
            fits = _OWNER.fullmatch(value)
            if name == "chmod":
                fits = _OCTAL.fullmatch(value) or _SYMBOLIC.fullmatch(value)
            if fits and all(_PATH.fullmatch(p) and not p.startswith("-") for p in paths):
                yield from (_Change(name, value, path, recursive, command) for path in paths)
        case _:
            pass


def _fold(
    view: View, step: Instruction, earlier: list[Instruction], change: _Change, edits: _Edits
) -> bool:
    """Find the copy that a change is of, and note the flag; say whether that was possible."""
    path = joined(view.workdirs[step.line], change.path)
    if not _declared(view, change.path):
        return False
    if change.recursive:
        return _fold_folder(view, earlier, change, path, edits)
    for each in reversed(earlier):
        copied = view.copied(each)
        if copied is None and each.keyword in {"RUN", "COPY", "ADD"}:
            return False
        hits = _hits(copied, path) if copied else {}
        if copied and hits:
            return _fold_files(copied, hits, change, edits)
    return False


def _hits(copied: Copied, path: str) -> dict[str, FileEntry]:
    if not gopath.has_wildcards(path):
        return {path: copied.files[path]} if path in copied.files else {}
    return {to: entry for to, entry in copied.files.items() if gopath.matches(path, to)}


def _fold_files(copied: Copied, hits: dict[str, FileEntry], change: _Change, edits: _Edits) -> bool:
    values = {_value(change, entry) for entry in hits.values()}
    value = next(iter(values))
    if len(values) != 1 or value is None or any(e.kind != "file" for e in hits.values()):
        return False
    line = copied.step.line
    given = {"chmod": copied.copy.chmod, "chown": copied.copy.chown}
    if given[change.flag] or copied.copy.excludes:
        return False
    if hits.keys() == copied.files.keys():
        edits.flags.setdefault(line, {})[change.flag] = value
        return True
    sources = sorted(entry.path for entry in hits.values())
    folders = {to.rpartition("/")[0] for to in hits}
    plain = all(re.fullmatch(r"[\w./@+-]+", source) for source in sources)
    names = {to.rpartition("/")[2] for to in hits}
    same = names == {source.rpartition("/")[2] for source in sources}
    # A second copy of these files: the flags of the first one hold for them, too.
    if len(folders) != 1 or not plain or not same or any(given.values()):
        return False
    new = f"COPY --{change.flag}={value} {' '.join(sources)} {_shown(change.path)}"
    if any(source in line for line in edits.added.get(line, ()) for source in sources):
        return False
    edits.added.setdefault(line, []).append(new)
    return True


def _shown(path: str) -> str:
    """The folder of a path, as it is written."""
    folder = path.rpartition("/")[0]
    return f"{folder}/" if folder or path.startswith("/") else "./"


def _fold_folder(
    view: View, earlier: list[Instruction], change: _Change, path: str, edits: _Edits
) -> bool:
    """A recursive change of all that was copied into a folder, and of what was there before."""
    first: int | None = None
    for each in earlier:
        copied = view.copied(each)
        if each.keyword in {"RUN", "COPY", "ADD"} and copied is None:
            return False
        if copied is None:
            continue
        if not f"{copied.folder}/".startswith(f"{path}/"):
            if any(to.startswith(f"{path}/") for to in copied.files):
                return False
            continue
        value = _value(change, None)
        given = {"chmod": copied.copy.chmod, "chown": copied.copy.chown}[change.flag]
        if value is None or given or copied.copy.link or copied.folder in copied.files:
            return False
        first = first or each.line
        edits.flags.setdefault(each.line, {})[change.flag] = value
    if first is None or gopath.has_wildcards(path):
        return False
    edits.first = min(edits.first or first, first)
    there = {folder for line, folder in view.workdirs.items() if line <= first}
    made = any(f"{folder}/".startswith(f"{path}/") for folder in there)
    edits.before += [*([] if made else [f"mkdir -p {change.path}"]), change.command]
    return True


def _declared(view: View, path: str) -> bool:
    """Whether all variables of a path are the Dockerfile's own, before the boundary."""
    steps = [step for _, part in view.boundary.parts() for step in part]
    text = "\n".join(step.rest for step in steps if step.keyword in {"ENV", "ARG"})
    names = _VARIABLE.findall(path)
    return all(re.search(rf"(?:^|\s){name}(?:[=\s]|$)", text) for name in names)


def _value(change: _Change, entry: FileEntry | None) -> str | None:
    """The value of the flag; None where it has none that means the same."""
    if change.flag == "chown":
        # The group stays as it was: of what COPY brings in, that of root.
        return change.value if ":" in change.value else f"{change.value}:0"
    if _OCTAL.fullmatch(change.value):
        return change.value
    who, what = _SYMBOLIC.fullmatch(change.value).groups()  # type: ignore[union-attr]
    if entry is None:
        return None
    of = 0o777 if not who or "a" in who else sum(_BITS[each] for each in set(who))
    return f"{entry.mode | sum(_BITS[each] for each in set(what)) & of:o}"

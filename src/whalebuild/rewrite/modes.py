"""``RUN chmod`` and ``RUN chown`` of what was just copied, as flags of the COPY.

A recursive one is moved before the copy as well: what was there before it gets the same mode or
owner as before, in the app base. What has nothing to do with the code is moved there alone.
"""

from __future__ import annotations

import re
from dataclasses import field

from whalebuild.dockerfile import gopath
from whalebuild.dockerfile.lines import Instruction
from whalebuild.inputs.values import FileEntry
from whalebuild.rewrite.changes import Change, changes_of
from whalebuild.rewrite.view import Copied, Rewrite, View, joined, span
from whalebuild.values import dataclass

# What may stand between the copy and the command, and means the same on either side.
_NEUTRAL = frozenset({"COPY", "ADD", "LABEL", "EXPOSE", "CMD", "ENTRYPOINT", "STOPSIGNAL", "ENV"})
_VARIABLE = re.compile(r"\$\{?(\w+)")
_SAFE = re.compile(r"[\w./@+-]+")


@dataclass
class _Edits:
    """What is to become of the Dockerfile.

    Attributes:
        flags: Flags of copies, by their lines.
        added: Copies of single files after a copy: its line, the flag, and the rest.
        before: Commands before the first copy.
    """

    flags: dict[int, dict[str, str]] = field(default_factory=dict)
    added: list[tuple[Copied, str, str, str]] = field(default_factory=list)
    before: list[str] = field(default_factory=list)

    def run_before(self, *given: str) -> None:
        """Run commands before the first copy, each once."""
        self.before += [command for command in given if command not in self.before]


def flags_for_command(view: View, step: Instruction) -> Rewrite | None:
    """Give a COPY the mode or owner that a RUN after it sets; None where that is not the same."""
    changes = changes_of(step) if step.keyword == "RUN" else None
    steps = view.stage_steps(step)
    earlier = steps[: steps.index(step)]
    first = next((at for at, each in enumerate(earlier) if each.keyword in {"COPY", "ADD"}), None)
    if changes is None or first is None:
        return None
    edits = _Edits()
    for change in changes:
        path = joined(view.workdirs[step.line], change.path) if change.path else ""
        if not _declared(view, path) or not _fold(view, earlier[first:], step, change, path, edits):
            return None
    between = earlier[first:]
    if edits.before and not all(_is_neutral(view, each, changes) for each in between):
        return None
    if any(flag in edits.flags.get(copied.step.line, {}) for copied, flag, *_ in edits.added):
        return None  # which of them is the last one
    text = view.edited(_written(view, step, between, edits))
    return Rewrite(text, step, _note(edits, f"RUN {' '.join(step.text.split())}"))


def _note(edits: _Edits, run: str) -> str:
    flags = {name for each in edits.flags.values() for name in each}
    flags |= {flag for _, flag, *_ in edits.added}
    if not flags:
        return f"{run} before the code is copied"
    return f"{' and '.join(f'COPY --{flag}' for flag in sorted(flags))} in the place of {run}"


def _written(
    view: View, step: Instruction, between: list[Instruction], edits: _Edits
) -> dict[tuple[int, int], list[str]]:
    changed: dict[tuple[int, int], list[str]] = {span(step): []}
    for each in between:
        if each.line in edits.flags:
            given = "".join(f" --{n}={value}" for n, value in edits.flags[each.line].items())
            first, *others = view.raw(each)
            changed[span(each)] = [re.sub(r"^(\s*\S+)", rf"\1{given}", first, count=1), *others]
    for copied, flag, value, rest in edits.added:
        kept = {"chown": copied.copy.chown, "chmod": copied.copy.chmod}
        flags = {**kept, **edits.flags.get(copied.step.line, {}), flag: value}
        words = [f"--{name}={each}" for name, each in flags.items() if each]
        after = copied.step.end + 1
        changed.setdefault((after, after), []).append(" ".join(["COPY", *words, rest]))
    if edits.before:
        at = between[0].line
        changed[at, at] = [f"RUN {' && '.join(edits.before)}"]
    return changed


def _is_neutral(view: View, step: Instruction, changes: list[Change]) -> bool:
    paths = [change.path for change in changes if change.path]
    if step.keyword == "WORKDIR":
        # One that is there already makes no folder, and absolute paths stay what they are.
        folder = joined(view.workdirs[step.line], step.rest.strip())
        absolute = all(path.startswith(("/", "$")) for path in paths)
        return absolute and any(f"{joined('?', p)}/".startswith(f"{folder}/") for p in paths)
    named = any(_VARIABLE.search(path) for path in paths)
    return step.keyword in _NEUTRAL and not (step.keyword == "ENV" and named)


def _fold(
    view: View,
    earlier: list[Instruction],
    step: Instruction,
    change: Change,
    path: str,
    edits: _Edits,
) -> bool:
    """Note what is to become of a change; say whether it can be."""
    if change.of_user:
        places = (view.destination(s) or "?" for s in earlier if s.keyword in {"COPY", "ADD"})
        edits.run_before(change.command)
        return not any(place.startswith(("/home", "/etc", "?", "$")) for place in places)
    if change.flag == "mkdir":
        edits.run_before(change.command)
        return _is_apart(view, earlier, path) and not gopath.has_wildcards(path)
    if change.recursive:
        return _fold_folder(view, earlier, change, path, edits)
    for each in reversed(earlier):
        copied = view.copied(each)
        if copied is None and each.keyword in {"RUN", "COPY", "ADD"}:
            return False
        hits = _hits(copied, path) if copied else {}
        if copied and hits:
            moved = view.workdirs[each.line] != view.workdirs[step.line]
            written = path if moved else change.path or ""
            return not written.startswith("?") and _fold_files(
                copied, hits, change, _folder(written), edits
            )
    return False


def _hits(copied: Copied, path: str) -> dict[str, FileEntry]:
    if not gopath.has_wildcards(path):
        return {path: copied.files[path]} if path in copied.files else {}
    return {to: entry for to, entry in copied.files.items() if gopath.matches(path, to)}


def _fold_files(
    copied: Copied, hits: dict[str, FileEntry], change: Change, folder: str, edits: _Edits
) -> bool:
    values = {change.flag_value(entry) for entry in hits.values()}
    value = next(iter(values))
    if len(values) != 1 or value is None or any(e.kind != "file" for e in hits.values()):
        return False
    given = {"chmod": copied.copy.chmod, "chown": copied.copy.chown}
    if given[change.flag] or copied.copy.excludes:
        return False
    if hits.keys() == copied.files.keys() and not copied.folders:
        edits.flags.setdefault(copied.step.line, {})[change.flag] = value
        return True
    sources = sorted(entry.path for entry in hits.values())
    folders = {to.rpartition("/")[0] for to in hits}
    names = {to.rpartition("/")[2] for to in hits}
    same = names == {source.rpartition("/")[2] for source in sources}
    again = any(not set(rest.split()).isdisjoint(sources) for *_, rest in edits.added)
    if len(folders) != 1 or not all(map(_SAFE.fullmatch, sources)) or not same or again:
        return False
    rest = " ".join([*sources, folder])
    edits.added.append((copied, change.flag, value, rest))
    return True


def _folder(path: str) -> str:
    """The folder of a path, as it is written."""
    folder = path.rpartition("/")[0]
    return f"{folder}/" if folder or path.startswith("/") else "./"


def _is_apart(view: View, earlier: list[Instruction], path: str) -> bool:
    """Whether nothing is copied to a path or below it, nor a folder made for that."""
    for each in earlier:
        if each.keyword == "WORKDIR":
            return False
        place = view.destination(each)
        if place and f"{place}/".startswith(f"{path}/"):
            return False
        if place and f"{path}/".startswith(f"{place}/"):
            copied = view.copied(each)
            if copied is None or any(f"{to}/".startswith(f"{path}/") for to in copied.files):
                return False
    return all(view.destination(s) for s in earlier if s.keyword in {"COPY", "ADD"})


def _fold_folder(
    view: View, earlier: list[Instruction], change: Change, path: str, edits: _Edits
) -> bool:
    """A recursive change of all that was copied into a folder, and of what was there before."""
    if gopath.has_wildcards(path):
        return False
    if _is_apart(view, earlier, path):
        edits.run_before(change.command)
        return True
    for each in earlier:
        if each.keyword in {"COPY", "ADD"} and not _flagged(view, each, change, path, edits):
            return False
    there = {folder for line, folder in view.workdirs.items() if line <= earlier[0].line}
    made = any(f"{folder}/".startswith(f"{path}/") for folder in there)
    if not made and any(copy and (copy.chown or copy.chmod) for copy in map(view.copy, earlier)):
        return False  # what it would make the folder with
    edits.run_before(*([] if made else [f"mkdir -p {change.path}"]), change.command)
    return True


def _flagged(view: View, step: Instruction, change: Change, path: str, edits: _Edits) -> bool:
    """Give a copy the flag where it goes below a path; say whether all of it has it then."""
    place, copied, copy = view.destination(step), view.copied(step), view.copy(step)
    if place is None or copy is None or (step.keyword == "ADD" and copied is None):
        return False
    if not f"{place}/".startswith(f"{path}/"):
        inside = not f"{path}/".startswith(f"{place}/")
        return inside or (
            copied is not None and not any(to.startswith(f"{path}/") for to in copied.files)
        )
    value = change.flag_value(None)
    if copy.origin and change.flag == "chown" and ":" not in change.value:
        return False  # the group that it has there
    given = {"chmod": copy.chmod, "chown": copy.chown}[change.flag]
    # Folders that a copy makes have its owner, and not its mode.
    deep = place != path and (place.rpartition("/")[0] != path or change.flag == "chmod")
    single = copied is not None and place in copied.files and change.flag == "chmod"
    if value is None or given or copy.link or (deep and not single):
        return False
    flags = edits.flags.setdefault(step.line, {})
    again = change.flag in flags
    flags[change.flag] = value
    return not again


def _declared(view: View, path: str) -> bool:
    """Whether all variables of a path are the Dockerfile's own, before the boundary."""
    steps = [step for _, part in view.boundary.parts() for step in part]
    text = "\n".join(step.rest for step in steps if step.keyword in {"ENV", "ARG"})
    names = _VARIABLE.findall(path)
    return all(re.search(rf"(?:^|\s){name}(?:[=\s]|$)", text) for name in names)

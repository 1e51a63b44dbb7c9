"""A patch for a Dockerfile whose code changes cost more than the code."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable

from whalebuild.appbase.limits import why_whole
from whalebuild.appbase.values import Boundary, Kind
from whalebuild.bakefile.tail import Patch, PatchChange
from whalebuild.inputs.values import ContextFiles
from whalebuild.rewrite.manifests import manifests_first
from whalebuild.rewrite.modes import flags_for_command
from whalebuild.rewrite.view import Rewrite, View

#: Looks at another text of the Dockerfile: where it is cut and what it reads; None if that cannot
#: be told.
Again = Callable[[str], tuple[Boundary, ContextFiles] | None]
_RULES = (flags_for_command, manifests_first)
_MANY = 8  # rewrites of one Dockerfile


def make_patch(
    boundary: Boundary,
    files: ContextFiles,
    content: Callable[[str], str | None],
    again: Again,
    path: str,
) -> Patch | None:
    """Rewrite a Dockerfile step by step, as long as each result is cut where less runs after it.

    Args:
        boundary: Where it is cut.
        files: The files that it reads.
        content: Reads a file of the context; None where it cannot be read.
        again: Analyses a rewritten one.
        path: The name of the Dockerfile in the patch.

    Returns:
        The patch; None where there is nothing to gain, or no rewrite is known.
    """
    if _runs_nothing(boundary) or not _is_text(boundary.text):
        return None
    now, at = boundary, files
    done: list[tuple[int, str]] = []
    while len(done) < _MANY:
        found = _better(View(now, at, content), again)
        if found is None:
            break
        rewrite, (now, at) = found
        done.append((_line(boundary, rewrite), rewrite.note))
    if not done:
        return None
    changes = tuple(PatchChange(line, note) for line, note in sorted(done))
    return Patch(changes, _runs_nothing(now), _diff(boundary.text, now.text, path))


def _runs_nothing(boundary: Boundary) -> bool:
    """Whether code is put on the stub as it is; small RUNs need tools of the app base."""
    runs = any(tail.kind is Kind.RUN for tail in boundary.tail)
    return why_whole(boundary) is None and not runs


def _better(view: View, again: Again) -> tuple[Rewrite, tuple[Boundary, ContextFiles]] | None:
    for tail in view.boundary.tail:
        if tail.kind is not Kind.RUN:
            continue
        for rule in _RULES:
            rewrite = rule(view, tail.step)
            found = again(rewrite.text) if rewrite else None
            if rewrite and found and _gains(view.boundary, found[0]):
                return rewrite, found
    return None


def _gains(old: Boundary, new: Boundary) -> bool:
    """Whether less runs after the boundary, or as much and more before it."""
    after = [_runs(each.step.keyword for each in side.tail) for side in (old, new)]
    before = [
        _runs(step.keyword for _, part in side.parts() for step in part) for side in (old, new)
    ]
    return after[1] < after[0] or (after[1] == after[0] and before[1] > before[0])


def _line(boundary: Boundary, rewrite: Rewrite) -> int:
    """The line of a rewritten instruction in the Dockerfile as it is."""
    lines = (t.step.line for t in boundary.tail if t.step.whole == rewrite.step.whole)
    return next(lines, rewrite.step.line)


def _runs(keywords: Iterable[str]) -> int:
    return sum(keyword == "RUN" for keyword in keywords)


def _is_text(text: str) -> bool:
    """Whether a patch can hold it: other bytes than UTF-8 cannot be printed."""
    return not any("\udc80" <= char <= "\udcff" for char in text)


def _diff(old: str, new: str, path: str) -> str:
    """The difference as ``diff -u`` writes it, of files without a last line end, too."""
    lines = difflib.unified_diff(_kept(old), _kept(new), f"a/{path}", f"b/{path}", lineterm="\n")
    missing = "\n\\ No newline at end of file\n"
    return "".join(line if line.endswith("\n") else line + missing for line in lines)


def _kept(text: str) -> list[str]:
    """The lines with their ends: a line feed alone is one."""
    return [line + "\n" for line in text.split("\n")[:-1]] + [
        last for last in text.split("\n")[-1:] if last
    ]

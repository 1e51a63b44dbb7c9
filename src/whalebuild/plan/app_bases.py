"""Finds the app base of targets whose Dockerfile has no dependencies stage."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from whalebuild.appbase.boundary import find_boundary
from whalebuild.appbase.generated import Tail, base_dockerfile, tail_dockerfile
from whalebuild.appbase.limits import needs, why_whole
from whalebuild.appbase.reaches import single_files
from whalebuild.appbase.values import Boundary, Kind, WhyNot
from whalebuild.bakefile.app_base import APP_BASE, AppBase, Rest, base_target, target_on_base
from whalebuild.bakefile.target import Target
from whalebuild.dockerfile.parser import Dockerfile, parse_dockerfile
from whalebuild.inputs.find import build_of, find_inputs
from whalebuild.inputs.values import ContextFiles, Undetermined
from whalebuild.plan.ports import SourceTree


@dataclass(frozen=True)
class AppBaseFinder:
    """Finds app bases.

    Attributes:
        platforms: Those of the settings, instead of the targets' own.
        taken: Names that targets of the bake file have.
    """

    tree: SourceTree
    platforms: tuple[str, ...]
    taken: Container[str]

    def find(self, target: Target, dockerfile: Dockerfile) -> AppBase | str:
        """Find the app base of a target; or say why it has none."""
        own = self.tree.own_ignore_file(target)
        if own:
            return f"{own} is for its Dockerfile alone, which has to stay as it is"
        read = self._boundary(target, dockerfile)
        if isinstance(read, Undetermined):
            return str(read)
        found, files = read
        if found.is_empty:
            return "nothing stands before its code"
        dependencies = base_target(target, self.taken, base_dockerfile(found))
        boundary = _shown(target, found)
        tail = tail_dockerfile(found, APP_BASE)
        if isinstance(tail, WhyNot):
            return AppBase(dependencies, None, boundary, refused=str(tail))
        on_base = target_on_base(target, dependencies, tail.text)
        whole = why_whole(found) or _archives(found, files) or _links(found, files)
        return AppBase(
            *(dependencies, on_base, boundary),
            whole=str(whole) if whole else "",
            rest=_rest(found, tail, files),
            side=bool(needs(found).side),
            repeated=tail.repeated,
        )

    def _boundary(
        self, target: Target, dockerfile: Dockerfile
    ) -> tuple[Boundary, ContextFiles] | Undetermined:
        build = build_of(target, platforms=self.platforms)
        inputs = find_inputs(dockerfile, target.stage, build)
        if isinstance(inputs, Undetermined):
            return inputs
        inline = target.dockerfile_inline
        files = self.tree.context_files(inputs, build, None if inline else target.dockerfile)
        if isinstance(files, Undetermined):
            return files
        found = find_boundary(dockerfile.text, target.stage, build, inputs, files)
        return found if isinstance(found, Undetermined) else (found, files)


def _rest(boundary: Boundary, tail: Tail, files: ContextFiles) -> Rest:
    dockerfile = parse_dockerfile(tail.text)
    stages = [dockerfile.stages[each.index] for each in boundary.chain[boundary.place.stage :]]
    steps = [step for stage in stages for step in (stage.opening, *stage.instructions)][1:]
    # The same instructions are on other lines where what is repeated takes more room.
    copied = [step for step in steps if step.keyword != "FROM"][tail.repeated :]
    lines = zip(copied, (each.step.line for each in boundary.tail), strict=True)
    known = single_files(files)
    single = {step.line: known[line] for step, line in lines if line in known}
    return Rest(tuple(steps), dockerfile.before, dockerfile.directives.escape, single)


def _archives(boundary: Boundary, files: ContextFiles) -> WhyNot | None:
    """An archive that ADD unpacks may have hard links to files that only the app base has."""
    adds = {each.step.line for each in boundary.tail if each.step.keyword == "ADD"}
    for read, entries in files.by_read:
        unpacked = any(e.kind != "dir" and e.path in read.sources for e in entries)
        patterns = any(set(source) & set("*?[") for source in read.sources)
        if read.line in adds and (unpacked or patterns):
            return WhyNot("ADD may unpack an archive, which may link to other files", read.line)
    return None


def _links(boundary: Boundary, files: ContextFiles) -> WhyNot | None:
    """Through a link in the code, a small RUN may reach files that only the app base has."""
    runs = [each.step.line for each in boundary.tail if each.kind is Kind.RUN]
    kinds: dict[int, set[str]] = {}
    for read, entries in files.by_read:
        kinds.setdefault(read.line, set()).update(entry.kind for entry in entries)
    for tail in boundary.tail if runs else ():
        if tail.kind is Kind.CONTEXT and "link" in kinds.get(tail.step.line, {"link"}):
            return WhyNot("a command runs after a link may have been copied", runs[0])
    return None


def _shown(target: Target, boundary: Boundary) -> str:
    file = "the bake file's own Dockerfile" if target.dockerfile_inline else target.dockerfile
    if boundary.line is None:
        return f"all of {file}; {boundary.reason}"
    return f"{file} up to line {boundary.line - 1}; line {boundary.line} is {boundary.reason}"

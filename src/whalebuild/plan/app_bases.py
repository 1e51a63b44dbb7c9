"""Finds the app base of targets whose Dockerfile has no dependencies stage."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from whalebuild.appbase.boundary import find_boundary
from whalebuild.appbase.generated import base_dockerfile, tail_dockerfile
from whalebuild.appbase.values import Boundary, WhyNot
from whalebuild.bakefile.app_base import APP_BASE, AppBase, base_target, target_on_base
from whalebuild.bakefile.target import Target
from whalebuild.dockerfile.parser import Dockerfile
from whalebuild.inputs.find import build_of, find_inputs
from whalebuild.inputs.values import ContextFiles, Undetermined
from whalebuild.plan.base_needs import needs_of_tail
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
        return AppBase(dependencies, on_base, boundary, needs=needs_of_tail(found, tail, files))

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


def _shown(target: Target, boundary: Boundary) -> str:
    file = "the bake file's own Dockerfile" if target.dockerfile_inline else target.dockerfile
    if boundary.line is None:
        return f"all of {file}; {boundary.reason}"
    return f"{file} up to line {boundary.line - 1}; line {boundary.line} is {boundary.reason}"

"""Finds the app base of targets whose Dockerfile has no dependencies stage."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from whalebuild.appbase.boundary import find_boundary
from whalebuild.appbase.generated import WhyNot, base_dockerfile, tail_dockerfile
from whalebuild.bakefile.app_base import APP_BASE, AppBase, split
from whalebuild.bakefile.target import Target
from whalebuild.dockerfile.parser import Dockerfile
from whalebuild.inputs.find import build_of, find_inputs
from whalebuild.inputs.values import Undetermined
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
        build = build_of(target, platforms=self.platforms)
        inputs = find_inputs(dockerfile, target.stage, build)
        if isinstance(inputs, Undetermined):
            return str(inputs)
        inline = target.dockerfile_inline
        files = self.tree.context_files(inputs, build, None if inline else target.dockerfile)
        if isinstance(files, Undetermined):
            return str(files)
        final = dockerfile.stage(target.stage) if target.stage else dockerfile.stages[-1]
        if final is None:
            return f"there is no stage {target.stage}"
        boundary = find_boundary(dockerfile, final, inputs, files)
        if isinstance(boundary, Undetermined):
            return str(boundary)
        tail = tail_dockerfile(dockerfile.text, boundary, APP_BASE)
        if isinstance(tail, WhyNot):
            return str(tail)
        base = base_dockerfile(dockerfile.text, boundary)
        where = f"{target.dockerfile} up to line {boundary.line - 1}; {boundary.reason}"
        return split(target, self.taken, base, tail.text, where)

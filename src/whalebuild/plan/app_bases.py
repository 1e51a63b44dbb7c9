"""Finds the app base of targets whose Dockerfile has no dependencies stage."""

from __future__ import annotations

from collections.abc import Container
from functools import partial

from whalebuild.appbase.boundary import find_boundary
from whalebuild.appbase.generated import base_dockerfile, tail_dockerfile
from whalebuild.appbase.values import Boundary, WhyNot
from whalebuild.bakefile.app_base import APP_BASE, AppBase, base_target, target_on_base
from whalebuild.bakefile.tail import Patch
from whalebuild.bakefile.target import Target
from whalebuild.dockerfile.parser import Dockerfile, parse_dockerfile
from whalebuild.errors import UsageError
from whalebuild.inputs.find import build_of, find_inputs
from whalebuild.inputs.values import ContextFiles, Undetermined
from whalebuild.plan.base_needs import needs_of_tail, unpacks
from whalebuild.plan.line_costs import tail_lines
from whalebuild.plan.ports import SourceTree
from whalebuild.settings import Settings
from whalebuild.values import dataclass


@dataclass(frozen=True)
class AppBaseFinder:
    """Finds app bases.

    Attributes:
        settings: Where Dockerfiles are to be cut, and platforms instead of the targets' own.
        taken: Names that targets of the bake file have.
        patches: Whether to look for what could be written instead.
    """

    tree: SourceTree
    settings: Settings
    taken: Container[str]
    patches: bool = False

    def find(self, target: Target, dockerfile: Dockerfile) -> AppBase | str:
        """Find the app base of a target; or say why it has none.

        Raises:
            UsageError: The setting, or the comment in the Dockerfile, cannot be followed.
        """
        found = self._find(target, dockerfile)
        setting = self.settings.of_target(target.name).app_base
        if setting is not None and isinstance(found, str):
            raise UsageError(
                f'target "{target.name}" cannot be cut at app-base = {setting!r}',
                cause=found,
                next_step="leave the setting out for this target",
            )
        return found

    def _find(self, target: Target, dockerfile: Dockerfile) -> AppBase | str:
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
        lines = tail_lines(found, unpacks(found, files))
        if isinstance(tail, WhyNot):
            return AppBase(dependencies, None, boundary, refused=str(tail), lines=lines)
        on_base = target_on_base(target, dependencies, tail.text)
        return AppBase(
            *(dependencies, on_base, boundary),
            needs=needs_of_tail(found, tail, files),
            lines=lines,
            patch=self._patch(target, found, files),
        )

    def _patch(self, target: Target, boundary: Boundary, files: ContextFiles) -> Patch | None:
        path = self.tree.patchable(target) if self.patches else None
        if path is None:
            return None
        from whalebuild.rewrite.patch import make_patch  # noqa: PLC0415 - a bake looks for none

        def again(text: str) -> tuple[Boundary, ContextFiles] | None:
            try:
                found = self._boundary(target, parse_dockerfile(text))
            except UsageError:  # a setting that does not fit any more
                return None
            return None if isinstance(found, Undetermined) else found

        content = partial(self.tree.context_text, target)
        return make_patch(boundary, files, content, again, path)

    def _boundary(
        self, target: Target, dockerfile: Dockerfile
    ) -> tuple[Boundary, ContextFiles] | Undetermined:
        build = build_of(target, platforms=self.settings.platform)
        inputs = find_inputs(dockerfile, target.stage, build)
        if isinstance(inputs, Undetermined):
            return inputs
        inline = target.dockerfile_inline
        files = self.tree.context_files(inputs, build, None if inline else target.dockerfile)
        if isinstance(files, Undetermined):
            return files
        override = self.settings.of_target(target.name).app_base
        try:
            found = find_boundary(
                dockerfile.text, target.stage, build, inputs, files, override=override
            )
        except UsageError as bad:
            where = f'{_file(target)} of target "{target.name}"'
            raise UsageError(
                f"{bad.what} ({where})", cause=bad.cause, next_step=bad.next_step
            ) from None
        return found if isinstance(found, Undetermined) else (found, files)


def _file(target: Target) -> str:
    return "the bake file's own Dockerfile" if target.dockerfile_inline else target.dockerfile


def _shown(target: Target, boundary: Boundary) -> str:
    file = _file(target)
    if boundary.line is None:
        return f"all of {file}; {boundary.reason}"
    return f"{file} up to line {boundary.line - 1}; line {boundary.line} is {boundary.reason}"

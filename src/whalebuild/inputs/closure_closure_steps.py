"""What one instruction of a stage reads, and how it is written down in the deps key.

Part of ``inputs.closure``. Follows ``dispatch*`` in ``frontend/dockerfile/dockerfile2llb`` of
BuildKit.
"""

from __future__ import annotations

import posixpath
from typing import Protocol

from whalebuild.dockerfile import gopath as path_patterns
from whalebuild.dockerfile.instructions import (
    Copy,
    Mount,
    StepError,
    read_args,
    read_copy,
    read_mount,
    read_run,
)
from whalebuild.dockerfile.lexer import Lexer, UnknownVariableError, WordError
from whalebuild.dockerfile.lines import Instruction
from whalebuild.dockerfile.parser import Stage
from whalebuild.dockerfile.words import ListError, name_values
from whalebuild.inputs.build_args import Environment, GlobalArgs
from whalebuild.inputs.canonical import Canonical, canonical
from whalebuild.inputs.closure_closure_findings import Findings, Origin
from whalebuild.inputs.sources import check_patterns, clean_source, is_address, remote_source
from whalebuild.inputs.values import Build, ContextRead, NamedContext, UndeterminedError, is_remote

_NOT_ENVIRONMENT = frozenset({"BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"})
_SHOWN = 80


class Origins(Protocol):
    """What the reader asks of ``inputs.closure.ClosureFinder``."""

    build: Build
    globals: GlobalArgs
    lexer: Lexer
    found: Findings

    def origin(self, name: str, current: Stage, line: int, *, by_index: bool) -> Origin:
        """Find what an instruction's ``from`` means."""

    def fixed(self, text: str, line: int) -> str:
        """Check that a text has no variables."""

    def use_arg(self, name: str) -> None:
        """Note a global ARG that reaches the closure."""


class StepReader:
    """Reads the instructions of one stage in order, keeping its variables."""

    def __init__(
        self, origins: Origins, stage: Stage, label: str, environment: Environment
    ) -> None:
        self.origins = origins
        self.found = origins.found
        self.stage = stage
        self.label = label
        self.environment = environment

    def read(self, step: Instruction) -> Canonical:
        """Note what an instruction reads.

        Returns:
            All that it says, without its line and without what others are called.

        Raises:
            UndeterminedError: It cannot be told, or BuildKit would refuse it.
        """
        if step.refused:
            raise UndeterminedError(step.refused, step.line)
        try:
            found = canonical(step, self.origins.lexer.escape)
            if step.keyword == "ARG":
                self._arg(step)
            elif step.keyword == "ENV":
                self._env(step)
            elif step.keyword in {"COPY", "ADD"}:
                found += self._copy(step)
            elif step.keyword == "RUN":
                found += self._run(step)
        except (StepError, ListError, WordError, path_patterns.PatternError) as bad:
            raise UndeterminedError(str(bad), step.line) from None
        return found

    def read_all(self, context: NamedContext) -> None:
        """Note that FROM takes a whole folder."""
        self._note_read(self.stage.opening, context, (".",))

    def _arg(self, step: Instruction) -> None:
        known = self.origins.globals.environment.values
        for name, default in read_args(step, self.origins.lexer.escape):
            value: str | None = None
            if name in self.origins.build.args:
                value = self.origins.build.args[name]
                self._note_arg(name, value)
            elif default is not None:
                value = self._known(default)
                if value is not None:
                    self._note_arg(name, value)
            elif name in known:
                value = known[name]
                self.origins.use_arg(name)
            else:
                continue
            if name not in _NOT_ENVIRONMENT:
                self.environment.set(name, value, by_env=False)

    def _note_arg(self, name: str, value: str) -> None:
        if self.found.args.setdefault(name, value) != value:
            self.found.args[f"{name} (stage {self.label})"] = value

    def _env(self, step: Instruction) -> None:
        pairs = name_values(step.rest, self.origins.lexer.escape) or []
        values = [(self._known(name), self._known(value)) for name, value in pairs]
        for name, value in values:
            if name is None:
                raise StepError("ENV of a name that cannot be told")
            self.environment.set(name, value, by_env=True)

    def _known(self, text: str) -> str | None:
        try:
            return self.origins.lexer.word(text, self.environment.lookup)
        except UnknownVariableError:
            return None

    def _expand(self, text: str, line: int) -> str:
        try:
            return self.origins.lexer.word(text, self.environment.lookup)
        except UnknownVariableError as unknown:
            reason = f"{text}: the value of {unknown.name} cannot be told here"
            raise UndeterminedError(reason, line) from None

    def _copy(self, step: Instruction) -> Canonical:
        copy = read_copy(step)
        origin = None
        if copy.origin:
            name = self.origins.fixed(copy.origin, step.line)
            origin = self.origins.origin(name, self.stage, step.line, by_index=True)
            if not origin.context:
                return [origin.token]
        sources = [self._expand(source, step.line) for source in copy.sources]
        remotes = [source for source in sources if not origin and is_address(source)]
        if remotes and step.keyword == "COPY":
            raise StepError("COPY reads no URLs")
        for url in remotes:
            checksum = self._expand(copy.checksum, step.line) if copy.checksum else None
            self.found.remotes[remote_source(url, checksum, step.line)] = None
        paths = [source for source in sources if source not in remotes]
        if paths:
            context = origin.context if origin else None
            cleaned = tuple(clean_source(path, parents=copy.parents) for path in paths)
            self._note_read(step, context, cleaned, copy)
        return [origin.token] if origin else []

    def _note_read(
        self,
        step: Instruction,
        context: NamedContext | None,
        sources: tuple[str, ...],
        copy: Copy | None = None,
    ) -> None:
        if not context and is_remote(self.origins.build.context):
            raise UndeterminedError("the context is not a folder here", step.line)
        shown = " ".join(step.whole.split())
        read = ContextRead(
            context=context.name if context else None,
            stage=self.label,
            line=step.line,
            instruction=shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 1]}…",
            sources=sources,
            excludes=copy.excludes if copy else (),
            parents=copy.parents if copy else False,
            wildcards=copy is not None,
        )
        check_patterns(read)
        self.found.reads[read] = None

    def _run(self, step: Instruction) -> Canonical:
        run = read_run(step)
        self.found.runs = True

        def expand(option: str, text: str) -> str:
            if option in {"type", "source", "from"}:
                return self._expand(text, step.line)
            value = self._known(text)
            return text if value is None else value

        return [self._mount(read_mount(value, expand), step) for value in run.mounts]

    def _mount(self, mount: Mount, step: Instruction) -> list[str]:
        if mount.kind in {"secret", "ssh"}:
            fallback = "default" if mount.kind == "ssh" else posixpath.basename(mount.target)
            self.found.secrets[mount.source or mount.id or fallback] = None
            return []
        if mount.kind == "cache":
            self.found.caches[mount.id or posixpath.normpath(mount.target)] = None
        origin = None
        if mount.origin:
            origin = self.origins.origin(mount.origin, self.stage, step.line, by_index=False)
        from_context = mount.kind == "bind" and not mount.origin
        if from_context or (origin and origin.context):
            context = origin.context if origin else None
            self._note_read(step, context, (path_patterns.rooted(mount.source),))
        return origin.token if origin else []

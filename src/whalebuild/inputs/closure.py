"""The stages that a stage stands on, and all that they read, for one target platform.

Follows ``frontend/dockerfile/dockerfile2llb/convert.go`` of BuildKit: how parents are found, what
a named context overrides, what sees which variables, when ONBUILD runs. Whatever BuildKit would
refuse, or would look up where it cannot be followed, ends in ``UndeterminedError``: a wrong answer
would publish wrong dependencies.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

from whalebuild.dockerfile.instructions import From, StepError, read_from
from whalebuild.dockerfile.lexer import Lexer, UnknownVariableError, WordError, unset
from whalebuild.dockerfile.parser import Dockerfile, Stage
from whalebuild.errors import UsageError
from whalebuild.inputs.build_args import BUILDER_ARGS, PLATFORM_ARGS, Environment, GlobalArgs
from whalebuild.inputs.closure_closure_findings import Findings, Origin
from whalebuild.inputs.closure_closure_steps import StepReader
from whalebuild.inputs.closure_closure_triggers import triggers
from whalebuild.inputs.values import BaseImage, Build, NamedContext, StagePart, UndeterminedError
from whalebuild.oci.platform import LOCAL
from whalebuild.oci.reference import familiar, parse_reference

_INDEX = re.compile(r"[+-]?\d+", re.ASCII)
_SCRATCH = "scratch"


class ClosureFinder:
    """Finds one platform's closure; ``found`` has it after ``visit``."""

    def __init__(
        self, dockerfile: Dockerfile, build: Build, args: GlobalArgs, platform: str
    ) -> None:
        self.dockerfile = dockerfile
        self.build = build
        self.globals = args
        self.platform = platform
        self.lexer = Lexer(dockerfile.directives.escape)
        self.found = Findings()
        self._visited: dict[int, Origin] = {}

    def visit(self, stage: Stage) -> Origin:
        """Find a stage's inputs and those of its parents, unless that is done already.

        Raises:
            UndeterminedError: They cannot be told.
        """
        if stage.index not in self._visited:
            self._visited[stage.index] = self._visit(stage)
        return self._visited[stage.index]

    def _visit(self, stage: Stage) -> Origin:
        try:
            opening = read_from(stage.opening)
        except StepError as bad:
            raise UndeterminedError(str(bad), stage.line) from None
        platform = self._platform(opening, stage.line)
        context = self._named(stage.name, platform, stage.line) if stage.name else None
        if context:
            return self._use(context, platform, stage.line)
        base = self._base(stage, opening, platform)
        label = self._label(stage, base)
        reader = StepReader(self, stage, label, base.environment.inherited())
        if base.context:
            reader.read_all(base.context)
        escape = [] if self.lexer.escape == "\\" else [["escape", self.lexer.escape]]
        steps = [*escape, ["FROM", *base.token]]
        steps += [reader.read(step) for step in triggers(base, stage, self.lexer.escape)]
        steps += [reader.read(step) for step in stage.instructions]
        # A stage that stands on another is for that one's platform, whatever its FROM says.
        parent = self.found.stages.get(base.stage.index) if base.stage else None
        self.found.stages[stage.index] = StagePart(
            label,
            stage.line,
            json.dumps(steps),
            parent.platform if parent else platform,
            tuple(step.line for step in stage.instructions if step.keyword == "RUN"),
        )
        return Origin(["stage", label], stage, None, reader.environment)

    def origin(self, name: str, current: Stage, line: int, *, by_index: bool) -> Origin:
        """Find what ``COPY --from`` (also by a stage's index) or a mount's ``from`` means.

        Raises:
            UndeterminedError: BuildKit would refuse it.
        """
        if by_index and _INDEX.fullmatch(name):
            stages = [stage for stage in self.dockerfile.stages if stage.index == int(name)]
        else:
            wanted = name.lower()
            stages = [stage for stage in self.dockerfile.stages if stage.name == wanted][-1:]
            if not stages:
                return self._external(name, None, line)
        if not stages or stages[0].index >= current.index:
            raise UndeterminedError(f"no stage {name} stands before this one", line)
        return self.visit(stages[0])

    def fixed(self, text: str, line: int) -> str:
        """Check that a text has no variables, quotes or escapes, which BuildKit refuses here."""
        try:
            if self.lexer.word(text, unset) == text:
                return text
        except WordError:
            pass
        raise UndeterminedError(f"{text}: variables are not replaced here", line)

    def use_arg(self, name: str) -> None:
        """Note a global ARG that reaches the closure, and those that its value came from."""
        for source in self.globals.sources.get(name, frozenset({name})):
            value = self.globals.environment.values.get(source)
            automatic = source in PLATFORM_ARGS and source not in self.build.args
            if value is not None and not automatic:
                self.found.args[source] = value

    def _base(self, stage: Stage, opening: From, platform: str | None) -> Origin:
        base = self._expand(opening.base, stage.line)
        if not base:
            raise UndeterminedError(f"FROM {opening.base} has no value", stage.line)
        earlier = [other for other in self.dockerfile.stages[: stage.index] if other.name == base]
        if earlier:
            return replace(self.visit(earlier[-1]), stage=earlier[-1])
        found = self._external(base, platform, stage.line)
        if "onbuild" in base.rpartition(":")[2] and not found.triggers:
            raise UndeterminedError(f"{base} brings instructions of its own", stage.line)
        return found

    def _external(self, name: str, platform: str | None, line: int) -> Origin:
        if name == _SCRATCH:
            return Origin([_SCRATCH])
        context = self._named(name, platform, line)
        if context:
            return self._use(context, platform, line)
        try:
            parse_reference(name, where="FROM")
        except UsageError:
            raise UndeterminedError(f"{name} is not an image reference", line) from None
        base = BaseImage(name, platform)
        self.found.bases[base] = None
        return Origin(
            ["image", name, platform or ""],
            environment=Environment(complete=False),
            triggers=tuple(self.build.onbuild.get(base.key, ())),
        )

    def _use(self, context: NamedContext, platform: str | None, line: int) -> Origin:
        """Note a named context; a folder is read by who takes files from it."""
        if context.image == _SCRATCH:
            return Origin([_SCRATCH])
        pinned = re.search(r"#[0-9a-f]{40}(?:$|:)|@sha256:[0-9a-f]{64}$", context.value)
        movable = context.remote or context.value.startswith("oci-layout://")
        if movable and not pinned:
            raise UndeterminedError(
                f"context {context.name} may change behind its address {context.value}", line
            )
        self.found.contexts[context] = None
        return Origin(
            ["context", context.name, platform or ""],
            context=context if context.folder is not None else None,
            environment=Environment(complete=False),
            triggers=tuple(self.build.onbuild.get(context.image or "", ())),
        )

    def _named(self, name: str, platform: str | None, line: int) -> NamedContext | None:
        """Look a name up among the named contexts as BuildKit does, the platform's own first."""
        shown = familiar(name)
        if name.lower() in {_SCRATCH, "context"} or not self.build.contexts:
            return None
        special = {key for key in self.build.contexts if key.startswith(f"{shown}::")}
        if special and (platform or self.platform == LOCAL):
            raise UndeterminedError(f"context {shown} depends on the builder's platform", line)
        for key in (f"{shown}::{self.platform}", shown):
            if key in self.build.contexts:
                return NamedContext(key, self.build.contexts[key])
        return None

    def _platform(self, opening: From, line: int) -> str | None:
        """The platform that FROM names; None for the target's. The builder's stays a variable."""
        if opening.platform is None:
            return None
        names: set[str] = set()

        def lookup(name: str) -> str | None:
            names.add(name)
            if name in BUILDER_ARGS and name not in self.build.args:
                return ""
            return self.globals.environment.lookup(name)

        try:
            value = self.lexer.word(opening.platform, lookup)
        except UnknownVariableError:
            value = ""
        except WordError as bad:
            raise UndeterminedError(str(bad), line) from None
        for name in names:
            self.use_arg(name)
        if names & BUILDER_ARGS - self.build.args.keys():
            return opening.platform
        if not value and names <= PLATFORM_ARGS and self.platform == LOCAL:
            return None
        if not value:
            raise UndeterminedError(f"the platform {opening.platform} has no value", line)
        return None if value == self.platform else value

    def _expand(self, text: str, line: int) -> str:
        names: list[str] = []

        def lookup(name: str) -> str | None:
            names.append(name)
            return self.globals.environment.lookup(name)

        try:
            value = self.lexer.word(text, lookup)
        except UnknownVariableError as unknown:
            raise UndeterminedError(f"{text} depends on {unknown.name}", line) from None
        except WordError as bad:
            raise UndeterminedError(str(bad), line) from None
        for name in names:
            self.use_arg(name)
        return value

    def _label(self, stage: Stage, base: Origin) -> str:
        """A name that does not depend on where the stage stands."""
        label = stage.name or f"unnamed, from {base.token[1] if base.token[1:] else _SCRATCH}"
        taken = {part.label for part in self.found.stages.values()}
        numbered = (f"{label} #{number}" for number in range(2, len(taken) + 3))
        return label if label not in taken else next(n for n in numbered if n not in taken)

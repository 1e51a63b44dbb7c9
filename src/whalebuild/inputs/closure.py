"""The stages that a stage stands on, and all that they read, for one target platform.

Follows ``frontend/dockerfile/dockerfile2llb/convert.go`` of BuildKit: how parents are found, what
a named context overrides, what sees which variables, when ONBUILD runs. Whatever BuildKit would
refuse, or would look up where it cannot be followed, ends in ``UndeterminedError``: a wrong answer
would publish wrong dependencies.
"""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass, field, replace

from whalebuild.dockerfile import gopath
from whalebuild.dockerfile.instructions import (
    Copy,
    From,
    Mount,
    StepError,
    read_args,
    read_copy,
    read_from,
    read_mount,
    read_run,
)
from whalebuild.dockerfile.lexer import Lexer, UnknownVariableError, WordError, unset
from whalebuild.dockerfile.lines import Instruction, split_instructions
from whalebuild.dockerfile.parser import Dockerfile, Stage
from whalebuild.dockerfile.words import ListError, name_values
from whalebuild.errors import UsageError
from whalebuild.inputs.build_args import (
    BUILDER_ARGS,
    PLATFORM_ARGS,
    Environment,
    GlobalArgs,
    empty_environment,
)
from whalebuild.inputs.canonical import Canonical, canonical
from whalebuild.inputs.sources import check_patterns, clean_source, is_address, remote_source
from whalebuild.inputs.values import (
    BaseImage,
    Build,
    ContextRead,
    NamedContext,
    Remote,
    StagePart,
    UndeterminedError,
    is_remote,
)
from whalebuild.oci.platform import LOCAL
from whalebuild.oci.reference import familiar, parse_reference

_INDEX = re.compile(r"[+-]?\d+", re.ASCII)
_SCRATCH = "scratch"
_NOT_ENVIRONMENT = frozenset({"BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"})
_SHOWN = 80


@dataclass
class FileSource:
    """Where FROM, ``COPY --from`` or a mount takes its files from.

    Attributes:
        token: What it is, in an instruction's canonical form.
        stage: The local stage.
        context: The named context.
        environment: The variables that a stage made from it sees, before they are inherited.
        triggers: Instructions that an image from elsewhere leaves to its children (ONBUILD).
    """

    token: list[str]
    stage: Stage | None = None
    context: NamedContext | None = None
    environment: Environment = field(default_factory=empty_environment)
    triggers: tuple[str, ...] = ()


@dataclass
class Findings:
    """What has been found so far; dictionaries keep the order and drop doubles."""

    stages: dict[int, StagePart] = field(default_factory=dict)
    reads: dict[ContextRead, None] = field(default_factory=dict)
    bases: dict[BaseImage, None] = field(default_factory=dict)
    contexts: dict[NamedContext, None] = field(default_factory=dict)
    remotes: dict[Remote, None] = field(default_factory=dict)
    args: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, None] = field(default_factory=dict)
    caches: dict[str, None] = field(default_factory=dict)
    runs: bool = False


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
        self._visited: dict[int, FileSource] = {}

    def visit(self, stage: Stage) -> FileSource:
        """Find a stage's inputs and those of its parents, unless that is done already.

        Raises:
            UndeterminedError: They cannot be told.
        """
        if stage.index not in self._visited:
            self._visited[stage.index] = self._visit(stage)
        return self._visited[stage.index]

    def _visit(self, stage: Stage) -> FileSource:
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
        return FileSource(["stage", label], stage, None, reader.environment)

    def origin(self, name: str, current: Stage, line: int, *, by_index: bool) -> FileSource:
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

    def _base(self, stage: Stage, opening: From, platform: str | None) -> FileSource:
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

    def _external(self, name: str, platform: str | None, line: int) -> FileSource:
        if name == _SCRATCH:
            return FileSource([_SCRATCH])
        context = self._named(name, platform, line)
        if context:
            return self._use(context, platform, line)
        try:
            parse_reference(name, where="FROM")
        except UsageError:
            raise UndeterminedError(f"{name} is not an image reference", line) from None
        base = BaseImage(name, platform)
        self.found.bases[base] = None
        return FileSource(
            ["image", name, platform or ""],
            environment=Environment(complete=False),
            triggers=tuple(self.build.onbuild.get(base.key, ())),
        )

    def _use(self, context: NamedContext, platform: str | None, line: int) -> FileSource:
        """Note a named context; a folder is read by who takes files from it."""
        if context.image == _SCRATCH:
            return FileSource([_SCRATCH])
        pinned = re.search(r"#[0-9a-f]{40}(?:$|:)|@sha256:[0-9a-f]{64}$", context.value)
        movable = context.remote or context.value.startswith("oci-layout://")
        if movable and not pinned:
            raise UndeterminedError(
                f"context {context.name} may change behind its address {context.value}", line
            )
        self.found.contexts[context] = None
        return FileSource(
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

    def _label(self, stage: Stage, base: FileSource) -> str:
        """A name that does not depend on where the stage stands."""
        label = stage.name or f"unnamed, from {base.token[1] if base.token[1:] else _SCRATCH}"
        taken = {part.label for part in self.found.stages.values()}
        numbered = (f"{label} #{number}" for number in range(2, len(taken) + 3))
        return label if label not in taken else next(n for n in numbered if n not in taken)


class StepReader:
    """Reads the instructions of one stage in order, keeping its variables."""

    def __init__(
        self, origins: ClosureFinder, stage: Stage, label: str, environment: Environment
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
        except (StepError, ListError, WordError, gopath.PatternError) as bad:
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
            self._note_read(step, context, (gopath.rooted(mount.source),))
        return origin.token if origin else []


def triggers(base: FileSource, stage: Stage, escape: str) -> list[Instruction]:
    """The instructions that the parent left for its children.

    Those of a local stage run even where a named context replaces it, and those of the image
    in its place do not.

    Raises:
        UndeterminedError: BuildKit refuses one, or reads it otherwise than the file.
    """
    left: tuple[str, ...] = base.triggers
    if base.stage:
        steps = base.stage.instructions
        left = tuple(step.trigger for step in steps if step.keyword == "ONBUILD")
    found = []
    for text in left:
        if escape != "\\" and re.search(r"[`\\]", text):
            # BuildKit reads the trigger with another escape character than the file.
            raise UndeterminedError("ONBUILD with an escape directive", stage.line)
        read = list(split_instructions(text, "\\"))
        if len(read) != 1 or read[0].keyword in {"ONBUILD", "FROM", "MAINTAINER"}:
            raise UndeterminedError("ONBUILD takes one instruction", stage.line)
        found.append(replace(read[0], line=stage.line, end=stage.line))
    return found

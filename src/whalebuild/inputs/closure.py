"""The stages that a stage is made from, and everything that they read, for one target platform.

Follows ``frontend/dockerfile/dockerfile2llb/convert.go`` of BuildKit: how parents are found, what
a named context overrides, which variables an instruction sees, when ONBUILD instructions run. What
BuildKit would refuse, or what depends on something outside of the Dockerfile and the bake file,
raises ``AnalysisError``: a wrong answer here would publish wrong dependencies.

``ClosureFinder`` goes from stage to stage, ``StepReader`` through the instructions of one stage.
"""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import field, replace

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
from whalebuild.failures.failure import redact
from whalebuild.inputs.build_args import (
    BUILDER_ARGS,
    PLATFORM_ARGS,
    Environment,
    GlobalArgs,
    empty_environment,
)
from whalebuild.inputs.canonical import Canonical, canonical
from whalebuild.inputs.sources import (
    check_patterns,
    clean_source,
    is_address,
    remote_source,
    why_unasked,
)
from whalebuild.inputs.values import (
    AnalysisError,
    BaseImage,
    Build,
    ContextRead,
    NamedContext,
    Remote,
    StagePart,
)
from whalebuild.oci.platform import LOCAL
from whalebuild.oci.reference import familiar, parse_reference
from whalebuild.values import dataclass

_INDEX = re.compile(r"[+-]?\d+", re.ASCII)
_SCRATCH = "scratch"
# Arguments of BuildKit itself: ARG declares them, but RUN does not see them.
_NOT_ENVIRONMENT = frozenset({"BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"})
_SHOWN = 80  # characters of an instruction in a message


@dataclass
class FileSource:
    """Where FROM, ``COPY --from`` or a mount takes its files from.

    Attributes:
        token: How the canonical form of an instruction refers to it.
        stage: The stage of this Dockerfile, if it is one.
        context: The named context, if it is one that is a folder.
        environment: Its variables, of which stages made from it inherit some.
        triggers: ONBUILD instructions of an image from a registry.
    """

    token: list[str]
    stage: Stage | None = None
    context: NamedContext | None = None
    environment: Environment = field(default_factory=empty_environment)
    triggers: tuple[str, ...] = ()


@dataclass
class Findings:
    """The inputs found so far; dictionaries keep the order and drop duplicates.

    ``runs`` is whether any stage has a RUN.
    """

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
    """Finds the inputs for one platform; they are in ``findings`` after ``visit``."""

    def __init__(
        self, dockerfile: Dockerfile, build: Build, args: GlobalArgs, platform: str
    ) -> None:
        self.dockerfile = dockerfile
        self.build = build
        self.global_args = args
        self.platform = platform
        self.lexer = Lexer(dockerfile.directives.escape)
        self.findings = Findings()
        self._visited: dict[int, FileSource] = {}

    def visit(self, stage: Stage) -> FileSource:
        """Find the inputs of a stage and of its parents, once.

        Raises:
            AnalysisError: They cannot be determined.
        """
        if stage.index not in self._visited:
            self._visited[stage.index] = self._visit(stage)
        return self._visited[stage.index]

    def _visit(self, stage: Stage) -> FileSource:
        try:
            opening = read_from(stage.opening)
        except StepError as bad:
            raise AnalysisError(str(bad), stage.line) from None
        platform = self._platform(opening, stage.line)
        context = self._find_context(stage.name, platform, stage.line) if stage.name else None
        if context:
            return self._context_source(context, platform, stage.line)
        base = self._base(stage, opening, platform)
        label = self._label(stage, base)
        reader = StepReader(self, stage, label, base.environment.inherited())
        if base.context:
            reader.read_folder(base.context)
        escape = [] if self.lexer.escape == "\\" else [["escape", self.lexer.escape]]
        steps = [*escape, ["FROM", *base.token]]
        steps += [reader.read(step) for step in _onbuild_steps(base, stage, self.lexer.escape)]
        steps += [reader.read(step) for step in stage.instructions]
        # A stage made from another one is for the same platform, whatever its FROM says.
        parent = self.findings.stages.get(base.stage.index) if base.stage else None
        self.findings.stages[stage.index] = StagePart(
            label,
            stage.line,
            json.dumps(steps),
            parent.platform if parent else platform,
            tuple(step.line for step in stage.instructions if step.keyword == "RUN"),
        )
        return FileSource(["stage", label], stage, None, reader.environment)

    def file_source(self, name: str, current: Stage, line: int, *, by_index: bool) -> FileSource:
        """Find what ``COPY --from`` or a mount's ``from`` refers to.

        Args:
            name: A stage, a named context or an image.
            current: The stage of the instruction: it can refer to earlier stages only.
            line: The instruction's line.
            by_index: Whether a number is the index of a stage, as in ``COPY --from``.

        Raises:
            AnalysisError: BuildKit would refuse it.
        """
        if by_index and _INDEX.fullmatch(name):
            stages = [stage for stage in self.dockerfile.stages if stage.index == int(name)]
        else:
            wanted = name.lower()
            stages = [stage for stage in self.dockerfile.stages if stage.name == wanted][-1:]
            if not stages:
                return self._external(name, None, line)
        if not stages or stages[0].index >= current.index:
            raise AnalysisError(f"no stage {name} stands before this one", line)
        return self.visit(stages[0])

    def without_variables(self, text: str, line: int) -> str:
        """Return the text; raise if it has variables, quotes or escapes: BuildKit refuses them."""
        try:
            if self.lexer.word(text, unset) == text:
                return text
        except WordError:
            pass
        raise AnalysisError(f"{text}: variables are not replaced here", line)

    def use_arg(self, name: str) -> None:
        """Record a global ARG that a stage uses, and those that its value was made from."""
        for source in self.global_args.sources.get(name, frozenset({name})):
            value = self.global_args.environment.values.get(source)
            automatic = source in PLATFORM_ARGS and source not in self.build.args
            if value is not None and not automatic:
                self.findings.args[source] = value

    def _base(self, stage: Stage, opening: From, platform: str | None) -> FileSource:
        base = self._expand(opening.base, stage.line)
        if not base:
            raise AnalysisError(f"FROM {opening.base} has no value", stage.line)
        earlier = [other for other in self.dockerfile.stages[: stage.index] if other.name == base]
        if earlier:
            return replace(self.visit(earlier[-1]), stage=earlier[-1])
        found = self._external(base, platform, stage.line)
        if "onbuild" in base.rpartition(":")[2] and not found.triggers:
            raise AnalysisError(f"{base} brings instructions of its own", stage.line)
        return found

    def _external(self, name: str, platform: str | None, line: int) -> FileSource:
        if name == _SCRATCH:
            return FileSource([_SCRATCH])
        context = self._find_context(name, platform, line)
        if context:
            return self._context_source(context, platform, line)
        try:
            parse_reference(name, where="FROM")
        except UsageError:
            raise AnalysisError(f"{name} is not an image reference", line) from None
        base = BaseImage(name, platform)
        self.findings.bases[base] = None
        return FileSource(
            ["image", name, platform or ""],
            environment=Environment(complete=False),
            triggers=tuple(self.build.onbuild.get(base.key, ())),
        )

    def _context_source(self, context: NamedContext, platform: str | None, line: int) -> FileSource:
        """Record a named context; the caller records which files of a folder it reads."""
        if context.image == _SCRATCH:
            return FileSource([_SCRATCH])
        if context.value.startswith("github.com/"):
            raise AnalysisError(
                f"context {context.name}: BuildKit wants https://{context.value}", line
            )
        movable = context.remote or context.is_layout
        why = why_unasked(context.value) if context.remote else "it is a folder of images"
        if movable and not context.pinned and why:
            raise AnalysisError(
                f"context {context.name} may change behind its address"
                f" {redact(context.value)}: {why}",
                line,
            )
        self.findings.contexts[context] = None
        return FileSource(
            ["context", context.name, platform or ""],
            context=context if context.folder is not None else None,
            environment=Environment(complete=False),
            triggers=tuple(self.build.onbuild.get(context.image or "", ())),
        )

    def _find_context(self, name: str, platform: str | None, line: int) -> NamedContext | None:
        """Find a named context as BuildKit does: first the one that is for this platform only."""
        shown = familiar(name)
        if name.lower() in {_SCRATCH, "context"} or not self.build.contexts:
            return None
        special = {key for key in self.build.contexts if key.startswith(f"{shown}::")}
        if special and (platform or self.platform == LOCAL):
            raise AnalysisError(f"context {shown} depends on the builder's platform", line)
        for key in (f"{shown}::{self.platform}", shown):
            if key in self.build.contexts:
                return NamedContext(key, self.build.contexts[key])
        return None

    def _platform(self, opening: From, line: int) -> str | None:
        """The platform that FROM names, see ``BaseImage.platform``; None is the target platform."""
        if opening.platform is None:
            return None
        names: set[str] = set()

        def lookup(name: str) -> str | None:
            names.add(name)
            if name in BUILDER_ARGS and name not in self.build.args:
                return ""
            return self.global_args.environment.lookup(name)

        try:
            value = self.lexer.word(opening.platform, lookup)
        except UnknownVariableError:
            value = ""
        except WordError as bad:
            raise AnalysisError(str(bad), line) from None
        for name in names:
            self.use_arg(name)
        if names & BUILDER_ARGS - self.build.args.keys():
            return opening.platform
        if not value and names <= PLATFORM_ARGS and self.platform == LOCAL:
            return None
        if not value:
            raise AnalysisError(f"the platform {opening.platform} has no value", line)
        return None if value == self.platform else value

    def _expand(self, text: str, line: int) -> str:
        """The text of a FROM, variables replaced; their arguments are recorded as used."""
        names: list[str] = []

        def lookup(name: str) -> str | None:
            names.append(name)
            return self.global_args.environment.lookup(name)

        try:
            value = self.lexer.word(text, lookup)
        except UnknownVariableError as unknown:
            raise AnalysisError(f"{text} depends on {unknown.name}", line) from None
        except WordError as bad:
            raise AnalysisError(str(bad), line) from None
        for name in names:
            self.use_arg(name)
        return value

    def _label(self, stage: Stage, base: FileSource) -> str:
        """A name of a stage that does not depend on its position."""
        label = stage.name or f"unnamed, from {base.token[1] if base.token[1:] else _SCRATCH}"
        taken = {part.label for part in self.findings.stages.values()}
        numbered = (f"{label} #{number}" for number in range(2, len(taken) + 3))
        return label if label not in taken else next(n for n in numbered if n not in taken)


class StepReader:
    """Reads the instructions of one stage in order; ``environment`` has its variables."""

    def __init__(
        self, finder: ClosureFinder, stage: Stage, label: str, environment: Environment
    ) -> None:
        self.finder = finder
        self.findings = finder.findings
        self.stage = stage
        self.label = label
        self.environment = environment

    def read(self, step: Instruction) -> Canonical:
        """Record the inputs of an instruction.

        Returns:
            Its canonical form: without its line, and without the names of other stages.

        Raises:
            AnalysisError: They cannot be determined, or BuildKit would refuse the instruction.
        """
        if step.refused:
            raise AnalysisError(step.refused, step.line)
        try:
            form = canonical(step, self.finder.lexer.escape)
            if step.keyword == "ARG":
                self._arg(step)
            elif step.keyword == "ENV":
                self._env(step)
            elif step.keyword in {"COPY", "ADD"}:
                form += self._copy(step)
            elif step.keyword == "RUN":
                form += self._run(step)
        except (StepError, ListError, WordError, gopath.PatternError) as bad:
            raise AnalysisError(str(bad), step.line) from None
        return form

    def read_folder(self, context: NamedContext) -> None:
        """Record that FROM takes a whole folder."""
        self._record_read(self.stage.opening, context, (".",))

    def _arg(self, step: Instruction) -> None:
        known = self.finder.global_args.environment.values
        for name, default in read_args(step, self.finder.lexer.escape):
            value: str | None = None
            if name in self.finder.build.args:
                value = self.finder.build.args[name]
                self._record_arg(name, value)
            elif default is not None:
                value = self._expand_known(default)
                if value is not None:
                    self._record_arg(name, value)
            elif name in known:
                value = known[name]
                self.finder.use_arg(name)
            else:
                continue
            if name not in _NOT_ENVIRONMENT:
                self.environment.set(name, value, by_env=False)

    def _record_arg(self, name: str, value: str) -> None:
        if self.findings.args.setdefault(name, value) != value:
            self.findings.args[f"{name} (stage {self.label})"] = value

    def _env(self, step: Instruction) -> None:
        pairs = name_values(step.rest, self.finder.lexer.escape) or []
        values = [(self._expand_known(name), self._expand_known(value)) for name, value in pairs]
        for name, value in values:
            if name is None:
                raise StepError("ENV of a name that cannot be told")
            self.environment.set(name, value, by_env=True)

    def _expand_known(self, text: str) -> str | None:
        """The text, variables replaced; None where the value of one is not known."""
        try:
            return self.finder.lexer.word(text, self.environment.lookup)
        except UnknownVariableError:
            return None

    def _expand(self, text: str, line: int) -> str:
        """The text, variables replaced; raises where the value of one is not known."""
        try:
            return self.finder.lexer.word(text, self.environment.lookup)
        except UnknownVariableError as unknown:
            reason = f"{text}: the value of {unknown.name} cannot be told here"
            raise AnalysisError(reason, line) from None

    def _copy(self, step: Instruction) -> Canonical:
        copy = read_copy(step)
        origin = None
        if copy.origin:
            name = self.finder.without_variables(copy.origin, step.line)
            origin = self.finder.file_source(name, self.stage, step.line, by_index=True)
            if not origin.context:
                return [origin.token]
        sources = [self._expand(source, step.line) for source in copy.sources]
        remotes = [source for source in sources if not origin and is_address(source)]
        if remotes and step.keyword == "COPY":
            raise StepError("COPY reads no URLs")
        for url in remotes:
            checksum = self._expand(copy.checksum, step.line) if copy.checksum else None
            self.findings.remotes[remote_source(url, checksum, step.line)] = None
        paths = [source for source in sources if source not in remotes]
        if paths:
            context = origin.context if origin else None
            cleaned = tuple(clean_source(path, parents=copy.parents) for path in paths)
            self._record_read(step, context, cleaned, copy)
        return [origin.token] if origin else []

    def _record_read(
        self,
        step: Instruction,
        context: NamedContext | None,
        sources: tuple[str, ...],
        copy: Copy | None = None,
    ) -> None:
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
        self.findings.reads[read] = None

    def _run(self, step: Instruction) -> Canonical:
        if not step.is_text:
            raise StepError("a byte that is not UTF-8, which BuildKit takes in no RUN")
        run = read_run(step)
        self.findings.runs = True

        def expand(option: str, text: str) -> str:
            if option in {"type", "source", "from"}:
                return self._expand(text, step.line)
            value = self._expand_known(text)
            return text if value is None else value

        return [self._mount(read_mount(value, expand), step) for value in run.mounts]

    def _mount(self, mount: Mount, step: Instruction) -> list[str]:
        """Record what a mount reads; return how the canonical form refers to its source."""
        if mount.kind in {"secret", "ssh"}:
            fallback = "default" if mount.kind == "ssh" else posixpath.basename(mount.target)
            self.findings.secrets[mount.source or mount.id or fallback] = None
            return []
        if mount.kind == "cache":
            self.findings.caches[mount.id or posixpath.normpath(mount.target)] = None
        origin = None
        if mount.origin:
            origin = self.finder.file_source(mount.origin, self.stage, step.line, by_index=False)
        from_context = mount.kind == "bind" and not mount.origin
        if from_context or (origin and origin.context):
            context = origin.context if origin else None
            self._record_read(step, context, (gopath.rooted(mount.source),))
        return origin.token if origin else []


def _onbuild_steps(base: FileSource, stage: Stage, escape: str) -> list[Instruction]:
    """The ONBUILD instructions of the parent, which run first in this stage.

    Those of a stage run even where a named context replaces it; those of the image that replaces
    it do not.

    Raises:
        AnalysisError: BuildKit refuses one, or it is read with another escape character.
    """
    texts: tuple[str, ...] = base.triggers
    if base.stage:
        steps = base.stage.instructions
        texts = tuple(step.trigger for step in steps if step.keyword == "ONBUILD")
    found = []
    for text in texts:
        if escape != "\\" and re.search(r"[`\\]", text):
            # BuildKit reads the trigger with another escape character than the file.
            raise AnalysisError("ONBUILD with an escape directive", stage.line)
        read = list(split_instructions(text, "\\"))
        if len(read) != 1 or read[0].keyword in {"ONBUILD", "FROM", "MAINTAINER"}:
            raise AnalysisError("ONBUILD takes one instruction", stage.line)
        found.append(replace(read[0], line=stage.line, end=stage.line))
    return found

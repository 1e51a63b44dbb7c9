"""What instructions after the boundary can write to, and run: what a stub has to show of it.

Follows ``dispatchCopy`` and ``dispatchWorkdir`` in BuildKit's
``frontend/dockerfile/dockerfile2llb/convert.go``.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace

from whalebuild.appbase.small_runs import small_run
from whalebuild.appbase.values import WhyNot
from whalebuild.bakefile.app_base import Rest
from whalebuild.bakefile.target import Target
from whalebuild.dockerfile.instructions import Copy, StepError, read_args, read_copy
from whalebuild.dockerfile.lexer import Lexer, UnknownVariableError, WordError
from whalebuild.dockerfile.lines import Instruction
from whalebuild.dockerfile.words import ListError, name_values
from whalebuild.inputs.build_args import DEFAULT_PATH, Environment, GlobalArgs, global_args
from whalebuild.inputs.find import build_of
from whalebuild.inputs.values import AnalysisError, Build, ContextFiles
from whalebuild.rebase.commands import Commands, Touched
from whalebuild.rebase.reach import NO_COMMANDS, Reach
from whalebuild.values import dataclass

_ROOT = "/"
# What changes how a loader, a shell, a tool or a library of theirs works.
_ODD_VARIABLES = re.compile(
    r"LD_.*|.*LOCPATH|GCONV_PATH|GLIBC_.*|MALLOC_.*|BASH.*|ENV|SHELLOPTS|IFS|CDPATH|PS4"
    r"|POSIX.*|_POSIX.*|SELINUX.*|NSS_.*|TMPDIR|ASH_.*|COLUMNS|NLSPATH|LANGUAGE|LS_COLORS"
    r"|COREUTILS.*|BUSYBOX.*|QEMU_.*"
)
_LOCALES = frozenset({"LANG", "LC_ALL", "LC_CTYPE", "LC_COLLATE", "LC_MESSAGES"})
_UTF8 = frozenset({"C.UTF-8", "C.utf8"})


def reaches_of(
    target: Target, rest: Rest, config: bytes, platform: str
) -> tuple[tuple[Reach, ...], Commands]:
    """Find what the rest of an application may write to, and runs, on its app base.

    Args:
        target: The application's.
        rest: Its instructions after the app base.
        config: The configuration of the app base.
        platform: The target platform.

    Returns:
        The destinations; and what its small RUNs need, see ``appbase.small_runs``.

    Raises:
        AnalysisError: It cannot be told.
    """
    build = build_of(target, platforms=(platform,))
    given = global_args(rest.before, build, platform, target.stage or "", rest.escape)
    of_image = json.loads(config).get("config") or {}
    variables = dict(each.partition("=")[::2] for each in of_image.get("Env") or ())
    if of_image.get("OnBuild"):
        raise AnalysisError("the image that it stands on has instructions of its own (ONBUILD)")
    if of_image.get("Shell") and any(step.keyword == "RUN" for step in rest.steps):
        raise AnalysisError("commands are run by another SHELL")
    finder = ReachFinder(
        *(build, given, rest.escape, rest.single),
        workdir=of_image.get("WorkingDir") or _ROOT,
        environment=Environment(dict(variables), of_image=dict(variables)),
    )
    return finder.find(rest.steps), finder.commands


@dataclass
class ReachFinder:
    """Goes through instructions in order, with the image's configuration to begin with.

    Attributes:
        build: What the bake target gives.
        args: The Dockerfile's global arguments.
        escape: The Dockerfile's escape character.
        single: Names of the files that each instruction copies, by its line, where these are
            single files of the context under their own names.
        commands: What small RUNs need, once they were found.
    """

    build: Build
    args: GlobalArgs
    escape: str
    single: Mapping[int, tuple[str, ...]]
    workdir: str = _ROOT
    environment: Environment = field(default_factory=Environment)
    commands: Commands = NO_COMMANDS

    def __post_init__(self) -> None:
        """Make the lexer for the escape character."""
        self._lexer = Lexer(self.escape)

    def find(self, steps: Iterable[Instruction]) -> tuple[Reach, ...]:
        """Find what instructions may write to.

        Args:
            steps: The instructions, with the FROM of each stage after the first one.

        Raises:
            AnalysisError: It cannot be told.
        """
        found: dict[Reach, None] = {}
        for step in steps:
            try:
                found |= dict.fromkeys(self._step(step))
            except UnknownVariableError as unknown:
                reason = f"the value of {unknown.name} cannot be told here"
                raise AnalysisError(reason, step.line) from None
            except (StepError, ListError, WordError) as bad:
                raise AnalysisError(str(bad), step.line) from None
        return tuple(found)

    def _step(self, step: Instruction) -> Iterator[Reach]:
        match step.keyword:
            case "ARG":
                self._arg(step)
            case "ENV":
                for name, value in name_values(step.rest, self.escape) or []:
                    self.environment.set(self._word(name), self._word(value), by_env=True)
            case "FROM":
                self.environment = self.environment.inherited()
            case "WORKDIR":
                self.workdir = self._path(self._word(step.rest))
                yield Reach(self.workdir, below=False)
            case "COPY" | "ADD":
                yield from self._copy(step, read_copy(step))
            case "RUN":
                yield from self._run(step)

    def _copy(self, step: Instruction, copy: Copy) -> Iterator[Reach]:
        written = self._word(copy.destination)
        path = self._path(written)
        names = self.single.get(step.line)
        if names is None or copy.parents:
            yield Reach(path, below=True)
            return
        yield Reach(path, below=False)
        for name in names:
            yield Reach(posixpath.join(path, name), below=False)

    def _run(self, step: Instruction) -> Iterator[Reach]:
        read = small_run(step)
        if isinstance(read, WhyNot):
            raise AnalysisError(read.reason, step.line)
        touched = [replace(each, path=self._path(each.path)) for each in read.touched]
        self.commands = self._with(read.tools, touched, step)
        yield from (Reach(each.path, each.below) for each in touched)

    def _with(self, tools: frozenset[str], touched: list[Touched], step: Instruction) -> Commands:
        """The commands so far and those of another RUN, which have to be run alike."""
        values, before = self.environment.values, self.commands
        odd = next(filter(_ODD_VARIABLES.fullmatch, values), None)
        search = tuple((values.get("PATH", DEFAULT_PATH) or "").split(":"))
        locales = {values[name] for name in _LOCALES & values.keys()} - {"", "C", "POSIX"}
        utf8 = bool(locales)
        if odd or locales - _UTF8:
            reason = f"commands see the variable {odd}" if odd else "commands have another locale"
            raise AnalysisError(reason, step.line)
        if not all(folder.startswith("/") for folder in search):
            raise AnalysisError("PATH has other than absolute folders", step.line)
        if before and (before.search, before.utf8) != (search, utf8):
            raise AnalysisError("commands are run with different variables", step.line)
        return Commands(before.tools | tools, search, (*before.touched, *touched), utf8)

    def _arg(self, step: Instruction) -> None:
        known = self.args.environment.values
        for name, default in read_args(step, self.escape):
            if name in self.build.args:
                value: str | None = self.build.args[name]
            elif default is not None:
                value = self._word(default)
            elif name in known:
                value = known[name]
            else:
                continue
            self.environment.set(name, value, by_env=False)

    def _word(self, text: str) -> str:
        return self._lexer.word(text, self.environment.lookup)

    def _path(self, written: str) -> str:
        joined = posixpath.join(self.workdir, written)
        return _ROOT + posixpath.normpath(joined).lstrip("/")


def single_files(files: ContextFiles) -> dict[int, tuple[str, ...]]:
    """Names of the files that instructions copy, by line, where each source is one file.

    A folder, a pattern or an archive may write to any path below the destination.
    """
    found: dict[int, tuple[str, ...]] = {}
    others: set[int] = set()
    for read, entries in files.by_read:  # one for each platform where they differ
        kinds = {entry.kind for entry in entries}
        plain = kinds == {"file"} and len(entries) == len(read.sources)
        literal = not any(set(source) & set("*?[\\") for source in read.sources)
        adds = read.instruction.partition(" ")[0].upper() == "ADD"
        if plain and literal and not adds and not read.parents:
            names = (posixpath.basename(source) for source in read.sources)
            found[read.line] = (*found.get(read.line, ()), *names)
        else:
            others.add(read.line)
    return {line: names for line, names in found.items() if line not in others}

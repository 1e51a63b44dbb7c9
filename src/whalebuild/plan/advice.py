"""What in a Dockerfile makes code changes expensive: the line, its cost, what to write instead.

Figures are in ``docs/benchmarks.md``; here is only what follows from the Dockerfile, and from sizes
where they are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from whalebuild.bundle.lock import Change
from whalebuild.bundle.lock_grouping import COARSEST, group_name
from whalebuild.dockerfile.dependencies import install_step, is_manifest
from whalebuild.dockerfile.instructions import Copy, StepError, read_copy, read_run
from whalebuild.dockerfile.lines import Instruction
from whalebuild.dockerfile.parser import Dockerfile, Stage
from whalebuild.inputs.values import ContextFiles, ContextRead, StageInputs
from whalebuild.text import human_bytes
from whalebuild.values import dataclass

_SOME = 3


@dataclass(frozen=True)
class Advice:
    """One finding.

    Attributes:
        line: The instruction's line.
        rule: A short name that does not change.
        problem: What is written there.
        cost: What it costs.
        instead: What to write instead.
    """

    line: int
    rule: str
    problem: str
    cost: str
    instead: str


@dataclass(frozen=True)
class StageSplit:
    """Where a stage could be split, so that code stays out of the dependencies.

    Attributes:
        stage: The stage that reads code.
        read: The instruction that reads it.
        files: Some of the code files that it reads.
        before: Instructions of that stage before it: they could be the dependencies stage.
        installs: The line of the install step, where it comes after the read.
    """

    stage: str
    read: ContextRead
    files: tuple[str, ...]
    before: tuple[Instruction, ...]
    installs: int | None


def advise(
    dockerfile: Dockerfile,
    inputs: StageInputs,
    *,
    final: str | None = None,
    files: ContextFiles | None = None,
    deps_bytes: int | None = None,
) -> tuple[Advice, ...]:
    """Look for what makes code changes expensive.

    Args:
        dockerfile: The Dockerfile.
        inputs: What its dependencies stage is made from.
        final: The application's stage; None is the last one.
        files: The files that the dependencies stage reads: tells code from manifests.
        deps_bytes: What the dependencies image weighs as it is downloaded, if it is known.

    Returns:
        The findings, by line.
    """
    application = dockerfile.stage(final) if final else dockerfile.stages[-1]
    closure = {part.line for closure in inputs.closures for part in closure.stages}
    found: list[Advice] = []
    if application and application.line not in closure:
        found += _final(application, _weight(deps_bytes))
    for split in code_reads(dockerfile, inputs, files or ContextFiles()):
        found += _code_before_install(split)
    for stage in (stage for stage in dockerfile.stages if stage.line in closure):
        found += _cache_mounts(stage)
    return tuple(sorted(dict.fromkeys(found), key=lambda advice: (advice.line, advice.rule)))


def code_reads(
    dockerfile: Dockerfile, inputs: StageInputs, files: ContextFiles
) -> tuple[StageSplit, ...]:
    """Instructions in the dependencies' stages that read more than manifests and locks.

    Where the files are not known, only those that take the whole context are found.
    """
    listed = dict(files.by_read)
    splits = []
    for read in inputs.reads:
        entries = (entry for entry in listed.get(read, ()) if entry.kind not in {"dir", "missing"})
        code = [entry.name for entry in entries if not is_manifest(entry.path)]
        if code or (read not in listed and "." in read.sources and not read.context):
            splits.append(_split(dockerfile, read, code))
    return tuple(splits)


def explain_code_changes(
    changes: Iterable[Change], dockerfile: Dockerfile, inputs: StageInputs, files: ContextFiles
) -> tuple[StageSplit, ...]:
    """For code files that made the key change: the instructions that read them, and the splits."""
    names = {change.name for change in changes if change.file and not is_manifest(change.name)}
    splits = []
    for read, entries in files.by_read:
        hit = [e.name for e in entries if names & {group_name(e.name, g) for g in range(COARSEST)}]
        if hit or (names and "." in read.sources):
            splits.append(_split(dockerfile, read, hit or sorted(names)))
    return tuple(split for split in splits if split.read in inputs.reads)


def _split(dockerfile: Dockerfile, read: ContextRead, code: Iterable[str]) -> StageSplit:
    stage = _stage_at(dockerfile, read.line)
    before = tuple(step for step in stage.instructions if step.line < read.line)
    stages = (stage, *_children(dockerfile, stage))
    step = next(filter(None, map(install_step, stages)), None)
    line = step.line if step and step.line >= read.line else None
    return StageSplit(stage.label, read, tuple(code), before, line)


def _stage_at(dockerfile: Dockerfile, line: int) -> Stage:
    return [stage for stage in dockerfile.stages if stage.line <= line][-1]


def _children(dockerfile: Dockerfile, stage: Stage) -> Iterator[Stage]:
    """Stages made from this one, directly or not."""
    known = {stage.name}
    for other in dockerfile.stages[stage.index + 1 :]:
        if other.base in known - {None}:
            known.add(other.name)
            yield other


def _final(application: Stage, weight: str) -> Iterator[Advice]:
    code_is_in = False
    for step in application.instructions:
        if step.keyword in {"COPY", "ADD"}:
            code_is_in = code_is_in or _takes_code(step)
        elif step.keyword == "RUN" and step is install_step(application):
            yield Advice(
                step.line,
                "install-in-final",
                "dependencies are installed in the application's stage",
                "they are part of :latest, not of :deps, and are installed again whenever "
                "something before this line changes",
                "move the instruction, and the manifests that it reads, to the dependencies stage",
            )
        elif step.keyword == "RUN" and code_is_in:
            yield Advice(
                step.line,
                "run-after-code",
                "a command runs after the code was copied",
                f"every code change runs it again, on a fresh machine after downloading {weight}",
                "move it before the code is copied, or into a stage of its own that reads less, "
                "and copy what it makes",
            )


def _takes_code(step: Instruction) -> bool:
    copy = _copy(step)
    return copy is not None and not copy.origin and bool(copy.sources)


def _copy(step: Instruction) -> Copy | None:
    try:
        return read_copy(step)
    except StepError:
        return None


def _code_before_install(split: StageSplit) -> Iterator[Advice]:
    if split.installs is None or split.read.line >= split.installs:
        return
    shown = ", ".join(split.files[:_SOME]) or "the whole context"
    more = len(split.files) - _SOME
    yield Advice(
        split.read.line,
        "code-before-install",
        f"{split.read.instruction} reads code ({shown}{f' and {more} more' if more > 0 else ''}) "
        f"before the install step on line {split.installs}",
        "every change to it rebuilds and downloads all dependencies",
        "copy only the manifests and locks that the install step needs, and the code in the "
        "application's stage",
    )


def _cache_mounts(stage: Stage) -> Iterator[Advice]:
    for step in stage.instructions:
        if step.keyword != "RUN":
            continue
        try:
            mounts = read_run(step).mounts
        except StepError:
            continue
        if any("type=cache" in mount.lower() for mount in mounts):
            yield Advice(
                step.line,
                "cache-mount",
                "a cache mount",
                "it is never exported: a fresh runner that rebuilds the dependencies starts with "
                "it empty",
                "keep it for machines that build often; nothing replaces it on fresh ones",
            )


def _weight(deps_bytes: int | None) -> str:
    if deps_bytes is None:
        return "the dependencies"
    return f"the dependencies ({human_bytes(deps_bytes)})"

"""Which stage of a Dockerfile most likely is the dependencies stage: a guess for messages.

It never decides what is built. Where several stages may be it, or code is taken in where the
packages are installed, it says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from whalebuild.dockerfile.dependencies import install_step, is_manifest
from whalebuild.dockerfile.instructions import StepError, read_copy, read_mount, read_run
from whalebuild.dockerfile.lines import Instruction
from whalebuild.dockerfile.parser import Dockerfile, Stage

# Languages by the commands that install their packages.
_INSTALLERS = {
    "python": re.compile(r"\b(?:pip3?|uv|poetry|pdm|pipenv|conda|mamba|pip-sync)\b"),
    "node": re.compile(r"\b(?:npm|yarn|pnpm|bun)\b"),
    "ruby": re.compile(r"\bbundle\b"),
    "php": re.compile(r"\bcomposer\b"),
    "go": re.compile(r"\bgo\s+mod\b"),
}
# And by the images and programs that applications stand on.
_RUNTIMES = {
    "python": re.compile(r"\b(?:python|gunicorn|uvicorn|hypercorn|daphne|celery|flask)"),
    "node": re.compile(r"\b(?:node|npm|yarn|pnpm|bun|next)\b"),
    "ruby": re.compile(r"\b(?:ruby|rails|puma|bundle)\b"),
    "php": re.compile(r"\bphp"),
    "go": re.compile(r"\bgolang\b"),
}
# Commands that read manifests without naming them.
_READS_MANIFEST = re.compile(
    r"\b(?:uv\s+sync|poetry\s+install|pdm\s+(?:install|sync)|pipenv\s+(?:install|sync)|npm\s+ci"
    r"|(?:npm|yarn|pnpm|bun|bundle|composer)\s+install|go\s+mod\s+download)\b"
)
_WORD = re.compile(r"[^\s=,;&|'\"]+")
_SOURCE = re.compile(r".+\.(?:py|[cm]?[jt]sx?|go|rb|php|rs|java|kt|cs|exs?|vue|html)")
_FOLDERS = frozenset({"requirements", "patches", "vendor"})  # of manifests, and of packages


def likely_dependencies(dockerfile: Dockerfile, final: str | None = None) -> Stage | None:
    """The stage that most likely is the dependencies stage.

    It installs packages of the application's language, best from a manifest, which the final stage
    does not do itself; the final stage stands on it or copies from it; and neither it nor what it
    stands on takes code in. Where that stage
    runs on the build platform for the target platform (docs/platforms.md), it is the stage that
    copies the result, if that has a name and is not the final one.

    Args:
        dockerfile: The Dockerfile.
        final: The application's stage; None is the last one.
    """
    stages = dockerfile.stages
    end = dockerfile.stage(final) if final else (stages[-1] if stages else None)
    if end is None or (install_step(end) and _names_manifest(end)):
        return None
    far = _distances(dockerfile, end)
    found = [s for s in stages if s.index in far and s.name and _may_be(dockerfile, s, end)]
    found = _of_language(dockerfile, found, end)
    found = [stage for stage in found if _names_manifest(stage)] or found
    nearest = min((far[stage.index] for stage in found), default=0)
    found = [stage for stage in found if far[stage.index] == nearest]
    if len(found) != 1:
        return None
    return _taker(dockerfile, found[0], far) or found[0]


def _distances(dockerfile: Dockerfile, end: Stage) -> dict[int, int]:
    """Stages that a stage is made from, by index, and over how many others."""
    found = {end.index: 0}
    pending = [end]
    while pending:
        stage = pending.pop(0)
        for other in _below(dockerfile, stage):
            if other.index not in found:
                found[other.index] = found[stage.index] + 1
                pending.append(other)
    return found


def _below(dockerfile: Dockerfile, stage: Stage) -> Iterator[Stage]:
    names = [stage.base, *(name for step in stage.instructions for name in _origins(step))]
    earlier = Dockerfile(dockerfile.stages[: stage.index])
    yield from (found for name in names if (found := earlier.stage(name)))


def _origins(step: Instruction) -> list[str]:
    try:
        if step.keyword == "COPY":
            return [name for name in [read_copy(step).origin] if name]
        if step.keyword == "RUN":
            mounts = (read_mount(each, lambda _, text: text) for each in read_run(step).mounts)
            return [mount.origin for mount in mounts if mount.origin]
    except StepError:
        pass
    return []


def _may_be(dockerfile: Dockerfile, stage: Stage, end: Stage) -> bool:
    if stage is end or install_step(stage) is None:
        return False
    below = _distances(dockerfile, stage)
    parts = (part for part in dockerfile.stages if part.index in below)
    return not any(_takes_code(step) for part in parts for step in part.instructions)


def _takes_code(step: Instruction) -> bool:
    """Whether it copies the whole context, or what looks like a folder or like source."""
    if step.keyword not in {"COPY", "ADD"}:
        return False
    try:
        copy = read_copy(step)
    except StepError:
        return True
    sources = () if copy.origin or step.keyword == "ADD" else copy.sources
    return any(_is_code(source.rstrip("/")) for source in sources)


def _is_code(source: str) -> bool:
    name = source.rpartition("/")[2]
    if name in _FOLDERS or is_manifest(source.replace("*", "")):
        return False
    return name.startswith((".", "*")) or "." not in name or bool(_SOURCE.fullmatch(name))


def _of_language(dockerfile: Dockerfile, found: list[Stage], end: Stage) -> list[Stage]:
    """Those of the application's language; none where it may be one of several."""
    languages = {stage.index: _language(stage) for stage in found}
    wanted = _runtime(dockerfile, end)
    if wanted is None:
        return found if len(set(languages.values())) == 1 else []
    return [stage for stage in found if languages[stage.index] == wanted]


def _language(stage: Stage) -> str | None:
    body = _install_body(stage)
    return next((name for name, words in _INSTALLERS.items() if words.search(body)), None)


def _runtime(dockerfile: Dockerfile, end: Stage) -> str | None:
    chain = [end]
    while parent := Dockerfile(dockerfile.stages[: chain[-1].index]).stage(chain[-1].base):
        chain.append(parent)
    steps = [step for part in chain for step in part.instructions]
    starts = [step.text for step in steps if step.keyword in {"CMD", "ENTRYPOINT"}]
    for text in (chain[-1].base, *starts):
        for name, words in _RUNTIMES.items():
            if words.search(text):
                return name
    return None


def _names_manifest(stage: Stage) -> bool:
    body = _install_body(stage)
    named = any(is_manifest(word) for word in _WORD.findall(body))
    return named or bool(_READS_MANIFEST.search(body))


def _install_body(stage: Stage) -> str:
    step = install_step(stage)
    return "\n".join([step.text, *step.heredocs]) if step else ""


def _taker(dockerfile: Dockerfile, found: Stage, far: dict[int, int]) -> Stage | None:
    if "$BUILD" not in found.opening.text.replace("{", ""):
        return None
    later = (s for s in dockerfile.stages[found.index + 1 :] if s.name and far.get(s.index))
    return next((s for s in later if found in [*_below(dockerfile, s)]), None)

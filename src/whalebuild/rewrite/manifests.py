"""Manifests before code: the packages are installed before the code is copied.

Of ``COPY . .`` and ``RUN pip install -r requirements.txt`` the copy moves down, and a copy of the
manifest takes its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from whalebuild.dockerfile.lines import Instruction
from whalebuild.inputs.values import FileEntry
from whalebuild.rewrite.shell import commands, words
from whalebuild.rewrite.view import Copied, Rewrite, View, joined, span

# Commands that are the same with and without the code.
_PLAIN = re.compile(
    r"set -\w+"
    r"|apt(?:-get)? (?:-\S+ )*(?:update|upgrade|install|clean|purge|remove|autoremove)\b[^/]*"
    r"|apk (?:-\S+ )*(?:add|del|update|upgrade)\b[^/]*"
    r"|rm -rf? /(?:var|root|tmp)/\S*(?: /(?:var|root|tmp)/\S*)*"
    r"|(?:python3? -m )?pip3? install(?: -\S+)* (?:(?:pip|setuptools|wheel|uv|poetry|pipenv|pdm)"
    r"[^\s/]* ?)+|poetry config .*|corepack enable.*|(?:npm|yarn|pip3?) cache (?:clean|purge).*"
    r"|npm (?:install|i) (?:-g|--global) (?:npm|yarn|pnpm)[^\s/]*|python3? -m venv \S+"
    r"|(?:bundle|npm|yarn|pnpm|pip3?) config .*"
)
# Lines of requirements that name something else of the context.
_LINES = re.compile(
    r"\s*(?:-[erc]|--(?:editable|requirement|constraint)|\.|file:|[\w.-]+/)|.*@\s*file:"
)
# What in a manifest may want code to be there.
_WANTS_CODE = {
    "package.json": re.compile(
        r'"(?:pre|post)?install"\s*:|"prepare"\s*:|"workspaces"\s*:|"(?:file|link|portal):'
    ),
    "Gemfile": re.compile(r"\bgemspec\b|\bpath[:\s]|\beval_gemfile\b|\brequire_relative\b"),
    "composer.json": re.compile(r'"type"\s*:\s*"path"'),
    "pyproject.toml": re.compile(
        r"\bworkspace\b|\bpath\s*=|file://|\bdynamic\s*=\s*\[[^\]]*dependencies"
    ),
    "Pipfile": re.compile(r"\bpath\s*=|\beditable\b"),
    "go.mod": re.compile(r"=>\s*\.\.?/"),
}


@dataclass(frozen=True)
class _Tool:
    """A command that installs packages.

    Attributes:
        command: The command; it may have further flags, no further packages.
        needs: The manifests that have to be there.
        takes: Others that it reads where they are there.
        first: Flags of it before the code, so that it does not want that.
        then: What runs after the code where these flags were not there; ``{}`` is the command.
    """

    command: str
    needs: tuple[str, ...]
    takes: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    then: str = "{}"


_TOOLS = (
    _Tool(r"npm (?:ci|install|i)", ("package.json",), ("package-lock.json", ".npmrc")),
    _Tool(r"yarn(?: install)?", ("package.json", "yarn.lock"), (".yarnrc", ".npmrc")),
    _Tool(r"pnpm (?:install|i)", ("package.json", "pnpm-lock.yaml"), (".npmrc",)),
    _Tool(r"bun (?:install|i)", ("package.json",), ("bun.lock", "bun.lockb")),
    _Tool(r"bundle(?: install)?", ("Gemfile",), ("Gemfile.lock", ".ruby-version")),
    _Tool(r"go mod download", ("go.mod",), ("go.sum",)),
    _Tool(r"pipenv (?:install|sync)", ("Pipfile",), ("Pipfile.lock",)),
    _Tool(
        r"uv sync", ("pyproject.toml",), ("uv.lock", ".python-version"), ("--no-install-project",)
    ),
    _Tool(r"poetry install", ("pyproject.toml",), ("poetry.lock", "poetry.toml"), ("--no-root",)),
    _Tool(r"pdm (?:install|sync)", ("pyproject.toml",), ("pdm.lock",), ("--no-self",)),
    _Tool(
        *(r"composer install", ("composer.json",), ("composer.lock",)),
        first=("--no-scripts", "--no-autoloader"),
        then="composer dump-autoload",
    ),
)
_PIP = re.compile(r"(?:\S*/)?(?:python3? -m )?(?:\S*/)?(?:uv )?pip3? (?:\S+ )*?(?:install|sync)\b")
_FLAG = re.compile(r"--?[\w-]+(?:=\S+)?")
_WITH_VALUE = frozenset(
    {"--only", "--with", "--without", "--group", "--extra", "-j", "--jobs", "--retry", "--cache"}
)
# Flags by which a command reads other manifests, or another project.
_OTHERS = frozenset(
    {"--prefix", "--project", "--directory", "--working-dir", "-C", "-d", "--cwd", "--dir"}
    | {"--gemfile", "--file", "--only-root", "--all-packages", "--package", "-w", "--workspace"}
)
# Folders that installers fill: a copy of the same name would go over what they made.
_FILLED = frozenset({"node_modules", "vendor", ".venv", "venv", ".bundle", "__pypackages__"})
_SAFE = re.compile(r"[\w./@+-]+")


@dataclass
class _Split:
    """A RUN in two: what needs manifests alone, and what wants the code.

    ``manifests`` are as the commands name them.
    """

    head: list[str] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)
    manifests: list[str] = field(default_factory=list)
    optional: list[str] = field(default_factory=list)
    note: str = ""


def manifests_first(view: View, step: Instruction) -> Rewrite | None:
    """Install before the code is copied; None where that cannot be, or not be told."""
    split = _split(step) if step.keyword == "RUN" else None
    if split is None:
        return None
    steps = view.stage_steps(step)
    earlier = steps[: steps.index(step)]
    if _is_there(view, split):
        return None
    first = next((at for at, each in enumerate(earlier) if view.copied(each)), None)
    if first is None or not _may_move(view, earlier[first:], step):
        return None
    copies = [found for each in earlier[first:] if (found := view.copied(each))]
    wanted = _manifests(view, copies, view.workdirs[step.line], split)
    if wanted is None:
        return None
    moved = [c.step for c in copies if not set(c.files) <= set(wanted)]
    if not moved or not _may_pass(copies, moved):
        return None
    edits: dict[tuple[int, int], list[str]] = {span(each): [] for each in moved}
    for copied in copies:
        if copied.step in moved:
            own = [to for to, (provider, _) in wanted.items() if provider is copied]
            edits[span(copied.step)] = _manifest_copies(copied, own)
    flags = "".join(f"{flag} " for flag in step.flags)
    head = view.raw(step) if not split.rest else [f"RUN {flags}{' && '.join(split.head)}"]
    last = [f"RUN {flags}{' && '.join(split.rest)}"] if split.rest else []
    edits[span(step)] = [*head, *(line for each in moved for line in view.raw(each)), *last]
    note = f"{split.note} before the code is copied"
    return Rewrite(view.edited(edits), step, note)


def _is_there(view: View, split: _Split) -> bool:
    """Whether the app base has all that is to be moved before the code."""
    steps = [step for _, part in view.boundary.parts() for step in part if step.keyword == "RUN"]
    has = [set(words(each) or ()) for step in steps for each in step.rest.split("&&")]
    new = [set(words(each) or ()) for each in split.head if not _is_apart(each)]
    return bool(new) and all(any(each <= other for other in has) for each in new)


def _may_pass(copies: list[Copied], moved: list[Instruction]) -> bool:
    """Whether copies that move go over nothing that stays, or that is installed."""
    moving = [copied for copied in copies if copied.step in moved]
    if any(not _FILLED.isdisjoint(path.split("/")[:-1]) for c in moving for path in c.files):
        return False
    others = [(one, two) for one in copies for two in moving if one.step not in moved]
    return not any(
        one.files.keys() & two.files.keys()
        and (one.copy.chown, one.copy.chmod) != (two.copy.chown, two.copy.chmod)
        for one, two in others
    )


def _may_move(view: View, between: list[Instruction], step: Instruction) -> bool:
    """Whether the copies among these instructions may as well come after a RUN."""
    relative = False
    for each in between:
        copied = view.copied(each)
        if copied:
            relative = relative or not copied.copy.destination.startswith("/")
        elif (
            each.keyword in {"USER", "SHELL", "COPY", "ADD"}
            or (each.keyword == "RUN" and not _is_plain(each))
            or (each.keyword == "WORKDIR" and relative)
        ):
            return False
    return not any("source=" in flag or "src=" in flag for flag in step.flags)


def _is_plain(step: Instruction) -> bool:
    found = commands(step)
    return found is not None and all(map(_is_apart, found))


def _is_apart(command: str) -> bool:
    """Whether a command has nothing to do with the code."""
    return bool(_PLAIN.fullmatch(command))


def _split(step: Instruction) -> _Split | None:
    found = commands(step)
    if found is None:
        return None
    split = _Split()
    for at, command in enumerate(found):
        if _is_apart(command):
            split.head.append(command)
        elif not (_pip(command, split) or _tool(command, split)):
            split.rest += found[at:]
            break
    if not split.note and not split.rest:
        split.note = f"RUN {' '.join(step.text.split())}"
    return split if split.note else None


def _pip(command: str, split: _Split) -> bool:
    """Note a ``pip install -r``, and say whether the command is one."""
    if not _PIP.match(command):
        return False
    given = iter(words(_PIP.sub("", command, count=1)) or [])
    found = []
    for word in given:
        flag, equals, value = word.partition("=")
        if flag in {"-r", "--requirement", "-c", "--constraint"}:
            found.append(value if equals else next(given, ""))
        elif word.startswith(("-r", "-c")) and not word.startswith("--"):
            found.append(word[2:])
        elif not word.startswith("-") or word in {"-e", "--editable"}:
            return False
    if not found:
        return False
    split.head.append(command)
    split.manifests += found
    split.note = split.note or f"{' '.join(command.split())}"
    return True


def _tool(command: str, split: _Split) -> bool:
    """Note a command of another package manager, and say whether it is one."""
    for tool in _TOOLS:
        found = re.match(rf"{tool.command}(?=\s|$)", command)
        if not found:
            continue
        given = words(command[found.end() :]) or []
        if not _only_flags(given):
            return False
        lacking = [flag for flag in tool.first if flag not in given]
        first = " ".join([command, *lacking])
        split.head.append(first)
        if lacking:
            split.rest.append(_after(tool, command, given))
        split.manifests += tool.needs
        split.optional += tool.takes
        split.note = split.note or first
        return True
    return False


def _only_flags(given: list[str]) -> bool:
    """Whether there are flags alone, with their values, and none that names something else."""
    before = ["", *given]
    fits = (_FLAG.fullmatch(w) or p in _WITH_VALUE for p, w in zip(before, given, strict=False))
    return all(fits) and _OTHERS.isdisjoint(word.partition("=")[0] for word in given)


def _after(tool: _Tool, command: str, given: list[str]) -> str:
    if tool.then == "{}":
        return command
    kept = [word for word in given if word in {"--no-dev", "--classmap-authoritative"}]
    optimize = {"-o", "--optimize-autoloader"} & {*given}
    return " ".join([tool.then, *kept, *(["--optimize"] if optimize else [])])


def _manifests(
    view: View, copies: list[Copied], workdir: str, split: _Split
) -> dict[str, tuple[Copied, FileEntry]] | None:
    """The manifests by where they are read, and the copy that each comes from.

    None where one that is needed comes from elsewhere, wants code, or is replaced by a later copy.
    """
    wanted: dict[str, tuple[Copied, FileEntry]] = {}
    before = [each for _, part in view.boundary.parts() for each in part]
    there = {
        to: entry
        for each in before
        if (copied := view.copied(each))
        for to, entry in copied.files.items()
    }
    optional = [name for name in split.optional if name not in split.manifests]
    for name in (*split.manifests, *optional):
        path = joined(workdir, name)
        found = [(copied, copied.files[path]) for copied in copies if path in copied.files]
        if not found and name in optional:
            continue
        if len({entry.path for _, entry in found}) != 1:
            return None
        entry = found[-1][1]
        content = view.content(entry.path) if _SAFE.fullmatch(entry.path) else None
        if entry.kind != "file" or content is None or _wants_code(name, content):
            return None
        if path not in there or there[path].path != entry.path:
            wanted[path] = found[-1]
    return wanted


def _manifest_copies(code: Copied, paths: list[str]) -> list[str]:
    """The instructions that copy these files alone to where a copy puts them."""
    folders: dict[str, list[str]] = {}
    for path in paths:
        folders.setdefault(_destination(code, path), []).append(code.files[path].path)
    given = {"chown": code.copy.chown, "chmod": code.copy.chmod}
    flags = "".join(f"--{name}={value} " for name, value in given.items() if value)
    return [f"COPY {flags}{' '.join(each)} {folder}" for folder, each in folders.items()]


def _destination(code: Copied, path: str) -> str:
    """The folder of a path as the code's copy would write it."""
    inside = path[len(code.folder) + 1 :].rpartition("/")[0]
    written = code.copy.destination.rstrip("/") or "/"
    parts = [written, inside] if inside else [written]
    folder = "/".join("" if part == "/" else part for part in parts)
    return "./" if folder == "." else f"{folder.removeprefix('./')}/"


def _wants_code(name: str, content: str) -> bool:
    base = name.rpartition("/")[2]
    pattern = _WANTS_CODE.get(base)
    if pattern:
        return bool(pattern.search(content))
    lines = content.splitlines() if base.endswith((".txt", ".in")) else []
    return any(_LINES.match(line) for line in lines)

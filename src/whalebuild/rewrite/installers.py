"""Commands that install packages: what they read, and what of a RUN wants no code."""

from __future__ import annotations

import re
from dataclasses import field

from whalebuild.dockerfile.lines import Instruction
from whalebuild.rewrite.shell import commands, words
from whalebuild.values import dataclass

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


@dataclass
class Split:
    """A RUN in two: what needs manifests alone, and what wants the code.

    ``manifests`` are as the commands name them.
    """

    head: list[str] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)
    manifests: list[str] = field(default_factory=list)
    optional: list[str] = field(default_factory=list)
    note: str = ""


def is_plain(step: Instruction) -> bool:
    """Whether a RUN has nothing to do with the code."""
    found = commands(step)
    return found is not None and all(map(is_apart, found))


def is_apart(command: str) -> bool:
    """Whether a command has nothing to do with the code."""
    return bool(_PLAIN.fullmatch(command))


def split_run(step: Instruction) -> Split | None:
    """Divide a RUN at what wants the code; None where it is no plain list, or all of it may."""
    found = commands(step)
    if found is None:
        return None
    split = Split()
    for at, command in enumerate(found):
        if is_apart(command):
            split.head.append(command)
        elif not (_pip(command, split) or _tool(command, split)):
            split.rest += found[at:]
            break
    if not split.note and not split.rest:
        split.note = f"RUN {' '.join(step.text.split())}"
    return split if split.note else None


def _pip(command: str, split: Split) -> bool:
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


def _tool(command: str, split: Split) -> bool:
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


def wants_code(name: str, content: str) -> bool:
    """Whether what a manifest names may be in the context itself, or run what is there."""
    base = name.rpartition("/")[2]
    pattern = _WANTS_CODE.get(base)
    if pattern:
        return bool(pattern.search(content))
    lines = content.splitlines() if base.endswith((".txt", ".in")) else []
    return any(_LINES.match(line) for line in lines)

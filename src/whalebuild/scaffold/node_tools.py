"""What the Dockerfile of a Node project is made from."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from whalebuild.errors import UsageError
from whalebuild.scaffold.project import Guess, Project, Recipe, Start, inner

_MANIFEST = "package.json"
_USUAL = "22"
_LOCKS = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "package-lock.json": "npm"}
_PORT = re.compile(r"\bPORT\b\s*(?:\|\||\?\?)\s*['\"]?(\d{4,5})|\.listen\(\s*(\d{4,5})")
_MANAGER = re.compile(r"pnpm@(\d+(?:\.\d+)*)")
_PNPM = "10"
_SOME = 3  # names in a note
_ANY = "or write a Dockerfile: whalebuild bakes any Dockerfile"


def node_recipe(project: Project) -> Recipe | None:
    """What the Dockerfile of a Node project is made from; None where it is none.

    Raises:
        UsageError: It is one, and something about it is not served.
    """
    if not project.has(_MANIFEST):
        return None
    manifest = _manifest(project)
    lock = next((name for name in _LOCKS if project.has(name)), None)
    if lock is None:
        raise UsageError(
            "package.json has no lock file beside it",
            cause="the same dependencies could not be installed twice",
            next_step="run `npm install`, which writes package-lock.json, then init again",
        )
    tool = _LOCKS[lock]
    _check(project, manifest, tool, lock)
    start = _start(project, manifest)
    version = _version(project, manifest)
    pinned = _MANAGER.match(str(manifest.get("packageManager", "")))
    values = {
        "version": version.value,
        "tool": pinned[1] if pinned else _PNPM,
        "expose": f"EXPOSE {start.port}" if start.port else "",
        "command": json.dumps(list(start.command)),
    }
    guesses = (Guess("tool", tool, f"{lock} is there"), version, start.guess)
    scripts = sorted(_with_scripts(project)) if tool == "npm" else []
    template = "npm-scripts" if scripts else tool
    notes = tuple(_notes(project, tool, scripts))
    return Recipe(f"{template}.Dockerfile", values, start, guesses, notes)


def _manifest(project: Project) -> Mapping[str, Any]:
    try:
        found = json.loads(project.text(_MANIFEST))
    except (ValueError, RecursionError) as failed:
        raise UsageError(
            f"{_MANIFEST} is not well formed", cause=str(failed), next_step="correct it"
        ) from None
    if not isinstance(found, dict):
        raise UsageError(f"{_MANIFEST} is no object", next_step="correct it")
    return found


def _check(project: Project, manifest: Mapping[str, Any], tool: str, lock: str) -> None:
    """Refuse what these Dockerfiles do not serve.

    Raises:
        UsageError: There is such a thing.
    """
    reasons = {
        "workspaces are not served by init": "workspaces" in manifest
        or project.has("pnpm-workspace.yaml"),
        "Yarn 2 and later is not served by init": tool == "yarn"
        and "__metadata:" in project.text(lock),
    }
    for reason, there in reasons.items():
        if there:
            raise UsageError(
                reason,
                cause="init writes Dockerfiles that install packages as they are, for every "
                "platform",
                next_step="write a Dockerfile: whalebuild bakes any Dockerfile",
            )


def _with_scripts(project: Project) -> Iterator[str]:
    """Packages that run something when they are installed, as package-lock.json has it."""
    try:
        lock = json.loads(project.text("package-lock.json"))
    except (ValueError, RecursionError):
        return
    packages = inner(lock, "packages")
    for path in packages:
        package = inner(packages, path)
        optional = package.get("optional") or package.get("dev")
        if package.get("hasInstallScript") and path and not optional:
            yield path.rpartition("node_modules/")[2]


def _start(project: Project, manifest: Mapping[str, Any]) -> Start:
    line = inner(manifest, "scripts").get("start")
    main = manifest.get("main") if isinstance(manifest.get("main"), str) else None
    if isinstance(line, str):
        words = _node_words(line)
        because = f"package.json has the start script `{line}`"
    else:
        file = next((n for n in (main, "server.js", "index.js") if n and project.has(n)), None)
        words = ["node", file] if file else []
        because = f"package.json names it as main ({main})" if file == main else f"{file} is there"
    file = next((w.removeprefix("./") for w in words[1:] if not w.startswith("-")), None)
    if not words or file is None or not _exists(project, file):
        raise UsageError(
            "no entry point was found",
            cause=f"package.json has start = {line!r} and main = {main!r}, and init knows "
            "`node FILE` with a file that is there; what a build step makes is not",
            next_step=f'set "start": "node server.js" in package.json, {_ANY}',
        )
    found = _PORT.search(project.text(file))
    port = int(found[1] or found[2]) if found else None
    listens = f"; {file} has port {port}" if port else ""
    guess = Guess("entry point", " ".join(words), f"{because}{listens}")
    return Start(tuple(words), port, guess)


def _exists(project: Project, file: str) -> bool:
    return any(project.has(f"{file}{end}") for end in ("", ".js", ".mjs", ".cjs"))


def _node_words(line: str) -> list[str]:
    """The words of ``node FILE``; none of another command, which may need a shell or a build."""
    try:
        words = shlex.split(line)
    except ValueError:
        return []
    plain = all(re.fullmatch(r"[\w./:=@-]+", word) for word in words)
    return words if plain and words[:1] == ["node"] else []


def _version(project: Project, manifest: Mapping[str, Any]) -> Guess:
    for name in (".nvmrc", ".node-version"):
        found = re.match(r"\s*v?(\d+)", project.text(name))
        if found:
            return Guess("node", found[1], f"{name} names it")
    named = inner(manifest, "engines").get("node")
    wanted = named if isinstance(named, str) else None
    numbers = [int(each) for each in re.findall(r"(?<![\d.])v?(\d+)", wanted or "")]
    if not wanted or not numbers:
        return Guess("node", _USUAL, "nothing names a version")
    at_least = wanted.strip().startswith(">") and "<" not in wanted
    chosen = _USUAL if at_least and numbers[0] <= int(_USUAL) else str(numbers[0])
    return Guess("node", chosen, f"package.json wants {wanted}")


def _notes(project: Project, tool: str, scripts: list[str]) -> Iterator[str]:
    if scripts:
        named = ", ".join(scripts[:_SOME]) + (" and others" if scripts[_SOME:] else "")
        yield (
            f"{named} run scripts when they are installed: that is done on the platform that "
            "runs, and so emulated for another one; what they need, say a compiler, is yours to add"
        )
    if tool in {"pnpm", "yarn"}:
        yield f"scripts of packages are not run when {tool} installs them"
    if project.has(".npmrc"):
        yield (
            ".npmrc is not copied into the build: it may hold a token; what it sets for the "
            "registry has to be set in the Dockerfile, a token as a secret"
        )

"""Which tool holds a Python project's dependencies, and what its Dockerfile is made from."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from whalebuild.errors import UsageError
from whalebuild.scaffold.project import Guess, Project, Recipe, Start, inner
from whalebuild.scaffold.python_entry import find_start

#: The newest first; where nothing is named, the first of them that every wheel is there for.
_VERSIONS = ("3.14", "3.13", "3.12", "3.11", "3.10")
_USUAL = "3.13"
_PYPROJECT = "pyproject.toml"
_REQUIREMENTS = (
    *("requirements.txt", "requirements/production.txt", "requirements/prod.txt"),
    *("requirements/base.txt", "requirements.lock"),
)
_INCLUDED = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[\s=]+(\S+)", re.MULTILINE)
_LOCAL = re.compile(
    r"^\s*(-e\b.*|--editable\b.*|\.{1,2}/\S*|\.(?:\[\S*)?|.*@\s*file:.*)$", re.MULTILINE
)
_GIT = re.compile(r"^\s*[^#\n]*\bgit\+\S+", re.MULTILINE)
_MACHINE = re.compile(r"^\s*[^#\n]*;.*\bplatform_machine\b", re.MULTILINE)
_BOUND = re.compile(r"(>=|>|<=|<|==|~=|\^|~)?\s*(\d+(?:\.\d+)?)[\d.*]*")

_UNDERSTOOD = re.compile(rf"{_BOUND.pattern}|!=\s*\d|\*")


def python_recipe(project: Project) -> Recipe | None:
    """What the Dockerfile of a Python project is made from; None where it is none.

    Raises:
        UsageError: It is one, and something about it is not served.
    """
    found = _tool(project)
    if found is None:
        return None
    template, manifests, guess = found
    packages = "\n".join(project.text(path) for path in manifests)
    start = find_start(project, packages)
    if start is None:
        raise UsageError(
            "no entry point was found",
            cause="no FastAPI, Flask or Django application, no script of pyproject.toml, no "
            "__main__.py and no main.py",
            next_step="name the file that is run main.py, or write a Dockerfile: whalebuild bakes "
            "any Dockerfile",
        )
    _check_local(project, template, manifests)
    version = _version(project)
    values = _values(template, manifests, version.value, start)
    notes = tuple(_notes(project, template, manifests))
    guesses = (guess, version, start.guess)
    return Recipe(f"{template}.Dockerfile", values, start, guesses, (*start.notes, *notes))


def _tool(project: Project) -> tuple[str, tuple[str, ...], Guess] | None:
    """The template's name, the manifests, and how they were found."""
    table = project.toml(_PYPROJECT)
    _check_types(table)
    for tool, manifest, lock in (
        ("uv", _PYPROJECT, "uv.lock"),
        ("poetry", _PYPROJECT, "poetry.lock"),
        ("pdm", _PYPROJECT, "pdm.lock"),
        ("pipenv", "Pipfile", "Pipfile.lock"),
    ):
        if project.has(manifest, lock):
            return tool, (manifest, lock), Guess("tool", tool, f"{lock} is there")
    _check_lock(project, table)
    name = next((path for path in _REQUIREMENTS if project.has(path)), None)
    if name:
        more = tuple(_included(project, name))
        return "pip", (name, *more), Guess("tool", "pip", f"{name} is there, and no lock file")
    if "dependencies" in inner(table, "project"):
        because = f"{_PYPROJECT} has dependencies, and there is no lock file"
        return "pyproject", (_PYPROJECT,), Guess("tool", "plain pyproject", because)
    return None


def _check_types(table: Mapping[str, Any]) -> None:
    """Refuse a ``[project]`` that no tool could read.

    https://packaging.python.org/en/latest/specifications/pyproject-toml/

    Raises:
        UsageError: Something in it is of a wrong type.
    """
    project = table.get("project", {})
    fault = None
    if not isinstance(project, dict):
        fault = "project is no table"
    elif not isinstance(project.get("requires-python", ""), str):
        fault = "requires-python of [project] is no string"
    elif not _are_strings(project.get("dependencies", [])):
        fault = "dependencies of [project] is no list of strings"
    if fault:
        raise UsageError(f"{_PYPROJECT} is not well formed", cause=fault, next_step="correct it")


def _are_strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _check_lock(project: Project, table: Mapping[str, Any]) -> None:
    """Refuse a tool whose lock is missing and whose manifest others do not read.

    Raises:
        UsageError: It is missing.
    """
    poetry = inner(table, "tool", "poetry", "dependencies")
    tool = "pipenv" if project.has("Pipfile") else "poetry" if poetry else None
    if tool:
        raise UsageError(
            f"there is no lock file of {tool}",
            cause="the same dependencies could not be installed twice",
            next_step=f"run `{tool} lock`, then whalebuild init again",
        )


def _included(project: Project, name: str) -> Iterator[str]:
    """The files that a requirements file includes."""
    pending, seen = [name], {name}
    while pending:
        path = pending.pop()
        for found in _INCLUDED.findall(project.text(path)):
            other = posixpath.normpath(posixpath.join(posixpath.dirname(path), found))
            if other not in seen and project.has(other):
                seen.add(other)
                pending.append(other)
                yield other


def _check_local(project: Project, template: str, manifests: tuple[str, ...]) -> None:
    """Refuse dependencies that are folders of the project.

    Raises:
        UsageError: There is one.
    """
    files = manifests if template == "pip" else ()
    found = [(path, hit[1]) for path in files if (hit := _LOCAL.search(project.text(path)))]
    uv = inner(project.toml(_PYPROJECT), "tool", "uv") if template == "uv" else {}
    if "workspace" in uv or any("path" in each for each in _sources(uv)):
        found.append((_PYPROJECT, "[tool.uv] workspace or path sources"))
    if found:
        path, line = found[0]
        raise UsageError(
            f"{path} names a folder of the project: {line.strip()}",
            cause="init writes Dockerfiles whose dependencies are packages of an index alone",
            next_step="write a Dockerfile: whalebuild bakes any, and shows what is slow in it "
            "(whalebuild plan)",
        )


def _sources(uv: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for source in inner(uv, "sources").values():
        every = source if isinstance(source, list) else [source]
        yield from (each for each in every if isinstance(each, dict))


def _version(project: Project) -> Guess:
    """The Python version, and what names it."""
    pinned = re.match(r"\s*(?:cpython@|python-)?(3\.\d+)", project.text(".python-version"))
    if pinned:
        return Guess("python", pinned[1], ".python-version names it")
    table = project.toml(_PYPROJECT)
    poetry = inner(table, "tool", "poetry", "dependencies").get("python")
    pipfile = inner(project.toml("Pipfile"), "requires").get("python_version")
    named = {
        "requires-python": inner(table, "project").get("requires-python"),
        "python of Poetry's dependencies": poetry,
        "python_version": pipfile,
    }
    setting, wanted = next(((k, v) for k, v in named.items() if v), ("", None))
    if not isinstance(wanted, str):
        return Guess("python", _USUAL, "nothing names a version")
    if not any(_UNDERSTOOD.match(part.strip()) for part in wanted.split(",")):
        return Guess("python", _USUAL, f"{setting} ({wanted}) cannot be read", sure=False)
    fits = [each for each in _VERSIONS if _fits(each, wanted)]
    if not fits:
        known = f"init knows {_VERSIONS[-1]} to {_VERSIONS[0]}, of which none is that"
        return Guess("python", _USUAL, f"the project wants {wanted}, and {known}", sure=False)
    chosen = _USUAL if _USUAL in fits else fits[0]
    return Guess("python", chosen, f"the project wants {wanted}")


def _fits(version: str, wanted: str) -> bool:
    """Whether a version is in a range; what is not understood does not hold it back."""
    own = _numbers(version)
    for part in wanted.split(","):
        found = _BOUND.match(part.strip())
        if not found:
            continue
        sign, bound = found[1] or "==", _numbers(found[2])
        first, patch = len(bound) == 1, part.count(".") > 1
        fits = {
            ">=": own >= bound,
            ">": own > bound or (patch and own == bound),
            "<=": own <= bound,
            "<": own < bound,
            "==": own[: len(bound)] == bound,
            "~=": own == bound if patch else own[:1] == bound[:1] and own >= bound,
            "^": own[:1] == bound[:1] and own >= bound,
            "~": own[:1] == bound[:1] if first else own == bound,
        }
        if not fits[sign]:
            return False
    return True


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in text.split("."))


def _values(
    template: str, manifests: tuple[str, ...], version: str, start: Start
) -> dict[str, str]:
    values = {
        "version": version,
        "path": f"ENV PYTHONPATH=/app/{start.packages}" if start.packages else "",
        "expose": f"EXPOSE {start.port}" if start.port else "",
        "command": json.dumps(list(start.command)),
    }
    if template == "pip":
        values["requirements"] = manifests[0]
        values["copies"] = "\n".join(_copies(manifests))
    return values


def _copies(manifests: tuple[str, ...]) -> Iterator[str]:
    folders: dict[str, list[str]] = {}
    for path in manifests:
        folders.setdefault(posixpath.dirname(path), []).append(path)
    for folder, paths in folders.items():
        yield f"COPY {' '.join(paths)} {posixpath.join('/tmp', folder).rstrip('/')}/"  # noqa: S108 - in the image


def _notes(project: Project, template: str, manifests: tuple[str, ...]) -> Iterator[str]:
    if template == "pyproject":
        yield (
            "nothing pins the versions of the packages: `uv lock` would, and whalebuild init then "
            "writes a Dockerfile that installs them"
        )
    for path in manifests if template == "pip" else ():
        text = project.text(path)
        if _MACHINE.search(text):
            yield (
                f"{path} has a condition on platform_machine, which pip evaluates on the machine "
                "that builds: bake on the platform that runs, or use uv"
            )
        if _GIT.search(text):
            yield f"{path} names a git repository: wheels alone are installed, so that will fail"

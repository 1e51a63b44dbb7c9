"""What installs an application's dependencies, and which files name them.

These are guesses from common commands and file names. They choose what a message suggests and
which file names it keeps; they never decide what is built.
"""

from __future__ import annotations

import re

from whalebuild.dockerfile.lines import Instruction
from whalebuild.dockerfile.parser import Stage

# A RUN that installs packages of a language (packages of the system belong to the base stage).
_INSTALLS = re.compile(
    r"\b(?:pip3?|uv\s+pip)\s+(?:[^\s&|;]+\s+)*?(?:install|wheel|sync)\b"
    r"|\b(?:uv\s+sync|poetry\s+install|pdm\s+(?:install|sync)|pipenv\s+(?:install|sync)"
    r"|conda\s+(?:install|env\s+create)|mamba\s+install|pip-sync|npm\s+(?:ci|install)"
    r"|yarn\s+install|pnpm\s+install|bundle\s+install|composer\s+install|go\s+mod\s+download)\b"
)
# Installs tools only, which are not yet the application's dependencies.
_TOOL_ONLY = re.compile(
    r"\binstall\b(?:\s+-\S+)*\s+"
    r"(?:['\"]?(?:pip|uv|poetry|pdm|pipenv|setuptools|wheel)\b[^\s;&]*[ \t]*)+"
    r"(?=$|&&|;|\|\|)",
    re.MULTILINE,
)
_MANIFESTS = re.compile(
    r"(?:.*[-_.])?requirements(?:[-_.].*)?\.(?:txt|in|lock)|constraints(?:[-_.].*)?\.txt"
    r"|requirements/[^/]*\.(?:txt|in)|pyproject\.toml|setup\.(?:cfg|py)|uv\.(?:lock|toml)"
    r"|poetry\.(?:lock|toml)|pdm\.lock|pylock(?:\..*)?\.toml|Pipfile(?:\.lock)?|hatch\.toml"
    r"|\.python-version|(?:conda-lock|environment)(?:[-_.].*)?\.ya?ml|pixi\.(?:toml|lock)"
    r"|package(?:-lock)?\.json|npm-shrinkwrap\.json|yarn\.lock|\.yarnrc(?:\.yml)?|\.npmrc"
    r"|bun\.lockb?|pnpm-(?:lock|workspace)\.yaml|go\.(?:mod|sum|work)|go\.work\.sum"
    r"|Cargo\.(?:toml|lock)|rust-toolchain(?:\.toml)?|Gemfile(?:\.lock)?|composer\.(?:json|lock)"
    r"|pip\.conf|(?:apt|packages)\.txt"
)


def install_step(stage: Stage) -> Instruction | None:
    """The first RUN of a stage that installs the application's dependencies."""
    for step in stage.instructions:
        if step.keyword == "RUN":
            body = "\n".join([step.text, *step.heredocs])
            if _INSTALLS.search(body) and not _only_tools(body):
                return step
    return None


def is_manifest(path: str) -> bool:
    """Tell manifests and lock files of dependencies from code, by the file's name."""
    folder, _, name = path.rpartition("/")
    with_folder = f"{folder.rpartition('/')[2]}/{name}"
    return any(_MANIFESTS.fullmatch(shape) for shape in (name, with_folder))


def _only_tools(body: str) -> bool:
    without = _TOOL_ONLY.sub("", body)
    return _INSTALLS.search(without) is None

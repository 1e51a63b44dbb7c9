"""Manifests that nobody expects are refused or taken, never a fault."""

from __future__ import annotations

import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from tests.scaffold.projects import project
from whalebuild.errors import UsageError
from whalebuild.scaffold.propose import propose
from whalebuild.source.project_files import read_template

KEYS = (
    *("project", "tool", "uv", "poetry", "whalebuild", "scripts", "start", "main", "dependencies"),
    *("requires-python", "python", "workspace", "sources", "path", "engines", "node", "packages"),
    *("hasInstallScript", "packageManager", "requires", "python_version", "image", "workspaces"),
)
LEAVES = st.sampled_from(["", "x", "node server.js", "a:main", ">=3", "~=", "a b", "'", "3.12"])
VALUES = st.recursive(
    LEAVES | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=8,
)
TABLES = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5)
NAMES = ("pyproject.toml", "Pipfile", "whalebuild.toml")
LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "yarn.lock", "requirements.txt")


def as_toml(table: dict[str, object]) -> str:
    """A table as TOML: inline tables, whose keys and values JSON writes almost as well."""
    return "".join(f"{json.dumps(key)} = {value_of(value)}\n" for key, value in table.items())


def value_of(value: object) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(k)} = {value_of(v)}" for k, v in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(value_of, value))}]"
    return json.dumps(value)


@given(
    tables=st.dictionaries(st.sampled_from(NAMES), TABLES),
    manifest=st.none() | TABLES,
    lock=TABLES,
    locks=st.sets(st.sampled_from(LOCKS)),
    docker=st.booleans(),
)
def test_odd_manifests(
    tables: dict[str, dict[str, object]],
    manifest: dict[str, object] | None,
    lock: dict[str, object],
    locks: set[str],
    docker: bool,
) -> None:
    files = {name: as_toml(table) for name, table in tables.items()}
    files |= dict.fromkeys(locks, "")
    files |= {"a.py": "", "server.js": "", ".python-version": "x", "package-lock.json": ""}
    files["package-lock.json"] = json.dumps(lock)
    if manifest is not None:
        files["package.json"] = json.dumps(manifest)
    if docker:
        files["Dockerfile"] = ""
    with suppress(UsageError):
        found = propose(project(files), read_template, None)
        assert found.guesses
        assert not any("{{" in file.text for file in found.files)

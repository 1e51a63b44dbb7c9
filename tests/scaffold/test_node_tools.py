from __future__ import annotations

import json

import pytest

from tests.scaffold.projects import project
from whalebuild.errors import UsageError
from whalebuild.scaffold.node_tools import node_recipe
from whalebuild.scaffold.project import Recipe

SERVER = {"server.js": "app.listen(process.env.PORT || 4000)\n"}


def recipe_of(manifest: dict[str, object], **files: str) -> Recipe:
    named = {name.replace("__", "-").replace("_", "."): text for name, text in files.items()}
    found = node_recipe(project({"package.json": json.dumps(manifest), **SERVER, **named}))
    assert found
    return found


START = {"scripts": {"start": "node server.js"}}


@pytest.mark.parametrize(
    ("lock", "tool"),
    [("package-lock.json", "npm"), ("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn")],
)
def test_the_lock_decides_which_tool(lock: str, tool: str) -> None:
    files = {"package.json": json.dumps(START), **SERVER, lock: "{}"}
    recipe = node_recipe(project(files))
    assert recipe
    assert recipe.template == f"{tool}.Dockerfile"
    assert recipe.start.command == ("node", "server.js")
    assert recipe.start.port == 4000


@pytest.mark.parametrize(
    ("manifest", "command"),
    [
        (START, "node server.js"),
        ({"scripts": {"start": "node --enable-source-maps ./server"}}, None),
        ({"main": "server.js"}, "node server.js"),
        ({}, "node server.js"),
    ],
)
def test_how_it_is_started(manifest: dict[str, object], command: str | None) -> None:
    recipe = recipe_of(manifest, package__lock_json="{}")
    expected = command or "node --enable-source-maps ./server"
    assert " ".join(recipe.start.command) == expected


@pytest.mark.parametrize(
    ("manifest", "files", "version"),
    [
        (START, {}, "22"),
        ({**START, "engines": {"node": ">=18"}}, {}, "22"),
        ({**START, "engines": {"node": ">=24"}}, {}, "24"),
        ({**START, "engines": {"node": "^20.1.0"}}, {}, "20"),
        ({**START, "engines": {"node": "20.x"}}, {}, "20"),
        (START, {".nvmrc": "v18.2.0\n"}, "18"),
        (START, {".nvmrc": "lts/*\n"}, "22"),
    ],
)
def test_the_version(manifest: dict[str, object], files: dict[str, str], version: str) -> None:
    everything = {"package.json": json.dumps(manifest), "package-lock.json": "{}", **SERVER}
    recipe = node_recipe(project({**everything, **files}))
    assert recipe
    assert recipe.values["version"] == version


SCRIPTED = {
    "packages": {
        "": {"hasInstallScript": True},
        "node_modules/bcrypt": {"hasInstallScript": True},
        "node_modules/fsevents": {"hasInstallScript": True, "optional": True},
    }
}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"package.json": json.dumps(START)}, "lock file"),
        ({"package.json": "[]"}, "no object"),
        ({"package.json": "{"}, "not well formed"),
        (
            {"package.json": json.dumps({**START, "workspaces": ["a"]}), "yarn.lock": ""},
            "workspaces",
        ),
        ({"package.json": json.dumps(START), "yarn.lock": "__metadata:\n"}, "Yarn 2"),
        (
            {
                "package.json": json.dumps({"scripts": {"start": "next start"}}),
                "package-lock.json": "",
            },
            "no entry point",
        ),
        (
            {
                "package.json": json.dumps({"scripts": {"start": "node dist/x.js"}}),
                "package-lock.json": "",
            },
            "no entry point",
        ),
    ],
)
def test_what_is_refused(files: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        node_recipe(project({**SERVER, **files}))
    assert refused.value.next_step


def test_packages_with_scripts_are_installed_where_they_run() -> None:
    recipe = recipe_of(START, package__lock_json=json.dumps(SCRIPTED))
    assert recipe.template == "npm-scripts.Dockerfile"
    assert recipe.notes[0].startswith("bcrypt run scripts")


def test_pnpm_is_the_version_that_the_project_names() -> None:
    assert recipe_of(START, pnpm__lock_yaml="").values["tool"] == "10"
    manifest = {**START, "packageManager": "pnpm@9.15.1+sha512.abc"}
    assert recipe_of(manifest, pnpm__lock_yaml="").values["tool"] == "9.15.1"


def test_no_node_project() -> None:
    assert node_recipe(project({"index.js": ""})) is None

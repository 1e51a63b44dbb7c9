"""docs/buildx.md: its rows are all of buildx's flags and attributes, and say what is so."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.integration.buildx_table import attributes, flags
from tests.integration.buildx_table.page import TABLES
from tests.integration.buildx_table.row import Printed, Row
from tests.integration.compatibility.situation import DOCKERFILE
from tests.integration.sandbox import ROOT, SHARED_ENGINE, Sandbox

ROWS = [row for table in TABLES for row in table.rows]
PRINTED = [row for row in ROWS if isinstance(row.held, Printed)]
#: Where a target's attribute is named in buildx's program: a tag of its field (``bake/bake.go``).
_ATTRIBUTE = re.compile(rb'hcl:"([a-z-]+),optional" cty:')
#: Those that buildx reads apart from the fields: ``GetName`` and ``GetEvalContexts``.
_APART = {"matrix", "name"}
_VARIABLE = re.compile(rb"BUILDX_[A-Z][A-Z_]+")


def run(sandbox: Sandbox, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        cwd=folder,
        env={**sandbox.env(SHARED_ENGINE), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def program(sandbox: Sandbox) -> bytes:
    """Buildx itself."""
    config = Path(sandbox.env(SHARED_ENGINE)["DOCKER_CONFIG"])
    return (config / "cli-plugins/docker-buildx").read_bytes()


@pytest.mark.parametrize("verb", ["bake", "build"])
def test_every_flag_of_buildx_has_a_row(sandbox: Sandbox, tmp_path: Path, verb: str) -> None:
    told = run(sandbox, tmp_path, "docker", "buildx", verb, "--help").stdout
    known = set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", told, re.MULTILINE))
    assert len(known) > 15
    listed = {row.name for row in flags.BAKE.rows}
    if verb == "build":
        listed |= {row.name for row in flags.BUILD.rows}
    assert known <= listed, f"without a row: {sorted(known - listed)}"
    newer = {row.name for row in ROWS if row.since}
    if verb == "bake":
        assert listed - known <= newer, f"buildx has no {sorted(listed - known - newer)}"


def test_every_attribute_of_buildx_has_a_row(sandbox: Sandbox) -> None:
    known = {name.decode() for name in _ATTRIBUTE.findall(program(sandbox))} | _APART
    assert len(known) > 25
    listed = {row.name: row.since for row in attributes.ATTRIBUTES.rows}
    assert known <= listed.keys(), f"without a row: {sorted(known - listed.keys())}"
    assert all(listed[name] for name in listed.keys() - known)


def test_every_variable_of_buildx_is_told(sandbox: Sandbox) -> None:
    """In the program, texts stand one after the other without anything between them."""
    told = set(re.findall(r"BUILDX_[A-Z_]+", (ROOT / "docs/settings.md").read_text()))
    found = {name.decode() for name in _VARIABLE.findall(program(sandbox))}
    assert len(found) > 10
    untold = {name for name in found if not any(name.startswith(each) for each in told)}
    assert not untold


@pytest.mark.extended
@pytest.mark.parametrize("row", PRINTED, ids=lambda row: row.name)
def test_both_print_the_same(sandbox: Sandbox, tmp_path: Path, row: Row) -> None:
    held = row.held
    assert isinstance(held, Printed)
    for name, text in {
        "Dockerfile": DOCKERFILE,
        "requirements.txt": "left==1\n",
        "app.txt": "one\n",
        "docker-bake.hcl": f'target "app" {{\n  tags = ["r.example/app"]\n  {held.bakefile}\n}}\n',
        **held.files,
    }.items():
        (tmp_path / name).write_text(text)
    words = shlex.split(held.words)
    docker = ("docker", "buildx", "bake", "--print", *shlex.split(held.buildx), *words)
    theirs = run(sandbox, tmp_path, *docker)
    own = ("whalebuild", "bake", "--print", *shlex.split(held.own), *words)
    mine = run(sandbox, tmp_path, *own)
    assert theirs.returncode == mine.returncode == 0, mine.stderr + theirs.stderr
    made = json.loads(mine.stdout)["target"]
    target = json.loads(theirs.stdout)["target"]["app"]
    if row.since and held.attribute not in target:  # buildx ignores what it does not know
        assert held.attribute not in made["app"]
        return
    wanted = target[held.attribute]
    for name in ("app", "app-deps") if held.deps else ("app",):
        found = made[name].get(held.attribute)
        if not held.more:
            assert found == wanted, name
        elif isinstance(wanted, dict):
            assert wanted.items() <= found.items(), name
        else:
            assert [each for each in found if each in wanted] == wanted, name
    if not held.deps and held.attribute != "target":
        shared = made["app-deps"].get(held.attribute) or []
        assert not [each for each in wanted if each in shared]

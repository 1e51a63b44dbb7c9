"""BuildKit reads the Dockerfile and the ignore file that we take for those that it reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.sandbox import Sandbox
from tests.support.build_files import DOCKERFILES, IGNORED, lay
from whalebuild.source.build_files import find_dockerfile, read_ignore_text

COPY_ALL = "FROM scratch\nCOPY . /\n"
BUILT = [name for name, case in DOCKERFILES.items() if case[-1] is not None]
REFUSED = [name for name, case in DOCKERFILES.items() if case[-1] is None]


def bake(sandbox: Sandbox, root: Path, targets: dict[str, dict[str, str]]) -> Any:
    """Build targets, each in the folder of its name, into ``out`` there."""
    made = {}
    for name, target in targets.items():
        there = {key: str(root / name / value) for key, value in target.items() if key == "context"}
        output = [f"type=local,dest={root / name / 'out'}"]
        made[name] = {**target, **there, "output": output}
    file = root / "docker-bake.json"
    file.write_text(json.dumps({"target": made}))
    return sandbox.run(
        *("docker", "buildx", "bake", "--file", file.name, *targets),
        cwd=root,
        env={"BUILDX_BAKE_ENTITLEMENTS_FS": "0"},
    )


def numbered(names: list[str]) -> dict[str, str]:
    """Names of targets."""
    return {f"case{number}": name for number, name in enumerate(names)}


def lay_dockerfiles(root: Path, name: str) -> dict[str, str]:
    files, context, dockerfile, _ = DOCKERFILES[name]
    root.mkdir()
    lay(root, files, lambda _, said: f"FROM scratch\nCOPY <<E /found\n{said}\nE\n")
    if dockerfile.startswith("cwd://"):
        dockerfile = str(root / dockerfile.removeprefix("cwd://"))
    return {"context": context, "dockerfile": dockerfile}


@pytest.mark.extended
def test_a_dockerfile_is_found_where_buildkit_finds_it(sandbox: Sandbox, tmp_path: Path) -> None:
    cases = numbered(BUILT)
    done = bake(
        sandbox,
        tmp_path,
        {case: lay_dockerfiles(tmp_path / case, name) for case, name in cases.items()},
    )
    assert done.returncode == 0, done.stderr
    for case, name in cases.items():
        _, context, dockerfile, _ = DOCKERFILES[name]
        found = (tmp_path / case / "out/found").read_text()
        ours = find_dockerfile(tmp_path / case, context, dockerfile).read().decode()
        assert found == "yes\n", name
        assert found in ours, name


@pytest.mark.extended
@pytest.mark.parametrize("name", REFUSED)
def test_where_we_find_no_dockerfile_buildkit_finds_none(
    sandbox: Sandbox, tmp_path: Path, name: str
) -> None:
    target = lay_dockerfiles(tmp_path / "case", name)
    done = bake(sandbox, tmp_path, {"case": target})
    assert done.returncode != 0
    with pytest.raises(OSError, match=r"\[Errno"):
        find_dockerfile(tmp_path / "case", target["context"], target["dockerfile"]).read()


@pytest.mark.extended
def test_an_ignore_file_is_found_where_buildkit_finds_it(sandbox: Sandbox, tmp_path: Path) -> None:
    cases = numbered(list(IGNORED))
    for case, name in cases.items():
        files, dockerfile, _ = IGNORED[name]
        root = tmp_path / case
        own = dict.fromkeys(("ctx/yes", "ctx/no"), "")
        if "ctx/dockerfile" not in files:
            own[f"ctx/{dockerfile}"] = ""
        lay(root, files | own, lambda name, said: f"{said}\n" if "ig" in name else COPY_ALL)
    done = bake(
        sandbox,
        tmp_path,
        {case: {"context": "ctx", "dockerfile": IGNORED[n][1]} for case, n in cases.items()},
    )
    assert done.returncode == 0, done.stderr
    for case, name in cases.items():
        root = tmp_path / case
        sent = {path.name for path in (root / "out").iterdir()} & {"yes", "no"}
        place = find_dockerfile(root, "ctx", IGNORED[name][1])
        ours = read_ignore_text(root / "ctx", place).split()
        assert sent == {"yes", "no"} - set(ours), name
        assert ours == IGNORED[name][2].split(), name

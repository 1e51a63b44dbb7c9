"""Dockerfiles as they are: two tags without a dependencies stage, and what a code change costs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration import published
from tests.integration.pairs import KIB, uploaded
from tests.integration.report_project import Project
from tests.integration.sandbox import Sandbox, downloaded
from tests.support.marks import extended
from whalebuild.text import human_bytes

_INSTALL = "RUN mkdir -p /opt/venv && head -c 3000000 /dev/urandom > /opt/venv/packages\n"
ONE_STAGE = (
    "FROM $PYTHON\nARG VERSION=1\nENV HOME_OF_APP=/srv/app\nWORKDIR $HOME_OF_APP\n"
    f"COPY requirements.txt .\n{_INSTALL}COPY . .\nUSER 1000\n"
    'CMD ["python3", "app.py"]\n'
)
COPIED = (
    "FROM $PYTHON AS builder\nWORKDIR /build\nCOPY requirements.txt .\n"
    f"{_INSTALL}FROM $PYTHON\nCOPY --from=builder /opt/venv /opt/venv\n"
    'WORKDIR /srv/app\nCOPY --chown=www-data . .\nCMD ["python3", "app.py"]\n'
)
DJANGO = (
    f"FROM $PYTHON AS base\nWORKDIR /srv/app\nCOPY requirements.txt .\n{_INSTALL}"
    "FROM base\nCOPY . .\nRUN cp app.py collected.py\n"
    'ENTRYPOINT ["python3"]\nCMD ["app.py"]\n'
)
PROJECTS = {"one-stage": ONE_STAGE, "copied": COPIED, "django": DJANGO}
BAKE_FILE = 'target "app" { tags = ["$REPO/app"] }\ngroup "default" { targets = ["app"] }\n'


def _write(reported: Project, dockerfile: str) -> None:
    reported.put("docker-bake.hcl", BAKE_FILE)
    reported.put("Dockerfile", dockerfile)
    reported.put("requirements.txt", reported.repository)
    reported.put(".dockerignore", "docker-bake.hcl\n")
    reported.put("app.py", 'print("one")\n')


@pytest.mark.parametrize("name", ["one-stage", extended("copied"), extended("django")])
def test_a_code_change_on_an_empty_engine(sandbox: Sandbox, reported: Project, name: str) -> None:
    _write(reported, PROJECTS[name])
    first = reported.bake()
    assert reported.tags("app") == ["deps", "latest"]
    assert [first[each]["action"] for each in ("app-deps", "app")] == ["built", "built"]
    assert reported.run("$REPO/app") == "one\n"
    reported.put("app.py", 'print("two")\n')
    with sandbox.fresh_engine("fresh") as engine, sandbox.requests() as requests:
        second = reported.bake(engine=engine)
    assert second["app-deps"]["action"] == "reused"
    own = [r for r in requests if f"/{reported.repository}/" in r.path]
    moved = downloaded(own)
    if name == "django":  # the command after the code needs the whole base, once
        assert second["app"]["steps_run"] == 2
    else:
        assert second["app"]["steps_run"] == 1
        assert "OCI load from client" in second["stderr"]
        assert "deriving the stub of app-deps" in first["stderr"]
        sent = uploaded(own, sandbox.registry)
        assert len(own) <= 20, [(r.method, r.path) for r in own]
        assert moved < 32 * KIB, [(r.path, r.bytes) for r in own]
        assert second["app"]["bytes_pushed"] == sum(sent.values()) < 16 * KIB
        assert f"pushing app: 0 B of {human_bytes(sum(sent.values()))}" in second["stderr"]
    assert reported.run("$REPO/app") == "two\n"
    assert reported.bake()["app"]["action"] == "unchanged"


@pytest.mark.extended
def test_the_layers_are_those_of_the_ordinary_build(sandbox: Sandbox, reported: Project) -> None:
    _write(reported, ONE_STAGE)
    reported.bake()
    reported.put("app.py", 'print("two")\n')
    reported.bake()
    reported.buildx("--push", "--set", "app.tags=$REPO/theirs")
    ours, theirs = (_config(reported, name) for name in ("app", "theirs"))
    assert ours["config"] == theirs["config"]
    assert [e["created_by"] for e in ours["history"]] == [
        e["created_by"] for e in theirs["history"]
    ]
    # The base is the same, for it comes from this engine's cache.
    assert ours["rootfs"]["diff_ids"][:-1] == theirs["rootfs"]["diff_ids"][:-1]


@pytest.mark.extended
def test_another_destination_has_a_stub_of_its_own(reported: Project) -> None:
    _write(reported, ONE_STAGE)
    reported.bake()
    reported.put(
        "Dockerfile", ONE_STAGE.replace("COPY . .", "COPY . .\nCOPY app.py /usr/local/bin/")
    )
    changed = reported.bake()
    assert changed["app-deps"]["action"] == "reused"
    assert reported.run("$REPO/app", "cat", "/usr/local/bin/app.py") == 'print("one")\n'
    with reported.sandbox.fresh_engine("fresh") as engine:
        reported.put("app.py", 'print("two")\n')
        again = reported.bake(engine=engine)
    assert again["all"]["bytes_pulled"] < 64 * KIB
    assert reported.run("$REPO/app", "cat", "/usr/local/bin/app.py") == 'print("two")\n'


@pytest.mark.extended
def test_a_temporary_folder_whose_name_buildx_would_take_for_a_tag(
    reported: Project, tmp_path: Path
) -> None:
    """Then the builder asks the registry for the stub, as for any other image."""
    (tmp_path / "a:b").mkdir()
    _write(reported, ONE_STAGE)
    reported.bake()
    reported.put("app.py", 'print("two")\n')
    second = reported.bake(env={"TMPDIR": str(tmp_path / "a:b")})
    assert second["app"]["steps_run"] == 1
    assert "OCI load from client" not in second["stderr"]
    assert reported.run("$REPO/app") == "two\n"


def _config(reported: Project, name: str) -> dict[str, object]:
    repository = f"{reported.repository}/{name}"
    registry = reported.sandbox.registry
    (child, *_) = published.manifest(registry, repository, "latest")["manifests"]
    image = published.manifest(registry, repository, child["digest"])
    found: dict[str, object] = json.loads(
        published.blob(registry, repository, image["config"]["digest"])
    )
    return found

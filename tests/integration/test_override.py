"""``docker compose build`` from what is published, on an engine with an empty disk."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.integration import image_content, published
from tests.integration.pairs import KIB
from tests.integration.report_project import Project
from tests.integration.sandbox import SHARED_ENGINE, Sandbox, downloaded
from tests.support.marks import extended

# Heavy, and the same in every build.
_INSTALL = (
    'RUN echo now installing && mkdir -p /opt/venv && python3 -c "import random; '
    "random.seed(open('requirements.txt').read()); "
    "open('/opt/venv/packages', 'wb').write(random.randbytes(3000000))\"\n"
)
ONE_STAGE = (
    "FROM $PYTHON\nARG VERSION=1\nENV PORT=8000\nWORKDIR /srv\nCOPY requirements.txt .\n"
    f'{_INSTALL}COPY . .\nUSER 1000\nCMD ["python3", "app.py"]\n'
)
TWO_STAGES = (
    f"FROM $PYTHON AS dependencies\nWORKDIR /srv\nCOPY requirements.txt .\n{_INSTALL}"
    'FROM dependencies\nCOPY . .\nCMD ["python3", "app.py"]\n'
)
COPIED = (
    f"FROM $PYTHON AS builder\nWORKDIR /build\nCOPY requirements.txt .\n{_INSTALL}"
    "FROM $PYTHON\nCOPY --from=builder /opt/venv /opt/venv\nWORKDIR /srv\nCOPY . .\n"
    'CMD ["python3", "app.py"]\n'
)
DJANGO = (
    f"FROM $PYTHON AS base\nWORKDIR /srv\nCOPY requirements.txt .\n{_INSTALL}"
    "FROM $PYTHON AS assets\nWORKDIR /assets\nCOPY requirements.txt .\n"
    "RUN echo now installing && cp requirements.txt modules\nCOPY app.py .\nRUN cp app.py built\n"
    "FROM base\nCOPY . .\nCOPY --from=assets /assets/built /srv/static/\n"
    'RUN cp app.py collected.py\nENTRYPOINT ["python3"]\nCMD ["app.py"]\n'
)
PROJECTS = {"one-stage": ONE_STAGE, "two-stages": TWO_STAGES, "copied": COPIED, "django": DJANGO}
BAKE_FILE = 'target "app" { tags = ["$REPO/app"] }\ngroup "default" { targets = ["app"] }\n'
COMPOSE = (
    "services:\n"
    "  web: {build: ., image: $REPO/app}\n"
    "  worker: {build: {context: ., args: {VERSION: 2}}, image: $REPO/worker, profiles: [more]}\n"
    "  db: {image: $PYTHON}\n"
    "  other: {build: {context: ., dockerfile_inline: FROM scratch}}\n"
)


def write(reported: Project, dockerfile: str) -> None:
    reported.put("docker-bake.hcl", BAKE_FILE)
    reported.put("Dockerfile", dockerfile)
    reported.put("requirements.txt", reported.repository)
    reported.put(".dockerignore", "docker-bake.hcl\n*.yaml\n")
    reported.put("app.py", 'print("one")\n')
    reported.put("project.yaml", COMPOSE)
    (reported.folder / "project.yaml").rename(reported.folder / "compose.yaml")
    # buildx reads a compose file as well: the targets of this test are those of the bake file alone
    reported.env["WHALEBUILD_FILE"] = "docker-bake.hcl"


def override(reported: Project, *words: str, exits: int = 0) -> dict[str, Any]:
    done = reported.whalebuild("override", "--format", "json", *words)
    assert done.returncode == exits, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def web(made: dict[str, Any]) -> dict[str, Any]:
    """What the service has."""
    found: dict[str, Any] = next(e for e in made["services"] if e["service"] == "web")
    return found


def compose(reported: Project, engine: str, *words: str, service: str = "web") -> str:
    """``docker compose build``; what BuildKit says."""
    command = ("docker", "compose", "--progress", "plain", *words, "build", service)
    done = reported.sandbox.run(*command, cwd=reported.folder, engine=engine)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def built(reported: Project, engine: str, folder: Path) -> Any:
    """What is in the image that compose built, and how it was made.

    Not layer by layer: BuildKit leaves out of a layer what is just so below it, where it has that.
    """
    file = folder / "image.tar"
    save = ("docker", "save", "-o", str(file), reported.fill("$REPO/app"))
    reported.sandbox.run(*save, cwd=reported.folder, engine=engine, check=True)
    with tarfile.open(file) as tar:
        files = {m.name: tar.extractfile(m) for m in tar if m.isfile()}
        raw = {name: opened.read() for name, opened in files.items() if opened}
    file.unlink()
    (image,) = image_content.from_layout(raw).values()
    (made,) = image["platforms"].values()
    tree = {entry[0].rstrip("/"): entry for layer in made.pop("layers") for entry in layer}
    return {**made, "tree": tree}


def installs(said: str) -> bool:
    """Whether the step ran that installs packages."""
    return re.search(r"^#\d+ [\d.]+ now installing$", said, re.MULTILINE) is not None


def weight(reported: Project) -> int:
    """Bytes of the published dependencies and what they stand on: what an engine has to have."""
    registry, repository = reported.sandbox.registry, f"{reported.repository}/app"
    index = published.manifest(registry, repository, "deps")
    child = next(c for c in index["manifests"] if c["platform"]["architecture"] == "amd64")
    image = published.manifest(registry, repository, child["digest"])
    return sum(layer["size"] for layer in image["layers"])


@pytest.mark.parametrize("name", ["one-stage", *map(extended, ["two-stages", "copied", "django"])])
def test_a_build_on_an_empty_engine_installs_nothing(
    sandbox: Sandbox, reported: Project, tmp_path: Path, name: str
) -> None:
    write(reported, PROJECTS[name])
    reported.bake()
    made = override(reported)
    services = {each["service"]: each for each in made["services"]}
    assert (services["web"]["target"], services["web"]["reused"]) == ("app", True)
    assert services["worker"]["target"] == "app"
    assert "has its Dockerfile" in services["other"]["left_out"]
    assert made["unbuilt"] == ["db"]
    assert made["sent_to"] == []
    assert made["file"] == str(reported.folder / "compose.override.yaml")
    reported.put("app.py", 'print("two")\n')
    with sandbox.fresh_engine("fresh") as engine, sandbox.requests() as requests:
        said = compose(reported, engine)
        ours = built(reported, engine, tmp_path)
    assert not installs(said)
    assert 0 < downloaded(requests) <= weight(reported) + 40 * KIB
    compose(reported, SHARED_ENGINE, "-f", "compose.yaml")
    assert ours == built(reported, SHARED_ENGINE, tmp_path)


@pytest.mark.extended
def test_an_old_override_is_never_wrong(
    sandbox: Sandbox, reported: Project, tmp_path: Path
) -> None:
    """Requirements, or the Dockerfile, have changed since: compose builds what is on the disk."""
    write(reported, TWO_STAGES)
    reported.bake()
    override(reported)
    old = (reported.folder / "compose.override.yaml").read_text()
    reported.put("requirements.txt", "others")
    with sandbox.fresh_engine("fresh") as engine:
        assert installs(compose(reported, engine))
        ours = built(reported, engine, tmp_path)
    with sandbox.fresh_engine("plain") as engine:
        compose(reported, engine, "-f", "compose.yaml")
        assert ours == built(reported, engine, tmp_path)
    again = override(reported)
    assert web(again)["reused"] is False
    assert any("requirements.txt" in reason for reason in web(again)["reasons"])
    baked = reported.bake()
    assert "compose.override.yaml has what was just published" in baked["stderr"]
    assert (reported.folder / "compose.override.yaml").read_text() != old
    assert override(reported, "--check")["fresh"]


@pytest.mark.extended
def test_a_base_image_that_has_moved(sandbox: Sandbox, reported: Project, tmp_path: Path) -> None:
    """The published dependencies stand on the one before, and so does the build."""
    base = reported.fill("$REPO/base:1")
    copy = ("docker", "buildx", "imagetools", "create", "-t", base, sandbox.python_image)
    sandbox.run(*copy, cwd=reported.folder, check=True)
    write(reported, ONE_STAGE.replace("$PYTHON", "$REPO/base:1"))
    reported.bake()
    moved = tmp_path / "moved"
    moved.mkdir()
    (moved / "Dockerfile").write_text(f"FROM {sandbox.python_image}\nENV MOVED=1\n")
    push = ("docker", "buildx", "build", "--push", "-t", base, ".")
    sandbox.run(*push, cwd=moved, check=True)
    pinned = web(override(reported))["additional_contexts"]
    assert list(pinned) == [base]
    assert re.fullmatch(rf"docker-image://{re.escape(base)}@sha256:[0-9a-f]{{64}}", pinned[base])
    with sandbox.fresh_engine("fresh") as engine:
        said = compose(reported, engine)
        content = built(reported, engine, tmp_path)
    assert not installs(said)
    assert "MOVED" not in json.dumps(content["config"])


@pytest.mark.extended
def test_beside_somebody_elses_override(sandbox: Sandbox, reported: Project) -> None:
    write(reported, ONE_STAGE)
    theirs = "services: {web: {environment: {A: x}, build: {cache_from: [$REPO/cache]}}}\n"
    reported.put("compose.override.yml", theirs)
    early = override(reported)
    assert "nothing is published yet" in web(early)["left_out"]
    written = reported.folder / "compose.whalebuild.yaml"
    assert early["file"] == str(written)
    empty = written.read_text()
    assert "has what was just published" in reported.bake()["stderr"]
    made = override(reported, "--check")
    assert made["text"] == written.read_text()
    written.write_text(empty)
    stale = override(reported, "--check", exits=10)
    assert (stale["written"], written.read_text()) == (False, empty)
    assert override(reported)["written"]
    assert (reported.folder / "compose.override.yml").read_text() == reported.fill(theirs)
    said = reported.whalebuild("override").stdout
    files = "compose.yaml:compose.override.yml:compose.whalebuild.yaml"
    assert f"COMPOSE_FILE={files}" in said
    env = {"COMPOSE_FILE": files}
    config = ("docker", "compose", "--profile", "*", "config", "--format", "json")
    other = {"COMPOSE_FILE": "compose.yaml:empty.yaml"}
    (reported.folder / "empty.yaml").write_text(empty)
    sandbox.run(*config, cwd=reported.folder, env=other, check=True)
    done = sandbox.run(*config, cwd=reported.folder, env=env, check=True)
    merged = json.loads(done.stdout)["services"]["web"]
    ours = web(made)
    assert merged["build"]["cache_from"] == [reported.fill("$REPO/cache"), *ours["cache_from"]]
    assert merged["build"]["additional_contexts"] == ours["additional_contexts"]
    assert merged["environment"] == {"A": "x"}
    # With the file among those that compose reads, nothing of it is taken for the project's own.
    fresh = reported.whalebuild("override", "--check", "--format", "json", env=env)
    assert json.loads(fresh.stdout)["fresh"], fresh.stdout
    refused = reported.whalebuild("override", "--output", "compose.override.yml")
    assert refused.returncode == 2
    assert "whalebuild did not write it" in refused.stderr

"""Every row of bad input: its exit code, what happened, why, and the next step."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.integration.doctor_runs import Patient
from tests.integration.faults import Fault, oci_error
from tests.integration.proxy import faulty_registry
from tests.integration.sandbox import Sandbox
from tests.support.marks import extended

USAGE, ENGINE, BUILD, REFUSED, UNREACHABLE = 2, 3, 4, 5, 6


def _path_with(folder: Path, *programs: str) -> str:
    """A PATH that has these programs alone, beside whalebuild's own Python."""
    folder.mkdir(exist_ok=True)
    for program in programs:
        found = shutil.which(program)
        assert found
        (folder / program).symlink_to(found)
    return str(folder)


def _bake(sandbox: Sandbox, cwd: Path, *args: str, **kwargs: object) -> tuple[int, str]:
    done = sandbox.whalebuild("bake", *args, cwd=cwd, **kwargs)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_no_docker_client(sandbox: Sandbox, small: Path, tmp_path: Path) -> None:
    whalebuild = shutil.which("whalebuild", path=sandbox.env()["PATH"])
    assert whalebuild
    env = {"PATH": _path_with(tmp_path / "bin", "sh")}
    done = sandbox.run(whalebuild, "bake", "--image", "x.example/y", cwd=small, env=env)
    assert done.returncode == ENGINE
    assert "no docker client on PATH" in done.stderr
    assert "docs.docker.com/get-docker" in done.stderr


@pytest.mark.extended
def test_docker_client_without_buildx(sandbox: Sandbox, small: Path, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    docker = tmp_path / "docker"
    # The sandbox's client, away from the plugins beside it.
    found = shutil.which("docker", path=sandbox.env()["PATH"])
    assert found
    shutil.copy(found, docker)
    env = {
        "DOCKER_CONFIG": str(tmp_path / "config"),
        "PATH": f"{tmp_path}:{sandbox.env()['PATH']}",
    }
    code, stderr = _bake(sandbox, small, "--image", "x.example/y", env=env)
    assert code == ENGINE
    assert "the docker client has no buildx" in stderr
    assert "https://docs.docker.com/go/buildx/" in stderr


def test_engine_not_running(sandbox: Sandbox, small: Path, tmp_path: Path) -> None:
    env = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    code, stderr = _bake(sandbox, small, "--image", "x.example/y", env=env)
    assert code == ENGINE
    assert "the Docker engine is not running" in stderr
    assert "DOCKER_HOST" in stderr


@pytest.mark.extended
def test_engine_without_containerd_image_store(
    sandbox: Sandbox, small: Path, repository: str
) -> None:
    with sandbox.fresh_engine("classic", "--image-store", "graphdriver") as engine:
        image = f"{sandbox.registry}/{repository}"
        code, stderr = _bake(sandbox, small, "--image", image, engine=engine)
    assert code == ENGINE
    assert "containerd image store is off" in stderr
    assert "containerd-snapshotter" in stderr


@pytest.mark.extended
def test_unknown_builder(sandbox: Sandbox, small: Path) -> None:
    code, stderr = _bake(sandbox, small, "--image", "x.example/y", "--builder", "nope")
    assert code == ENGINE
    assert 'no builder "nope" found' in stderr


@pytest.mark.extended
def test_no_dockerfile(sandbox: Sandbox, small: Path) -> None:
    (small / "Dockerfile").unlink()
    code, stderr = _bake(sandbox, small, "--image", "x.example/y")
    assert code == USAGE
    assert "neither a bake file nor a readable Dockerfile" in stderr
    (small / "docker-bake.hcl").write_text('target "default" { tags = ["x.example/y"] }')
    code, stderr = _bake(sandbox, small)
    assert code == USAGE
    assert "cannot read the Dockerfile Dockerfile" in stderr


def test_no_dependencies_stage(sandbox: Sandbox, small: Path) -> None:
    (small / "Dockerfile").write_text(
        "FROM x AS base\nFROM base AS builder\nRUN pip install -r r.txt\nFROM base AS app\n"
        "COPY --from=builder /venv /venv\n"
    )
    code, stderr = _bake(sandbox, small, "--image", "x.example/y", "--deps-stage", "vendor")
    assert code == USAGE
    assert 'no stage "vendor"' in stderr
    assert "(stages: base, builder, app)" in stderr
    assert 'stage "builder" most likely is it: it installs on line 3' in stderr
    assert 'write deps-stage = "builder"' in stderr


@pytest.mark.extended
def test_bake_file_with_a_syntax_error(sandbox: Sandbox, small: Path) -> None:
    (small / "docker-bake.hcl").write_text('target "app" {\n  tags = ["x"\n}\n')
    code, stderr = _bake(sandbox, small)
    assert code == USAGE
    assert "buildx cannot read the bake file" in stderr
    assert "docker-bake.hcl:3" in stderr, "buildx's own message, located"


@pytest.mark.extended
def test_unknown_target(sandbox: Sandbox, small: Path) -> None:
    (small / "docker-bake.hcl").write_text('target "worker" { tags = ["x.example/y"] }')
    code, stderr = _bake(sandbox, small, "wroker")
    assert code == USAGE
    assert 'unknown target "wroker"' in stderr
    assert 'did you mean "worker"?' in stderr
    code, stderr = _bake(sandbox, small)
    assert code == USAGE
    assert 'no group or target "default"' in stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--image", "x.example/y", "--platform", "linux/amd46"], 'did you mean "linux/amd64"?'),
        extended(["--image", "Not A Name"], '"Not A Name" is not an image reference (--image)'),
        extended(["--image", "x.example/y:tag"], "has a tag or digest"),
        extended(
            ["--image", "x.example/y", "--tag", "a b"], '"a b" is not an image reference (--tag)'
        ),
        extended([], "no image name"),
        extended(
            ["--image", "x.example/y", "--var", "novalue"],
            '"novalue" is not an assignment (--var)',
        ),
        extended(["--image", "x.example/y", "--progress", "fancy"], "is not a progress mode"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_malformed_words(sandbox: Sandbox, small: Path, arguments: list[str], message: str) -> None:
    code, stderr = _bake(sandbox, small, *arguments)
    assert code == USAGE
    assert message in stderr


@pytest.mark.extended
def test_bad_tag_in_the_bake_file(sandbox: Sandbox, small: Path) -> None:
    (small / "docker-bake.hcl").write_text('target "default" { tags = ["x.example/UPPER"] }')
    code, stderr = _bake(sandbox, small)
    assert code == USAGE
    assert "x.example/UPPER" in stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("imgae = 'x'\n", 'whalebuild.toml: unknown setting "imgae"'),
        extended(
            "retry-attempts = 'many'\n", "whalebuild.toml: retry-attempts: expected a whole number"
        ),
        extended("image = \n", "cannot read whalebuild.toml"),
        extended(None, "cannot read whalebuild.toml"),
    ],
    ids=["unknown-key", "ill-typed", "not-toml", "unreadable"],
)
def test_bad_settings(sandbox: Sandbox, small: Path, text: str | None, message: str) -> None:
    file = small / "whalebuild.toml"
    if text is None:
        file.mkdir()
    else:
        file.write_text(text)
    code, stderr = _bake(sandbox, small)
    assert code == USAGE
    assert message in stderr


@pytest.mark.extended
def test_registry_refuses_to_be_read(sandbox: Sandbox, small: Path, repository: str) -> None:
    denied = oci_error(403, "UNAUTHORIZED", "authentication required")
    with faulty_registry(sandbox.registry, Fault(".*", "/v2/", denied)) as proxy:
        code, stderr = _bake(sandbox, small, "--image", f"{proxy.address}/{repository}")
    assert code == REFUSED
    assert "docker login" in stderr
    assert "now installing" not in stderr, "nothing was built in vain"


def test_failing_run(sandbox: Sandbox, small: Path, repository: str) -> None:
    image = f"{sandbox.registry}/{repository}"
    sandbox.whalebuild("bake", "--image", image, cwd=small, check=True)
    before = _digests(sandbox, image, small)
    dockerfile = small / "Dockerfile"
    failing = "RUN seq 100 && echo 503 Service Unavailable >&2 && exit 3\n"
    text = dockerfile.read_text()
    dockerfile.write_text(text.replace("FROM dependencies", f"{failing}FROM dependencies"))
    code, stderr = _bake(sandbox, small, "--image", image)
    assert code == BUILD
    assert "error: the build failed" in stderr
    assert "exit code: 3" in stderr
    shown = stderr[stderr.index("> [") :]
    assert all(f"\n{number}\n" in shown for number in range(1, 100)), "its log, in full"
    assert "Dockerfile:5" in shown, "where it stands"
    assert "retry" not in stderr, "whatever it prints, a failing RUN is not tried again"
    assert _digests(sandbox, image, small) == before, "both tags are as they were"
    code, stderr = _bake(sandbox, small, "--image", image, env={"CI": "true"})
    assert code == BUILD
    for number in range(1, 100):
        assert len(re.findall(rf"^(?:#\d+ \| )?{number}$", stderr, re.MULTILINE)) == 1, "once"


@pytest.mark.extended
def test_base_image_that_does_not_exist(sandbox: Sandbox, small: Path, repository: str) -> None:
    dockerfile = small / "Dockerfile"
    missing = f"{sandbox.registry}/no/such:image"
    dockerfile.write_text(dockerfile.read_text().replace(sandbox.python_image, missing))
    code, stderr = _bake(sandbox, small, "--image", f"{sandbox.registry}/{repository}")
    assert code == BUILD
    assert missing in stderr


@pytest.mark.extended
def test_missing_file_of_a_copy(sandbox: Sandbox, small: Path, repository: str) -> None:
    (small / "app.py").unlink()
    code, stderr = _bake(sandbox, small, "--image", f"{sandbox.registry}/{repository}")
    assert code == BUILD
    assert "app.py" in stderr


def _digests(sandbox: Sandbox, image: str, cwd: Path) -> list[str]:
    inspect = ("docker", "buildx", "imagetools", "inspect", "--raw")
    tags = (f"{image}:deps", f"{image}:latest")
    return [sandbox.run(*inspect, tag, cwd=cwd, check=True).stdout for tag in tags]


_SCRATCH = "FROM scratch\n"
_UNBUILDABLE = (
    *("", "# nothing\n", "ARG A=1\n", "FORM x\n", "\x00\x01\x02\n", "hello world\n"),
    *(f"RUN a\n{_SCRATCH}", f"FORM x\n{_SCRATCH}", f"{_SCRATCH}CPOY a /\n"),
)
_BUILDABLE = (
    f"\ufeffARG A=1\n# b\n{_SCRATCH}COPY Dockerfile /\n",
    f"{_SCRATCH}COPY <<E /f\nFORM x\nRNU\nE\n",
    f"# escape=`\narg A=1 `\n  B=2\n{_SCRATCH.lower()}LABEL a=`\n# c\n\nRNU\n",
    "FROM scratch AS a\nMAINTAINER me\nONBUILD LABEL a=b\nSTOPSIGNAL 9\nFROM a\n",
)


@pytest.mark.extended
def test_a_dockerfile_is_refused_where_buildkit_refuses_it(sandbox: Sandbox, small: Path) -> None:
    """And told by the doctor, where whalebuild leaves it to BuildKit, too."""
    flags = ("--image", "x.example/y")
    build = ("docker", "buildx", "build", "--output", "type=cacheonly", ".")
    for text in (*_UNBUILDABLE, *_BUILDABLE):
        (small / "Dockerfile").write_text(text)
        built = sandbox.run(*build, cwd=small)
        printed = sandbox.whalebuild("bake", "--print", *flags, cwd=small)
        assert (built.returncode == 0) == (text in _BUILDABLE), f"{text}\n{built.stderr}"
        wanted = 0 if text in _BUILDABLE else USAGE
        assert printed.returncode == wanted, f"{text}\n{printed.stderr}"
    (small / "Dockerfile").write_text(f"{_SCRATCH}TELEPORT a\n")
    assert sandbox.whalebuild("bake", "--print", *flags, cwd=small).returncode == 0
    patient = Patient(sandbox, small, {"WHALEBUILD_IMAGE": "x.example/y"})
    found = patient.doctor("--read-only").finding("dockerfile")
    assert found["status"] == "failure"
    assert found["what"].startswith("Dockerfile, line 2: ")
    assert "unknown instruction: TELEPORT" in found["what"]

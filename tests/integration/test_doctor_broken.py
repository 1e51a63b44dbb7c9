"""``whalebuild doctor`` on what is broken for real: each is named, and what it names mends it.

Client, builder, project and machine; test_doctor_registries.py has the rest.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from pathlib import Path

import pytest

from tests.integration.doctor_runs import Patient, Report
from tests.integration.pairs import CODE, ON_DEPS, Pair
from tests.integration.registries import small_disk
from tests.integration.sandbox import Sandbox

pytestmark = pytest.mark.extended
MEGA = 1 << 20


@pytest.fixture
def patient(sandbox: Sandbox, tmp_path: Path) -> Patient:
    folder = tmp_path / "empty"
    folder.mkdir()
    return Patient(sandbox, folder)


def broken(report: Report, name: str, code: int = 3) -> dict[str, str]:
    """The failure of this check, which is the first one of all."""
    assert report.statuses("failure")[:1] == [name]
    assert report.code == code
    return report.finding(name)


# The client


def test_no_client_on_path(patient: Patient, tmp_path: Path) -> None:
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("sh", "env", "ps", "whalebuild"):
        found = shutil.which(name, path=patient.sandbox.env()["PATH"])
        assert found
        (commands / name).symlink_to(found)
    elsewhere = tmp_path / ".docker/bin"
    elsewhere.mkdir(parents=True)
    docker = shutil.which("docker", path=patient.sandbox.env()["PATH"])
    assert docker
    (elsewhere / "docker").symlink_to(docker)
    patient.env |= {"PATH": str(commands), "HOME": str(tmp_path)}
    found = broken(report := patient.doctor(), "client")
    assert found["what"] == "no docker client on PATH"
    assert report.finding("engine")["what"] != "it answers without a client"
    assert found["command"].startswith('export PATH="$PATH:')
    mended = patient.doctor(before=found["command"])
    assert mended.statuses("failure") == []
    assert mended.checks["client"]["status"] == "ok"


def test_no_buildx(patient: Patient, tmp_path: Path) -> None:
    config = tmp_path / "config"
    plugins = config / "cli-plugins"
    plugins.mkdir(parents=True)
    theirs = Path(patient.sandbox.env()["DOCKER_CONFIG"], "cli-plugins")
    patient.env |= {"DOCKER_CONFIG": str(config)}
    report = patient.doctor()
    found = broken(report, "buildx")
    assert found["what"] == "the docker client has no buildx"
    assert "docker-buildx-plugin" in found["next"]
    assert report.finding("compose")["status"] == "warning"
    assert report.finding("builder")["what"] == "there is no buildx"
    assert report.checks["engine"]["status"] == "ok"
    for plugin in theirs.iterdir():
        (plugins / plugin.name).symlink_to(plugin.resolve())
    assert patient.doctor().statuses("failure", "warning") == []


# The engine


def test_an_engine_that_does_not_run(patient: Patient) -> None:
    with patient.sandbox.fresh_engine("stopped") as engine:
        patient.engine = engine
        patient.sandbox.env(engine)
        patient.sandbox.kill(engine)
        report = patient.doctor()
        found = broken(report, "engine")
        assert found["what"] == "the Docker engine is not running"
        assert report.checks["builder"]["status"] == "skipped"
        # The default engine is started by systemctl; this one is not the default one.
        assert found["command"] == "unset DOCKER_HOST"
        patient.sandbox.up(engine)
        assert patient.doctor().statuses("failure") == []


def test_an_engine_that_hangs(patient: Patient, tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(16)
        began = time.monotonic()
        report = patient.doctor(env={"DOCKER_HOST": f"unix://{path}"})
        took = time.monotonic() - began
    found = broken(report, "engine")
    assert "did not answer within 30 s" in found["what"]
    print(f"{took:.1f} s")
    assert took < 90


def test_an_engine_that_this_user_may_not_use(patient: Patient) -> None:
    home = Path(tempfile.mkdtemp(prefix="doctor-", dir="/tmp"))
    socket_path = patient.sandbox.env()["DOCKER_HOST"].removeprefix("unix://")
    group = Path(socket_path).stat().st_gid
    try:
        shutil.copytree(patient.sandbox.env()["DOCKER_CONFIG"], home / "docker", symlinks=True)
        for path in (home, *home.rglob("*")):
            shutil.chown(path, 65534, 65534) if not path.is_symlink() else None
        folders = {name: str(home) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}
        patient.env |= {**folders, "XDG_STATE_HOME": str(home), "DOCKER_CONFIG": f"{home}/docker"}
        patient.folder = home
        found = broken(_as_nobody(patient, "--clear-groups"), "engine")
        assert found["what"] == "this user may not use the Docker engine"
        assert found["command"] == 'sudo usermod -aG docker "$USER"'
        # What that command gives at the next login: the group that the socket belongs to.
        assert _as_nobody(patient, f"--groups={group}").statuses("failure") == []
    finally:
        shutil.rmtree(home)


def _as_nobody(patient: Patient, *groups: str) -> Report:
    who = ("setpriv", "--reuid=65534", "--regid=65534", *groups)
    done = patient.run(*who, "whalebuild", "doctor", "--format", "json")
    return Report.read(done)


def test_an_image_store_that_exports_no_cache(patient: Patient) -> None:
    with patient.sandbox.fresh_engine("classic", "--image-store", "graphdriver") as engine:
        patient.engine = engine
        report = patient.doctor()
        found = broken(report, "store")
        assert "containerd-snapshotter" in found["next"]
        assert found["command"] == "whalebuild builder create --use"
        assert report.checks["build"]["status"] == "skipped"
        # BuildKit's own image is not to be had here: a builder of another driver without it.
        with patient.sandbox.remote_builder("away", {engine: ""}, client=engine) as builder:
            mended = patient.doctor("--builder", builder)
            assert mended.checks["store"]["status"] == "ok"
        assert patient.doctor("--builder", "auto").checks["store"]["status"] == "ok"


# The builder


def test_a_builder_that_does_not_exist(patient: Patient) -> None:
    patient.env |= {"BUILDX_BUILDER": "gone"}
    found = broken(patient.doctor(), "builder")
    assert found["what"] == 'there is no builder "gone"'
    assert found["command"] == "unset BUILDX_BUILDER"
    assert patient.doctor(before=found["command"]).statuses("failure") == []
    set_ = broken(patient.doctor("--builder", "farm", before="unset BUILDX_BUILDER"), "builder")
    assert set_["command"] == "whalebuild builder create farm"


def test_a_builder_that_is_stopped(patient: Patient) -> None:
    with (
        patient.sandbox.fresh_engine("far") as far,
        patient.sandbox.remote_builder("distant", {far: ""}) as builder,
    ):
        patient.env |= {"BUILDX_BUILDER": builder}
        assert patient.doctor().statuses("failure") == []
        address = patient.sandbox.env(far)["WHALEBUILD_SANDBOX_BUILDKIT"]
        bridge = Path(address.removeprefix("unix://"))
        away = bridge.rename(f"{bridge}.away")
        found = broken(patient.doctor(), "builder")
        assert found["what"].startswith('builder "distant" does not answer')
        assert "start the BuildKit there" in found["next"]
        away.rename(bridge)
        assert patient.doctor().statuses("failure") == []


def test_a_platform_without_emulation(pair: Pair) -> None:
    patient = Patient(pair.sandbox, pair.folder, {"WHALEBUILD_IMAGE": pair.image})
    words = ("--platform", "linux/s390x", "--read-only")
    found = broken(patient.doctor(*words), "platforms")
    assert found["what"].startswith("steps for linux/s390x cannot run: line ")
    assert found["command"].endswith("tonistiigi/binfmt --install s390x")
    assert "$BUILDPLATFORM" in found["next"]
    # The other mend that it names, which needs nothing from outside.
    native = ON_DEPS.replace("FROM {base} AS base", "FROM --platform=$BUILDPLATFORM {base} AS base")
    pair.write(native + CODE)
    assert patient.doctor(*words).checks["platforms"]["status"] == "ok"


# The project


def test_broken_settings(pair: Pair) -> None:
    patient = Patient(pair.sandbox, pair.folder)
    settings = pair.folder / "whalebuild.toml"
    settings.write_text(f'image = "{pair.image}"\nbuilderr = "x"\n')
    report = patient.doctor()
    found = broken(report, "settings", 2)
    assert found["what"] == 'whalebuild.toml: unknown setting "builderr"'
    assert found["cause"] == 'did you mean "builder"?'
    assert report.checks["project"]["status"] == "skipped"
    assert report.checks["engine"]["status"] == "ok"
    settings.write_text(f'image = "{pair.image}"\n')
    assert patient.doctor().statuses("failure") == []


def test_a_broken_bake_file(pair: Pair) -> None:
    patient = Patient(pair.sandbox, pair.folder)
    bake = pair.folder / "docker-bake.hcl"
    good = f'target "default" {{ tags = ["{pair.image}"] }}\n'
    bake.write_text(good.replace("}\n", ""))
    found = broken(patient.doctor(), "project", 2)
    assert found["what"] == "buildx cannot read the bake file"
    assert "docker-bake.hcl" in found["cause"]
    bake.write_text(good)
    assert patient.doctor().statuses("failure") == []


def test_dockerfile_findings(pair: Pair) -> None:
    patient = Patient(pair.sandbox, pair.folder, {"WHALEBUILD_IMAGE": pair.image})
    (pair.folder / "src").mkdir()
    (pair.folder / "src/main.sh").write_text("echo main\n")
    dear = "FROM {base}\nRUN echo installed\nCOPY src /src\nCOPY app.sh /\nRUN chmod +x /app.sh\n"
    pair.write(dear.replace("COPY src", "copy src"))
    report = patient.doctor("--read-only")
    assert report.code == 0
    findings = report.checks["dockerfile"]["findings"]
    lint = next(f for f in findings if f["cause"] == "BuildKit's rule ConsistentInstructionCasing")
    assert lint["what"].startswith("Dockerfile, line 3: ")
    assert lint["next"].startswith("see https://docs.docker.com/")
    pair.write(dear)
    (found,) = patient.doctor("--read-only").checks["dockerfile"]["findings"]
    assert found["command"] == "whalebuild plan --patch app | patch -p1"
    patient.mend(found["command"])
    assert patient.doctor("--read-only").statuses("warning", "failure") == []


# The machine


def test_a_disk_that_is_nearly_full(patient: Patient) -> None:
    with patient.sandbox.fresh_engine("narrow", "--disk", "300M") as engine:
        patient.engine = engine
        assert patient.doctor().checks["disk"]["status"] == "ok"
        (patient.folder / "Dockerfile").write_text("FROM scratch\nCOPY big /\n")
        (patient.folder / "big").write_bytes(os.urandom(40 * MEGA))
        build = ("docker", "buildx", "build", "--output", "type=cacheonly", ".")
        patient.run(*build, check=True)
        (patient.folder / "Dockerfile").unlink()
        root = patient.run("docker", "info", "--format", "{{.DockerRootDir}}", check=True)
        fill(Path(root.stdout.strip()), leave=15 * MEGA)
        found = patient.doctor().finding("disk")
        assert found["what"].startswith("the engine's data: ")
        assert "the build cache takes" in found["cause"]
        assert found["command"] == "docker buildx prune"
        patient.mend(f"yes | {found['command']}")
        assert patient.doctor().checks["disk"]["status"] == "ok"


def fill(folder: Path, leave: int) -> None:
    """Leave so many bytes of a file system."""
    disk = os.statvfs(folder)
    size = disk.f_bavail * disk.f_frsize - leave
    with (folder / "filler").open("wb") as filler:
        os.posix_fallocate(filler.fileno(), 0, size)


def test_no_space_for_what_whalebuild_keeps(patient: Patient, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4 * MEGA) as disk:
        patient.env |= {"XDG_STATE_HOME": str(disk)}
        (disk / "filler").write_bytes(bytes(4 * MEGA - 8192))
        found = broken(patient.doctor(), "disk")
        assert found["what"].startswith("the folder of records: ")
        (disk / "filler").unlink()
        assert patient.doctor().checks["disk"]["status"] == "ok"


def test_proxy_variables_that_point_at_nothing(patient: Patient) -> None:
    patient.env |= {"HTTPS_PROXY": "http://ada:hidden@127.0.0.1:9"}
    report = patient.doctor()
    found = report.finding("proxy")
    assert found["status"] == "warning"
    assert found["what"] == "nothing answers at the proxy http://127.0.0.1:9 (HTTPS_PROXY)"
    assert "hidden" not in report.stdout
    # A registry that is reached through it.
    needed = patient.doctor("--image", "registry.test/acme/web")
    found = broken(needed, "proxy", 6)
    assert needed.checks["registry"]["status"] == "failure"
    mended = patient.doctor(before=found["command"])
    assert found["command"] == "unset HTTPS_PROXY"
    assert mended.checks["proxy"]["status"] == "ok"


def test_authorities_that_are_not_there(patient: Patient) -> None:
    patient.env |= {"SSL_CERT_FILE": "/nowhere/ca.pem"}
    found = broken(patient.doctor(), "proxy", 6)
    assert found["what"] == "SSL_CERT_FILE names no certificates: /nowhere/ca.pem"
    assert patient.doctor(before=found["command"]).statuses("failure") == []

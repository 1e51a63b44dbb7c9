"""``whalebuild doctor`` on registries and pairs that are broken for real, and on a wrong clock."""

from __future__ import annotations

import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from tests.integration.doctor_runs import Patient
from tests.integration.faults import Fault, Status, oci_error
from tests.integration.pairs import Pair
from tests.integration.proxy import faulty_registry
from tests.integration.registries import (
    PASSWORD,
    USER,
    OwnRegistry,
    free_port,
    htpasswd,
    own_registry,
)
from tests.integration.tokens import LOGIN, docker_config, token_server

pytestmark = pytest.mark.extended
REPOSITORY = "acme/web"


@pytest.fixture
def own(pair: Pair, tmp_path: Path) -> Iterator[OwnRegistry]:
    """A registry of the test's own."""
    folder = tmp_path / "registry"
    folder.mkdir()
    with own_registry(pair.sandbox.env(), folder) as registry:
        yield registry


def patient_at(pair: Pair, registry: str, **env: str) -> Patient:
    """The project, published at this registry."""
    return Patient(
        pair.sandbox, pair.folder, {"WHALEBUILD_IMAGE": f"{registry}/{REPOSITORY}", **env}
    )


def test_a_registry_that_does_not_listen(pair: Pair, own: OwnRegistry) -> None:
    patient = patient_at(pair, own.address)
    own.kill()
    report = patient.doctor()
    assert (report.code, report.statuses("failure")) == (6, ["registry"])
    found = report.finding("registry")
    assert found["what"] == f"{own.address} cannot be reached: connection refused"
    assert found["next"] == "start it: it is on this machine"
    assert {"read", "push", "pair"} <= set(report.statuses("skipped"))
    own.restart()
    assert patient.doctor().code == 0


def test_a_registry_that_wants_a_login(pair: Pair, tmp_path: Path) -> None:
    with own_registry(pair.sandbox.env(), tmp_path, auth=htpasswd(tmp_path)) as registry:
        client = docker_config(pair.sandbox.env(), tmp_path / "client", {})
        patient = patient_at(pair, registry.address, **client)
        report = patient.doctor()
        assert (report.code, report.statuses("failure")) == (5, ["read", "push"])
        assert report.finding("login")["what"] == f"{registry.address}: there is no login"
        for name in ("login", "read", "push"):
            command = report.finding(name)["command"]
            assert command == f"docker login {registry.address}"
        patient.mend(f"echo {PASSWORD} | {command} --username {USER} --password-stdin")
        mended = patient.doctor()
        assert mended.statuses("failure", "warning") == []
        assert mended.finding("login")["what"] == f"{registry.address}: docker's config.json"
        assert PASSWORD not in mended.stdout


def test_a_login_that_is_refused(pair: Pair, tmp_path: Path) -> None:
    with own_registry(pair.sandbox.env(), tmp_path, auth=htpasswd(tmp_path)) as registry:
        logins = {registry.address: (USER, "not-the-password")}
        folder = tmp_path / "client"
        client = docker_config(pair.sandbox.env(), folder, logins, helper=True)
        patient = patient_at(pair, registry.address, **client)
        report = patient.doctor()
        assert (report.code, report.statuses("failure")) == (5, ["read", "push"])
        assert "401 Unauthorized" in report.finding("read")["cause"]
        assert report.finding("login")["what"] == f"{registry.address}: docker-credential-test"
        assert "not-the-password" not in report.stdout
        docker_config(pair.sandbox.env(), folder, {registry.address: LOGIN}, helper=True)
        assert patient.doctor().code == 0


def test_an_account_that_may_not_push(pair: Pair, tmp_path: Path) -> None:
    with (
        token_server(tmp_path) as tokens,
        own_registry(pair.sandbox.env(), tmp_path, auth=tokens.auth) as registry,
    ):
        tokens.readers = {"bob": "only-reads"}
        folder = tmp_path / "client"
        logins = {registry.address: ("bob", "only-reads")}
        patient = patient_at(
            pair, registry.address, **docker_config(pair.sandbox.env(), folder, logins)
        )
        report = patient.doctor()
        assert (report.code, report.statuses("failure")) == (5, ["push"])
        found = report.finding("push")
        assert found["what"].startswith(f"{registry.address}/{REPOSITORY} takes no push: ")
        assert "whalebuild bake --read-only" in found["next"]
        assert found["command"] == f"docker login {registry.address}"
        assert patient.doctor("--read-only").code == 0
        patient.mend(f"echo {PASSWORD} | {found['command']} --username {USER} --password-stdin")
        assert patient.doctor().code == 0


def test_a_push_that_is_denied(pair: Pair, own: OwnRegistry) -> None:
    denied = Fault("POST", "/blobs/uploads/", oci_error(403, "DENIED", "this account only reads"))
    with faulty_registry(own.address, denied) as proxy:
        patient = patient_at(pair, proxy.address)
        report = patient.doctor()
        assert (report.code, report.statuses("failure")) == (5, ["push"])
        assert "this account only reads" in report.finding("push")["what"]
        proxy.faults.clear()
        assert patient.doctor().code == 0


def test_an_authority_that_nobody_knows(pair: Pair, tmp_path: Path) -> None:
    address = f"{own_address()}:{free_port()}"
    files = certificate(tmp_path, address)
    registry = OwnRegistry(pair.sandbox.env(), tmp_path, address=address, tls=files)
    try:
        registry.start()
        client = docker_config(pair.sandbox.env(), tmp_path / "client", {})
        patient = patient_at(pair, address, **client)
        report = patient.doctor()
        assert (report.code, report.statuses("failure")) == (6, ["registry"])
        found = report.finding("registry")
        assert "x509" in found["what"]
        folder = f"/etc/docker/certs.d/{address}"
        assert found["command"] == f"sudo mkdir -p {folder} && sudo cp ca.crt {folder}/"
        # The same in the client's own folder, which this test may write to.
        own = f"{client['DOCKER_CONFIG']}/certs.d/{address}"
        shutil.copy(files[0], pair.folder / "ca.crt")
        patient.mend(found["command"].replace("sudo ", "").replace(folder, own))
        assert patient.doctor().checks["registry"]["status"] == "ok"
    finally:
        registry.stop()


def own_address() -> str:
    """An address of this machine that is not loopback: only loopback goes without TLS."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


def certificate(folder: Path, address: str) -> tuple[Path, Path]:
    """A certificate that no authority has signed but itself, and its key."""
    files = folder / "own.crt", folder / "own.key"
    name = address.partition(":")[0]
    options = f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name}"
    words = [*options.split(), "-addext", f"subjectAltName=IP:{name}"]
    out = ["-out", files[0], "-keyout", files[1]]
    subprocess.run(["openssl", *words, *out], check=True, capture_output=True)
    return files


# The pair


def test_a_pair_whose_deps_are_lost(pair: Pair, own: OwnRegistry) -> None:
    patient = patient_at(pair, own.address)
    patient.run("whalebuild", "bake", check=True)
    assert patient.doctor().statuses("failure", "warning", "skipped") == []
    delete_tag(own, "deps")
    report = patient.doctor()
    assert (report.code, report.statuses("warning")) == (0, ["pair"])
    found = report.finding("pair")
    assert f"{REPOSITORY}:deps is not there, and " in found["what"]
    assert found["command"] == "whalebuild bake"
    patient.mend(found["command"])
    mended = patient.doctor()
    assert mended.statuses("failure", "warning", "skipped") == []
    assert "the next bake reuses the dependencies" in mended.finding("pair")["what"]


@pytest.mark.parametrize("which", ["layer", "manifest"])
def test_a_pair_that_is_not_whole(pair: Pair, own: OwnRegistry, which: str) -> None:
    patient = patient_at(pair, own.address)
    patient.run("whalebuild", "bake", check=True)
    here = Pair(pair.sandbox, pair.folder, REPOSITORY, pair.base, host=own.address)
    (image,) = [
        child for child in here.manifest("deps")["manifests"] if child["platform"]["os"] == "linux"
    ]
    lost = f"manifests/{image['digest']}"
    if which == "layer":
        lost = f"blobs/{here.manifest(image['digest'])['layers'][-1]['digest']}"
    delete(own, lost)
    report = patient.doctor()
    assert (report.code, report.statuses("failure")) == (7, ["pair"])
    found = report.finding("pair")
    assert "is not whole: the registry has lost " in found["what"]
    assert lost.rpartition(":")[2][:12] in found["what"]
    assert found["command"] == "whalebuild bake --no-cache"
    patient.mend(found["command"])
    assert patient.doctor().statuses("failure", "warning", "skipped") == []


def delete_tag(own: OwnRegistry, tag: str) -> None:
    """Delete a tag's file: this registry's own DELETE takes all tags of a manifest."""
    (found,) = (own.folder / "storage").rglob(f"{REPOSITORY}/_manifests/tags/{tag}")
    shutil.rmtree(found)


def delete(own: OwnRegistry, path: str) -> None:
    url = f"http://{own.address}/v2/{REPOSITORY}/{path}"
    with urllib.request.urlopen(urllib.request.Request(url, method="DELETE")) as answer:
        assert answer.status == 202


# The clock


def test_a_clock_that_is_wrong(pair: Pair, own: OwnRegistry) -> None:
    later = datetime.now(UTC) + timedelta(minutes=7)
    headers = {"Date": format_datetime(later, usegmt=True)}
    wrong = Fault("GET", "^/v2/$", Status(200, b"{}", headers))
    with faulty_registry(own.address, wrong) as proxy:
        patient = patient_at(pair, proxy.address)
        report = patient.doctor()
        assert (report.code, report.statuses("warning")) == (0, ["clock"])
        found = report.finding("clock")
        assert "this machine's clock is 6 min" in found["what"].replace("7 min 0", "6 min")
        assert found["what"].endswith(f"behind that of registry {proxy.address}")
        assert found["command"] == "sudo timedatectl set-ntp true"
        proxy.faults.clear()
        assert patient.doctor().statuses("warning") == []

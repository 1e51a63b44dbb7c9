"""``whalebuild doctor`` where all is well, and where there is little to look at."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.doctor_runs import Patient
from tests.integration.pairs import CODE, ON_DEPS, Pair
from tests.integration.registries import own_registry
from tests.integration.sandbox import Sandbox


@pytest.fixture
def patient(pair: Pair) -> Patient:
    return Patient(pair.sandbox, pair.folder, {"WHALEBUILD_IMAGE": pair.image})


def test_all_is_well(pair: Pair, patient: Patient) -> None:
    pair.bake()
    with pair.sandbox.requests() as requests:
        report = patient.doctor()
    assert report.statuses("warning", "failure", "skipped") == []
    assert report.code == 0
    assert "the next bake reuses the dependencies" in report.finding("pair")["what"]
    # It writes nothing: an upload is begun, and cancelled.
    writing = [(r.method, r.status) for r in requests if r.method not in {"GET", "HEAD"}]
    assert writing == [("POST", 202), ("DELETE", 204)]


@pytest.mark.extended
def test_nothing_visible_is_left_in_a_registry(pair: Pair, tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    folder.mkdir()
    with own_registry(pair.sandbox.env(), folder) as registry:
        image = f"{registry.address}/acme/new"
        report = Patient(pair.sandbox, pair.folder, {"WHALEBUILD_IMAGE": image}).doctor()
        assert report.checks["push"]["status"] == "ok"
        assert "nothing is published yet" in report.finding("pair")["what"]
        assert get(registry.address, "/v2/_catalog") == (200, {"repositories": []})
        assert get(registry.address, "/v2/acme/new/tags/list")[0] == 404
        # It keeps the state of an upload's checksum itself, until it clears old uploads away.
        assert not list((folder / "storage").rglob("data"))


def get(address: str, path: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


@pytest.mark.extended
def test_a_check_of_a_dockerfile_runs_and_pushes_nothing(pair: Pair, patient: Patient) -> None:
    pair.write(ON_DEPS.replace("now installing", "running now") + CODE)
    with pair.sandbox.requests() as requests:
        report = patient.doctor("--read-only")
    assert report.checks["dockerfile"]["status"] == "ok"
    assert {request.method for request in requests} <= {"GET", "HEAD"}
    du = patient.run("docker", "buildx", "du", "--verbose", check=True)
    assert "running now" not in du.stdout


@pytest.mark.extended
def test_no_project(sandbox: Sandbox, tmp_path: Path) -> None:
    report = Patient(sandbox, tmp_path).doctor()
    assert report.code == 0
    assert report.statuses("warning", "failure") == []
    without = {"project", "dockerfile", "registry", "login", "read", "push", "pair"}
    assert set(report.statuses("skipped")) == without


@pytest.mark.extended
def test_an_image_without_a_project(pair: Pair, tmp_path: Path) -> None:
    pair.bake()
    folder = tmp_path / "empty"
    folder.mkdir()
    report = Patient(pair.sandbox, folder).doctor("--image", pair.image)
    assert report.statuses("warning", "failure") == []
    assert set(report.statuses("skipped")) == {"project", "dockerfile"}
    assert "are whole" in report.finding("pair")["what"]


@pytest.mark.extended
def test_the_text_names_causes_and_commands(pair: Pair, patient: Patient) -> None:
    done = patient.run("whalebuild", "doctor", env={"BUILDX_BUILDER": "gone"})
    assert done.returncode == 3
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    failed = next(number for number, line in enumerate(lines) if line.startswith("failure"))
    assert "builder" in lines[failed]
    assert "$ unset BUILDX_BUILDER" in "\n".join(lines[failed : failed + 6])
    assert lines[-1].startswith("1 failure; ")

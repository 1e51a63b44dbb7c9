"""What the doctor asks of docker: a shell script stands in for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from whalebuild.docker.checkup import DockerCheckup, choice_of_buildx
from whalebuild.docker.cli import DockerCalls
from whalebuild.doctor.facts import LintWarning, Use
from whalebuild.errors import EngineError
from whalebuild.failures.command_failed import CommandFailedError

Docker = Callable[[str], Path]
# As buildx 0.29.1 prints it, without what is not read.
LINT = {
    "target": {
        "app": {
            "check": {
                "sources": [{"filename": "Dockerfile.prod"}],
                "warnings": [
                    {
                        "ruleName": "FromAsCasing",
                        "detail": "'as' and 'FROM' keywords' casing do not match",
                        "url": "https://docs.docker.com/go/dockerfile/rule/from-as-casing/",
                        "location": {"ranges": [{"start": {"line": 3}, "end": {"line": 3}}]},
                    }
                ],
            }
        },
        "other": {"check": {"sources": [], "warnings": []}},
    }
}


@pytest.fixture
def checkup() -> Iterator[DockerCheckup]:
    calls = DockerCalls()
    yield DockerCheckup(calls)
    calls.close()


def test_findings_of_a_check_that_ends_with_an_error(
    docker: Docker, checkup: DockerCheckup
) -> None:
    folder = docker('printf "%s\\n" "$@" >words; cat lint.json; exit 1')
    (folder / "lint.json").write_text(json.dumps(LINT))
    found = checkup.lint({"target": {}}, "ci")
    assert found == {
        "app": (
            LintWarning(
                "Dockerfile.prod",
                3,
                "FromAsCasing",
                "'as' and 'FROM' keywords' casing do not match",
                "https://docs.docker.com/go/dockerfile/rule/from-as-casing/",
            ),
        ),
        "other": (),
    }
    words = (folder / "words").read_text().split()
    assert words[words.index("--call") + 1] == "check,format=json"
    assert words[words.index("--builder") + 1] == "ci"


def test_what_buildkit_refuses_is_beside_the_warnings(
    docker: Docker, checkup: DockerCheckup
) -> None:
    """As buildx prints it: rc 1, and no warnings at all."""
    location = {"ranges": [{"start": {"line": 2}, "end": {"line": 2}}]}
    words = "dockerfile parse error on line 2: unknown instruction: TELEPORT"
    error = {"message": words, "location": location}
    check = {"warnings": None, "sources": [{"filename": "web.Dockerfile"}], "buildError": error}
    folder = docker("cat lint.json; exit 1")
    (folder / "lint.json").write_text(json.dumps({"target": {"app": {"check": check}}}))
    (found,) = checkup.lint({"target": {}}, None)["app"]
    assert found == LintWarning("web.Dockerfile", 2, "", words, refused=True)
    check["buildError"] = {"message": "no such stage", "location": {"sourceIndex": -1}}
    (folder / "lint.json").write_text(json.dumps({"target": {"app": {"check": check}}}))
    (found,) = checkup.lint({"target": {}}, None)["app"]
    assert (found.file, found.line) == ("Dockerfile", None)


def test_a_check_that_cannot_be_made(docker: Docker, checkup: DockerCheckup) -> None:
    docker("echo 'unknown flag: --call' >&2; exit 125")
    with pytest.raises(CommandFailedError, match="cannot be used"):
        checkup.lint({"target": {}}, None)
    docker("echo nothing")
    with pytest.raises(EngineError, match="printed no findings"):
        checkup.lint({"target": {}}, None)


def test_what_takes_the_engines_disk(docker: Docker, checkup: DockerCheckup) -> None:
    lines = [
        '{"Type": "Images", "Size": "1.5GB", "Reclaimable": "500MB (33%)"}',
        '{"Type": "Build Cache", "Size": "40kB", "Reclaimable": "40kB"}',
        '{"Type": "Containers", "TotalCount": "0", "Size": "9GB", "Reclaimable": "9GB"}',
        "no JSON",
    ]
    docker(f"cat <<'E'\n{chr(10).join(lines)}\nE")
    assert checkup.uses() == (
        Use("Images", "1.5GB", "500MB (33%)", 500_000_000),
        Use("Build Cache", "40kB", "40kB", 40_000),
    )


def test_the_engine_in_its_own_words(docker: Docker, checkup: DockerCheckup) -> None:
    info = {
        "ServerVersion": "28.5.2",
        "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
        "OSType": "linux",
        "Architecture": "aarch64",
        "DockerRootDir": "/",
        "SystemTime": "2020-01-01T00:00:00.123456789Z",
        "HttpProxy": "http://user:secret@proxy.test:3128",
    }
    docker(f"cat <<'E'\n{json.dumps(info)}\nE")
    found = checkup.engine()
    assert (found.version, found.containerd_store, found.platform) == (
        "28.5.2",
        True,
        "linux/arm64",
    )
    assert found.ahead is not None
    assert found.ahead < -(86400 * 365)
    # The docker client was asked: where that engine is, is not known.
    assert (found.data_root, found.proxies) == (None, ())


def test_the_version_and_the_place_of_the_client(docker: Docker, checkup: DockerCheckup) -> None:
    folder = docker("echo 'Docker version 28.5.2, build ecc6942'")
    assert checkup.client().path == str(folder / "bin/docker")
    assert checkup.client().version == "Docker version 28.5.2, build ecc6942"


def test_who_chose_the_builder(tmp_path: Path) -> None:
    env = {"DOCKER_CONFIG": str(tmp_path), "HOME": str(tmp_path)}
    assert choice_of_buildx(env) == (None, "the docker context")
    assert choice_of_buildx({**env, "BUILDX_BUILDER": "ci"}) == ("ci", "BUILDX_BUILDER")
    (tmp_path / "buildx").mkdir()
    (tmp_path / "buildx/current").write_text('{"Name": "farm", "Global": true}')
    assert choice_of_buildx(env) == ("farm", "docker buildx use")

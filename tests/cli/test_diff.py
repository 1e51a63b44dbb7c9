"""``whalebuild diff`` from the command line to its output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.support.builders import GOOD_FACTS
from tests.support.platforms import ARM64
from tests.support.published_pair import REPOSITORY, PublishedPair
from whalebuild.cli.app import app
from whalebuild.docker.host import DockerHost
from whalebuild.oci.reference import Reference
from whalebuild.published.host_images import HostImage
from whalebuild.registry.client import RegistryClient


@pytest.fixture(autouse=True)
def has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[HostImage]:
    """An empty folder, a registry in memory, and what the host has."""
    registry = PublishedPair().registry
    found: list[HostImage] = []
    config = {
        "os": "linux",
        "architecture": "amd64",
        "rootfs": {"diff_ids": ["sha256:b", "sha256:p", "sha256:c"]},
        "history": [{"created_by": f"COPY {name} /{'x' * 80}"} for name in "bpc"],
    }
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(RegistryClient, "manifest", lambda _, ref, **__: registry.manifest(ref))
    monkeypatch.setattr(RegistryClient, "blob", lambda *_: json.dumps(config).encode())
    monkeypatch.setattr(DockerHost, "facts", lambda _: GOOD_FACTS)
    monkeypatch.setattr(DockerHost, "images", lambda _: tuple(found))
    monkeypatch.setattr(DockerHost, "running", lambda _: ())
    return found


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, ["diff", *words], prog_name="whalebuild")


def test_the_text_of_a_host_with_nothing() -> None:
    text = invoke(REPOSITORY)
    assert text.exit_code == 0
    lines = text.stdout.splitlines()
    assert lines[0].startswith("registry.test/web:latest@sha256:")
    assert lines[0].endswith(" for linux/amd64")
    assert lines[1] == "from nothing of it on this host"
    assert sum(line.startswith("new") for line in lines) == 6
    assert "(configuration)" in text.stdout
    assert lines[-1].startswith("downloads 52 MB of 52 MB: 3 of 3 layers (52 MB)")
    assert "x" * 80 in text.stdout  # a pipe gets all of an instruction


def test_layers_that_are_there_by_content_are_marked(has: list[HostImage]) -> None:
    has.append(
        HostImage("sha256:1", (Reference(REPOSITORY, "latest"),), diff_ids=("sha256:b", "sha256:p"))
    )
    text = invoke(REPOSITORY).stdout
    assert "from registry.test/web:latest@sha256:1 on this host" in text
    assert text.count("have ~") == 2
    assert "~ is there by its content" in text
    assert "1 of 3 layers (900 B)" in text


def test_what_does_not_run_is_said() -> None:
    text = invoke(REPOSITORY, "--from", "running").stdout
    assert "from no running container of it on this host" in text


def test_the_json_form_and_a_scope() -> None:
    shown = json.loads(invoke(f"{REPOSITORY}:deps", "--format", "json", "--from", "latest").stdout)
    assert shown["schema"] == "whalebuild.diff/1"
    [image] = shown["images"]
    assert image["from"]["images"][0]["reference"] == f"{REPOSITORY}:latest"
    assert (image["new_layers"], image["shared_layers"]) == (0, 2)
    scoped = invoke(REPOSITORY, "--scope", "feature/x", "--format", "json")
    assert scoped.exit_code == 2
    error = json.loads(scoped.stdout)["error"]
    assert error["what"] == f"{REPOSITORY}:feature-x is not published"
    other = invoke(REPOSITORY, "--platform", "arm64", "--format", "json")
    assert other.exit_code == 2, "os/architecture is wanted"
    there = json.loads(
        invoke(REPOSITORY, "--platform", ARM64, "--format", "json").stdout,
    )
    assert there["images"][0]["platform"] == ARM64


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["registry.test/other"], "registry.test/other:latest is not published"),
        (["Bad Name"], '"Bad Name" is not an image reference (IMAGE)'),
        ([REPOSITORY, "--from", "Bad Name"], '"Bad Name" is not an image reference (--from)'),
        ([REPOSITORY, "--to", "Bad Name"], '"Bad Name" is not an image reference (--to)'),
        ([REPOSITORY, "--platform", "linux/amd46"], '"linux/amd46" is not a platform'),
        ([REPOSITORY, "--platform", "linux/amd64,linux/arm64"], '"linux/amd64,linux/arm64" is not'),
        ([REPOSITORY, "--platform", "linux/s390x"], f"{REPOSITORY}:latest has no image for"),
        ([REPOSITORY, "--file", "x.hcl"], "IMAGE was given, and options"),
    ],
    ids=["missing", "name", "from", "to", "platform", "platforms", "other platform", "file"],
)
def test_what_cannot_be_shown_ends_with_2_and_a_message(words: list[str], what: str) -> None:
    done = invoke(*words, "--format", "json")
    assert done.exit_code == 2
    error = json.loads(done.stdout)["error"]
    assert error["what"].startswith(what)
    assert error["next"]

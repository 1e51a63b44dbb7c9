"""Where an engine keeps its images: only what is known is said."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from whalebuild.docker.storage import image_folder, image_space

CONTAINERD = {"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}
OWN = {"Containerd": {"Address": "/var/run/docker/containerd/containerd.sock"}}
SYSTEM = {"Containerd": {"Address": "/run/containerd/containerd.sock"}}
ELSEWHERE = {"Containerd": {"Address": "/srv/containerd.sock"}}


@pytest.mark.parametrize(
    ("more", "folder"),
    [
        ({}, "/data/docker"),
        ({**CONTAINERD, **OWN}, "/data/docker"),
        ({**CONTAINERD, **SYSTEM}, "/var/lib/containerd"),
        ({**CONTAINERD, **ELSEWHERE}, None),
        (CONTAINERD, None),
        ({**CONTAINERD, "Containerd": "x"}, None),
        ({"DockerRootDir": None}, None),
        ({"DockerRootDir": ""}, None),
    ],
)
def test_the_folder(more: dict[str, Any], folder: str | None, tmp_path: Path) -> None:
    found = image_folder({"DockerRootDir": "/data/docker", **more}, tmp_path / "config.toml")
    assert found == (Path(folder) if folder else None)


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("version = 3", "/var/lib/containerd"),
        ('root = "/data/containerd"', "/data/containerd"),
        ("root = 3", None),
        ("root =", None),
    ],
)
def test_the_folder_of_the_system_s_containerd(
    text: str, folder: str | None, tmp_path: Path
) -> None:
    configuration = tmp_path / "config.toml"
    configuration.write_text(text)
    found = image_folder({**CONTAINERD, **SYSTEM}, configuration)
    assert found == (Path(folder) if folder else None)


def test_how_much_is_free(tmp_path: Path) -> None:
    here = {"DockerRootDir": str(tmp_path), "Name": socket.gethostname()}
    local = {"DOCKER_HOST": "unix:///run/docker.sock"}
    space = image_space(here, local)
    assert space
    assert (space.path, space.free > 0) == (str(tmp_path), True)
    assert image_space(here, {"DOCKER_HOST": "ssh://host"}) is None
    assert image_space({**here, "Name": "docker-desktop"}, local) is None
    assert image_space({**here, "DockerRootDir": str(tmp_path / "none")}, local) is None

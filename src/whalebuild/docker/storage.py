"""Where an engine of this machine keeps its images, and how much room is there."""

from __future__ import annotations

import os
import socket
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whalebuild.deployplan.space import DiskSpace
from whalebuild.docker.engine_connection import local_socket
from whalebuild.docker.info import facts_of

# A containerd of the system's own, its configuration, and its folder where that names none:
# ``defaults_unix.go`` in ``defaults`` of containerd. Distributions start dockerd with it.
_SYSTEM = "/run/containerd/containerd.sock"
_CONFIGURATION = Path("/etc/containerd/config.toml")
_FOLDER = "/var/lib/containerd"
# Of the containerd that dockerd starts for itself, with its data below dockerd's own.
_OWN = "/docker/containerd/containerd.sock"


def image_space(info: Mapping[str, Any], env: Mapping[str, str]) -> DiskSpace | None:
    """The file system of an engine's images; None where that is not known.

    Args:
        info: What the engine says of itself.
        env: Says where the engine is.
    """
    # Desktop's engines are in a virtual machine behind a socket of this one.
    if not local_socket(env) or info.get("Name") != socket.gethostname():
        return None
    folder = image_folder(info)
    try:
        found = os.statvfs(folder) if folder else None
    except OSError:
        return None
    # With what is kept for root, who may be the engine.
    return DiskSpace(str(folder), found.f_bfree * found.f_frsize) if found else None


def image_folder(info: Mapping[str, Any], configuration: Path = _CONFIGURATION) -> Path | None:
    """The folder of an engine's images, as far as it is known."""
    root = info.get("DockerRootDir")
    own = Path(root) if isinstance(root, str) and root else None
    if not facts_of("", info).containerd_store:
        return own
    known = info.get("Containerd")
    address = str(known.get("Address") or "") if isinstance(known, Mapping) else ""
    if address.endswith(_OWN):
        return own
    return _of_system(configuration) if address == _SYSTEM else None


def _of_system(configuration: Path) -> Path | None:
    try:
        root = tomllib.loads(configuration.read_text(encoding="utf-8")).get("root", _FOLDER)
    except FileNotFoundError:
        root = _FOLDER
    except (OSError, ValueError):  # it may not be read by this user
        return None
    return Path(root) if isinstance(root, str) and root else None

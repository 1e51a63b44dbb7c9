"""What an engine may leave behind when it ends, or dies, with containers running."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from wbsandbox import paths
from wbsandbox.processes import all_pids, command_line, end

CGROUPS = Path("/sys/fs/cgroup")


def clear_processes(engine: paths.EnginePaths) -> None:
    """Kill the engine's shims, containers and build steps, and remove their cgroups."""
    sockets = _shim_sockets(engine)
    # Twice: a shim may have been starting a container during the first look.
    for _ in range(2):
        pids = _stray_pids(engine)
        if not pids:
            break
        end(pids, grace=0)
    for socket in sockets:
        socket.unlink(missing_ok=True)
    _remove_cgroups(engine)


def clear_shared_folders() -> None:
    """Remove the folders that any engine makes in /run, if they are empty: others may use them."""
    for name in ("containerd/s", "containerd", "docker/plugins", "docker", "runc"):
        with suppress(OSError):
            Path("/run", name).rmdir()


def _stray_pids(engine: paths.EnginePaths) -> list[int]:
    """Containers are told by their cgroup, shims by the containerd socket they report to."""
    socket = str(engine.containerd_socket)
    pids: list[int] = []
    for pid in all_pids():
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
            in_cgroup = any(f":{engine.cgroup}/" in f"{line}/" for line in lines)
            command = command_line(pid)
            is_shim = "containerd-shim" in command and socket in command
            if in_cgroup or is_shim:
                pids.append(pid)
    return pids


def _shim_sockets(engine: paths.EnginePaths) -> list[Path]:
    """Shims put their sockets in /run/containerd whatever containerd's own folder is."""
    found: list[Path] = []
    tasks = engine.run / "containerd/io.containerd.runtime.v2.task"
    for record in tasks.glob("*/*/bootstrap.json"):
        with suppress(OSError, ValueError, KeyError):
            found.append(Path(json.loads(record.read_text())["address"].removeprefix("unix://")))
    return found


def _remove_cgroups(engine: paths.EnginePaths) -> None:
    """Version 2 has one hierarchy at the root, version 1 one for each controller below it."""
    for hierarchy in (CGROUPS, *CGROUPS.glob("*/")):
        top = hierarchy / engine.cgroup.lstrip("/")
        for folder, _, _ in os.walk(top, topdown=False):
            with suppress(OSError):
                Path(folder).rmdir()
        with suppress(OSError):
            top.parent.rmdir()

"""The machine that the numbers are from: enough to judge them, nothing that tells whose it is."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from wbbench.buildah import Buildah
from wbbench.sandbox import ROOT, Machine

GIBI = 2**30


def describe(machine: Machine, *, buildah: bool) -> dict[str, str]:
    """Names and values, in the order in which they are shown."""
    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    versions = {
        "Docker Engine": ("docker", "version", "--format", "{{.Server.Version}}"),
        "buildx": ("docker", "buildx", "version"),
        "Docker Compose": ("docker", "compose", "version", "--short"),
        "whalebuild": ("whalebuild", "--version"),
        "commit": ("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
    }
    # A kernel's build tag can name its host's make: the version alone says enough.
    kernel = ".".join(platform.release().split("-")[0].split(".")[:3])
    described = {
        "date": datetime.now(UTC).date().isoformat(),
        "CPUs": f"{os.cpu_count()} ({_processor()}, {platform.machine()})",
        "memory": f"{pages * page / GIBI:.0f} GiB",
        "kernel": f"{platform.system()} {kernel}",
        "distribution": platform.freedesktop_os_release().get("PRETTY_NAME", "unknown"),
        "Python": platform.python_version(),
        **{name: _output(machine, command) for name, command in versions.items()},
    }
    described["buildx"] = (described["buildx"].split() or ["?", "?"])[1]
    if buildah:
        described["buildah"] = Buildah().version()
    return described


def _output(machine: Machine, command: tuple[str, ...]) -> str:
    done = subprocess.run(
        command, env=dict(machine.env), capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else "unknown"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown processor"

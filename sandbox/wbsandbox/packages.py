"""The engine, its client, the registry and more: Debian's packages, unpacked in private folders.

They come from Debian's testing suite and need only its old libc promise (2.34), so they run
on an older Debian whose own packages stay as they are. apt does the downloading and the
verifying, with a state folder of its own: the machine's package lists never see testing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wbsandbox import paths
from wbsandbox.commands import run, timed
from wbsandbox.errors import SandboxError
from wbsandbox.host import APT_CAUSE, APT_NEXT, APT_PATIENCE, KEYRING, debian_mirror
from wbsandbox.mounts import remove_tree

SUITE = "testing"
PACKAGES = (
    "containerd",
    "docker-buildx",
    "docker-cli",
    "docker-compose",
    "docker-registry",
    "docker.io",
    "tini-static",
)
PLUGINS = ("docker-buildx", "docker-compose")
PLUGIN_FOLDER = paths.PREFIX / "usr/libexec/docker/cli-plugins"


def ensure_packages() -> None:
    """Have the engine's. The caller holds the cache's lock."""
    fetch("the engine's packages", PACKAGES, paths.PREFIX)


def fetch(what: str, names: Sequence[str], target: Path, *, libraries: bool = False) -> None:
    """Download and unpack into a folder, unless that was done; on request with all libraries."""
    if target.is_dir():
        return
    work = target.with_name(f"{target.name}.partial")
    remove_tree(work)
    with timed(f"downloaded {what}"):
        archives = _download(work, names, libraries=libraries)
    with timed("unpacked"):
        unpacked = work / "unpacked"
        # Unpacking is single-threaded decompression: one archive per core.
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            largest_first = sorted(archives, key=lambda deb: -deb.stat().st_size)
            list(pool.map(lambda deb: _unpack(deb, unpacked), largest_first))
    # The rename is what says "complete": an interrupted run leaves only the work folder.
    unpacked.rename(target)
    remove_tree(work)


def _download(work: Path, names: Sequence[str], *, libraries: bool) -> list[Path]:
    options = _private_apt(work)
    archives = work / "archives"
    archives.mkdir()
    run(["apt-get", *options, "update"], cause=APT_CAUSE, next_step=APT_NEXT)
    wanted = _with_libraries(options, names) if libraries else names
    download = ["apt-get", *options, "download", *wanted]
    run(download, cause=APT_CAUSE, next_step=APT_NEXT, cwd=archives)
    found = sorted(archives.glob("*.deb"))
    if len(found) != len(wanted):
        raise SandboxError(
            f"apt downloaded {len(found)} packages of {len(wanted)}",
            cause="a package was renamed in Debian's testing suite",
            next_step="correct the list in sandbox/wbsandbox",
        )
    return found


def _with_libraries(options: list[str], names: Sequence[str]) -> list[str]:
    """The packages, and the libraries that they and those need; no programs, no data."""
    command = ["apt-cache", *options, "depends", "--recurse", "--important", *names]
    shown = run(command, cause=APT_CAUSE, next_step=APT_NEXT)
    # A package's name stands at the beginning of a line, what it depends on is indented below.
    blocks = (block.split("\n", 1) for block in re.split(r"\n(?! )", shown.strip()))
    needs = {
        name: re.findall(r"^ +(?:Pre)?Depends: (lib\S+)$", "".join(below), re.MULTILINE)
        for name, *below in blocks
    }
    found = list(names)
    for name in found:  # it grows on the way
        found += [library for library in dict.fromkeys(needs[name]) if library not in found]
    return found


def _private_apt(work: Path) -> list[str]:
    """Options with which apt reads only testing, verified with Debian's own keyring."""
    for folder in ("lists/partial", "apt-cache/archives/partial"):
        (work / folder).mkdir(parents=True)
    source = work / "sources.list"
    source.write_text(f"deb [arch=amd64 signed-by={KEYRING}] {debian_mirror()} {SUITE} main\n")
    options = {
        "Dir::Etc::sourcelist": source,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State::lists": work / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": work / "apt-cache",
        "Acquire::Languages": "none",
        # Or else a mirror that does not answer is a warning, and every package "not found".
        "APT::Update::Error-Mode": "any",
        # apt's own unprivileged user may not be able to enter the folder of this clone.
        "APT::Sandbox::User": "root",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return [*APT_PATIENCE, *words]


def _unpack(archive: Path, target: Path) -> None:
    run(
        ["dpkg", "-x", archive, target],
        cause="the disk is full",
        next_step=f"free some space for {paths.CACHE} and try again",
    )

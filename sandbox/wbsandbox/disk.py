"""Scratch disks: a file system of its own, in a sparse file, for what is thrown away as a whole.

An engine's disk holds tens of thousands of files. Unmounting a file system and deleting the
one file in which it lives is faster than deleting them one by one, and it spares whoever
writes next: ext4 without a journal makes every new file search past recently deleted ones.
Measured on such a machine, the base image unpacks in 1.5 s instead of 5 to 7 s after that.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from wbsandbox.commands import run, say
from wbsandbox.errors import SandboxError
from wbsandbox.mounts import is_mounted

#: An upper limit: the file grows with what is written.
SIZE = 32 * 2**30
#: Below this, an engine does not even start.
MIN_SIZE = 16 * 2**20
UNITS = {"M": 2**20, "G": 2**30}
#: Nothing has to survive a power failure, so nothing is flushed for its sake.
OPTIONS = "loop,noatime,barrier=0,noinit_itable"


def parse_size(text: str) -> int:
    """Bytes of a size such as 400M or 2G.

    Raises:
        ValueError: It is not one, or is too small or too large for a disk.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,5})([MG])", text)
    size = int(found[1]) * UNITS[found[2]] if found else 0
    if not MIN_SIZE <= size <= SIZE:
        limits = f"from {show_size(MIN_SIZE)} to {show_size(SIZE)}"
        raise ValueError(f"{text!r}: use a size such as 400M or 2G, {limits}")
    return size


def show_size(size: int) -> str:
    """The size as :func:`parse_size` reads it."""
    unit = "M" if size % UNITS["G"] else "G"
    return f"{size // UNITS[unit]}{unit}"


def scratch_disk(folder: Path, size: int = SIZE) -> Path:
    """Mount an empty disk on ``folder/disk``, or leave one that is mounted there as it is.

    Where loop devices are out of reach (some containers), the folder itself has to do, unless
    the disk is to have a size of its own: a folder cannot be full before the machine is.
    """
    mount_point, image = folder / "disk", folder / "disk.img"
    if is_mounted(mount_point):
        return mount_point
    mount_point.mkdir(parents=True, exist_ok=True)
    # One that was mounted before a reboot was never flushed: it is not worth a repair.
    image.unlink(missing_ok=True)
    with image.open("wb") as file:
        file.truncate(size)
    run(
        ["mkfs.ext4", "-q", "-F", "-E", "nodiscard,lazy_itable_init=1,lazy_journal_init=1", image],
        cause="the disk is full",
        next_step=f"free some space for {folder} and try again",
    )
    command = ["mount", "-t", "ext4", "-o", OPTIONS, str(image), str(mount_point)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        image.unlink()
        if size != SIZE:
            raise SandboxError(
                f"no disk of {show_size(size)} can be mounted here",
                cause="loop devices are out of reach, as in some containers",
                next_step="use a virtual machine or a privileged container, or leave out --disk",
            )
        say("no loop device can be mounted here: using a plain folder, which is slower")
    return mount_point

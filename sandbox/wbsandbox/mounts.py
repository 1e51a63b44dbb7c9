"""Removing folders in which something may still be mounted."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from wbsandbox.commands import run


def _mount_points() -> list[str]:
    """All mount points, in the order in which they were mounted."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    # The kernel writes blanks and backslashes in paths as octal escapes.
    return [re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), line.split()[4]) for line in lines]


def is_mounted(directory: Path) -> bool:
    """Whether something is mounted on the folder itself."""
    return str(directory.resolve()) in _mount_points()


def unmount_below(directory: Path) -> None:
    """Unmount what is in the folder, the latest first: overlays, then the disk they are on."""
    inside = f"{directory.resolve()}/"
    points = [point for point in reversed(_mount_points()) if point.startswith(inside)]
    if points:
        # Lazily: whatever still holds a file there must not keep the rest from going away.
        command = ["umount", "--lazy", *points]
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def remove_tree(directory: Path) -> None:
    """Unmount and delete. ``--one-file-system``: never follow a mount out of the folder."""
    if not directory.exists():
        return
    unmount_below(directory)
    run(
        ["rm", "-rf", "--one-file-system", "--", directory],
        cause="a process is still writing there, or something is still mounted",
        next_step=f"look with 'findmnt | grep {directory.name}', then try again",
    )

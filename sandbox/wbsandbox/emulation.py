"""Emulation of linux/arm64: build steps and containers of that platform run, slowly.

The kernel starts a foreign program with the interpreter that binfmt_misc names for it. That
list is the machine's, so every engine on the machine has the emulation while it is on; the entry
and the mount are this clone's own, and neither another clone's nor the machine's are touched.
"""

from __future__ import annotations

from wbsandbox import paths
from wbsandbox.commands import run, say
from wbsandbox.errors import SandboxError
from wbsandbox.mounts import is_mounted, remove_tree
from wbsandbox.packages import fetch

MOUNT_POINT = paths.RUNTIME / "binfmt_misc"
NAME = f"whalebuild-{paths.CLONE_ID}"
CAUSE = "the kernel has no binfmt_misc, or the container forbids it"
NEXT = "run it on a virtual machine, or do without the emulation"
#: A 64-bit little-endian ELF file for AArch64, executable or shared; as Debian's qemu-user has it.
MAGIC = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
#: As Debian has them: open the emulator now, for it is not there in a container's own file system
#: (F), hand argv[0] on (P), and hand over programs that may be run but not read (O).
FLAGS = "OPF"


def enable_emulation() -> None:
    """Switch it on, unless it is on. The caller holds the locks of the state and the cache."""
    if (MOUNT_POINT / NAME).exists():
        return
    _ensure_emulator()
    MOUNT_POINT.mkdir(parents=True, exist_ok=True)
    if not is_mounted(MOUNT_POINT):
        # On a folder of our own: the kernel has one list, wherever and however often it is
        # mounted, and (since Linux 6.7) forgets it when nobody has it mounted any longer.
        run(
            ["mount", "-t", "binfmt_misc", "binfmt_misc", MOUNT_POINT],
            cause=CAUSE,
            next_step=NEXT,
        )
    entry = f":{NAME}:M::{MAGIC}:{MASK}:{paths.EMULATOR}:{FLAGS}"
    try:
        (MOUNT_POINT / "register").write_text(entry)
    except OSError as error:
        message = f"the kernel refused the emulator: {error.strerror}"
        raise SandboxError(message, cause=CAUSE, next_step=NEXT) from error
    say("linux/arm64 is emulated on this machine until sandbox/down --all")


def disable_emulation() -> None:
    """Switch off what was switched on here. The mount goes with the runtime folder."""
    entry = MOUNT_POINT / NAME
    if entry.exists():
        entry.write_text("-1")


def _ensure_emulator() -> None:
    if paths.EMULATOR.is_file():
        return
    package = paths.CACHE / "qemu-user"
    fetch("qemu", ("qemu-user",), package)
    # One of 40 emulators, each linked statically.
    (package / "usr/bin/qemu-aarch64").rename(paths.EMULATOR)
    remove_tree(package)

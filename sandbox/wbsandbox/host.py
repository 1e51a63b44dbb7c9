"""What the machine must be, the programs it must have, and its Debian mirror."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path

from wbsandbox import paths
from wbsandbox.commands import run, timed
from wbsandbox.errors import SandboxError

WHOLE_UID_MAP = ["0", "0", "4294967295"]
#: Linux capability numbers.
NEEDED_CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}
#: Programs that come from the machine's own suite, and the package of each. They are the ones
#: that belong to the machine's kernel or libc; the rest is unpacked privately.
ENGINE_TOOLS = {
    "runc": "runc",
    "iptables": "iptables",
    "ip": "iproute2",
    "mkfs.ext4": "e2fsprogs",
    "update-ca-certificates": "ca-certificates",
}
IMAGE_TOOLS = {"mmdebstrap": "mmdebstrap"}

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
APT_CAUSE = "the machine cannot reach its Debian mirror, or apt is not set up"
APT_NEXT = "make 'apt-get update' work on this machine, then run sandbox/up again"
#: Flaky mirrors are apt's business, and a lock held by another apt is worth waiting for.
APT_PATIENCE = ("-o", "Acquire::Retries=5", "-o", "DPkg::Lock::Timeout=300")


def check_machine() -> None:
    """Refuse anything but a Debian amd64 machine on which we are root, in one message."""
    problem = _problem()
    if problem:
        raise SandboxError(
            f"the sandbox cannot run here: {problem}",
            cause="it starts real engines from Debian's packages, with bridges and mounts",
            next_step="use a Debian machine (amd64, with apt) as root, a virtual machine for "
            "instance; in a container, a privileged one. With an engine and a registry of your "
            "own, whalebuild itself needs no sandbox",
        )


def _problem() -> str | None:
    if sys.platform != "linux":
        return f"this is {platform.system() or sys.platform}, not Linux"
    if _os_release_id() != "debian" or not shutil.which("apt-get"):
        return "this is not Debian"
    if platform.machine() != "x86_64":
        return f"this machine is {platform.machine()}, not amd64"
    if os.geteuid() != 0:
        return "you are not root"
    if Path("/proc/self/uid_map").read_text().split() != WHOLE_UID_MAP:
        return "you are root of a user namespace, not of the machine"
    held = _effective_capabilities()
    missing = [name for name, bit in NEEDED_CAPABILITIES.items() if not held >> bit & 1]
    return f"root lacks {' and '.join(missing)} here" if missing else None


def _os_release_id() -> str:
    try:
        return platform.freedesktop_os_release().get("ID", "")
    except OSError:
        return ""


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def install_missing(tools: dict[str, str]) -> None:
    """Install the packages of programs that are missing. The caller holds the machine lock."""
    packages = [
        package
        for program, package in tools.items()
        if shutil.which(program, path=paths.DAEMON_PATH) is None
    ]
    if not packages:
        return
    with timed(f"installed {', '.join(packages)} on this machine"):
        update_lists()
        run(
            ["apt-get", *APT_PATIENCE, "install", "--yes", "--no-install-recommends", *packages],
            cause=APT_CAUSE,
            next_step=APT_NEXT,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )


def update_lists() -> None:
    """Read the machine's package lists anew."""
    run(["apt-get", *APT_PATIENCE, "update"], cause=APT_CAUSE, next_step=APT_NEXT)


def debian_mirror() -> str:
    """The address of the main Debian archive, as this machine's apt is set up to reach it."""
    mirror = _configured_mirror()
    if mirror is None:
        # apt names only the archives whose lists it has; a fresh image has none.
        update_lists()
        mirror = _configured_mirror()
    if mirror is None:
        raise SandboxError(
            "apt on this machine knows no Debian archive",
            cause="its sources name only other archives",
            next_step="add Debian's main archive to the apt sources of this machine",
        )
    return mirror


def _configured_mirror() -> str | None:
    listing = run(
        ["apt-get", "indextargets", "--format", "$(LABEL)|$(SITE)", "Created-By: Packages"],
        cause=APT_CAUSE,
        next_step=APT_NEXT,
    )
    # The label tells the main archive ("Debian") from security, backports and third parties.
    sites = [line.split("|", 1)[1] for line in listing.splitlines() if line.startswith("Debian|")]
    return sites[0] if sites else None


def apt_proxy_environment() -> dict[str, str]:
    """The proxy of the machine's apt, for mmdebstrap, whose own apt reads no configuration."""
    listing = run(
        ["apt-config", "dump", "--format", "%f=%v%n", "Acquire::http::Proxy"],
        cause=APT_CAUSE,
        next_step=APT_NEXT,
    )
    proxy = listing.strip().partition("=")[2]
    return {"http_proxy": proxy} if proxy and proxy != "DIRECT" else {}

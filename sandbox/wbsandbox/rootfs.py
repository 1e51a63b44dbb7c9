"""Root filesystems for the base image: Debian with Python, one archive per platform."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wbsandbox import paths
from wbsandbox.commands import run, timed
from wbsandbox.disk import scratch_disk
from wbsandbox.host import APT_CAUSE, KEYRING, apt_proxy_environment, debian_mirror
from wbsandbox.mounts import remove_tree

#: Fixed, so that every machine gets the same Python whatever Debian it runs itself.
SUITE = "trixie"
PACKAGES = "python3,python3-pip,python3-venv,ca-certificates"
#: How each is made. Foreign packages are only extracted: their maintainer scripts would need
#: an emulator. 'extract' takes no package for granted, so the essential ones are named.
VARIANTS = {
    "amd64": ("--variant=minbase",),
    "arm64": ("--variant=extract", "--include=?essential", "--include=apt"),
}
UNWANTED = ("usr/share/doc/*", "usr/share/info/*", "usr/share/man/*", "usr/share/locale/*")
#: Of this machine, or of this moment; Docker puts its own in place.
NOT_ARCHIVED = ("dev/*", "proc/*", "sys/*", "run/*", "tmp/*", "etc/hostname", "etc/resolv.conf")


def archive(architecture: str) -> Path:
    """The cached archive; the Dockerfile knows it by this name."""
    return paths.CACHE / f"rootfs-{architecture}.tar"


def ensure_rootfs() -> None:
    """Make the archives that are missing. The caller holds the cache's lock."""
    if all(archive(name).is_file() for name in VARIANTS):
        return
    work = paths.CACHE / "rootfs.partial"
    remove_tree(work)
    try:
        _make(scratch_disk(work))
    finally:
        remove_tree(work)


def _make(disk: Path) -> None:
    mirror, environment = debian_mirror(), {**os.environ, **apt_proxy_environment()}
    with timed(f"made root filesystems of Debian {SUITE} for {', '.join(VARIANTS)}"):
        with ThreadPoolExecutor() as pool:
            made = [
                pool.submit(_bootstrap, disk / name, name, mirror, environment) for name in VARIANTS
            ]
            for future in made:
                future.result()
        _complete(disk / "arm64", disk / "amd64")
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda name: _pack(disk / name, archive(name)), VARIANTS))


def _bootstrap(target: Path, architecture: str, mirror: str, environment: dict[str, str]) -> None:
    source = f"deb [signed-by={KEYRING}] {mirror} {SUITE} main"
    run(
        [
            "mmdebstrap",
            *VARIANTS[architecture],
            f"--include={PACKAGES}",
            f"--architectures={architecture}",
            "--format=directory",
            f"--keyring={KEYRING}",
            '--aptopt=Acquire::Retries "5"',
            *(f"--dpkgopt=path-exclude=/{pattern}" for pattern in UNWANTED),
            SUITE,
            target,
            source,
        ],
        cause=APT_CAUSE,
        next_step=f"check that the mirror has Debian {SUITE}, then run sandbox/up again",
        env=environment,
    )
    _make_comfortable(target)


def _make_comfortable(root: Path) -> None:
    """Be what users of the public Python image expect: `python`, and a pip that installs."""
    for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        marker.unlink()
    local = root / "usr/local/bin"
    # A maintainer script makes this folder, so it is missing where none ran.
    local.mkdir(parents=True, exist_ok=True)
    (local / "python").symlink_to("/usr/bin/python3")


def _complete(extracted: Path, installed: Path) -> None:
    """Copy what maintainer scripts write in /etc: users, groups, certificates.

    All of it is the same for every architecture but the linker's cache, which is optional.
    """
    run(
        ["cp", "--archive", "--no-clobber", f"{installed}/etc", extracted],
        cause="the disk is full",
        next_step=f"free some space for {paths.CACHE} and try again",
    )
    (extracted / "etc/ld.so.cache").unlink(missing_ok=True)


def _pack(root: Path, target: Path) -> None:
    partial = target.with_suffix(".partial")
    unwanted = (f"--exclude=./{pattern}" for pattern in (*UNWANTED, *NOT_ARCHIVED))
    options = ("--numeric-owner", "--sort=name", "--one-file-system", "--anchored", *unwanted)
    run(
        ["tar", "--create", "--file", partial, *options, "--directory", root, "."],
        cause="the disk is full",
        next_step=f"free some space for {paths.CACHE} and try again",
    )
    partial.rename(target)

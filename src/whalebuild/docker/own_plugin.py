"""The link by which docker knows whalebuild as its plugin ``docker whale``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from whalebuild.docker.config import config_folder
from whalebuild.errors import UsageError
from whalebuild.values import dataclass

_NAME, _PROGRAM = "docker-whale", "whalebuild"


@dataclass(frozen=True)
class PluginLink:
    """The link, and the console script that it names."""

    link: Path
    program: Path


def install_plugin() -> PluginLink:
    """Make the link, or renew it.

    Raises:
        UsageError: Something else is there, the folder cannot be written to, or whalebuild runs
            without its console script.
    """
    program, link = _program(), _link()
    _check_own(link)
    try:
        link.parent.mkdir(parents=True, exist_ok=True)
        new = link.with_name(f".{_NAME}.{os.getpid()}")
        new.unlink(missing_ok=True)
        new.symlink_to(program)
        new.replace(link)
    except OSError as failed:
        raise _unwritable(link, failed) from None
    return PluginLink(link, program)


def uninstall_plugin() -> Path | None:
    """Remove the link; None where there is none.

    Raises:
        UsageError: Something else is there, or it cannot be removed.
    """
    link = _link()
    if not os.path.lexists(link):
        return None
    _check_own(link)
    try:
        link.unlink()
    except OSError as failed:
        raise _unwritable(link, failed) from None
    return link


def _link() -> Path:
    # The same on macOS: ``getPluginDirs`` of cli-plugins/manager/manager.go in docker/cli.
    return config_folder(os.environ) / "cli-plugins" / _NAME


def _program() -> Path:
    """The console script by the path that it was called by: an update leaves that as it is."""
    called = Path(sys.argv[0]).absolute()
    if called.name == _NAME:  # as the plugin itself
        called = called.parent / called.readlink() if called.is_symlink() else called.resolve()
    beside = Path(sys.executable).with_name(_PROGRAM)  # python -m whalebuild
    for found in (called, beside):
        if found.name == _PROGRAM and os.access(found, os.X_OK) and found.is_file():
            return found
    raise UsageError(
        "there is no console script that docker could start",
        cause=f"whalebuild was started as {sys.argv[0]}, and there is no {beside}",
        next_step="install whalebuild with pipx, uv tool or pip, and run whalebuild plugin install",
    )


def _check_own(link: Path) -> None:
    """Refuse to touch what is no link to a whalebuild, be that there or not any more."""
    if not os.path.lexists(link):
        return
    if link.is_symlink() and link.readlink().name == _PROGRAM:
        return
    raise UsageError(
        f"{link} is there, and it is no link to whalebuild",
        cause="whalebuild plugin install makes a link; this is something else",
        next_step=f"look at it, and remove it by hand: rm {link}",
    )


def _unwritable(link: Path, failed: OSError) -> UsageError:
    return UsageError(
        f"cannot write {link}",
        cause=failed.strerror,
        next_step="check the permissions of the folder, or name another one with DOCKER_CONFIG",
    )

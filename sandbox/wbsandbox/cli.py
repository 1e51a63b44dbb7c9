"""The three commands: up, down, exec."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from wbsandbox import baseimage, host, paths
from wbsandbox.commands import say, timed
from wbsandbox.disk import SIZE, parse_size, show_size
from wbsandbox.emulation import disable_emulation, enable_emulation
from wbsandbox.engine import IMAGE_STORES, engine, known_engines
from wbsandbox.environment import command_environment
from wbsandbox.errors import EXIT_NO_ENGINE, SandboxError
from wbsandbox.leftovers import clear_shared_folders
from wbsandbox.locks import directory_lock, machine_lock
from wbsandbox.mounts import remove_tree
from wbsandbox.packages import ensure_packages
from wbsandbox.registry import Registry
from wbsandbox.rootfs import ensure_rootfs
from wbsandbox.skopeo import ensure_skopeo

DEFAULT_ENGINE = "main"
PYTHON_IMAGE = f"{baseimage.REPOSITORY}:{baseimage.TAG}"
#: What `up --with` can add.
EXTRAS: dict[str, Callable[[], None]] = {
    "emulation": enable_emulation,
    "skopeo": ensure_skopeo,
}
EXIT_NOT_FOUND = 127
EXIT_INTERRUPTED = 130


def up(arguments: Sequence[str]) -> int:
    """Bring up the registry and an engine."""
    parser = _parser("up", "Bring up the registry, with the base image in it, and an engine.")
    _add_engine(parser)
    parser.add_argument(
        "--image-store",
        choices=IMAGE_STORES,
        help="where the engine keeps images: containerd (the default for a new engine), or "
        "graphdriver, as engines did before",
    )
    parser.add_argument(
        "--disk",
        type=_disk_size,
        metavar="SIZE",
        help="the most that a new engine's disk can hold, such as 400M or 2G (default: "
        f"{show_size(SIZE)}), to see what happens when it is full",
    )
    parser.add_argument(
        "--with",
        dest="extras",
        action="append",
        default=[],
        choices=EXTRAS,
        help="something more that commands may use; can be given more than once",
    )
    parser.add_argument(
        "--prepare",
        action="store_true",
        help="fill the cache alone, and bring nothing up",
    )
    options = parser.parse_args(arguments)
    return _guarded(_prepare if options.prepare else lambda: _up(options))


def down(arguments: Sequence[str]) -> int:
    """Take down an engine, or everything."""
    parser = _parser("down", "Take down an engine and delete all that it had.")
    group = parser.add_mutually_exclusive_group()
    _add_engine(group)
    group.add_argument("--all", action="store_true", help="every engine, and the registry")
    options = parser.parse_args(arguments)
    return _guarded(lambda: _down_all() if options.all else _down(options.engine))


def execute(arguments: Sequence[str]) -> int:
    """Run a command against an engine."""
    parser = _parser("exec", "Run a command with its docker client pointed at an engine.")
    _add_engine(parser)
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND ...")
    options = parser.parse_args(arguments)
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("give the command to run after --")
    return _guarded(lambda: _exec(options.engine, command))


def _prepare() -> None:
    host.check_machine()
    _protect_state()
    _fill_cache()


def _up(options: argparse.Namespace) -> None:
    host.check_machine()
    _protect_state()
    with directory_lock(paths.STATE):
        _fill_cache()
        with directory_lock(paths.CACHE):
            for extra in options.extras:
                EXTRAS[extra]()
        registry = Registry(paths.REGISTRY)
        if registry.is_up() and registry.has(baseimage.REPOSITORY, baseimage.TAG):
            say(f"registry {registry.address} is up already")
        else:
            with timed("registry"):
                baseimage.restore(registry)
                if not registry.is_up():
                    registry.up()
        engine(options.engine).up(options.image_store, options.disk)


def _fill_cache() -> None:
    with directory_lock(paths.CACHE):
        complete = baseimage.STORED.is_dir()
        with machine_lock():
            host.install_missing(host.ENGINE_TOOLS | ({} if complete else host.IMAGE_TOOLS))
        if not complete:
            # Downloading and unpacking on one core, Debian's package scripts on the other.
            with ThreadPoolExecutor() as pool:
                rootfs = pool.submit(ensure_rootfs)
                ensure_packages()
                rootfs.result()
        ensure_packages()
        baseimage.ensure_stored()


def _down(name: str) -> None:
    host.check_machine()
    if not paths.STATE.is_dir() and not paths.RUNTIME.is_dir():
        return
    with directory_lock(paths.STATE), timed(f"engine {name} is down"):
        engine(name).down()


def _down_all() -> None:
    host.check_machine()
    if not paths.STATE.is_dir() and not paths.RUNTIME.is_dir():
        return
    with directory_lock(paths.STATE), timed("everything is down"):
        for name in known_engines():
            engine(name).down()
        Registry(paths.REGISTRY).down()
        disable_emulation()
        for entry in paths.STATE.iterdir():
            if entry.name not in ("cache", ".gitignore"):
                remove_tree(entry)
        remove_tree(paths.RUNTIME)
        _clear_unfinished()
        clear_shared_folders()


def _clear_unfinished() -> None:
    """Remove what a killed `up` left in the cache; it may have a disk mounted there."""
    if paths.CACHE.is_dir():
        with directory_lock(paths.CACHE):
            for partial in paths.CACHE.glob("*.partial"):
                remove_tree(partial)


def _exec(name: str, command: list[str]) -> None:
    registry = Registry(paths.REGISTRY)
    address = registry.address
    if address is None or not registry.is_running():
        raise _not_up("the registry", name)
    if not engine(name).is_up():
        raise _not_up(f"engine {name}", name)
    environment = command_environment(name, address, PYTHON_IMAGE)
    try:
        # The search must use the new PATH, so that ours is the docker that is found.
        os.environ.clear()
        os.environ.update(environment)
        os.execvp(command[0], command)  # noqa: S606 - no shell is the point
    except OSError as error:
        say(f"{command[0]}: {error.strerror}")
        sys.exit(EXIT_NOT_FOUND)


def _not_up(what: str, name: str) -> SandboxError:
    host.check_machine()
    argument = "" if name == DEFAULT_ENGINE else f" --engine {name}"
    return SandboxError(
        f"{what} is not up",
        cause="it was not started, or the machine was restarted",
        next_step=f"run sandbox/up{argument}",
    )


def _protect_state() -> None:
    """Keep the state out of version control, whatever the repository ignores."""
    paths.STATE.mkdir(parents=True, exist_ok=True)
    ignore = paths.STATE / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")


def _parser(command: str, description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"sandbox/{command}", description=description)


def _add_engine(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--engine",
        type=_engine_name,
        default=DEFAULT_ENGINE,
        metavar="NAME",
        help="which engine (default: %(default)s)",
    )


def _engine_name(text: str) -> str:
    # It becomes a folder, a cgroup and a part of socket paths, which have to stay short.
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", text):
        raise argparse.ArgumentTypeError(
            f"{text!r}: use up to 32 lower-case letters, digits, '-' and '_'"
        )
    return text


def _disk_size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _guarded(action: Callable[[], None]) -> int:
    """Run it; an expected problem is a message and an exit code, not a traceback."""
    try:
        action()
    except SandboxError as error:
        say(str(error))
        return EXIT_NO_ENGINE
    except KeyboardInterrupt:
        say("interrupted; sandbox/up continues, sandbox/down --all cleans up")
        return EXIT_INTERRUPTED
    except OSError as error:
        say(f"{error}\n  likely cause: a full disk or missing permissions")
        return EXIT_NO_ENGINE
    return 0

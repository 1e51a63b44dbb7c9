"""An engine: containerd, dockerd and a bridge, with a disk, a network and sockets of its own."""

from __future__ import annotations

import json
import socket
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from wbsandbox import buildkit_bridge, paths
from wbsandbox.commands import say, timed
from wbsandbox.disk import SIZE, scratch_disk, show_size
from wbsandbox.engine_config import containerd_config, dockerd_config
from wbsandbox.errors import SandboxError
from wbsandbox.leftovers import clear_processes
from wbsandbox.mounts import remove_tree, unmount_below
from wbsandbox.network import create_network, owners, remove_network
from wbsandbox.packages import PLUGIN_FOLDER, PLUGINS
from wbsandbox.processes import Daemon

IMAGE_STORES = ("containerd", "graphdriver")
#: Nothing on an engine's disk outlives it, so there is nothing to wait for.
STOP_SECONDS = 2.0


@dataclass(frozen=True)
class Record:
    """What is written down about an engine that is, or was, up."""

    image_store: str
    disk: int = SIZE


@dataclass(frozen=True)
class Engine:
    """One engine by name."""

    files: paths.EnginePaths

    @property
    def containerd(self) -> Daemon:
        """Keeps images and runs containers."""
        files = self.files
        config = str(files.run / "containerd.toml")
        command = (str(paths.PREFIX / "usr/bin/containerd"), "--config", config)
        return Daemon(
            name=f"containerd of engine {files.name}",
            command=command,
            marker=config,
            pid_file=files.run / "containerd.pid",
            log=files.data / "containerd.log",
        )

    @property
    def dockerd(self) -> Daemon:
        """The Docker API and BuildKit."""
        files = self.files
        config = str(files.run / "dockerd.json")
        command = (str(paths.PREFIX / "usr/sbin/dockerd"), "--config-file", config)
        return Daemon(
            name=f"dockerd of engine {files.name}",
            command=command,
            marker=config,
            pid_file=files.run / "dockerd.started.pid",
            log=files.data / "dockerd.log",
        )

    @property
    def bridge(self) -> Daemon:
        """BuildKit's API on a socket of its own."""
        files = self.files
        script = (sys.executable, "-I", "-S", str(buildkit_bridge.__file__))
        return Daemon(
            name=f"BuildKit bridge of engine {files.name}",
            command=(*script, str(files.buildkit_socket), str(files.docker_socket)),
            marker=str(files.buildkit_socket),
            pid_file=files.run / "bridge.pid",
            log=files.data / "bridge.log",
        )

    def is_up(self) -> bool:
        """Whether all of it runs and both APIs can be reached."""
        return self._daemons_answer() and self._is_bridged()

    def _daemons_answer(self) -> bool:
        return (
            self.dockerd.pid() is not None
            and self.containerd.pid() is not None
            and _answers(self.files.docker_socket)
        )

    def _is_bridged(self) -> bool:
        return self.bridge.pid() is not None and _accepts(self.files.buildkit_socket)

    def record(self) -> Record | None:
        """What was written down, or None if the engine was never up or was taken down."""
        try:
            return Record(**json.loads(self.files.record.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def up(self, image_store: str | None = None, disk: int | None = None) -> None:
        """Bring it up, or back up after a crash with the disk it had.

        Args:
            image_store: One of :data:`IMAGE_STORES`; None for whichever it has.
            disk: The most that its disk can hold, in bytes; None for whatever it has.
        """
        known = self.record()
        if known and image_store not in (None, known.image_store):
            has = f"has the {known.image_store} image store, not {image_store}"
            raise self._made_otherwise(has, kept="store")
        if known and disk not in (None, known.disk):
            has = f"has a disk of {show_size(known.disk)}, not {show_size(disk or SIZE)}"
            raise self._made_otherwise(has, kept="disk")
        if known and self._daemons_answer():
            if not self._is_bridged():
                self._start_bridge()
                self.bridge.wait_until(self._is_bridged)
            say(f"engine {self.files.name} is up already")
            return
        with timed(f"engine {self.files.name}"):
            self._end_processes()
            self._start(known or Record(image_store or IMAGE_STORES[0], disk or SIZE))

    def _made_otherwise(self, has: str, *, kept: str) -> SandboxError:
        name = self.files.name
        return SandboxError(
            f"engine {name} {has}",
            cause=f"an engine keeps the {kept} that it was created with",
            next_step=f"sandbox/down --engine {name}, or choose another name",
        )

    def down(self) -> None:
        """End it and delete everything it had."""
        self._end_processes()
        network = owners().get(self.files.owner)
        if network:
            remove_network(network)
        remove_tree(self.files.data)
        remove_tree(self.files.run)
        for parent in (self.files.data.parent, self.files.run.parent, paths.RUNTIME):
            with suppress(OSError):
                parent.rmdir()

    def _end_processes(self) -> None:
        # Containers first: dockerd would wait for those that ignore SIGTERM, as `sleep` does.
        # And again at last: it may have restarted one before it ended itself.
        clear_processes(self.files)
        self.bridge.stop(grace=STOP_SECONDS)
        self.dockerd.stop(grace=STOP_SECONDS)
        clear_processes(self.files)
        self.containerd.stop(grace=STOP_SECONDS)
        unmount_below(self.files.run)
        unmount_below(self.files.disk)

    def _set_up_client(self) -> None:
        plugins = self.files.client_config / "cli-plugins"
        plugins.mkdir(parents=True, exist_ok=True)
        for name in PLUGINS:
            (plugins / name).unlink(missing_ok=True)
            (plugins / name).symlink_to(PLUGIN_FOLDER / name)

    def _start(self, record: Record) -> None:
        files = self.files
        files.run.mkdir(parents=True, exist_ok=True)
        # Written down before anything can fail, so that `down` finds it.
        files.record.write_text(json.dumps(asdict(record)))
        self._set_up_client()
        scratch_disk(files.data, record.disk)
        network = owners().get(files.owner) or create_network(files.owner)
        (files.run / "containerd.toml").write_text(containerd_config(files))
        (files.run / "dockerd.json").write_text(dockerd_config(files, record.image_store, network))
        for stale in (files.docker_socket, files.containerd_socket, files.run / "dockerd.pid"):
            stale.unlink(missing_ok=True)
        self.containerd.start()
        # dockerd would try at once, fail, and wait a full second before it tries again.
        self.containerd.wait_until(lambda: _accepts(files.containerd_socket))
        self.dockerd.start()
        # The bridge starts while dockerd does: it connects only when it is connected to.
        self._start_bridge()
        self.dockerd.wait_until(lambda: _answers(files.docker_socket))
        self.bridge.wait_until(self._is_bridged)

    def _start_bridge(self) -> None:
        self.bridge.stop(grace=STOP_SECONDS)
        self.files.buildkit_socket.unlink(missing_ok=True)
        self.bridge.start()


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(str(path)) == 0


def _answers(path: Path) -> bool:
    """Ask the API. By hand: http.client cannot connect to a unix socket and is slow to import."""
    with socket.socket(socket.AF_UNIX) as connection, suppress(OSError):
        connection.settimeout(10)  # a busy engine is not a dead one
        connection.connect(str(path))
        connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
        return b" 200 " in connection.recv(64)
    return False


def engine(name: str) -> Engine:
    """The engine of that name in this clone, whether it is up or not."""
    return Engine(paths.EnginePaths(name))


def known_engines() -> list[str]:
    """Every engine of this clone that left a trace, up or not."""
    folders = (paths.RUNTIME / "engines", paths.STATE / "engines")
    entries = [entry for folder in folders if folder.is_dir() for entry in folder.iterdir()]
    networks = [owner for owner in owners() if owner.startswith(paths.OWNER_PREFIX)]
    return sorted(
        {entry.name for entry in entries}
        | {owner.removeprefix(paths.OWNER_PREFIX) for owner in networks}
    )

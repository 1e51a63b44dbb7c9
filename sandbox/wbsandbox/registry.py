"""The registry: Debian's docker-registry on a loopback port, with an access log."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wbsandbox import paths
from wbsandbox.errors import SandboxError
from wbsandbox.locks import machine_lock
from wbsandbox.processes import Daemon

LOOPBACK = "127.0.0.1"
FIRST_PORT = 5100
PORTS = 300
OK = http.HTTPStatus.OK
#: The name is for whoever reads the access log: these requests are not the subject's.
HEADERS = {
    "Accept": "application/vnd.oci.image.index.v1+json",
    "User-Agent": "whalebuild-sandbox",
}


@dataclass(frozen=True)
class Registry:
    """A registry by its folders."""

    files: paths.RegistryPaths

    @property
    def daemon(self) -> Daemon:
        """The process. Standard output is the access log, standard error everything else."""
        config = str(self.files.run / "config.json")
        return Daemon(
            name="the registry",
            command=(str(paths.PREFIX / "usr/bin/docker-registry"), "serve", config),
            marker=config,
            pid_file=self.files.run / "registry.pid",
            log=self.files.logs / "registry.log",
            output=self.files.access_log,
        )

    @property
    def address(self) -> str | None:
        """host:port, if it was started."""
        try:
            return f"{LOOPBACK}:{json.loads(self.files.record.read_text())['port']}"
        except (OSError, ValueError, KeyError):
            return None

    def is_running(self) -> bool:
        """Whether there is a process; cheap, and leaves no trace in the access log.

        One whose state folder was deleted and made anew writes where nobody reads.
        """
        return self.daemon.pid() is not None and self.files.access_log.exists()

    def is_up(self) -> bool:
        """Whether the process runs and the API answers."""
        return self.is_running() and self._status("/v2/") == OK

    def has(self, repository: str, tag: str) -> bool:
        """Whether the tag exists."""
        return self._status(f"/v2/{repository}/manifests/{tag}") == OK

    def up(self) -> str:
        """Start it, on the port it had if that is free, and return host:port."""
        self.daemon.stop(grace=2)
        before = self.address
        preferred = int(before.rpartition(":")[2]) if before else _usual_port()
        self.files.run.mkdir(parents=True, exist_ok=True)
        self.files.storage.mkdir(parents=True, exist_ok=True)
        # Under the machine's lock until the port is bound: other clones look for one too.
        with machine_lock():
            port = _free_port(preferred)
            self.files.record.write_text(json.dumps({"port": port}))
            (self.files.run / "config.json").write_text(_config(self.files.storage, port))
            self.daemon.start()
            self.daemon.wait_until(lambda: self._status("/v2/") == OK)
        return f"{LOOPBACK}:{port}"

    def down(self) -> None:
        """End it. Its storage is the caller's to keep or delete."""
        self.daemon.stop(grace=2)
        shutil.rmtree(self.files.run, ignore_errors=True)
        with suppress(OSError):
            self.files.run.parent.rmdir()

    def _status(self, path: str) -> int | None:
        if self.address is None:
            return None
        connection = http.client.HTTPConnection(self.address, timeout=5)
        try:
            connection.request("HEAD", path, headers=HEADERS)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


def _config(storage: Path, port: int) -> str:
    """The registry reads YAML, of which JSON is a part."""
    config = {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": False}},
        "storage": {
            "filesystem": {"rootdirectory": str(storage)},
            "delete": {"enabled": True},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {"addr": f"{LOOPBACK}:{port}"},
    }
    return json.dumps(config, indent=2)


def _usual_port() -> int:
    """The same port for the same clone, so that references stay valid from one day to the next."""
    return FIRST_PORT + int(paths.CLONE_ID, 16) % PORTS


def _free_port(preferred: int) -> int:
    """The preferred port, or the next one that nothing listens on."""
    for offset in range(PORTS):
        port = FIRST_PORT + (preferred - FIRST_PORT + offset) % PORTS
        with socket.socket() as probe, suppress(OSError):
            # A port of a registry that just ended may linger in TIME_WAIT: that does not matter.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
            return port
    raise SandboxError(
        f"no free port for the registry in {FIRST_PORT}-{FIRST_PORT + PORTS - 1}",
        cause="many sandboxes are up on this machine",
        next_step="take some of them down: sandbox/down --all in their folders",
    )

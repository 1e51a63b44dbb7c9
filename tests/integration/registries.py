"""Registries of a test's own, which it can kill, restart, fill up and lock.

with own_registry(sandbox.env(), tmp_path, auth=htpasswd(tmp_path)) as registry:
    with faulty_registry(registry.address, Fault("PUT", "/manifests/", Action(registry.kill))):
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

USER = "ada"
PASSWORD = "correct-horse-battery"
# Its bcrypt, as `htpasswd -nbB -C 4 ada …` prints it.
_HASH = "$2b$04$MF26NGXJ1Tk9azL4DRhM4OHp7pNoR7WpgfU1sn.UNoYw44mGTw7rq"
SECONDS_TO_START = 60.0
_PORTS = 100
_FIRST_PORT = 20_000 + os.getpid() % 100 * _PORTS
_ports = itertools.count()


@dataclass
class OwnRegistry:
    """A process of the sandbox's registry program.

    Attributes:
        env: Where the program is found: the sandbox's.
        folder: For its configuration and log, and what it stores unless ``storage`` says otherwise.
        auth: The section of that name in its configuration; None is open to all.
        tls: Its certificate and key; None speaks plain http.
    """

    env: Mapping[str, str]
    folder: Path
    auth: Mapping[str, object] | None = None
    storage: Path | None = None
    address: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    tls: tuple[Path, Path] | None = None
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        """What it says, over all its lives."""
        return self.folder / "registry.log"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program = shutil.which("docker-registry", path=self.env["PATH"])
        assert program, "the sandbox has no registry"
        config = self.folder / "registry.json"
        config.write_text(json.dumps(self._config()))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [program, "serve", config], stdout=log, stderr=log, env=dict(self.env)
            )
        deadline = time.monotonic() + SECONDS_TO_START
        while not self._answers():
            ended = self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the registry did not come up: {self.log.read_text()[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL, in the midst of whatever it does; its port is closed on return."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Kill it, and start it again on the same port and storage."""
        self.kill()
        self.start()

    def stop(self) -> None:
        """End it in order."""
        if self._process:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
        self.kill()

    def _config(self) -> dict[str, object]:
        storage = self.storage or self.folder / "storage"
        return {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(storage)},
                "delete": {"enabled": True},
            },
            # A secret of its own would be another one after a restart: uploads would be forgotten.
            "http": {"addr": self.address, "secret": "test", **self._tls()},
            **({"auth": self.auth} if self.auth else {}),
        }

    def _tls(self) -> dict[str, object]:
        if self.tls is None:
            return {}
        return {"tls": {"certificate": str(self.tls[0]), "key": str(self.tls[1])}}

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(self.address, timeout=5)
        if self.tls:
            context = ssl.create_default_context(cafile=self.tls[0])
            connection = http.client.HTTPSConnection(self.address, timeout=5, context=context)
        try:
            connection.request("GET", "/v2/")
            return connection.getresponse().status in {200, 401}
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


@contextmanager
def own_registry(
    env: Mapping[str, str],
    folder: Path,
    *,
    auth: Mapping[str, object] | None = None,
    storage: Path | None = None,
) -> Iterator[OwnRegistry]:
    """A registry that is up, on a loopback port of its own."""
    registry = OwnRegistry(env, folder, auth, storage)
    try:
        registry.start()
        yield registry
    finally:
        registry.stop()


def htpasswd(folder: Path) -> dict[str, object]:
    """The auth of a registry that knows USER with PASSWORD, and nobody else."""
    file = folder / "htpasswd"
    file.write_text(f"{USER}:{_HASH}\n")
    return {"htpasswd": {"realm": "test", "path": str(file)}}


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A disk of so many bytes, mounted on the folder; needs root, as the sandbox does."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        # Lazily: that a registry may still have it open must not hide why a test failed.
        subprocess.run(["umount", "--lazy", folder], check=True)


def free_port() -> int:
    """One that stays free until it is used: nobody else is given it.

    Outgoing connections are given ports from 32768 up (a client that knocks there could even meet
    itself); other processes that run tests have hundreds of their own.
    """
    while True:
        port = _FIRST_PORT + next(_ports) % _PORTS
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port

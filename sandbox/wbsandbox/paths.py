"""Where everything lives.

Three roots, because they have three lifetimes:

* the **cache** (downloads, and what is made of them once) survives ``down --all``;
* the **state** folder holds what an engine or the registry stores, until it is taken down;
* the **runtime** folder under /run holds sockets, pid files and the record of each engine.
  Sockets need a short path (the kernel allows 107 bytes, and a clone may lie deep in a
  temporary folder); pids and bridges are facts of this boot, and so is /run.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
STATE = REPOSITORY / ".sandbox"
CACHE = Path(os.environ.get("WHALEBUILD_SANDBOX_CACHE") or STATE / "cache").absolute()
#: The unpacked engine, client and registry. In the cache: unpacking takes longer than downloading.
PREFIX = CACHE / "prefix"
#: Only there if they were asked for. skopeo has libraries of its own, so it is apart.
SKOPEO = CACHE / "skopeo"
EMULATOR = CACHE / "qemu-aarch64"

#: Tells several clones on one machine apart.
CLONE_ID = hashlib.sha256(os.fsencode(REPOSITORY)).hexdigest()[:8]
RUNTIME = Path(f"/run/whalebuild-{CLONE_ID}")
OWNER_PREFIX = f"whalebuild-{CLONE_ID}/"
MACHINE_LOCK = Path("/run/lock/whalebuild-sandbox.lock")

HOST_CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")

PREFIX_BIN = (PREFIX / "usr/bin", PREFIX / "usr/sbin")
#: Fixed rather than the caller's: an engine must not depend on who happened to start it.
DAEMON_PATH = os.pathsep.join(
    [*map(str, PREFIX_BIN), "/usr/local/sbin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
)


@dataclass(frozen=True)
class EnginePaths:
    """The files of one engine."""

    name: str

    @property
    def data(self) -> Path:
        """The engine's disk, logs and client configuration."""
        return STATE / "engines" / self.name

    @property
    def disk(self) -> Path:
        """Images, containers, build cache: all that makes an engine more than fresh."""
        return self.data / "disk"

    @property
    def run(self) -> Path:
        """Sockets, pid files, configuration."""
        return RUNTIME / "engines" / self.name

    @property
    def record(self) -> Path:
        """What must be known to use the engine and to take it down."""
        return self.run / "engine.json"

    @property
    def docker_socket(self) -> Path:
        """The Docker API."""
        return self.run / "docker.sock"

    @property
    def buildkit_socket(self) -> Path:
        """BuildKit's API, for buildx's driver "remote"; also how the bridge is recognised."""
        return self.run / "buildkit.sock"

    @property
    def containerd_socket(self) -> Path:
        """The containerd API; also how this engine's shims are recognised."""
        return self.run / "containerd.sock"

    @property
    def client_config(self) -> Path:
        """DOCKER_CONFIG: one per engine, so that a new engine is a new CI runner."""
        return self.data / "client"

    @property
    def owner(self) -> str:
        """The engine's name on this machine, where other clones have engines too."""
        return f"{OWNER_PREFIX}{self.name}"

    @property
    def cgroup(self) -> str:
        """The parent of all containers' cgroups; also how stray processes are found."""
        return f"/{self.owner}"


@dataclass(frozen=True)
class RegistryPaths:
    """The files of a registry: the clone's own, or the short-lived one that fills the cache."""

    storage: Path
    run: Path
    logs: Path

    @property
    def record(self) -> Path:
        """The port."""
        return self.run / "registry.json"

    @property
    def access_log(self) -> Path:
        """One line a request: method, path, status, bytes."""
        return self.logs / "access.log"


REGISTRY = RegistryPaths(
    storage=STATE / "registry/storage", run=RUNTIME / "registry", logs=STATE / "registry"
)

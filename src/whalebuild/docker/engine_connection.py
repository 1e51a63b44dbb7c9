"""The way to the engine of the current docker context: where it is, and a connection to it.

The socket of an engine on this machine is opened at once. Everything else (tcp, TLS, ssh, a docker
that is a script and may reach another engine than its context says) goes through ``docker system
dial-stdio``, which is what docker itself runs at the far end of ssh: one process a connection, and
docker has the addresses, certificates and logins.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import json
import select
import shutil
import socket
from collections.abc import Mapping

from whalebuild.docker.cli import DockerCalls
from whalebuild.docker.config import config_folder, context_name
from whalebuild.docker.piped import Piped
from whalebuild.docker.plugins import is_docker_client
from whalebuild.failures.command_failed import CommandFailedError

_UNIX = "unix://"
# What dial-stdio says of an engine that does not listen; other commands say it otherwise.
_NO_WAY = "failed to open the raw stream connection"
_DEFAULT = "unix:///var/run/docker.sock"


def engine_endpoint(env: Mapping[str, str]) -> str:
    """The engine's address, as the docker client finds it; empty if that cannot be told."""
    if env.get("DOCKER_HOST"):
        return env["DOCKER_HOST"]
    name = context_name(env)
    if name == "default":
        return _DEFAULT
    folder = config_folder(env) / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    try:
        host = json.loads((folder / "meta.json").read_bytes())["Endpoints"]["docker"]["Host"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return host if isinstance(host, str) else ""


def local_socket(env: Mapping[str, str]) -> str:
    """The path of the engine's socket on this machine; empty where it is reached otherwise."""
    address = engine_endpoint(env)
    return address.removeprefix(_UNIX) if address.startswith(_UNIX) else ""


class EngineConnection(http.client.HTTPConnection):
    """A connection to an engine that is kept; the first request opens it."""

    def close(self) -> None:
        """Close it; a thread that reads from it gets its end."""
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
        super().close()

    @property
    def is_stale(self) -> bool:
        """Whether the engine has closed it while nothing was asked; it says nothing unasked."""
        return self.sock is not None and bool(select.select([self.sock], [], [], 0)[0])

    def why_lost(self, failed: Exception) -> CommandFailedError:
        """The error for a connection that broke."""
        return CommandFailedError(f"error during connect: {_reason(failed)}")


class SocketConnection(EngineConnection):
    """A connection to a socket on this machine.

    Args:
        path: Where it is.
        seconds: How long the engine may be silent; None for as long as it wants.
    """

    def __init__(self, path: str, *, seconds: float | None = None) -> None:
        super().__init__("docker", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        """Open it.

        Raises:
            CommandFailedError: No engine listens there, or not to this user; in docker's words.
        """
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.sock.settimeout(self.timeout)
            self.sock.connect(self._path)
        except OSError as failed:
            self.sock.close()
            self.sock = None
            raise CommandFailedError(_cannot_open(self._path, failed)) from None


class PipedConnection(EngineConnection):
    """A connection through ``docker system dial-stdio``."""

    def __init__(self, calls: DockerCalls) -> None:
        super().__init__("docker")
        self._calls = calls
        self._piped: Piped | None = None

    def connect(self) -> None:
        """Start the process; what it cannot reach, the first request finds out.

        Raises:
            EngineError: There is no docker client.
        """
        self._piped = self._calls.piped(["system", "dial-stdio"])
        self.sock = self._piped.socket

    def close(self) -> None:
        """Close it, and end the process."""
        super().close()
        if self._piped is not None:
            self._piped.close()

    def why_lost(self, failed: Exception) -> CommandFailedError:
        """The error for a connection that broke: what docker says of it."""
        said = self._piped.said() if self._piped else ""
        if not said:
            return super().why_lost(failed)
        return CommandFailedError(f"error during connect: {said}" if _NO_WAY in said else said)


def connection(calls: DockerCalls) -> EngineConnection:
    """A connection to the engine of the current context, as docker would reach it."""
    docker, path = shutil.which("docker"), local_socket(calls.environment)
    if path and docker and is_docker_client(docker):
        return SocketConnection(path)
    return PipedConnection(calls)


def _cannot_open(path: str, failed: OSError) -> str:
    """What docker says of such a socket."""
    where = f"{_UNIX}{path}"
    if failed.errno in {errno.EACCES, errno.EPERM}:
        return f"permission denied while trying to connect to the Docker daemon socket at {where}"
    return f"Cannot connect to the Docker daemon at {where}. Is the docker daemon running?"


def _reason(failed: Exception) -> str:
    if isinstance(failed, http.client.RemoteDisconnected | http.client.IncompleteRead):
        return "EOF"
    return str(failed) or type(failed).__name__

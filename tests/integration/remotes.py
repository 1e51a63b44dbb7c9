"""Hosts that are somewhere else: by DOCKER_HOST=ssh://... and by docker contexts, without an sshd.

docker runs ``ssh [-l USER] [-p PORT] ... -- HOST docker system dial-stdio``, and speaks to the
engine over that command's pipes. A program named ssh, first on PATH, runs the last words here, with
the host's engine: all of docker's own way there is taken, but for the network.
"""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

from tests.integration.deploys import Host
from tests.integration.sandbox import SHARED_ENGINE

ADDRESS = "ssh://deploy@prod.example:2222"
#: How a host is named: ADDRESS in DOCKER_HOST; a context with ADDRESS in DOCKER_CONTEXT, or chosen
#: with `docker context use`; a context with the engine's socket.
WAYS = ("host", "context", "current context", "context of a socket")
_STUB = """\
#!/bin/sh
# -l and the like have a word after them.
printf '%s\\n' "$*" >> '{log}'
while [ "$1" != -- ]; do case $1 in -l | -p | -o) shift;; esac; shift; done
name=$2
shift 2
if [ -e '{refusal}' ]; then cat '{refusal}' >&2; exit 255; fi
[ "$name" = prod.example ] || exit 255
unset DOCKER_CONTEXT
DOCKER_HOST='{socket}' exec sh -c "$*"
"""


class Far:
    """The way to a host, from a client that has an engine of its own.

    Attributes:
        host: As the client sees it: its commands run there, for the host's engine.
    """

    def __init__(self, host: Host, folder: Path, way: str, *, client: str = SHARED_ENGINE) -> None:
        self._folder = folder
        self._write_ssh(host.sandbox.env(host.engine)["DOCKER_HOST"])
        own = host.sandbox.env(client)
        extra = {
            **host.extra,
            "PATH": f"{folder / 'bin'}:{own['PATH']}",
            "COMPOSE_PROJECT_NAME": host.env["COMPOSE_PROJECT_NAME"],
        }
        self.host = replace(host, engine=client, extra=extra)
        if way == "host":
            extra["DOCKER_HOST"] = ADDRESS
            return
        config = folder / "docker"
        config.mkdir()
        (config / "cli-plugins").symlink_to(Path(own["DOCKER_CONFIG"]) / "cli-plugins")
        extra |= {"DOCKER_HOST": "", "DOCKER_CONFIG": str(config)}
        socket = way == "context of a socket"
        address = host.sandbox.env(host.engine)["DOCKER_HOST"] if socket else ADDRESS
        self.host.run("docker", "context", "create", "far", "--docker", f"host={address}")
        if way == "current context":
            self.host.run("docker", "context", "use", "far")
        else:
            extra["DOCKER_CONTEXT"] = "far"

    @property
    def calls(self) -> list[str]:
        """The words of each call of ssh."""
        log = self._folder / "ssh.log"
        return log.read_text().splitlines() if log.exists() else []

    def refuse(self, message: str) -> None:
        """From now on ssh says this, and ends with 255."""
        (self._folder / "refusal").write_text(f"{message}\n")

    def _write_ssh(self, socket: str) -> None:
        program = self._folder / "bin/ssh"
        program.parent.mkdir(parents=True)
        log, refusal = self._folder / "ssh.log", self._folder / "refusal"
        program.write_text(_STUB.format(log=log, refusal=refusal, socket=socket))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

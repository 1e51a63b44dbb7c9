"""Counts the docker commands of a run: a docker first on PATH takes notes, and passes all on.

It is a script: so whalebuild starts docker's plugins by it as well, and reaches the engine through
``docker system dial-stdio``. Without it, a run has one command less for each of these.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

from tests.integration.deploys import Host

_SHIM = "#!/bin/sh\necho \"$*\" >>'{log}'\nexec '{docker}' \"$@\"\n"


class Counted:
    """A host whose docker commands are counted.

    Attributes:
        host: The same one, with that docker.
    """

    def __init__(self, host: Host, folder: Path) -> None:
        path = host.sandbox.env(host.engine)["PATH"]
        docker = shutil.which("docker", path=path)
        folder.mkdir()
        self._log = folder / "log"
        (folder / "docker").write_text(_SHIM.format(log=self._log, docker=docker))
        (folder / "docker").chmod(0o755)
        self.host = replace(host, extra={**host.extra, "PATH": f"{folder}{os.pathsep}{path}"})

    def commands(self) -> list[str]:
        """The commands since the last time that somebody asked, each as its verb."""
        if not self._log.exists():
            return []
        lines = self._log.read_text().splitlines()
        self._log.unlink()
        return [_verb(line.split()) for line in lines]


def _verb(words: list[str]) -> str:
    """``compose --file x config --format json`` is ``compose config``."""
    known = {"config", "pull", "up", "run", "down", "dial-stdio"}
    return f"{words[0]} {next((word for word in words[1:] if word in known), words[1])}"

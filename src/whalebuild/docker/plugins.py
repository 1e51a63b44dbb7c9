"""Programs behind ``docker buildx`` and ``docker compose``, to be started without docker between.

``docker buildx …`` is four processes: docker starts the plugin to ask what it is, then again to do
the work. The second start alone takes less than half of the time.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from whalebuild.docker.config import config_folder, read_json
from whalebuild.docker.environment import Changes, changes
from whalebuild.errors import EngineError

# ``defaultSystemPluginDirs`` of cli-plugins/manager/manager_unix.go in docker/cli.
_SYSTEM_FOLDERS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
# ELF; Mach-O of 64 bits, and one for several processors.
_PROGRAMS = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
# By this a plugin knows that docker has started it: ``ReexecEnvvar`` of cli-plugins/metadata.
_STARTED_BY = "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND"


def docker_program(
    env: Mapping[str, str | None] | None, plugin: str | None
) -> tuple[str, Mapping[str, str | None]]:
    """What is started for a docker command, and what to change of the environment for it.

    Args:
        env: Variables of this call alone; None takes one out.
        plugin: The first word of the command, if it is a plugin's.

    Raises:
        EngineError: There is no docker client.
    """
    docker = shutil.which("docker")
    if docker is None:
        raise EngineError(
            "no docker client on PATH",
            cause="whalebuild drives `docker buildx`, and found no `docker` command",
            next_step="install Docker (https://docs.docker.com/get-docker/) or correct PATH",
        )
    given = changes(os.environ, env)
    found = find_plugin(environment_after(given), docker, plugin) if plugin else None
    return (found[0], given | found[1]) if found else (docker, given)


def environment_after(given: Mapping[str, str | None]) -> dict[str, str]:
    """The environment after changes."""
    changed = {**os.environ, **given}
    return {name: value for name, value in changed.items() if value is not None}


def find_plugin(env: Mapping[str, str], docker: str, name: str) -> tuple[str, Changes] | None:
    """The program that ``docker NAME`` would start, and the variable that docker would give it.

    A ``docker`` that is a script may do more than start Docker's client (another host, another
    user), and so may a plugin that is one: then docker itself is asked.

    Args:
        env: The environment of the call.
        docker: The path of the docker client.
        name: ``buildx`` or ``compose``.

    Returns:
        Its path and the variable; None where docker has to find it.
    """
    if not is_docker_client(docker):
        return None
    # The first one that is there, as ``PluginRunCommand`` does; docker says what is wrong with it.
    for folder in _folders(env):
        found = folder / f"docker-{name}"
        if found.exists():
            return (str(found), {_STARTED_BY: docker}) if _is_program(found) else None
    return None


def is_docker_client(docker: str) -> bool:
    """Whether a ``docker`` is Docker's client, and no script that may do more than start it."""
    return Path(docker).resolve().name == "docker" and _is_program(Path(docker))


def _folders(env: Mapping[str, str]) -> Iterator[Path]:
    """Where docker looks for plugins, in its order: ``getPluginDirs`` of its manager.go."""
    own = config_folder(env)
    further = read_json(own / "config.json").get("cliPluginsExtraDirs")
    for each in further if isinstance(further, list) else ():
        yield Path(str(each))
    yield own / "cli-plugins"
    yield from map(Path, _SYSTEM_FOLDERS)


def _is_program(path: Path) -> bool:
    """Whether a file is a compiled program that this user may start."""
    try:
        with path.open("rb") as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            return regular and os.access(path, os.X_OK) and file.read(4) in _PROGRAMS
    except OSError:
        return False

"""What a docker command's failure says of the engine, in the user's words."""

from __future__ import annotations

import re

from whalebuild.errors import EngineError
from whalebuild.failures.classify_docker import final_error
from whalebuild.failures.failure import CommandFailedError

# Of DOCKER_HOST=ssh://..., or a context like it:
# https://github.com/docker/cli/blob/v28.5.2/cli/connhelper/commandconn/commandconn.go
_SSH = re.compile(
    r"command \[ssh (?P<options>.*?) ?-o ConnectTimeout=\d+ (?:-T )?-- (?P<host>\S+) "
    r"(?P<docker>.*) system dial-stdio\] has exited with [^:]*: stderr=(?P<said>.*)",
    re.DOTALL,
)


def engine_error(failed: CommandFailedError) -> EngineError:
    """Tell an engine that is down from a client without buildx and from other trouble."""
    words = final_error(failed.stderr).removeprefix("ERROR: ")
    if over_ssh := _SSH.search(words):
        return _not_over_ssh(over_ssh)
    if "daemon" in words or "error during connect" in words:
        return EngineError(
            "the Docker engine is not running",
            cause=words,
            next_step="start it (Docker Desktop, or `systemctl start docker`), or check "
            "DOCKER_HOST and `docker context ls`",
        )
    if "docker [OPTIONS]" in words or "unknown command" in words or "a docker command" in words:
        return EngineError(
            "the docker client has no buildx",
            cause=f"docker does not know `docker buildx bake` ({words.splitlines()[0]})",
            next_step="install the buildx plugin: https://docs.docker.com/go/buildx/",
        )
    return EngineError(
        "the Docker engine or builder cannot be used",
        cause=words,
        next_step="check `docker info`, `docker buildx ls` and --builder",
    )


def _not_over_ssh(found: re.Match[str]) -> EngineError:
    login = " ".join(filter(None, ("ssh", found["options"], found["host"])))
    return EngineError(
        f"the Docker engine on {found['host']} cannot be reached over ssh",
        cause=found["said"].strip() or "ssh ended without a word",
        next_step=f"have `{login} {found['docker']} version` work from here without a password, "
        "or check DOCKER_HOST and `docker context ls`",
    )

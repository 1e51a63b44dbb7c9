"""A docker command that failed: all that it said, and what that says of the engine.

Whoever knows better what the command was for (a bake, a pull, a builder that is made) catches it
and goes by ``stderr``; anywhere else it is the error that the user reads.
"""

from __future__ import annotations

import re

from whalebuild.errors import EngineError

# Of DOCKER_HOST=ssh://..., or a context like it:
# https://github.com/docker/cli/blob/v28.5.2/cli/connhelper/commandconn/commandconn.go
_SSH = (
    r"command \[ssh (?P<options>.*?) ?-o ConnectTimeout=\d+ (?:-T )?-- (?P<host>\S+) "
    r"(?P<docker>.*) system dial-stdio\] has exited with [^:]*: stderr=(?P<said>.*)"
)


class CommandFailedError(EngineError):
    """A docker command ended with an error.

    Attributes:
        stderr: All that it said; it may have secrets, which ``cause`` has not.
    """

    def __init__(self, stderr: str) -> None:
        said = _engine_error(stderr)
        super().__init__(said.what, cause=said.cause, next_step=said.next_step)
        self.stderr = stderr


def _engine_error(stderr: str) -> EngineError:
    """The engine is down, or the client has no buildx, or something else: in the user's words."""
    from whalebuild.failures.classify_docker import final_error  # noqa: PLC0415 - of failures alone

    words = final_error(stderr).removeprefix("ERROR: ")
    if over_ssh := re.search(_SSH, words, re.DOTALL):
        return _not_over_ssh(over_ssh)
    if "permission denied" in words and "daemon" in words:
        return EngineError(
            "this user may not use the Docker engine",
            cause=words,
            next_step='join its group (`sudo usermod -aG docker "$USER"`) and log in again, or '
            "check DOCKER_HOST and `docker context ls`",
        )
    answered = "response from daemon" in words
    if ("daemon" in words and not answered) or "error during connect" in words:
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

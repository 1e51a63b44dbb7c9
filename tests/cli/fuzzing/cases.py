"""One case: a command line, an environment, a folder with files, and what docker answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from tests.cli.fuzzing import pools
from tests.cli.fuzzing.answers import Answer, answers
from tests.cli.fuzzing.files import SETTINGS, project_files
from tests.cli.fuzzing.words import command_line

#: Keeps a case short: nothing is waited for.
SHORT = {
    "WHALEBUILD_RETRY_ATTEMPTS": "2",
    "WHALEBUILD_RETRY_DEADLINE": "0.5",
    "WHALEBUILD_DEPLOY_TIMEOUT": "0.2",
    "WHALEBUILD_DEPLOY_GRACE": "0.1",
}
#: No request leaves the machine: what is not on it is asked of a proxy that is not there.
PLAIN = {
    "HOME": "HOME",
    "LANG": "C.UTF-8",
    "DOCKER_HOST": "unix://FOLDER/no.sock",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "HTTPS_PROXY": "http://127.0.0.1:1",
    "NO_PROXY": "127.0.0.1,localhost",
    "DOCKER_CONFIG": "FOLDER/client",
    "TMPDIR": "HOME",
}
_VARIABLES = {
    "CI": ("true", ""),
    "GITHUB_OUTPUT": ("FOLDER/outputs", "FOLDER/folder", "/no/such/file", ""),
    "GITHUB_STEP_SUMMARY": ("FOLDER/summary", "FOLDER/folder", "/proc/1/mem/x", "/dev/full"),
    "GITHUB_ACTIONS": ("true",),
    "GITHUB_EVENT_NAME": ("push", "pull_request", "pull_request_target"),
    "GITHUB_EVENT_PATH": ("FOLDER/event", "FOLDER/folder", "/no/such/file", ""),
    "HOME": ("/no/such/home", "FOLDER/garbage.bin", "", "/dev/null"),
    "TMPDIR": ("/no/such/tmp", "FOLDER/garbage.bin", "/proc", ""),
    "XDG_STATE_HOME": ("FOLDER/garbage.bin", "/proc/x", "relative", ""),
    "XDG_CACHE_HOME": ("FOLDER/garbage.bin", "/proc/x", "relative"),
    "DOCKER_HOST": ("tcp://127.0.0.1:1", "ssh://nobody@127.0.0.1:1", "x", "unix://FOLDER/folder"),
    "DOCKER_CONTEXT": ("default", "nosuch", "a/b"),
    "DOCKER_CONFIG": ("FOLDER/folder", "FOLDER/garbage.bin", "/no/such", "FOLDER/bad-client"),
    "BUILDX_CONFIG": ("FOLDER/folder", "FOLDER/garbage.bin", "FOLDER/bad-buildx"),
    "BUILDX_BUILDER": pools.NAMES.good,
    "BUILDX_BAKE_FILE": (*pools.FILES.good, *pools.FILES.bad),
    "BUILDX_BAKE_ENTITLEMENTS_FS": ("0", "1", "maybe", ""),
    "SOURCE_DATE_EPOCH": ("0", "-1", "x", "99999999999999999999"),
    "SSL_CERT_FILE": ("FOLDER/garbage.bin", "/no/such"),
    "HTTPS_PROXY": ("::", "socks5://x", "http://[", "http://127.0.0.1:1"),
    "NO_PROXY": ("*", "[", ",,,"),
    "COLUMNS": ("0", "-1", "x", "1", "99999"),
    "TERM": ("dumb", "", "x"),
    "NO_COLOR": ("1",),
    "PATH": ("", "/no/such", "/usr/bin:/bin"),
    "LANG": ("C", "de_DE.ISO-8859-1", "x"),
    "COMPOSE_FILE": pools.FILES.bad,
    "WHALEBUILD_DEBUG": ("", "0"),
}


@dataclass(frozen=True)
class Case:
    """What a process is given.

    Attributes:
        words: After the program's name.
        env: All variables; ``FOLDER``, ``HOME`` and ``REG`` in values are replaced.
        files: Contents by name, below the project's folder; None is a folder.
        docker: What docker answers; None is no docker.
        real: Whether it is docker's own client, where there is one, without an engine.
        folder: What becomes of the working folder: ``there`` or ``gone``.
        stdout: ``file``, ``pipe`` (nobody reads it), ``full`` or ``closed``; so are the others.
    """

    words: tuple[str, ...]
    env: Mapping[str, str]
    files: Mapping[str, str | None]
    docker: Mapping[str, Answer] | None
    real: bool
    folder: str
    stdout: str
    stderr: str
    stdin: str


def make_case(seed: str, number: int) -> Case:
    """The case of a number in the campaign of a seed: most are strange in a few things only."""
    random = Random(f"{seed}/{number}")

    def wild() -> float:
        return random.choice((0.0, 0.0, 0.05, 0.3))

    return Case(
        words=tuple(command_line(random, wild())),
        env=_environment(random, wild()),
        files=project_files(random, wild()),
        docker=answers(random, wild()) if random.random() < 0.97 else None,
        real=random.random() < 0.1,
        folder="gone" if random.random() < 0.02 else "there",
        stdout=_stream(random),
        stderr=_stream(random),
        stdin="closed" if random.random() < 0.03 else "file",
    )


def _stream(random: Random) -> str:
    return random.choice(("pipe", "full", "closed")) if random.random() < 0.06 else "file"


def _environment(random: Random, wild: float) -> dict[str, str]:
    env = {**PLAIN, **SHORT}
    for name, values in _VARIABLES.items():
        if random.random() < wild / 4:
            env[name] = random.choice((*values, random.choice(pools.ODD)))
    for name, pool in SETTINGS.items():
        if random.random() < 0.05:
            env[f"WHALEBUILD_{name.upper().replace('-', '_')}"] = pool.pick(random, wild)
    if random.random() < wild:
        env[random.choice(("WHALEBUILD_NOSUCH", "WHALEBUILD_", "\udcffx", "A.B"))] = "1"
    if random.random() < wild:
        del env[random.choice(("HOME", "LANG", "DOCKER_CONFIG", "DOCKER_HOST", "TMPDIR"))]
    return env

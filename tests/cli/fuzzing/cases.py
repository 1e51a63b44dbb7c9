"""One case: a command line, an environment, a folder with files, and what docker answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from tests.cli.fuzzing import pools
from tests.cli.fuzzing.answers import Answer, answers
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
_SETTINGS = {
    "image": pools.IMAGES,
    "file": pools.FILES,
    "deps-stage": pools.TEXTS,
    "scope": pools.TEXTS,
    "base": pools.BASES,
    "platform": pools.PLATFORMS,
    "builder": pools.NAMES,
    "allow": pools.ALLOWED,
    "progress": pools.PROGRESS,
    "strict-cache": pools.SWITCHES,
    "if-unchanged": pools.SWITCHES,
    "keep": pools.NUMBERS,
    "state-dir": pools.FILES,
    "retry-attempts": pools.NUMBERS,
    "deploy-timeout": pools.SECONDS,
}
_VARIABLES = {
    "CI": ("true", ""),
    "GITHUB_OUTPUT": ("FOLDER/outputs", "FOLDER/folder", "/no/such/file", ""),
    "GITHUB_STEP_SUMMARY": ("FOLDER/summary", "FOLDER/folder", "/proc/1/mem/x", "/dev/full"),
    "GITHUB_ACTIONS": ("true",),
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
_CLIENTS = (
    *("{}", '{"auths": {"REG": {}}}', '{"auths": {"REG": {"auth": "!!!"}}}', "[]", "null", "{"),
    *(
        '{"auths": {"REG": {"auth": "YTpi"}}}',
        '{"auths": []}',
        '{"credsStore": "nosuch"}',
        "\udcff",
    ),
    *('{"credHelpers": {"REG": "nosuch"}}', '{"currentContext": 5}', '{"currentContext": "x"}'),
)
_DOCKERFILES = (
    "FROM REG/web AS dependencies\nCOPY f /f\nFROM dependencies\nCOPY --link f /g\n",
    "FROM scratch AS dependencies\nRUN --mount=type=secret,id=t x\nFROM dependencies\nCOPY . /\n",
    *(
        "",
        "FROM",
        "FROM scratch",
        "RUN x\n",
        "# syntax=x/y\nFROM scratch AS dependencies\n",
        "\udcff\n",
    ),
    "FROM scratch AS dependencies\nCOPY --from=nosuch a b\nFROM nosuch\n",
    "FROM ${A} AS dependencies\nARG A\nRUN <<E\n$A\nE\nFROM dependencies\n",
    'FROM scratch AS dependencies\nCOPY ["a", \nADD https://x/y z\nFROM dependencies\n',
    "ARG X=\u20ac\nFROM scratch AS dependencies\nENV A=${X:-${Y:+\nFROM dependencies\n",
)
_BUILDERS = ("{}", "[]", '{"Name": 5}', '{"Name": "web", "Nodes": 5}', '{"Name": "web"}')
_PARTS = (
    "{}",
    '{"schema": "whalebuild.part/1"}',
    '{"schema": "whalebuild.part/9"}',
    "[]",
    "{",
    "\udcff",
)


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
        files=_files(random, wild()),
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
    for name, pool in _SETTINGS.items():
        if random.random() < 0.05:
            env[f"WHALEBUILD_{name.upper().replace('-', '_')}"] = pool.pick(random, wild)
    if random.random() < wild:
        env[random.choice(("WHALEBUILD_NOSUCH", "WHALEBUILD_", "\udcffx", "A.B"))] = "1"
    if random.random() < wild:
        del env[random.choice(("HOME", "LANG", "DOCKER_CONFIG", "DOCKER_HOST", "TMPDIR"))]
    return env


def _files(random: Random, wild: float) -> dict[str, str | None]:
    files: dict[str, str | None] = {
        "Dockerfile": random.choice(_DOCKERFILES) if random.random() < 0.4 else _DOCKERFILES[0],
        "f": "1",
        "folder": None,
        "garbage.bin": "\udcff\udcfe\x01",
        "part.json": random.choice(_PARTS),
        "client/config.json": random.choice(_CLIENTS) if random.random() < wild else "{}",
        "bad-client/config.json": random.choice(_CLIENTS),
        "bad-buildx/current": random.choice(_CLIENTS),
        "bad-buildx/instances/web": random.choice(_BUILDERS),
    }
    if random.random() < 0.9:
        files[random.choice(("docker-bake.hcl", "docker-bake.json", "compose.yaml"))] = ""
    if random.random() < wild / 3:
        files["Dockerfile"] = None
    if random.random() < 0.3:
        files["whalebuild.toml"] = _toml(random, wild)
    elif random.random() < 0.2:
        table = f"[tool.whalebuild]\n{_toml(random, wild)}"
        others = ("[tool]\nwhalebuild = 5\n", "tool = 5\n", "[")
        files["pyproject.toml"] = random.choice(others) if random.random() < wild else table
    if random.random() < wild:
        files[random.choice((".dockerignore", "Dockerfile.dockerignore"))] = random.choice(
            pools.ODD
        )
    return files


def _toml(random: Random, wild: float) -> str:
    lines = []
    for name in random.sample(sorted(_SETTINGS), random.randint(0, 3)):
        text = _SETTINGS[name].pick(random, wild)
        quoted = "".join(_quoted(letter) for letter in text)
        values = (f'"{quoted}"', f'["{quoted}"]', "true", "5", "-1", "nan", "[]", "{}", "[[1]]")
        lines.append(f"{name} = {random.choice(values) if random.random() < wild else values[0]}")
    if random.random() < wild:
        more = ("nosuch = 1", "[x]", "a.b = 1", "image = 1\nimage = 2")
        lines.append(random.choice((*more, random.choice(pools.ODD))))
    return "\n".join(lines) + "\n"


def _quoted(letter: str) -> str:
    return letter if letter.isprintable() and letter not in '"\\' else f"\\u{ord(letter):04x}"

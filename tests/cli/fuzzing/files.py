"""Files of a project, of docker's client and of whalebuild's own state: good ones and others."""

from __future__ import annotations

import json
from functools import cache
from random import Random

from tests.cli.fuzzing import pools
from tests.cli.fuzzing.answers import changed
from tests.support.partial import Farm
from tests.support.record import done, text, warmed

#: Values by a setting's name.
SETTINGS = {
    "image": pools.IMAGES,
    "file": pools.FILES,
    "deps-stage": pools.TEXTS,
    "app-base": pools.TEXTS,
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
    *("", "FROM", "FROM scratch", "RUN x\n", "\udcff\n"),
    "# syntax=x/y\nFROM scratch AS dependencies\n",
    "FROM scratch AS dependencies\nCOPY --from=nosuch a b\nFROM nosuch\n",
    "FROM ${A} AS dependencies\nARG A\nRUN <<E\n$A\nE\nFROM dependencies\n",
    'FROM scratch AS dependencies\nCOPY ["a", \nADD https://x/y z\nFROM dependencies\n',
    "ARG X=\u20ac\nFROM scratch AS dependencies\nENV A=${X:-${Y:+\nFROM dependencies\n",
)
_BUILDERS = ("{}", "[]", '{"Name": 5}', '{"Name": "web", "Nodes": 5}', '{"Name": "web"}')
_RECORD = "../home/.local/state/whalebuild/deployments/x/shop.jsonl"


def project_files(random: Random, wild: float) -> dict[str, str | None]:
    """Contents by name, below the project's folder; None is a folder."""
    files: dict[str, str | None] = {
        "Dockerfile": random.choice(_DOCKERFILES) if random.random() < 0.4 else _DOCKERFILES[0],
        "f": "1",
        "folder": None,
        "garbage.bin": "\udcff\udcfe\x01",
        "client/config.json": random.choice(_CLIENTS) if random.random() < wild else "{}",
        "bad-client/config.json": random.choice(_CLIENTS),
        "bad-buildx/current": random.choice(_CLIENTS),
        "bad-buildx/instances/web": random.choice(_BUILDERS),
        **_own_files(random, wild),
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
        name = random.choice((".dockerignore", "Dockerfile.dockerignore"))
        files[name] = random.choice(pools.ODD)
    return files


def _own_files(random: Random, wild: float) -> dict[str, str]:
    """What whalebuild has written: parts of a bake, and a record of deployments."""
    written = dict(zip(("part.json", "other.json"), _parts(), strict=True))
    if random.random() < 0.7:
        written[_RECORD] = _record()
    for name, content in written.items():
        if random.random() < wild:
            half = content[: random.randint(0, len(content))]
            written[name] = random.choice((half, changed(random, content), "{}", "\udcff"))
    return written


@cache
def _parts() -> tuple[str, ...]:
    farm = Farm()
    farm.bake()
    return tuple(json.dumps(each).replace('"acme/', '"REG/') for each in farm.documents.values())


@cache
def _record() -> str:
    entries = (*done(1, web="a"), *done(2, web="b"), warmed("web", "c"))
    return text(entries).replace("registry.test/acme/", "REG/")


def _toml(random: Random, wild: float) -> str:
    lines = []
    for name in random.sample(sorted(SETTINGS), random.randint(0, 3)):
        given = SETTINGS[name].pick(random, wild)
        quoted = f'"{"".join(_quoted(letter) for letter in given)}"'
        plain = SETTINGS[name] in {pools.NUMBERS, pools.SECONDS} or given in {"true", "false"}
        values = (quoted, f"[{quoted}]", "true", "5", "-1", "nan", "[]", "{}", "[[1]]", given)
        usual = given if plain else quoted
        lines.append(f"{name} = {random.choice(values) if random.random() < wild else usual}")
    if random.random() < wild:
        more = ("nosuch = 1", "[x]", "a.b = 1", "image = 1\nimage = 2")
        lines.append(random.choice((*more, random.choice(pools.ODD))))
    return "\n".join(lines) + "\n"


def _quoted(letter: str) -> str:
    return letter if letter.isprintable() and letter not in '"\\' else f"\\u{ord(letter):04x}"

"""Rows: secrets, and what has to be allowed."""

from __future__ import annotations

from tests.integration.compatibility.seen import file, files
from tests.integration.compatibility.situation import DOCKERFILE, PAIR, Group, Situation, target

_TAGGED = 'target "app" {\n  tags = ["$REPO/app"]\n'
_APP = target("app")


def _linked(contexts: str, more: str = "") -> str:
    return f"{_TAGGED}  contexts = {{ {contexts} }}\n}}\n{more}"


_SECRET = (
    "FROM $PYTHON AS dependencies\n"
    "RUN --mount=type=secret,id=token cp /run/secrets/token /token && date +%N > /dated\n"
    "FROM dependencies\nCOPY --link app.txt /\n"
)


def _token(path: str) -> str:
    return f'{_TAGGED}  secret = ["id=token,src={path}"]\n}}\n'


_NEEDS_RUN = DOCKERFILE.replace("scratch", "$PYTHON").replace(
    "COPY requirements.txt /", "RUN --network=host true"
)
_INSECURE = _NEEDS_RUN.replace("--network=host", "--security=insecure")

CONSENT = Group(
    "Secrets and consent",
    (
        Situation(
            "a secret from a file of the project",
            "pushes app; /token is 's3cret'",
            PAIR,
            bakefile=_token("token.txt"),
            files={"Dockerfile": _SECRET, "token.txt": "s3cret\n"},
            bake="app",
            shows=(file("app", "/token"),),
            alike=False,
        ),
        Situation(
            "a secret from a variable",
            "pushes app; /token is 's3cret'",
            PAIR,
            bakefile=target("app", 'secret = ["id=token,env=TOKEN"]'),
            files={"Dockerfile": _SECRET},
            env={"TOKEN": "s3cret"},
            bake="app",
            shows=(file("app", "/token"),),
            alike=False,
        ),
        Situation(
            "a secret's file that there is not",
            "exit 1: no such file",
            "exit 2: no such file",
            bakefile=_token("nowhere.txt"),
            files={"Dockerfile": _SECRET},
            bake="app",
        ),
        Situation(
            "a secret's file outside of the project",
            "exit 1: --allow=fs.read=../token.txt",
            "exit 2: --allow fs.read=../token.txt",
            bakefile=_token("../token.txt"),
            files={"Dockerfile": _SECRET, "../token.txt": "s3cret\n"},
            bake="app",
            quick=True,
        ),
        Situation(
            "the same with `--allow fs.read=..`",
            "pushes app; /token is 's3cret'",
            PAIR,
            bakefile=_token("../token.txt"),
            files={"Dockerfile": _SECRET, "../token.txt": "s3cret\n"},
            bake="--allow fs.read=.. app",
            shows=(file("app", "/token"),),
            alike=False,
        ),
        Situation(
            "the same with `BUILDX_BAKE_ENTITLEMENTS_FS=0`",
            "pushes app; /token is 's3cret'",
            PAIR,
            bakefile=_token("../token.txt"),
            files={"Dockerfile": _SECRET, "../token.txt": "s3cret\n"},
            env={"BUILDX_BAKE_ENTITLEMENTS_FS": "0"},
            bake="app",
            shows=(file("app", "/token"),),
            alike=False,
        ),
        Situation(
            "a secret's file by an absolute path",
            "exit 1: --allow=fs.read=/etc/hostname",
            "exit 2: --allow fs.read=/etc/hostname",
            bakefile=_token("/etc/hostname"),
            files={"Dockerfile": _SECRET},
            bake="app",
        ),
        Situation(
            "a secret's file in the project that is a link out of it",
            "exit 1: --allow=fs.read=",
            "exit 2: --allow fs.read=",
            bakefile=_token("token.txt"),
            files={"Dockerfile": _SECRET, "../token.txt": "s3cret\n"},
            setup="ln -s ../token.txt token.txt",
            bake="app",
        ),
        Situation(
            '`context = ".."`',
            "exit 1: --allow=fs.read=..",
            "exit 2: --allow fs.read=..",
            bakefile="",
            files={"deploy/docker-bake.hcl": target("app", 'context = ".."')},
            cwd="deploy",
            bake="app",
        ),
        Situation(
            '`context = ".."` with `--allow fs.read=..`',
            "pushes app; has /app.txt, /requirements.txt",
            PAIR,
            files={"deploy/docker-bake.hcl": target("app", 'context = ".."')},
            cwd="deploy",
            bake="--allow fs.read=.. app",
            shows=(files("app"),),
        ),
        Situation(
            "a named context outside of the project",
            "exit 1: --allow=fs.read=../more",
            "exit 2: --allow fs.read=../more",
            bakefile=_linked('more = "../more"'),
            files={"../more/more.txt": "x\n", "Dockerfile": DOCKERFILE + "COPY --from=more . /\n"},
            bake="app",
        ),
        Situation(
            "a Dockerfile outside of the project",
            "exit 1: --allow=fs.read=../Dockerfile",
            "exit 2: --allow fs.read=..",
            bakefile=target("app", 'dockerfile = "../Dockerfile"'),
            files={"../Dockerfile": DOCKERFILE},
            bake="app",
        ),
        Situation(
            "a cache that is written outside of the project",
            "exit 1: --allow=fs.write=..",
            "exit 2: --allow fs.write=..",
            bakefile=target("app", 'cache-to = ["type=local,dest=../cache"]'),
            bake="app",
        ),
        Situation(
            "files that are written outside of the project",
            "exit 1: --allow=fs.write=..",
            "exit 2: --allow fs.write=..",
            bakefile=target("app", 'output = ["type=local,dest=../out"]'),
            bake="app",
            flags="",
        ),
        Situation(
            "the same with `--allow fs.write=..`",
            "writes ../out/app.txt, ../out/requirements.txt",
            bakefile=target("app", 'output = ["type=local,dest=../out"]'),
            bake="--allow fs.write=.. app",
            flags="",
        ),
        Situation(
            '`entitlements = ["network.host"]`',
            "exit 1: --allow=network.host",
            "exit 2: --allow network.host",
            bakefile=target("app", 'entitlements = ["network.host"]'),
            files={"Dockerfile": _NEEDS_RUN},
            bake="app",
        ),
        Situation(
            "the same with `--allow network.host`",
            "pushes app",
            PAIR,
            bakefile=target("app", 'entitlements = ["network.host"]'),
            files={"Dockerfile": _NEEDS_RUN},
            bake="--allow network.host app",
        ),
        Situation(
            "a step that needs `network.host`, and no entitlement in the bake file",
            "exit 1: network.host is not allowed",
            "exit 4: network.host is not allowed",
            bakefile=_APP,
            files={"Dockerfile": _NEEDS_RUN},
            bake="app",
        ),
        Situation(
            '`network = "host"` and no `--allow`',
            "exit 1: --allow=network.host",
            "exit 2: --allow network.host",
            bakefile=target("app", 'network = "host"'),
            bake="app",
        ),
        Situation(
            "a linked target that has `entitlements`",
            "exit 1: --allow=network.host",
            "exit 2: --allow network.host",
            bakefile=_linked(
                'base = "target:base"',
                'target "base" {\n  entitlements = ["network.host"]\n'
                '  dockerfile-inline = "FROM $PYTHON\\nRUN --network=host true"\n}\n',
            ),
            files={"Dockerfile": DOCKERFILE.replace("scratch", "base")},
            bake="app",
        ),
        Situation(
            "a target that is not asked for may want what it likes",
            "pushes app",
            PAIR,
            bakefile=_APP + 'target "other" {\n  entitlements = ["security.insecure"]\n'
            '  secret = ["id=x,src=/etc/hostname"]\n}\n',
            bake="app",
        ),
        Situation(
            '`entitlements = ["security.insecure"]`',
            "exit 1: --allow=security.insecure",
            "exit 2: --allow security.insecure",
            bakefile=target("app", 'entitlements = ["security.insecure"]'),
            files={"Dockerfile": _INSECURE},
            bake="app",
        ),
        Situation(
            "`ssh`: the agent's keys",
            "exit 1: --allow=ssh",
            "exit 2: --allow ssh",
            bakefile=target("app", 'ssh = ["default"]'),
            setup="python3 -c \"import socket as s; s.socket(s.AF_UNIX).bind('agent')\"",
            env={"SSH_AUTH_SOCK": "agent"},
            bake="app",
        ),
        Situation(
            "an `--allow` that there is not",
            "exit 1: nope",
            "exit 2: nope",
            bakefile=_APP,
            bake="--allow nope app",
        ),
    ),
)

GROUPS = (CONSENT,)

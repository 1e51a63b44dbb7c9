"""Rows: compose files."""

from __future__ import annotations

from tests.integration.compatibility.seen import file, files, label, variable
from tests.integration.compatibility.situation import DOCKERFILE, PAIR, Group, Situation

#: Shows the argument V.
_SHOWN = (
    "FROM scratch AS dependencies\nCOPY requirements.txt /\nFROM dependencies\nARG V\nENV V=$V\n"
)


def _compose(text: str, **more: str) -> dict[str, str | bytes]:
    return {"compose.yaml": text, **more}


_WEB = "services:\n  web:\n    image: $REPO/app\n    build:\n      context: .\n"

COMPOSE = Group(
    "Compose files",
    (
        Situation(
            "a service with `build` and `image`; another one that only has an image",
            "pushes app",
            PAIR,
            files=_compose(_WEB + "  db:\n    image: $REPO/db\n"),
        ),
        Situation(
            "`args` from a variable, from `.env`, with a default, and by name alone",
            "pushes app; V is 'env dotenv default named'",
            PAIR,
            files={
                "compose.yaml": _WEB + "      args:\n        - A=${FROM_ENV}\n"
                "        - B=${FROM_DOTENV}\n        - C=${NOWHERE:-default}\n        - NAMED\n",
                ".env": "FROM_DOTENV=dotenv\n",
                "Dockerfile": "FROM scratch AS dependencies\nCOPY requirements.txt /\n"
                'FROM dependencies\nARG A\nARG B\nARG C\nARG NAMED\nENV V="$A $B $C $NAMED"\n',
            },
            env={"FROM_ENV": "env", "NAMED": "named"},
            shows=(variable("app", "V"),),
        ),
        Situation(
            "`dockerfile_inline` with `$$`",
            "pushes app; V is 'hello world'",
            PAIR,
            files={
                "compose.yaml": _WEB + "      args:\n        WHO: world\n"
                "      dockerfile_inline: |\n        FROM scratch AS dependencies\n"
                "        COPY requirements.txt /\n        FROM dependencies\n        ARG WHO\n"
                '        ENV V="hello $${WHO}"\n'
            },
            shows=(variable("app", "V"),),
        ),
        Situation(
            "`dockerfile_inline`: the code changes and nothing else",
            "pushes app; /app.txt is 'two'",
            PAIR,
            files={
                "compose.yaml": _WEB + "      args:\n        WHO: world\n"
                "      dockerfile_inline: |\n"
                "        FROM scratch AS dependencies\n        ARG WHO\n"
                "        ENV V=$${WHO}\n        COPY requirements.txt /\n"
                "        FROM dependencies\n        COPY app.txt /\n"
            },
            then={"app.txt": "two\n"},
            shows=(file("app", "/app.txt"),),
        ),
        Situation(
            "`target`, `labels` and `dockerfile`",
            "pushes app; role is 'web'",
            PAIR,
            files={
                "compose.yaml": _WEB + "      dockerfile: web.Dockerfile\n      target: final\n"
                "      labels:\n        role: web\n",
                "web.Dockerfile": DOCKERFILE + "FROM scratch AS later\n",
            },
            shows=(label("app", "role"),),
        ),
        Situation(
            "`x-bake`: further tags, platforms, annotations",
            "pushes app:one (amd64, arm64), app:two (amd64, arm64)",
            PAIR,
            files=_compose(
                _WEB + "      x-bake:\n        tags: [$REPO/app:one, $REPO/app:two]\n"
                "        platforms: [linux/amd64, linux/arm64]\n"
            ),
        ),
        Situation(
            "`x-bake` with `output`: a service that writes files",
            "pushes app; writes out/app.txt, out/requirements.txt",
            PAIR,
            files=_compose(
                _WEB + "  files:\n    build:\n      context: .\n      x-bake:\n"
                '        output: ["type=local,dest=out"]\n'
            ),
        ),
        Situation(
            "`additional_contexts`: another service",
            "pushes app; has /app.txt, /base.txt",
            PAIR,
            files={
                "compose.yaml": _WEB + "      additional_contexts:\n        base: service:base\n"
                "  base:\n    build:\n      context: .\n      dockerfile: base.Dockerfile\n",
                "base.Dockerfile": "FROM scratch\nCOPY app.txt /base.txt\n",
                "Dockerfile": "FROM base AS dependencies\nFROM dependencies\nCOPY app.txt /\n",
            },
            bake="web",
            shows=(files("app"),),
        ),
        Situation(
            "two services of one image",
            "pushes app",
            PAIR,
            chance="already exists",
            files=_compose(
                _WEB + "  worker:\n    image: $REPO/app\n    command: work\n"
                "    build:\n      context: .\n"
            ),
        ),
        Situation(
            "`build: ./service`, the short form",
            "pushes app; /app.txt is 'inside'",
            PAIR,
            files={
                "compose.yaml": "services:\n  web:\n    image: $REPO/app\n    build: ./service\n",
                "service/Dockerfile": DOCKERFILE,
                "service/requirements.txt": "left==1\n",
                "service/app.txt": "inside\n",
            },
            shows=(file("app", "/app.txt"),),
        ),
        Situation(
            "`network: host`",
            "exit 1: --allow=network.host",
            "exit 2: --allow network.host",
            files=_compose(_WEB + "      network: host\n"),
        ),
        Situation(
            "`secrets` from a file outside of the project",
            "exit 1: --allow=fs.read=../token.txt",
            "exit 2: --allow fs.read=",
            files=_compose(
                _WEB + "      secrets: [token]\nsecrets:\n  token:\n    file: ../token.txt\n",
                **{"../token.txt": "s3cret\n"},
            ),
        ),
        Situation(
            "a service with a profile that is not active",
            "pushes app, tool",
            PAIR,
            files=_compose(
                _WEB + "  tool:\n    profiles: [tools]\n    image: $REPO/tool\n"
                "    build:\n      context: .\n"
            ),
        ),
        Situation(
            "`compose.override.yaml` beside it",
            "pushes app; V is 'base'",
            PAIR,
            files={
                "compose.yaml": _WEB + "      args:\n        V: base\n",
                "compose.override.yaml": "services:\n  web:\n    build:\n"
                "      args:\n        V: override\n",
                "Dockerfile": _SHOWN,
            },
            shows=(variable("app", "V"),),
        ),
        Situation(
            "a compose file and a bake file that adds to its service",
            "pushes app; V is 'bake'; role is 'web'",
            PAIR,
            files={
                "compose.yaml": _WEB + "      args:\n        V: compose\n"
                "      labels:\n        role: web\n",
                "Dockerfile": _SHOWN,
            },
            bakefile='target "web" {\n  args = { V = "bake" }\n}\n',
            bake="web",
            shows=(variable("app", "V"), label("app", "role")),
        ),
        Situation(
            "`COMPOSE_PROJECT_NAME` in the image's name",
            "pushes shop",
            PAIR,
            files=_compose(_WEB.replace("$REPO/app", "$REPO/${COMPOSE_PROJECT_NAME}")),
            env={"COMPOSE_PROJECT_NAME": "shop"},
        ),
        Situation(
            "a service that builds and names no image, beside one that does",
            "exit 1: tag is needed when pushing to registry",
            "pushes app; says: no tag",
            why="What has no name is built and not pushed",
            files={
                "compose.yaml": _WEB + "  tool:\n    build:\n      context: .\n"
                "      dockerfile: tool.Dockerfile\n",
                "tool.Dockerfile": "FROM scratch\nCOPY app.txt /\n",
            },
        ),
        Situation(
            "it is no YAML",
            "exit 1: yaml",
            "exit 2: yaml",
            files=_compose("services:\n  web: [\n"),
        ),
    ),
)

GROUPS = (COMPOSE,)

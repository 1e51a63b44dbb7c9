"""Rows: arguments, labels and inline Dockerfiles."""

from __future__ import annotations

from tests.integration.compatibility.seen import files, label, variable
from tests.integration.compatibility.situation import DOCKERFILE, PAIR, Group, Situation, target

_TAGGED = 'target "app" {\n  tags = ["$REPO/app"]\n'
#: Shows an argument in what is built, without a command that runs.
_SHOWN = "FROM scratch AS dependencies\nCOPY requirements.txt /\nFROM dependencies\n{}\n"

ARGS = Group(
    "Arguments, escapes and inline Dockerfiles",
    (
        Situation(
            "`$${…}` and `%%{…}` in `args`, and a Dockerfile that uses them",
            "pushes app; SAID is '${HOME} %{if} $HOME'",
            PAIR,
            bakefile=target("app", 'args = { SAID = "$${HOME} %%{if} $HOME" }'),
            files={"Dockerfile": _SHOWN.format("ARG SAID\nENV SAID=$SAID")},
            bake="app",
            shows=(variable("app", "SAID"),),
            quick=True,
        ),
        Situation(
            "`$${…}` and `%%{…}` in `labels`",
            "pushes app; said is '${HOME} %{if} $HOME'",
            PAIR,
            bakefile=target("app", 'labels = { said = "$${HOME} %%{if} $HOME" }'),
            bake="app",
            shows=(label("app", "said"),),
        ),
        Situation(
            "`$${…}` in `dockerfile-inline`",
            "pushes app; WHO is 'hello world'",
            PAIR,
            bakefile=_TAGGED + '  args = { WHO = "world" }\n  dockerfile-inline = <<EOT\n'
            "FROM scratch AS dependencies\nCOPY requirements.txt /\nFROM dependencies\n"
            'ARG WHO\nENV WHO="hello $${WHO}"\nEOT\n}\n',
            bake="app",
            shows=(variable("app", "WHO"),),
        ),
        Situation(
            "an argument of an inline Dockerfile's dependencies changes",
            "pushes app; WHO is '2'",
            PAIR,
            bakefile='variable "V" { default = "1" }\n'
            + _TAGGED
            + "  args = { WHO = V }\n  dockerfile-inline = <<EOT\n"
            "FROM scratch AS dependencies\nARG WHO\nENV WHO=$${WHO}\n"
            "FROM dependencies\nCOPY app.txt /\nEOT\n}\n",
            then={
                "docker-bake.override.hcl": 'variable "V" { default = "2" }\n',
            },
            bake="app",
            shows=(variable("app", "WHO"),),
        ),
        Situation(
            "a null argument: the Dockerfile's default; an empty one: empty",
            "pushes app; INDEX is 'default'; EMPTY is ''",
            PAIR,
            bakefile='variable "INDEX" { default = null }\n'
            + _TAGGED
            + '  args = { INDEX = INDEX, EMPTY = "" }\n}\n',
            files={
                "Dockerfile": _SHOWN.format(
                    "ARG INDEX=default\nARG EMPTY=set\nENV INDEX=$INDEX EMPTY=$EMPTY"
                )
            },
            bake="app",
            shows=(variable("app", "INDEX"), variable("app", "EMPTY")),
        ),
        Situation(
            "numbers, switches, quotes, line ends and other letters in `args`",
            "pushes app; A is '1.5'; B is 'true'; C is 'a \"b\", c=d\\nä ☃'",
            PAIR,
            bakefile=_TAGGED + '  args = { A = 1.5, B = true, C = "a \\"b\\", c=d\\nä ☃" }\n}\n',
            files={"Dockerfile": _SHOWN.format("ARG A\nARG B\nARG C\nENV A=$A B=$B C=$C")},
            bake="app",
            shows=tuple(variable("app", name) for name in "ABC"),
        ),
        Situation(
            "an argument before the first `FROM` chooses the base",
            "pushes app; has /app.txt, /full.txt",
            PAIR,
            bakefile=target("app", 'args = { FLAVOUR = "full" }'),
            files={
                "Dockerfile": "ARG FLAVOUR=slim\nFROM scratch AS slim\nCOPY app.txt /slim.txt\n"
                "FROM scratch AS full\nCOPY app.txt /full.txt\n"
                "FROM $FLAVOUR AS dependencies\nFROM dependencies\nCOPY app.txt /\n"
            },
            bake="app",
            shows=(files("app"),),
        ),
        Situation(
            "an argument that the dependencies hand down to the final stage",
            "pushes app; VERSION is '7'",
            PAIR,
            bakefile=target("app", 'args = { VERSION = "7" }'),
            files={
                "Dockerfile": "FROM scratch AS dependencies\nARG VERSION\nCOPY requirements.txt /\n"
                "FROM dependencies\nENV VERSION=$VERSION\n"
            },
            bake="app",
            shows=(variable("app", "VERSION"),),
        ),
        Situation(
            "`dockerfile` and `dockerfile-inline` in one target",
            "pushes app; has /app.txt, /requirements.txt",
            PAIR,
            bakefile=_TAGGED
            + '  dockerfile = "nowhere"\n  dockerfile-inline = <<EOT\n'
            + DOCKERFILE
            + "EOT\n}\n",
            bake="app",
            shows=(files("app"),),
        ),
        Situation(
            "a null label is left out, an empty one stays",
            "pushes app; no null; empty is ''",
            PAIR,
            bakefile=target("app", 'labels = { null = null, empty = "" }'),
            bake="app",
            shows=(label("app", "null"), label("app", "empty")),
        ),
        Situation(
            "a label changes and nothing else",
            "pushes app; revision is '2'",
            PAIR,
            bakefile='variable "REVISION" { default = "1" }\n'
            + _TAGGED
            + "  labels = { revision = REVISION }\n}\n",
            then={"docker-bake.override.hcl": 'variable "REVISION" { default = "2" }\n'},
            bake="app",
            shows=(label("app", "revision"),),
        ),
    ),
)

GROUPS = (ARGS,)

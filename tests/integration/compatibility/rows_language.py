"""Rows: the language of bake files, and what overrides it."""

from __future__ import annotations

from tests.integration.compatibility.seen import files, label, variable
from tests.integration.compatibility.situation import PAIR, Group, Situation, target

_APP = target("app")
#: Shows the argument V.
_SHOWN = (
    "FROM scratch AS dependencies\nCOPY requirements.txt /\nFROM dependencies\nARG V\nENV V=$V\n"
)
_V = {"Dockerfile": _SHOWN}

LANGUAGE = Group(
    "Matrix, inheritance, functions, variables",
    (
        Situation(
            "a matrix with a tag for each",
            "pushes app:3-12, app:3-13",
            PAIR,
            bakefile='target "app" {\n  name = "app-${replace(py, ".", "-")}"\n'
            '  matrix = { py = ["3.12", "3.13"] }\n  args = { V = py }\n'
            '  tags = ["$REPO/app:${replace(py, ".", "-")}"]\n}\n',
            files=_V,
            bake="app",
        ),
        Situation(
            "a matrix with a repository for each",
            "pushes one, two; V is 'two'",
            PAIR,
            bakefile='target "app" {\n  name = name\n  matrix = { name = ["one", "two"] }\n'
            '  args = { V = name }\n  tags = ["$REPO/${name}"]\n}\n',
            files=_V,
            bake="app",
            shows=(variable("two", "V"),),
        ),
        Situation(
            "one target of a matrix",
            "pushes two",
            PAIR,
            bakefile='target "app" {\n  name = "app-${name}"\n'
            '  matrix = { name = ["one", "two"] }\n'
            '  tags = ["$REPO/${name}"]\n}\n',
            bake="app-two",
        ),
        Situation(
            "a matrix of publishing and checking",
            "pushes app; says: Check complete, no warnings found",
            PAIR,
            bakefile='target "all" {\n  name = "app-${what}"\n'
            '  matrix = { what = ["build", "check"] }\n  call = what\n'
            '  tags = what == "build" ? ["$REPO/app"] : []\n'
            '  output = what == "build" ? ["type=registry"] : []\n}\n',
            bake="all",
            flags="",
        ),
        Situation(
            "`inherits` from two: the last one wins, its own wins over both",
            "pushes app; V is 'second'; role is 'own'",
            PAIR,
            bakefile='target "a" {\n  args = { V = "first" }\n  labels = { role = "a" }\n}\n'
            'target "b" { args = { V = "second" } }\n'
            'target "app" {\n  inherits = ["a", "b"]\n  tags = ["$REPO/app"]\n'
            '  labels = { role = "own" }\n}\n',
            files=_V,
            bake="app",
            shows=(variable("app", "V"), label("app", "role")),
        ),
        Situation(
            "a function, a condition, a `for`",
            "pushes app:v1, app:v2; V is 'YES'",
            PAIR,
            bakefile='function "ref" {\n  params = [t]\n  result = "$REPO/app:${t}"\n}\n'
            'variable "RELEASE" { default = true }\n'
            'target "app" {\n  tags = [for t in ["v1", "v2"] : ref(t)]\n'
            '  args = { V = RELEASE ? upper("yes") : "no" }\n}\n',
            files=_V,
            bake="app",
            shows=(variable("app:v1", "V"),),
        ),
        Situation(
            "a variable from the environment",
            "pushes app:v9",
            PAIR,
            bakefile='variable "TAG" { default = "v1" }\n'
            'target "app" { tags = ["$REPO/app:${TAG}"] }\n',
            env={"TAG": "v9"},
            bake="app",
        ),
        Situation(
            "a variable of type `list(string)` from the environment",
            "pushes app:a, app:b",
            PAIR,
            bakefile='variable "TAGS" {\n  type = list(string)\n  default = ["latest"]\n}\n'
            'target "app" { tags = [for t in TAGS : "$REPO/app:${t}"] }\n',
            env={"TAGS": "a,b"},
            bake="app",
        ),
        Situation(
            "the same as JSON, in `TAGS_JSON`",
            "pushes app:a, app:b",
            PAIR,
            bakefile='variable "TAGS" {\n  type = list(string)\n  default = ["latest"]\n}\n'
            'target "app" { tags = [for t in TAGS : "$REPO/app:${t}"] }\n',
            env={"TAGS_JSON": '["a", "b"]'},
            bake="app",
        ),
        Situation(
            "a `validation` that does not hold",
            "exit 1: give a tag",
            "exit 2: give a tag",
            bakefile='variable "TAG" {\n  default = ""\n  validation {\n'
            '    condition = TAG != ""\n    error_message = "give a tag"\n  }\n}\n'
            'target "app" { tags = ["$REPO/app:${TAG}"] }\n',
            bake="app",
        ),
        Situation(
            "a variable that there is not",
            "exit 1: NOPE",
            "exit 2: NOPE",
            bakefile='target "app" { tags = ["$REPO/app:${NOPE}"] }\n',
            bake="app",
        ),
        Situation(
            "an attribute that there is not",
            "pushes app",
            PAIR,
            bakefile=target("app", "nope = 1"),
            bake="app",
        ),
        Situation(
            "another target's attribute: `target.app.tags`",
            "pushes app",
            PAIR,
            bakefile=_APP + 'target "web" { tags = target.app.tags }\n',
            bake="web",
        ),
        Situation(
            "`BAKE_LOCAL_PLATFORM`",
            "pushes app; V is 'linux/amd64'",
            PAIR,
            bakefile=target("app", "args = { V = BAKE_LOCAL_PLATFORM }"),
            files=_V,
            bake="app",
            shows=(variable("app", "V"),),
        ),
        Situation(
            "`--set app.args.V=a,b=c`",
            "pushes app; V is 'a,b=c'",
            PAIR,
            bakefile=_APP,
            files=_V,
            bake="--set app.args.V=a,b=c app",
            shows=(variable("app", "V"),),
        ),
        Situation(
            "`--set '*.tags=…'` twice, and `--set '*.labels.role=x'`",
            "pushes app:a, app:b",
            PAIR,
            bakefile=_APP,
            bake="--set '*.tags=$REPO/app:a' --set '*.tags=$REPO/app:b' "
            "--set '*.labels.role=x' app",
        ),
        Situation(
            "`--set '*.tags+=…'`",
            "pushes app, app:b",
            PAIR,
            bakefile=_APP,
            bake="--set '*.tags+=$REPO/app:b' app",
        ),
        Situation(
            "`--set nope.args.V=1`: a target that there is not",
            "exit 1: could not find any target matching 'nope'",
            "exit 2: nope",
            bakefile=_APP,
            bake="--set nope.args.V=1 app",
        ),
        Situation(
            "`--set app.nope=1`: a key that there is not",
            "exit 1: unknown key: nope",
            "exit 2: nope",
            bakefile=_APP,
            bake="--set app.nope=1 app",
        ),
        Situation(
            "`--set app.target=…` chooses another stage",
            "pushes app; has /later.txt, /requirements.txt",
            PAIR,
            bakefile=_APP,
            files={
                "Dockerfile": "FROM scratch AS dependencies\nCOPY requirements.txt /\n"
                "FROM dependencies AS later\nCOPY app.txt /later.txt\n"
                "FROM dependencies\nCOPY app.txt /\n"
            },
            bake="--set app.target=later app",
            shows=(files("app"),),
        ),
        Situation(
            "`--var TAG=v9`",
            "exit 125: unknown flag: --var",
            "pushes app:v9",
            why="buildx has it since 0.31",
            bakefile='variable "TAG" { default = "v1" }\n'
            'target "app" { tags = ["$REPO/app:${TAG}"] }\n',
            bake="--var TAG=v9 app",
        ),
        Situation(
            "`docker-bake.override.hcl`",
            "pushes app; V is 'override'",
            PAIR,
            bakefile=target("app", 'args = { V = "base" }'),
            files={
                "docker-bake.override.hcl": 'target "app" { args = { V = "override" } }\n',
                "Dockerfile": _SHOWN,
            },
            bake="app",
            shows=(variable("app", "V"),),
        ),
        Situation(
            "a bake file in JSON",
            "pushes app",
            PAIR,
            files={"docker-bake.json": '{"target": {"app": {"tags": ["$REPO/app"]}}}'},
            bake="app",
        ),
        Situation(
            "several files with `-f`, one of them `cwd://…`",
            "pushes app:1.2.3; title is 'it ${is} 100%{x}'",
            PAIR,
            bakefile='target "meta" { tags = ["$REPO/app:dev"] }\n'
            'target "app" { inherits = ["meta"] }\n',
            files={
                "meta.json": '{"target": {"meta": {"tags": ["$REPO/app:1.2.3"],'
                ' "labels": {"title": "it $${is} 100%%{x}"}}}}'
            },
            bake="-f docker-bake.hcl -f cwd://meta.json app",
            shows=(label("app:1.2.3", "title"),),
        ),
        Situation(
            "a bake file with a mistake",
            "exit 1: docker-bake.hcl:1",
            "exit 2: docker-bake.hcl:1",
            bakefile='target "app" {\n',
            bake="app",
        ),
        Situation(
            "a bake file that there is not",
            "exit 1: nope.hcl",
            "exit 2: nope.hcl",
            bake="-f nope.hcl app",
        ),
    ),
)

GROUPS = (LANGUAGE,)

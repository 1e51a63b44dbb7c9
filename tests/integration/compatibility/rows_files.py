"""Rows: what bake files and compose files say, and how flags and variables change it."""

from __future__ import annotations

from tests.integration.compatibility.seen import (
    annotations,
    attested,
    file,
    files,
    label,
    variable,
)
from tests.integration.compatibility.situation import DOCKERFILE, PAIR, Group, Situation

_TAGGED = 'target "app" {\n  tags = ["$REPO/app"]\n'
_APP = _TAGGED + "}\n"
#: Shows the argument V.
_SHOWN = "FROM scratch AS dependencies\nCOPY requirements.txt /\nFROM dependencies\nARG V\nENV V=$V\n"
_V = {"Dockerfile": _SHOWN}


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
                "      dockerfile_inline: |\n        FROM scratch AS dependencies\n        ARG WHO\n"
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
                "        output: [\"type=local,dest=out\"]\n"
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
            "exit 2: --allow=network.host",
            files=_compose(_WEB + "      network: host\n"),
        ),
        Situation(
            "`secrets` from a file outside of the project",
            "exit 1: --allow=fs.read=../token.txt",
            "exit 2: --allow=fs.read=",
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
            bakefile='target "app" {\n  name = "app-${name}"\n  matrix = { name = ["one", "two"] }\n'
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
            bakefile=_TAGGED + "  nope = 1\n}\n",
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
            bakefile=_TAGGED + "  args = { V = BAKE_LOCAL_PLATFORM }\n}\n",
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
            bake="--set '*.tags=$REPO/app:a' --set '*.tags=$REPO/app:b' --set '*.labels.role=x' app",
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
            files={"Dockerfile": "FROM scratch AS dependencies\nCOPY requirements.txt /\n"
                   "FROM dependencies AS later\nCOPY app.txt /later.txt\n"
                   "FROM dependencies\nCOPY app.txt /\n"},
            bake="--set app.target=later app",
            shows=(files("app"),),
        ),
        Situation(
            "`--var TAG=v9`",
            "exit 125: unknown flag: --var",
            "pushes app:v9",
            why="buildx has it since 0.30",
            bakefile='variable "TAG" { default = "v1" }\n'
            'target "app" { tags = ["$REPO/app:${TAG}"] }\n',
            bake="--var TAG=v9 app",
        ),
        Situation(
            "`docker-bake.override.hcl`",
            "pushes app; V is 'override'",
            PAIR,
            bakefile=_TAGGED + '  args = { V = "base" }\n}\n',
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

_BOTH = '  platforms = ["linux/amd64", "linux/arm64"]\n'

DESCRIBED = Group(
    "Attestations, annotations, labels",
    (
        Situation(
            "nothing is said: provenance",
            "pushes app; attested: provenance",
            PAIR,
            bakefile=_APP,
            bake="app",
            shows=(attested("app"),),
        ),
        Situation(
            '`attest = ["type=provenance,mode=max"]`',
            "pushes app; attested: provenance",
            PAIR,
            bakefile=_TAGGED + '  attest = ["type=provenance,mode=max"]\n}\n',
            bake="app",
            shows=(attested("app"),),
        ),
        Situation(
            '`attest = ["type=provenance,disabled=true"]`',
            "pushes app; attested: nothing",
            PAIR,
            bakefile=_TAGGED + '  attest = ["type=provenance,disabled=true"]\n}\n',
            bake="app",
            shows=(attested("app"),),
        ),
        Situation(
            "`--provenance=false`",
            "pushes app; attested: nothing",
            "exit 2: --provenance",
            why="There is no such flag; `--set '*.attest=type=provenance,disabled=true'` does it",
            bakefile=_APP,
            bake="--provenance=false app",
            shows=(attested("app"),),
        ),
        Situation(
            "`--set '*.attest=type=provenance,disabled=true'`",
            "pushes app; attested: nothing",
            PAIR,
            bakefile=_APP,
            bake="--set '*.attest=type=provenance,disabled=true' app",
            shows=(attested("app"),),
        ),
        Situation(
            "annotations of the index and of manifests, two platforms",
            "pushes app (amd64, arm64); index about=two words, index source=x, "
            "manifest about=two words, manifest title=web",
            PAIR,
            bakefile=_TAGGED + _BOTH + '  annotations = ["index:source=x", "manifest:title=web", '
            '"index,manifest:about=two words"]\n}\n',
            bake="app",
            shows=(annotations("app"),),
        ),
        Situation(
            "an annotation that is not for a level, one platform",
            "pushes app; manifest title=web",
            PAIR,
            bakefile=_TAGGED + '  annotations = ["title=web"]\n}\n',
            bake="app",
            shows=(annotations("app"),),
        ),
        Situation(
            "`$${…}` in an annotation",
            "pushes app; manifest title=${HOME} %{x}",
            PAIR,
            bakefile=_TAGGED + '  annotations = ["manifest:title=$${HOME} %%{x}"]\n}\n',
            bake="app",
            shows=(annotations("app"),),
        ),
        Situation(
            "an annotation changes and nothing else",
            "pushes app; manifest title=two",
            PAIR,
            bakefile='variable "TITLE" { default = "one" }\n' + _TAGGED
            + '  annotations = ["title=${TITLE}"]\n}\n',
            then={"docker-bake.override.hcl": 'variable "TITLE" { default = "two" }\n'},
            bake="app",
            shows=(annotations("app"),),
        ),
    ),
)

PLATFORMS = Group(
    "Platforms",
    (
        Situation(
            "two platforms",
            "pushes app (amd64, arm64)",
            PAIR,
            bakefile=_TAGGED + _BOTH + "}\n",
            bake="app",
        ),
        Situation(
            "one that is not the builder's own",
            "pushes app (arm64)",
            PAIR,
            bakefile=_TAGGED + '  platforms = ["linux/arm64"]\n}\n',
            bake="app",
        ),
        Situation(
            "one that is named twice, in two ways",
            "pushes app (arm64)",
            PAIR,
            bakefile=_TAGGED + '  platforms = ["linux/arm64", "linux/arm64/v8"]\n}\n',
            bake="app",
        ),
        Situation(
            "a variant: `linux/arm/v7`",
            "pushes app (arm/v7)",
            PAIR,
            bakefile=_TAGGED + '  platforms = ["linux/arm/v7"]\n}\n',
            bake="app",
        ),
        Situation(
            "`--set '*.platform=linux/arm64'`",
            "pushes app (arm64)",
            PAIR,
            bakefile=_APP,
            bake="--set '*.platform=linux/arm64' app",
        ),
        Situation(
            "a platform that is none",
            "exit 1: nope",
            "exit 2: nope",
            bakefile=_TAGGED + '  platforms = ["nope/nope/nope/nope"]\n}\n',
            bake="app",
        ),
        Situation(
            "stages by architecture: `FROM base-${TARGETARCH}`",
            "pushes app (amd64, arm64)",
            PAIR,
            bakefile=_TAGGED + _BOTH + "}\n",
            files={
                "Dockerfile": "FROM scratch AS base-amd64\nENV FLAVOUR=amd\n"
                "FROM scratch AS base-arm64\nENV FLAVOUR=arm\n"
                "FROM base-${TARGETARCH} AS dependencies\nCOPY requirements.txt /\n"
                "FROM dependencies\nCOPY app.txt /\n"
            },
            then={"app.txt": "two\n"},
            bake="app",
        ),
        Situation(
            "files of two platforms: `type=local`",
            "writes out/",
            bakefile='target "app" {\n' + _BOTH + '  output = ["type=local,dest=out"]\n}\n',
            bake="app",
            flags="",
        ),
        Situation(
            "`--load` of two platforms",
            "loads app (amd64, arm64)",
            "loads app",
            why="A pair is loaded for this machine; the message says so",
            bakefile=_TAGGED + _BOTH + "}\n",
            bake="--load app",
            flags="",
        ),
    ),
)

FLAGS = Group(
    "Flags",
    (
        Situation(
            "`--push`",
            "pushes app",
            PAIR,
            bakefile=_APP,
            bake="--push app",
            flags="",
        ),
        Situation(
            "`--load`",
            "loads app; /app.txt is 'one'",
            bakefile=_APP,
            bake="--load app",
            flags="",
            shows=(file("app", "/app.txt"),),
        ),
        Situation(
            "`--load` beside a target that writes files",
            "loads app; writes out/app.txt, out/requirements.txt",
            bakefile=_APP + 'target "files" { output = ["type=local,dest=out"] }\n',
            bake="--load app files",
            flags="",
        ),
        Situation(
            "`--load` over `type=registry`",
            "pushes app",
            "loads app",
            why="`--load` means that nothing is published",
            bakefile=_TAGGED + '  output = ["type=registry"]\n}\n',
            bake="--load app",
            flags="",
        ),
        Situation(
            "`--push` and `--load`",
            "pushes app",
            "exit 2: --load",
            why="Whether a pair is published has to be told",
            bakefile=_APP,
            bake="--push --load app",
            flags="",
        ),
        Situation(
            "`--print`",
            'says: "app": {',
            bakefile=_APP,
            bake="--print app",
            flags="",
        ),
        Situation(
            "`--no-cache`",
            "pushes app",
            PAIR,
            bakefile=_APP,
            bake="--no-cache app",
        ),
        Situation(
            "`--pull`",
            "pushes app",
            PAIR,
            bakefile=_APP,
            files={"Dockerfile": DOCKERFILE.replace("scratch", "$PYTHON")},
            bake="--pull app",
        ),
        Situation(
            "`--metadata-file`",
            "pushes app; writes meta.json",
            PAIR,
            bakefile=_APP,
            bake="--metadata-file meta.json app",
            quick=True,
        ),
        Situation(
            "`--metadata-file` in a folder that there is not",
            "pushes app; exit 1: no such file or directory",
            "exit 2: nowhere",
            why="It is looked at before anything is built",
            bakefile=_APP,
            bake="--metadata-file nowhere/meta.json app",
        ),
        Situation(
            "`--check`",
            "says: Check complete, no warnings found",
            "exit 2: --check",
            why="There is no such flag; `--set '*.call=check'` does it",
            bakefile=_APP,
            bake="--check app",
            flags="",
        ),
        Situation(
            "`--list targets`",
            "says: app",
            "exit 2: --list",
            why="There is no such flag; it builds nothing",
            bakefile=_APP,
            bake="--list targets",
            flags="",
        ),
        Situation(
            "a builder that there is not",
            'exit 1: no builder "nope" found',
            "exit 3: nope",
            bakefile=_APP,
            bake="--builder nope app",
        ),
    ),
)

ENVIRONMENT = Group(
    "Variables of the environment",
    (
        Situation(
            "`BUILDX_BAKE_FILE`, and a separator of its own",
            "pushes app; V is 'more'",
            PAIR,
            files={
                "one.hcl": _TAGGED + '  args = { V = "one" }\n}\n',
                "more.hcl": 'target "app" { args = { V = "more" } }\n',
                "Dockerfile": _SHOWN,
            },
            env={"BUILDX_BAKE_FILE": "one.hcl;more.hcl", "BUILDX_BAKE_PATH_SEPARATOR": ";"},
            bake="app",
            shows=(variable("app", "V"),),
        ),
        Situation(
            "`BUILDX_BAKE_FILE_RELATIVE_PATHS=1`",
            "pushes app",
            PAIR,
            bakefile=_APP,
            env={"BUILDX_BAKE_FILE_RELATIVE_PATHS": "1"},
            bake="app",
        ),
        Situation(
            "`BUILDX_GIT_LABELS=full`: a new commit",
            "pushes app; com.docker.image.source.entrypoint is 'Dockerfile'",
            PAIR,
            bakefile=_APP,
            setup="git init -q . && git add -A && "
            "git -c user.name=n -c user.email=e@example.org commit -qm one",
            env={"BUILDX_GIT_LABELS": "full"},
            bake="app",
            shows=(label("app", "com.docker.image.source.entrypoint"),),
            alike=False,
        ),
        Situation(
            "`SOURCE_DATE_EPOCH`, and a Dockerfile that uses it",
            "pushes app; V is '1111'",
            PAIR,
            bakefile=_APP,
            files={"Dockerfile": _SHOWN.replace("ARG V\n", "ARG SOURCE_DATE_EPOCH\n").replace(
                "$V", "$SOURCE_DATE_EPOCH")},
            env={"SOURCE_DATE_EPOCH": "1111"},
            bake="app",
            shows=(variable("app", "V"),),
        ),
        Situation(
            "`BUILDX_NO_DEFAULT_ATTESTATIONS=1`",
            "pushes app; attested: nothing",
            PAIR,
            bakefile=_APP,
            env={"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"},
            bake="app",
            shows=(attested("app"),),
        ),
        Situation(
            "`BUILDX_BUILDER` names a builder that there is not",
            'exit 1: no builder "nope" found',
            "exit 3: nope",
            bakefile=_APP,
            env={"BUILDX_BUILDER": "nope"},
            bake="app",
        ),
        Situation(
            "`BUILDX_METADATA_PROVENANCE=max`, `BUILDX_METADATA_WARNINGS=1`",
            "pushes app; writes meta.json",
            PAIR,
            bakefile=_APP,
            env={"BUILDX_METADATA_PROVENANCE": "max", "BUILDX_METADATA_WARNINGS": "1"},
            bake="--metadata-file meta.json app",
        ),
        Situation(
            "`BUILDKIT_PROGRESS=nope`, beside `--progress`",
            "pushes app",
            PAIR,
            bakefile=_APP,
            env={"BUILDKIT_PROGRESS": "nope"},
            bake="app",
        ),
        Situation(
            "proxy variables: `HTTP_PROXY` is no argument of bake's",
            "pushes app; V is ''",
            PAIR,
            bakefile=_APP,
            files={"Dockerfile": _SHOWN.replace("ARG V\n", "").replace("$V", '"$HTTP_PROXY"')},
            env={"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1,localhost"},
            bake="app",
            shows=(variable("app", "V"),),
        ),
    ),
)

GROUPS = (COMPOSE, LANGUAGE, DESCRIBED, PLATFORMS, FLAGS, ENVIRONMENT)

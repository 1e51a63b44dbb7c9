"""Rows: what images are made from: contexts, arguments, Dockerfiles, ignore files."""

from __future__ import annotations

from tests.integration.compatibility.seen import file, files, label, variable
from tests.integration.compatibility.situation import DOCKERFILE, PAIR, Group, Situation

_TAGGED = 'target "app" {\n  tags = ["$REPO/app"]\n'
_APP = _TAGGED + "}\n"
#: Shows an argument in what is built, without a command that runs.
_SHOWN = "FROM scratch AS dependencies\nCOPY requirements.txt /\nFROM dependencies\n{}\n"


def _linked(contexts: str, more: str = "") -> str:
    return f"{_TAGGED}  contexts = {{ {contexts} }}\n}}\n{more}"


CONTEXTS = Group(
    "Contexts and links",
    (
        Situation(
            "`contexts`: another target",
            "pushes app; /base.txt is 'one'",
            PAIR,
            bakefile=_linked('base = "target:base"', 'target "base" {\n'
                             '  dockerfile-inline = "FROM scratch\\nCOPY app.txt /base.txt"\n}\n'),
            files={"Dockerfile": DOCKERFILE + "COPY --from=base /base.txt /\n"},
            bake="app",
            shows=(file("app", "/base.txt"),),
        ),
        Situation(
            "a chain of links, `app` → `middle` → `first`",
            "pushes app; has /app.txt, /first.txt, /middle.txt",
            PAIR,
            bakefile=_linked(
                'middle = "target:middle"',
                'target "middle" {\n  contexts = { first = "target:first" }\n'
                '  dockerfile-inline = "FROM first\\nCOPY app.txt /middle.txt"\n}\n'
                'target "first" {\n'
                '  dockerfile-inline = "FROM scratch\\nCOPY app.txt /first.txt"\n}\n',
            ),
            files={"Dockerfile": "FROM middle AS dependencies\nFROM dependencies\nCOPY app.txt /\n"},
            bake="app",
            shows=(files("app"),),
        ),
        Situation(
            '`contexts = { dependencies = "target:deps" }`: a stage is replaced by its own target',
            "pushes app; has /app.txt, /requirements.txt",
            PAIR,
            bakefile=_linked(
                'dependencies = "target:deps"', 'target "deps" { target = "dependencies" }\n'
            ),
            bake="app",
            shows=(files("app"),),
        ),
        Situation(
            "a link to a target that is asked for and writes files",
            "pushes app; writes out/base.txt",
            PAIR,
            bakefile=_linked(
                'base = "target:base"',
                'target "base" {\n  output = ["type=local,dest=out"]\n'
                '  dockerfile-inline = "FROM scratch\\nCOPY app.txt /base.txt"\n}\n',
            ),
            files={"Dockerfile": DOCKERFILE + "COPY --from=base /base.txt /\n"},
            bake="app base",
        ),
        Situation(
            "a link to a target that does not succeed",
            "exit 1: did not complete successfully",
            "exit 4: did not complete successfully",
            bakefile=_linked(
                'base = "target:base"',
                'target "base" {\n  dockerfile-inline = "FROM $PYTHON\\nRUN exit 7"\n}\n',
            ),
            files={"Dockerfile": DOCKERFILE + "COPY --from=base /base.txt /\n"},
            bake="app",
        ),
        Situation(
            "a link to a target that there is not",
            "exit 1: failed to find target nope",
            "exit 2: nope",
            bakefile=_linked('base = "target:nope"'),
            bake="app",
        ),
        Situation(
            "links in a circle",
            "exit 1: infinite loop from",
            "exit 2: infinite loop from",
            bakefile=_linked(
                'base = "target:base"',
                'target "base" {\n  contexts = { app = "target:app" }\n}\n',
            ),
            bake="app",
        ),
        Situation(
            "`contexts`: a folder in the project, with an ignore file of its own",
            "pushes app; has /app.txt, /kept.txt, /requirements.txt",
            PAIR,
            bakefile=_linked('more = "./more"'),
            files={
                "more/kept.txt": "kept\n",
                "more/left.txt": "left\n",
                "more/.dockerignore": "left.txt\n.dockerignore\n",
                "Dockerfile": DOCKERFILE + "COPY --from=more . /\n",
            },
            bake="app",
            shows=(files("app"),),
        ),
        Situation(
            "a file of a named context changes: the dependencies are built anew",
            "pushes app; /more.txt is 'two'",
            PAIR,
            bakefile=_linked('more = "./more"'),
            files={
                "more/more.txt": "one\n",
                "Dockerfile": DOCKERFILE.replace(
                    "COPY requirements.txt /", "COPY --from=more more.txt /"
                ),
            },
            then={"more/more.txt": "two\n"},
            bake="app",
            shows=(file("app", "/more.txt"),),
        ),
        Situation(
            "`contexts`: an image, `docker-image://`",
            "pushes app; has /app.txt, /requirements.txt",
            PAIR,
            bakefile=_linked('base = "docker-image://$PYTHON"'),
            files={"Dockerfile": DOCKERFILE.replace("scratch", "base")},
            bake="app",
            shows=(files("app"),),
        ),
        Situation(
            "`contexts`: an image that there is not",
            "exit 1: not found",
            "exit 2: not found",
            bakefile=_linked('base = "docker-image://$REPO/nope"'),
            files={"Dockerfile": DOCKERFILE.replace("scratch", "base")},
            bake="app",
        ),
        Situation(
            "`contexts`: an OCI layout in the project",
            "pushes app; /base.txt is 'one'",
            PAIR,
            bakefile=_linked('base = "oci-layout://layout"'),
            files={"Dockerfile": DOCKERFILE.replace("scratch", "base"),
                   "base.Dockerfile": "FROM scratch\nCOPY app.txt /base.txt\n"},
            setup="docker buildx build -q -f base.Dockerfile --provenance=false"
            " -o type=oci,dest=layout,tar=false .",
            bake="app",
            shows=(file("app", "/base.txt"),),
        ),
        Situation(
            "a folder of the project is the context, and has the Dockerfile",
            "pushes app; /app.txt is 'inside'",
            PAIR,
            bakefile=_TAGGED + '  context = "service"\n}\n',
            files={
                "service/Dockerfile": DOCKERFILE,
                "service/requirements.txt": "left==1\n",
                "service/app.txt": "inside\n",
            },
            bake="app",
            shows=(file("app", "/app.txt"),),
        ),
        Situation(
            "a context that there is not",
            "exit 1: path \"nowhere\" not found",
            "exit 2: nowhere",
            bakefile=_TAGGED + '  context = "nowhere"\n}\n',
            bake="app",
        ),
        Situation(
            "a context that is a link to a folder of the project",
            "pushes app; /app.txt is 'inside'",
            PAIR,
            bakefile=_TAGGED + '  context = "link"\n}\n',
            files={
                "service/Dockerfile": DOCKERFILE,
                "service/requirements.txt": "left==1\n",
                "service/app.txt": "inside\n",
            },
            setup="ln -s service link",
            bake="app",
            shows=(file("app", "/app.txt"),),
        ),
        Situation(
            "two targets that have one name for different contexts",
            "pushes app, worker; /from.txt is 'b'",
            PAIR,
            bakefile=_linked(
                'more = "a"',
                'target "worker" {\n  tags = ["$REPO/worker"]\n  contexts = { more = "b" }\n}\n',
            ),
            files={
                "a/from.txt": "a\n",
                "b/from.txt": "b\n",
                "Dockerfile": DOCKERFILE + "COPY --from=more from.txt /\n",
            },
            bake="app worker",
            shows=(file("worker", "/from.txt"),),
        ),
    ),
)

ARGS = Group(
    "Arguments, escapes and inline Dockerfiles",
    (
        Situation(
            "`$${…}` and `%%{…}` in `args`, and a Dockerfile that uses them",
            "pushes app; SAID is '${HOME} %{if} $HOME'",
            PAIR,
            bakefile=_TAGGED + '  args = { SAID = "$${HOME} %%{if} $HOME" }\n}\n',
            files={"Dockerfile": _SHOWN.format("ARG SAID\nENV SAID=$SAID")},
            bake="app",
            shows=(variable("app", "SAID"),),
            quick=True,
        ),
        Situation(
            "`$${…}` and `%%{…}` in `labels`",
            "pushes app; said is '${HOME} %{if} $HOME'",
            PAIR,
            bakefile=_TAGGED + '  labels = { said = "$${HOME} %%{if} $HOME" }\n}\n',
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
            bakefile='variable "V" { default = "1" }\n' + _TAGGED
            + '  args = { WHO = V }\n  dockerfile-inline = <<EOT\n'
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
            bakefile='variable "INDEX" { default = null }\n' + _TAGGED
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
            bakefile=_TAGGED + '  args = { FLAVOUR = "full" }\n}\n',
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
            bakefile=_TAGGED + '  args = { VERSION = "7" }\n}\n',
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
            bakefile=_TAGGED + '  dockerfile = "nowhere"\n  dockerfile-inline = <<EOT\n'
            + DOCKERFILE + "EOT\n}\n",
            bake="app",
            shows=(files("app"),),
        ),
        Situation(
            "a null label is left out, an empty one stays",
            "pushes app; no null; empty is ''",
            PAIR,
            bakefile=_TAGGED + '  labels = { null = null, empty = "" }\n}\n',
            bake="app",
            shows=(label("app", "null"), label("app", "empty")),
        ),
        Situation(
            "a label changes and nothing else",
            "pushes app; revision is '2'",
            PAIR,
            bakefile='variable "REVISION" { default = "1" }\n' + _TAGGED
            + '  labels = { revision = REVISION }\n}\n',
            then={"docker-bake.override.hcl": 'variable "REVISION" { default = "2" }\n'},
            bake="app",
            shows=(label("app", "revision"),),
        ),
    ),
)

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
            bakefile=_TAGGED + '  secret = ["id=token,env=TOKEN"]\n}\n',
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
            "exit 2: --allow=fs.read=../token.txt",
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
            "exit 2: --allow=fs.read=/etc/hostname",
            bakefile=_token("/etc/hostname"),
            files={"Dockerfile": _SECRET},
            bake="app",
        ),
        Situation(
            "a secret's file in the project that is a link out of it",
            "exit 1: --allow=fs.read=",
            "exit 2: --allow=fs.read=",
            bakefile=_token("token.txt"),
            files={"Dockerfile": _SECRET, "../token.txt": "s3cret\n"},
            setup="ln -s ../token.txt token.txt",
            bake="app",
        ),
        Situation(
            '`context = ".."`',
            "exit 1: --allow=fs.read=..",
            "exit 2: --allow=fs.read=..",
            bakefile="",
            files={"deploy/docker-bake.hcl": _TAGGED + '  context = ".."\n}\n'},
            cwd="deploy",
            bake="app",
        ),
        Situation(
            '`context = ".."` with `--allow fs.read=..`',
            "pushes app; has /app.txt, /requirements.txt",
            PAIR,
            files={"deploy/docker-bake.hcl": _TAGGED + '  context = ".."\n}\n'},
            cwd="deploy",
            bake="--allow fs.read=.. app",
            shows=(files("app"),),
        ),
        Situation(
            "a named context outside of the project",
            "exit 1: --allow=fs.read=../more",
            "exit 2: --allow=fs.read=../more",
            bakefile=_linked('more = "../more"'),
            files={"../more/more.txt": "x\n", "Dockerfile": DOCKERFILE + "COPY --from=more . /\n"},
            bake="app",
        ),
        Situation(
            "a Dockerfile outside of the project",
            "exit 1: --allow=fs.read=../Dockerfile",
            "exit 2: --allow=fs.read=..",
            bakefile=_TAGGED + '  dockerfile = "../Dockerfile"\n}\n',
            files={"../Dockerfile": DOCKERFILE},
            bake="app",
        ),
        Situation(
            "a cache that is written outside of the project",
            "exit 1: --allow=fs.write=..",
            "exit 2: --allow=fs.write=..",
            bakefile=_TAGGED + '  cache-to = ["type=local,dest=../cache"]\n}\n',
            bake="app",
        ),
        Situation(
            "files that are written outside of the project",
            "exit 1: --allow=fs.write=..",
            "exit 2: --allow=fs.write=..",
            bakefile=_TAGGED + '  output = ["type=local,dest=../out"]\n}\n',
            bake="app",
            flags="",
        ),
        Situation(
            "the same with `--allow fs.write=..`",
            "writes ../out/app.txt, ../out/requirements.txt",
            bakefile=_TAGGED + '  output = ["type=local,dest=../out"]\n}\n',
            bake="--allow fs.write=.. app",
            flags="",
        ),
        Situation(
            "`entitlements = [\"network.host\"]`",
            "exit 1: --allow=network.host",
            "exit 2: --allow=network.host",
            bakefile=_TAGGED + '  entitlements = ["network.host"]\n}\n',
            files={"Dockerfile": _NEEDS_RUN},
            bake="app",
        ),
        Situation(
            "the same with `--allow network.host`",
            "pushes app",
            PAIR,
            bakefile=_TAGGED + '  entitlements = ["network.host"]\n}\n',
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
            "`network = \"host\"` and no `--allow`",
            "exit 1: --allow=network.host",
            "exit 2: --allow=network.host",
            bakefile=_TAGGED + '  network = "host"\n}\n',
            bake="app",
        ),
        Situation(
            "a linked target that has `entitlements`",
            "exit 1: --allow=network.host",
            "exit 2: --allow=network.host",
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
            "`entitlements = [\"security.insecure\"]`",
            "exit 1: --allow=security.insecure",
            "exit 2: --allow=security.insecure",
            bakefile=_TAGGED + '  entitlements = ["security.insecure"]\n}\n',
            files={"Dockerfile": _INSECURE},
            bake="app",
        ),
        Situation(
            "`ssh`: the agent's keys",
            "exit 1: --allow=ssh",
            "exit 2: --allow=ssh",
            bakefile=_TAGGED + '  ssh = ["default"]\n}\n',
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

_COPY_ALL = "FROM scratch AS dependencies\nCOPY . /all/\nFROM dependencies\nCOPY app.txt /\n"

DOCKERFILES = Group(
    "Dockerfiles and ignore files",
    (
        Situation(
            "it is called `dockerfile`",
            "pushes app",
            PAIR,
            bakefile=_APP,
            files={"Dockerfile": "", "dockerfile": DOCKERFILE},
            bake="app",
        ),
        Situation(
            "`Dockerfile` and `dockerfile`",
            "pushes app; has /app.txt, /requirements.txt",
            PAIR,
            bakefile=_APP,
            files={"dockerfile": "FROM scratch\nCOPY app.txt /wrong.txt\n"},
            bake="app",
            shows=(files("app"),),
        ),
        Situation(
            "no Dockerfile",
            "exit 1: failed to read dockerfile",
            "exit 2: Dockerfile",
            bakefile=_APP,
            files={"Dockerfile": ""},
            bake="app",
        ),
        Situation(
            "it is a folder",
            "exit 1",
            "exit 2: Dockerfile",
            bakefile=_APP,
            files={"Dockerfile": "", "Dockerfile/x": "x\n"},
            bake="app",
        ),
        Situation(
            "it is empty",
            "exit 1: the Dockerfile cannot be empty",
            "exit 2: Dockerfile",
            bakefile=_APP,
            files={"Dockerfile": ""},
            setup=": > Dockerfile",
            bake="app",
        ),
        Situation(
            "bytes that are not UTF-8 in a comment",
            "pushes app",
            PAIR,
            bakefile=_APP,
            files={"Dockerfile": b"# K\xfcche: Abh\xe4ngigkeiten\n" + DOCKERFILE.encode()},
            bake="app",
        ),
        Situation(
            "bytes that are not UTF-8 in the ignore file",
            "pushes app; has /all/Dockerfile, /all/app.txt, /all/requirements.txt, /app.txt",
            PAIR,
            bakefile=_APP,
            files={
                "Dockerfile": _COPY_ALL,
                ".dockerignore": b"# gro\xdf\nvendor\nB\xfccher\n.dockerignore\ndocker-bake.hcl\n",
                "vendor/x": "x\n",
            },
            bake="app",
            shows=(files("app"),),
        ),
        Situation(
            "a byte order mark before the Dockerfile and before the ignore file",
            "pushes app; has /all/Dockerfile, /all/app.txt, /all/requirements.txt, /app.txt",
            PAIR,
            bakefile=_APP,
            files={
                "Dockerfile": b"\xef\xbb\xbf" + _COPY_ALL.encode(),
                ".dockerignore": b"\xef\xbb\xbfvendor\n.dockerignore\ndocker-bake.hcl\n",
                "vendor/x": "x\n",
            },
            bake="app",
            shows=(files("app"),),
        ),
        Situation(
            "Windows line ends",
            "pushes app; has /app.txt, /requirements.txt",
            PAIR,
            bakefile=_APP,
            files={"Dockerfile": DOCKERFILE.replace("\n", "\r\n")},
            bake="app",
            shows=(files("app"),),
        ),
        Situation(
            "`# escape=` and heredocs",
            "pushes app; /CONF is 'index = $HOME'; /LIST is 'tabbed'",
            PAIR,
            bakefile=_APP,
            files={
                "Dockerfile": "# escape=`\n# check=skip=all\nFROM scratch AS dependencies\n"
                "COPY requirements.txt `\n     /\n"
                'COPY <<"CONF" <<-LIST /\nindex = $HOME\nCONF\n\ttabbed\n\tLIST\n'
                "FROM dependencies\nCOPY app.txt /\n"
            },
            bake="app",
            shows=(file("app", "/CONF"), file("app", "/LIST")),
        ),
        Situation(
            "a Dockerfile that is a link within the project",
            "pushes app",
            PAIR,
            bakefile=_APP,
            files={"Dockerfile": "", "docker/app.Dockerfile": DOCKERFILE},
            setup="ln -s docker/app.Dockerfile Dockerfile",
            bake="app",
        ),
        Situation(
            "a Dockerfile that is a link out of the project",
            "exit 1: --allow=fs.read=../app.Dockerfile",
            "exit 2: --allow=fs.read=../app.Dockerfile",
            bakefile=_APP,
            files={"Dockerfile": "", "../app.Dockerfile": DOCKERFILE},
            setup="ln -s ../app.Dockerfile Dockerfile",
            bake="app",
        ),
        Situation(
            "the same with `--allow fs.read=..`: BuildKit does not follow it",
            "exit 1: failed to read dockerfile",
            "exit 2: Dockerfile",
            bakefile=_APP,
            files={"Dockerfile": "", "../app.Dockerfile": DOCKERFILE},
            setup="ln -s ../app.Dockerfile Dockerfile",
            bake="--allow fs.read=.. app",
        ),
        Situation(
            "an ignore file that is a link out of the project: a file that it names changes",
            "pushes app; /all/local.txt is 'two'",
            PAIR,
            bakefile=_APP,
            files={
                "Dockerfile": _COPY_ALL.replace("COPY . /all/", "COPY vendor /all/"),
                "../ignore": "vendor/local.txt\n",
                "vendor/local.txt": "one\n",
            },
            setup="ln -s ../ignore .dockerignore",
            then={"vendor/local.txt": "two\n"},
            bake="app",
            shows=(file("app", "/all/local.txt"),),
        ),
        Situation(
            "`app.Dockerfile.dockerignore` beside `.dockerignore`",
            "pushes app; has /all/app.txt, /all/left.txt, /app.txt",
            PAIR,
            bakefile=_TAGGED + '  dockerfile = "app.Dockerfile"\n}\n',
            files={
                "app.Dockerfile": _COPY_ALL,
                ".dockerignore": "left.txt\n",
                "app.Dockerfile.dockerignore": "*\n!app.txt\n!left.txt\n",
                "left.txt": "x\n",
            },
            bake="app",
            shows=(files("app"),),
        ),
        Situation(
            "what is copied is ignored",
            'exit 1: "/requirements.txt": not found',
            'exit 4: "/requirements.txt": not found',
            bakefile=_APP,
            files={".dockerignore": "*.txt\n"},
            bake="app",
        ),
        Situation(
            "a Dockerfile in a folder beside the context",
            "pushes app; /app.txt is 'inside'",
            PAIR,
            bakefile=_TAGGED + '  context = "src"\n  dockerfile = "../docker/Dockerfile"\n}\n',
            files={
                "docker/Dockerfile": DOCKERFILE,
                "src/requirements.txt": "left==1\n",
                "src/app.txt": "inside\n",
            },
            bake="app",
            shows=(file("app", "/app.txt"),),
        ),
        Situation(
            "a stage's name in other letters: `target = \"FINAL\"`, `FROM … AS Dependencies`",
            "pushes app; has /app.txt, /requirements.txt",
            PAIR,
            bakefile=_TAGGED + '  target = "FINAL"\n}\n',
            files={
                "Dockerfile": "FROM scratch AS Dependencies\nCOPY requirements.txt /\n"
                "FROM dependencies AS final\nCOPY app.txt /\n"
                "FROM scratch AS later\nCOPY app.txt /later.txt\n"
            },
            bake="app",
            shows=(files("app"),),
        ),
        Situation(
            "a stage that there is not",
            "exit 1: target stage \"nope\" could not be found",
            "exit 2: nope",
            bakefile=_TAGGED + '  target = "nope"\n}\n',
            bake="app",
        ),
        Situation(
            "an instruction that there is not",
            "exit 1: unknown instruction: COPPY",
            "exit 4: unknown instruction: COPPY",
            bakefile=_APP,
            files={"Dockerfile": DOCKERFILE.replace("COPY --link", "COPPY")},
            bake="app",
        ),
        Situation(
            "odd file names: spaces, `$`, brackets, line ends, links that lead nowhere, a pipe",
            "pushes app; has /all/$HOME.txt, /all/[x].txt, /all/dangling, /all/new\nline, "
            "/all/ä ö/x, /app.txt",
            PAIR,
            bakefile=_APP,
            files={
                "Dockerfile": _COPY_ALL.replace("COPY . /all/", 'COPY ["in put/", "/all/"]'),
                "in put/ä ö/x": "1\n",
                "in put/$HOME.txt": "2\n",
                "in put/[x].txt": "3\n",
                "in put/new\nline": "4\n",
            },
            setup='ln -s nowhere "in put/dangling"',
            bake="app",
            shows=(files("app"),),
        ),
        Situation(
            "a file name that is not UTF-8",
            "exit 100: string field contains invalid UTF-8",
            "exit 2: caf",
            bakefile=_APP,
            files={"Dockerfile": _COPY_ALL, "in/x": "1\n"},
            setup="touch \"$(printf 'in/caf\\351.txt')\"",
            bake="app",
        ),
        Situation(
            "a step's output that is not UTF-8",
            "pushes app",
            PAIR,
            bakefile=_APP,
            files={
                "Dockerfile": "FROM $PYTHON AS dependencies\nCOPY requirements.txt /\n"
                "RUN printf 'gr\\374\\337e \\342\\236 \\033[31mred\\033[0m\\rover\\000nul\\n'\n"
                "FROM dependencies\nCOPY app.txt /\n"
            },
            bake="app",
        ),
        Situation(
            "nothing has changed: the command is given again",
            "pushes app",
            PAIR,
            bakefile=_APP,
            then={"notes.txt": "not copied\n"},
            bake="app",
        ),
        Situation(
            "the dependencies change",
            "pushes app; /requirements.txt is 'left==2'",
            PAIR,
            bakefile=_APP,
            then={"requirements.txt": "left==2\n"},
            bake="app",
            shows=(file("app", "/requirements.txt"),),
        ),
    ),
)

GROUPS = (CONTEXTS, ARGS, CONSENT, DOCKERFILES)

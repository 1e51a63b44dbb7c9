"""Rows: contexts, and targets that link to others."""

from __future__ import annotations

from tests.integration.compatibility.seen import file, files
from tests.integration.compatibility.situation import DOCKERFILE, PAIR, Group, Situation, target

_TAGGED = 'target "app" {\n  tags = ["$REPO/app"]\n'


def _linked(contexts: str, more: str = "") -> str:
    return f"{_TAGGED}  contexts = {{ {contexts} }}\n}}\n{more}"


CONTEXTS = Group(
    "Contexts and links",
    (
        Situation(
            "`contexts`: another target",
            "pushes app; /base.txt is 'one'",
            PAIR,
            bakefile=_linked(
                'base = "target:base"',
                'target "base" {\n'
                '  dockerfile-inline = "FROM scratch\\nCOPY app.txt /base.txt"\n}\n',
            ),
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
            files={
                "Dockerfile": "FROM middle AS dependencies\nFROM dependencies\nCOPY app.txt /\n"
            },
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
            files={"Dockerfile": DOCKERFILE.replace("scratch", "base")},
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
            "exit 4: not found",
            bakefile=_linked('base = "docker-image://$REPO/nope"'),
            files={"Dockerfile": DOCKERFILE.replace("scratch", "base")},
            bake="app",
        ),
        Situation(
            "`contexts`: an OCI layout in the project",
            "pushes app; /base.txt is 'one'",
            PAIR,
            bakefile=_linked('base = "oci-layout://layout"'),
            files={
                "Dockerfile": DOCKERFILE.replace("scratch", "base"),
                "base.Dockerfile": "FROM scratch\nCOPY app.txt /base.txt\n",
            },
            setup="docker buildx build -q -f base.Dockerfile --provenance=false"
            " -o type=oci,dest=layout,tar=false .",
            bake="app",
            shows=(file("app", "/base.txt"),),
        ),
        Situation(
            "a folder of the project is the context, and has the Dockerfile",
            "pushes app; /app.txt is 'inside'",
            PAIR,
            bakefile=target("app", 'context = "service"'),
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
            'exit 1: path "nowhere" not found',
            "exit 2: nowhere",
            bakefile=target("app", 'context = "nowhere"'),
            bake="app",
        ),
        Situation(
            "a context that is a link to a folder of the project",
            "pushes app; /app.txt is 'inside'",
            PAIR,
            bakefile=target("app", 'context = "link"'),
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

GROUPS = (CONTEXTS,)

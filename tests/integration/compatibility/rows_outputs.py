"""Rows: where results go."""

from __future__ import annotations

from tests.integration.compatibility.seen import file, written
from tests.integration.compatibility.situation import DOCKERFILE, PAIR, Group, Situation, target

_APP = """
target "app" {
  tags = ["$REPO/app"]
  output = ["type=registry"]
}
"""

OUTPUTS = Group(
    "Outputs",
    (
        Situation(
            "no `output` and no `--push`",
            "loads app",
            "pushes app",
            why="A pair's place is the registry; `--load` loads it",
            bakefile=target("app"),
            bake="app",
            flags="",
        ),
        Situation(
            "`type=local`",
            "writes out/; out/deep/more.txt is 'more'",
            bakefile=target("files", 'output = ["type=local,dest=out"]'),
            files={
                "more.txt": "more\n",
                "Dockerfile": DOCKERFILE + "COPY more.txt /deep/more.txt\n",
            },
            bake="files",
            flags="",
            shows=(written("out/deep/more.txt"),),
        ),
        Situation(
            "`type=local` and `--push`",
            "writes out/app.txt, out/requirements.txt",
            bakefile=target("files", 'output = ["type=local,dest=out"]'),
            bake="files",
            own_flags="--push",
        ),
        Situation(
            "`type=tar`",
            "writes out.tar",
            bakefile='target "files" {\n  output = ["type=tar,dest=out.tar"]\n}\n',
            bake="files",
            flags="",
        ),
        Situation(
            "`type=oci`",
            "writes image.tar",
            bakefile='target "files" {\n  tags = ["$REPO/app"]\n'
            '  output = ["type=oci,dest=image.tar"]\n}\n',
            bake="files",
            flags="",
        ),
        Situation(
            "`type=docker` with `dest`",
            "writes image.tar",
            bakefile='target "files" {\n  tags = ["$REPO/app"]\n'
            '  output = ["type=docker,dest=image.tar"]\n}\n',
            bake="files",
            flags="",
        ),
        Situation(
            "`type=docker`",
            "loads app; /app.txt is 'one'",
            bakefile=target("app", 'output = ["type=docker"]'),
            bake="app",
            flags="",
            shows=(file("app", "/app.txt"),),
        ),
        Situation(
            "`type=cacheonly`",
            "nothing",
            bakefile=target("app", 'output = ["type=cacheonly"]'),
            bake="app",
            flags="",
        ),
        Situation(
            "`type=cacheonly` and `--push`",
            "nothing",
            bakefile=target("app", 'output = ["type=cacheonly"]'),
            bake="app",
            own_flags="--push",
        ),
        Situation(
            "`type=image` with `push=false`",
            "loads app",
            bakefile=target("app", 'output = ["type=image,push=false"]'),
            bake="app",
            flags="",
        ),
        Situation(
            "`type=image` without `push`, and no `--push`",
            "loads app",
            "pushes app",
            why="It is a pair's application, as without `output`; `push=false` keeps it here",
            bakefile=target("app", 'output = ["type=image"]'),
            bake="app",
            flags="",
        ),
        Situation(
            "`type=registry` and `type=local` in one target",
            "pushes app; writes out/app.txt, out/requirements.txt",
            PAIR,
            bakefile='target "app" {\n  tags = ["$REPO/app"]\n'
            '  output = ["type=registry", "type=local,dest=out"]\n}\n',
            bake="app",
            flags="",
        ),
        Situation(
            "`--set '*.output=type=local,dest=out'`",
            "writes out/app.txt, out/requirements.txt",
            bakefile=_APP,
            bake="--set '*.output=type=local,dest=out' app",
            flags="",
        ),
        Situation(
            "`--set app.output=type=cacheonly`: a build that only has to pass",
            "nothing",
            bakefile=_APP,
            bake="--set app.output=type=cacheonly app",
            flags="",
        ),
        Situation(
            "`--set '*.output=type=registry'` over `type=local`",
            "pushes app",
            PAIR,
            bakefile=target("app", 'output = ["type=local,dest=out"]'),
            bake="--set '*.output=type=registry' app",
            flags="",
        ),
        Situation(
            "`output = []`",
            "loads app",
            "pushes app",
            why="It is no output, and so a pair's application",
            bakefile=target("app", "output = []"),
            bake="app",
            flags="",
        ),
        Situation(
            "`type=tar` to standard output",
            "says: app.txt",
            bakefile='target "files" {\n  output = ["type=tar,dest=-"]\n}\n',
            bake="files",
            flags="",
        ),
        Situation(
            "exporter options: `compression=uncompressed`, `oci-mediatypes=true`",
            "pushes app",
            PAIR,
            bakefile='target "app" {\n  tags = ["$REPO/app"]\n  output = ["type=registry,'
            'compression=uncompressed,force-compression=true,oci-mediatypes=true"]\n}\n',
            bake="app",
            flags="",
        ),
        Situation(
            "an exporter that there is not",
            'exit 1: exporter "nope" could not be found',
            'exit 4: exporter "nope" could not be found',
            bakefile=target("app", 'output = ["type=nope"]'),
            bake="app",
            flags="",
        ),
    ),
)

GROUPS = (OUTPUTS,)

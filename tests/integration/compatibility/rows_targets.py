"""Rows: which targets are built, what becomes of them, and under which names."""

from __future__ import annotations

from tests.integration.compatibility.seen import file, files, written
from tests.integration.compatibility.situation import DOCKERFILE, PAIR, Group, Situation

_APP = """
target "app" {
  tags = ["$REPO/app"]
  output = ["type=registry"]
}
"""
#: Beside the application: a target that needs nothing of it.
_DOCS = "FROM scratch\nCOPY app.txt /docs.txt\n"
_CHECK = 'target "lint" {\n  call = "check"\n}\n'
_TESTED = (
    "FROM $PYTHON AS dependencies\nCOPY requirements.txt /\n"
    "FROM dependencies AS final\nCOPY --link app.txt /\n"
    "FROM final AS test\nRUN grep -q one /app.txt\n"
)

TARGETS = Group(
    "Targets and groups",
    (
        Situation(
            "one target, called `default`",
            "pushes app",
            PAIR,
            bakefile='target "default" {\n  tags = ["$REPO/app:latest"]\n}\n',
        ),
        Situation(
            "a Dockerfile and no bake file",
            "exit 1: couldn't find a bake definition",
            "pushes app",
            why="The image's name is the setting `image` then",
            env={"WHALEBUILD_IMAGE": "$REPO/app"},
        ),
        Situation(
            "`bake app all app`: a group of a group, and what is named twice",
            "pushes app, worker",
            PAIR,
            bakefile='group "all" { targets = ["services", "app"] }\n'
            'group "services" { targets = ["worker"] }\n'
            'target "worker" {\n  inherits = ["app"]\n  tags = ["$REPO/worker"]\n}\n' + _APP,
            bake="app all app",
        ),
        Situation(
            "`bake worker default`, where `default` is a target",
            "pushes app, worker",
            PAIR,
            bakefile='target "default" {\n  tags = ["$REPO/app"]\n}\n'
            'target "worker" {\n  inherits = ["default"]\n  args = { ROLE = "worker" }\n'
            '  tags = ["$REPO/worker"]\n}\n',
            bake="worker default",
        ),
        Situation(
            "a group and a target of one name",
            "pushes app",
            PAIR,
            bakefile='group "both" { targets = ["app"] }\n'
            'target "both" {\n  tags = ["$REPO/both"]\n}\n' + _APP,
            bake="both",
        ),
        Situation(
            "a target that there is not",
            "exit 1: failed to find target nope",
            "exit 2: nope",
            bakefile=_APP,
            bake="nope",
        ),
        Situation(
            "no `default` group or target, and none named",
            "exit 1: failed to find target default",
            "exit 2: default",
            bakefile=_APP,
        ),
        Situation(
            "a target with the name of a derived one: `app` and `app-deps`",
            "pushes app, mock; /mock.txt is 'one'",
            PAIR,
            bakefile='target "app-deps" {\n  dockerfile = "mock.Dockerfile"\n'
            '  tags = ["$REPO/mock"]\n}\n' + _APP,
            files={"mock.Dockerfile": "FROM scratch\nCOPY app.txt /mock.txt\n"},
            bake="app app-deps",
            shows=(file("mock", "/mock.txt"),),
        ),
        Situation(
            "a target whose name ends in `deps` and is no dependencies",
            "pushes app, checker",
            PAIR,
            bakefile='target "check-deps" {\n  dockerfile = "mock.Dockerfile"\n'
            '  tags = ["$REPO/checker"]\n}\n' + _APP,
            files={"mock.Dockerfile": "FROM scratch\nCOPY app.txt /checker.txt\n"},
            bake="app check-deps",
        ),
        Situation(
            "a template, `docker-metadata-action {}`, with a tag for each commit",
            "pushes app:sha-2",
            PAIR,
            bakefile='target "docker-metadata-action" {}\n'
            'target "build" { inherits = ["docker-metadata-action"] }\n',
            files={
                "meta.json": '{"target": {"docker-metadata-action": {"tags": ["$REPO/app:sha-2"],'
                ' "labels": {"revision": "2"}}}}'
            },
            bake="-f docker-bake.hcl -f meta.json build",
        ),
        Situation(
            "an untagged target for documents beside the application",
            "pushes app; writes site/docs.txt; /app.txt is 'one'",
            PAIR,
            bakefile='target "docs" {\n  dockerfile = "docs.Dockerfile"\n'
            '  output = ["type=local,dest=site"]\n}\n' + _APP,
            files={"docs.Dockerfile": _DOCS},
            env={"WHALEBUILD_IMAGE": "$REPO/app"},
            bake="app docs",
            shows=(file("app", "/app.txt"),),
        ),
        Situation(
            "a tool's image without a dependencies stage beside the application",
            "pushes app, tool",
            PAIR,
            bakefile='target "tool" {\n  dockerfile = "docs.Dockerfile"\n'
            '  tags = ["$REPO/tool"]\n  output = ["type=registry"]\n}\n' + _APP,
            files={"docs.Dockerfile": _DOCS},
            bake="app tool",
            flags="",
        ),
        Situation(
            "a tagged target without a dependencies stage, alone",
            "pushes tool",
            "exit 2: dependencies",
            why="There is nothing that could be `:deps`; the message names the likely stage",
            bakefile='target "tool" {\n  dockerfile = "docs.Dockerfile"\n'
            '  tags = ["$REPO/tool"]\n}\n',
            files={"docs.Dockerfile": "FROM scratch AS builder\nCOPY app.txt /\n"
                   "FROM builder\nCOPY requirements.txt /\n"},
            bake="tool",
        ),
        Situation(
            "a test that passes beside the application",
            "pushes app",
            PAIR,
            bakefile='target "test" {\n  inherits = ["app"]\n  target = "test"\n'
            '  output = ["type=cacheonly"]\n}\n'
            'target "app" {\n  target = "final"\n  tags = ["$REPO/app"]\n'
            '  output = ["type=registry"]\n}\n',
            files={"Dockerfile": _TESTED},
            flags="",
            bake="app test",
        ),
        Situation(
            "a test that fails beside the application",
            "pushes app; exit 1: did not complete successfully",
            "exit 4: did not complete successfully",
            why="Tests run before any tag is set",
            bakefile='target "test" {\n  inherits = ["app"]\n  target = "test"\n'
            '  output = ["type=cacheonly"]\n}\n'
            'target "app" {\n  target = "final"\n  tags = ["$REPO/app"]\n'
            '  output = ["type=registry"]\n}\n',
            files={"Dockerfile": _TESTED.replace("grep -q one", "sleep 1; grep -q two")},
            flags="",
            bake="test app",
        ),
        Situation(
            "dependencies that have targets of their own, and one that is shared",
            "pushes app, app:deps, app:test-deps",
            "pushes app, app:test-deps",
            why="`:deps` is the application's dependencies, as a bundle with lock and caches",
            bakefile='group "default" { targets = ["deps", "test-deps", "app"] }\n'
            'target "deps" {\n  target = "dependencies"\n  tags = ["$REPO/app:deps"]\n}\n'
            'target "test-deps" {\n  target = "dependencies"\n  args = { EXTRA = "test" }\n'
            '  tags = ["$REPO/app:test-deps"]\n}\n'
            'target "app" { tags = ["$REPO/app"] }\n',
        ),
        Situation(
            "`inherits` in a circle",
            "pushes a",
            PAIR,
            bakefile='target "a" {\n  inherits = ["b"]\n  tags = ["$REPO/a"]\n}\n'
            'target "b" {\n  inherits = ["a"]\n  tags = ["$REPO/b"]\n}\n',
            bake="a",
        ),
        Situation(
            "a pattern of targets: `bake 'app-*'`",
            "pushes a, b",
            PAIR,
            bakefile='target "app-a" { tags = ["$REPO/a"] }\n'
            'target "app-b" { tags = ["$REPO/b"] }\ntarget "other" { tags = ["$REPO/other"] }\n',
            bake="'app-*'",
        ),
    ),
)

TAGS = Group(
    "Tags and names",
    (
        Situation(
            "several tags in two repositories",
            "pushes app, app:v1, other:v1",
            PAIR,
            bakefile='target "app" {\n  tags = ["$REPO/app:v1", "$REPO/app", "$REPO/other:v1"]\n}\n',
            bake="app",
        ),
        Situation(
            "one tag given twice",
            "pushes app",
            PAIR,
            bakefile='target "app" {\n  tags = ["$REPO/app", "$REPO/app:latest"]\n}\n',
            bake="app",
        ),
        Situation(
            "no tag, and no name anywhere",
            "exit 1: tag is needed when pushing to registry",
            "exit 2: image",
            bakefile='target "app" {}\n',
            bake="app",
        ),
        Situation(
            "no tag, and a name in `output`",
            "pushes app",
            PAIR,
            bakefile='target "app" {\n  output = ["type=image,name=$REPO/app,push=true"]\n}\n',
            bake="app",
            flags="",
        ),
        Situation(
            "a name that is none: upper case",
            "exit 1: repository name must be lowercase",
            "exit 2: lower",
            bakefile='target "app" {\n  tags = ["$REPO/App:latest"]\n}\n',
            bake="app",
        ),
        Situation(
            "two targets that are the same under one tag (web and worker of one image)",
            "pushes app",
            PAIR,
            chance="already exists",
            bakefile='group "default" { targets = ["web", "worker"] }\n'
            'target "web" { tags = ["$REPO/app"] }\ntarget "worker" { inherits = ["web"] }\n',
        ),
        Situation(
            "two targets that publish different images under one tag",
            "pushes app",
            "exit 2: app:latest",
            chance="already exists",
            why="Which of them stays is chance with buildx",
            bakefile='group "default" { targets = ["web", "worker"] }\n'
            'target "web" {\n  tags = ["$REPO/app"]\n  labels = { role = "web" }\n}\n'
            'target "worker" {\n  tags = ["$REPO/app"]\n  labels = { role = "worker" }\n}\n',
        ),
        Situation(
            "two targets under one tag: one is pushed for two platforms, one writes a file",
            "pushes app (amd64, arm64); writes app.tar",
            PAIR,
            bakefile='group "default" { targets = ["app", "app-local"] }\n'
            'target "app-local" {\n  tags = ["$REPO/app"]\n  output = ["type=docker,dest=app.tar"]\n}\n'
            'target "app" {\n  inherits = ["app-local"]\n'
            '  platforms = ["linux/amd64", "linux/arm64"]\n  output = ["type=registry"]\n}\n',
            flags="",
        ),
        Situation(
            "a repository of its own for each of two applications of one Dockerfile",
            "pushes one, two; has /app.txt, /requirements.txt",
            PAIR,
            bakefile='target "one" { tags = ["$REPO/one"] }\ntarget "two" { tags = ["$REPO/two"] }\n',
            bake="one two",
            shows=(files("two"),),
        ),
    ),
)

OUTPUTS = Group(
    "Outputs",
    (
        Situation(
            "no `output` and no `--push`",
            "loads app",
            "pushes app",
            why="A pair's place is the registry; `--load` loads it",
            bakefile='target "app" { tags = ["$REPO/app"] }\n',
            bake="app",
            flags="",
        ),
        Situation(
            "`type=local`",
            "writes out/; out/deep/more.txt is 'more'",
            bakefile='target "files" {\n  tags = ["$REPO/app"]\n  output = ["type=local,dest=out"]\n}\n',
            files={"more.txt": "more\n",
                   "Dockerfile": DOCKERFILE + "COPY more.txt /deep/more.txt\n"},
            bake="files",
            flags="",
            shows=(written("out/deep/more.txt"),),
            quick=True,
        ),
        Situation(
            "`type=local` and `--push`",
            "writes out/app.txt, out/requirements.txt",
            bakefile='target "files" {\n  tags = ["$REPO/app"]\n  output = ["type=local,dest=out"]\n}\n',
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
            bakefile='target "app" {\n  tags = ["$REPO/app"]\n  output = ["type=docker"]\n}\n',
            bake="app",
            flags="",
            shows=(file("app", "/app.txt"),),
        ),
        Situation(
            "`type=cacheonly`",
            "nothing",
            bakefile='target "app" {\n  tags = ["$REPO/app"]\n  output = ["type=cacheonly"]\n}\n',
            bake="app",
            flags="",
        ),
        Situation(
            "`type=cacheonly` and `--push`",
            "nothing",
            bakefile='target "app" {\n  tags = ["$REPO/app"]\n  output = ["type=cacheonly"]\n}\n',
            bake="app",
            own_flags="--push",
        ),
        Situation(
            "`type=image` with `push=false`",
            "loads app",
            bakefile='target "app" {\n  tags = ["$REPO/app"]\n  output = ["type=image,push=false"]\n}\n',
            bake="app",
            flags="",
        ),
        Situation(
            "`type=image` without `push`, and no `--push`",
            "loads app",
            "pushes app",
            why="It is a pair's application, as without `output`; `push=false` keeps it here",
            bakefile='target "app" {\n  tags = ["$REPO/app"]\n  output = ["type=image"]\n}\n',
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
            bakefile='target "app" {\n  tags = ["$REPO/app"]\n  output = ["type=local,dest=out"]\n}\n',
            bake="--set '*.output=type=registry' app",
            flags="",
        ),
        Situation(
            "`output = []`",
            "loads app",
            "pushes app",
            why="It is no output, and so a pair's application",
            bakefile='target "app" {\n  tags = ["$REPO/app"]\n  output = []\n}\n',
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
            "exit 1: exporter \"nope\" could not be found",
            "exit 2: nope",
            bakefile='target "app" {\n  tags = ["$REPO/app"]\n  output = ["type=nope"]\n}\n',
            bake="app",
            flags="",
        ),
    ),
)

CALLS = Group(
    "Calls",
    (
        Situation(
            '`call = "check"` beside the application',
            "pushes app; says: Check complete, no warnings found",
            PAIR,
            bakefile=_CHECK + _APP,
            bake="lint app",
            flags="",
            quick=True,
        ),
        Situation(
            '`call = "check"` that inherits the application\'s tags and output',
            "pushes app (empty); says: Check complete, no warnings found",
            "says: Check complete, no warnings found",
            why="A check publishes nothing: buildx puts an empty image under the tag",
            bakefile=_CHECK.replace("call", 'inherits = ["app"]\n  call') + _APP,
            bake="lint",
            flags="",
        ),
        Situation(
            '`call = "check"` and `--push`',
            "exit 1: tag is needed when pushing to registry",
            "says: Check complete, no warnings found",
            why="A check publishes nothing",
            bakefile=_CHECK,
            bake="lint",
            own_flags="--push",
        ),
        Situation(
            '`call = "check"` with a warning',
            "exit 1; says: FromAsCasing",
            "exit 4; says: FromAsCasing",
            bakefile=_CHECK,
            files={"Dockerfile": DOCKERFILE.replace("AS final", "as final")},
            bake="lint",
            flags="",
        ),
        Situation(
            "a check that warns beside the application",
            "pushes app; exit 1; says: FromAsCasing",
            "exit 4; says: FromAsCasing",
            why="Checks run before any tag is set",
            bakefile=_CHECK + _APP,
            files={"Dockerfile": DOCKERFILE.replace("AS final", "as final")},
            bake="app lint",
            flags="",
        ),
        Situation(
            '`call = "outline"`',
            "says: VERSION",
            bakefile='target "app" {\n  tags = ["$REPO/app"]\n  call = "outline"\n}\n',
            files={"Dockerfile": "ARG VERSION=1\n" + DOCKERFILE + "ARG VERSION\n"},
            bake="app",
            flags="",
        ),
        Situation(
            '`call = "targets"`',
            "says: dependencies",
            bakefile='target "app" {\n  tags = ["$REPO/app"]\n  call = "targets"\n}\n',
            bake="app",
            flags="",
        ),
        Situation(
            "`--set '*.call=check'`",
            "says: Check complete, no warnings found",
            bakefile='target "app" { tags = ["$REPO/app"] }\n',
            bake="--set '*.call=check' app",
            flags="",
        ),
        Situation(
            '`call = "build"`',
            "pushes app",
            PAIR,
            bakefile='target "app" {\n  tags = ["$REPO/app"]\n  call = "build"\n}\n',
            bake="app",
        ),
    ),
)

GROUPS = (TARGETS, TAGS, OUTPUTS, CALLS)

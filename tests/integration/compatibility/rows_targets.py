"""Rows: which targets are built, and what becomes of them."""

from __future__ import annotations

from tests.integration.compatibility.seen import file
from tests.integration.compatibility.situation import PAIR, Group, Situation, target

_APP = """
target "app" {
  tags = ["$REPO/app"]
  output = ["type=registry"]
}
"""
#: Beside the application: a target that needs nothing of it.
_DOCS = "FROM scratch\nCOPY app.txt /docs.txt\n"
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
            bakefile='target "tool" {\n  dockerfile = "docs.Dockerfile"\n'
            '  tags = ["$REPO/tool"]\n}\n',
            files={"docs.Dockerfile": _DOCS},
            bake="tool",
        ),
        Situation(
            "a Dockerfile without a dependencies stage, and no bake file",
            "exit 1: couldn't find a bake definition",
            "pushes app",
            why="`:deps` is its app base",
            files={
                "Dockerfile": "FROM $PYTHON AS builder\nCOPY requirements.txt /\n"
                "RUN mkdir /opt/venv\nFROM builder\nCOPY app.txt /\n"
            },
            env={"WHALEBUILD_IMAGE": "$REPO/app"},
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
            "pushes the bundle app:deps, app:test-deps; pushes app",
            why="Both are dependencies of an application: bundles, with lock and caches",
            bakefile='group "default" { targets = ["deps", "test-deps", "app"] }\n'
            'target "deps" {\n  target = "dependencies"\n  tags = ["$REPO/app:deps"]\n}\n'
            'target "test-deps" {\n  target = "dependencies"\n  args = { EXTRA = "test" }\n'
            '  tags = ["$REPO/app:test-deps"]\n}\n' + target("app"),
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

GROUPS = (TARGETS,)

"""Rows: names, of tags and repositories."""

from __future__ import annotations

from tests.integration.compatibility.seen import files
from tests.integration.compatibility.situation import PAIR, Group, Situation, target

TAGS = Group(
    "Tags and names",
    (
        Situation(
            "several tags in two repositories",
            "pushes app, app:v1, other:v1",
            PAIR,
            bakefile='target "app" {\n'
            '  tags = ["$REPO/app:v1", "$REPO/app", "$REPO/other:v1"]\n}\n',
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
            "says: nothing pushed",
            why="What has no name is built, as without `--push`; the plan and the result say so",
            bakefile='target "app" {}\n',
            bake="app",
        ),
        Situation(
            "no tag, and a name in `output`, which is no pair's",
            "pushes app",
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
            + target("web", 'labels = { role = "web" }')
            + target("worker", 'labels = { role = "worker" }'),
        ),
        Situation(
            "two targets under one tag: one is pushed for two platforms, one writes a file",
            "pushes app (amd64, arm64); writes app.tar",
            PAIR,
            bakefile='group "default" { targets = ["app", "app-local"] }\n'
            + target("app-local", 'output = ["type=docker,dest=app.tar"]')
            + 'target "app" {\n  inherits = ["app-local"]\n'
            '  platforms = ["linux/amd64", "linux/arm64"]\n  output = ["type=registry"]\n}\n',
            flags="",
        ),
        Situation(
            "a repository of its own for each of two applications of one Dockerfile",
            "pushes one, two; has /app.txt, /requirements.txt",
            PAIR,
            bakefile='target "one" { tags = ["$REPO/one"] }\n'
            'target "two" { tags = ["$REPO/two"] }\n',
            bake="one two",
            shows=(files("two"),),
        ),
    ),
)

GROUPS = (TAGS,)

"""Rows: calls, which have no result."""

from __future__ import annotations

from tests.integration.compatibility.situation import DOCKERFILE, PAIR, Group, Situation, target

_APP = """
target "app" {
  tags = ["$REPO/app"]
  output = ["type=registry"]
}
"""
_CHECK = 'target "lint" {\n  call = "check"\n}\n'

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
            bakefile=target("app", 'call = "outline"'),
            files={"Dockerfile": "ARG VERSION=1\n" + DOCKERFILE + "ARG VERSION\n"},
            bake="app",
            flags="",
        ),
        Situation(
            '`call = "targets"`',
            "says: dependencies",
            bakefile=target("app", 'call = "targets"'),
            bake="app",
            flags="",
        ),
        Situation(
            "`--set '*.call=check'`",
            "says: Check complete, no warnings found",
            bakefile=target("app"),
            bake="--set '*.call=check' app",
            flags="",
        ),
        Situation(
            '`call = "build"`',
            "pushes app",
            PAIR,
            bakefile=target("app", 'call = "build"'),
            bake="app",
        ),
    ),
)

GROUPS = (CALLS,)

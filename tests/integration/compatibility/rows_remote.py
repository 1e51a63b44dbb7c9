"""Rows: what is fetched from elsewhere. ``$GIT`` serves ``repo.git``, ``$HTTP`` some files."""

from __future__ import annotations

from tests.integration.compatibility.seen import file
from tests.integration.compatibility.situation import DOCKERFILE, PAIR, Group, Situation, target

#: What the repository holds; the folder ``other`` is a context of its own.
IN_GIT = {
    "Dockerfile": DOCKERFILE,
    "requirements.txt": "left==1\n",
    "app.txt": "in git\n",
    "docker-bake.hcl": target("app"),
    "lone/Dockerfile": "FROM scratch\nCOPY app.txt /\n",
    "lone/app.txt": "in git, alone\n",
    "lone/docker-bake.hcl": target("app"),
    "other/Dockerfile": DOCKERFILE,
    "other/requirements.txt": "left==1\n",
    "other/app.txt": "in a folder\n",
}
_NAMED = {"Dockerfile": DOCKERFILE + "COPY --from=more app.txt /more.txt\n"}

REMOTE = Group(
    "Contexts from elsewhere",
    (
        Situation(
            "`context`: a repository and a branch",
            "pushes app; /app.txt is 'in git'",
            PAIR,
            bakefile=target("app", 'context = "git://$GIT/repo.git#main"'),
            bake="app",
            shows=(file("app", "/app.txt"),),
        ),
        Situation(
            "`context`: a folder of a repository",
            "pushes app; /app.txt is 'in a folder'",
            PAIR,
            bakefile=target("app", 'context = "git://$GIT/repo.git#main:other"'),
            bake="app",
            shows=(file("app", "/app.txt"),),
        ),
        Situation(
            "`context`: a repository, and a Dockerfile that is written in the bake file",
            "pushes app; /app.txt is 'in git'",
            PAIR,
            bakefile=target(
                "app",
                'context = "git://$GIT/repo.git#main"',
                'dockerfile-inline = "FROM scratch AS dependencies\\nCOPY requirements.txt /\\n'
                'FROM dependencies\\nCOPY app.txt /"',
            ),
            bake="app",
            shows=(file("app", "/app.txt"),),
        ),
        Situation(
            "`context`: an archive by HTTP",
            "pushes app; /app.txt is 'in an archive'",
            PAIR,
            bakefile=target("app", 'context = "http://$HTTP/context.tar.gz"'),
            bake="app",
            shows=(file("app", "/app.txt"),),
        ),
        Situation(
            "`context`: a repository that there is not",
            "exit 1: failed to fetch remote",
            "exit 2: failed to fetch remote",
            bakefile=target("app", 'context = "git://$GIT/nope.git#main"'),
            bake="app",
        ),
        Situation(
            "`contexts`: a repository",
            "pushes app; /more.txt is 'in git'",
            PAIR,
            bakefile=target("app", 'contexts = { more = "git://$GIT/repo.git#main" }'),
            files=_NAMED,
            bake="app",
            shows=(file("app", "/more.txt"),),
        ),
        Situation(
            "a bake file in a repository: `bake git://…`",
            "pushes app; /app.txt is 'in git'",
            PAIR,
            bake="git://$GIT/repo.git#main --set app.tags=$REPO/app app",
            shows=(file("app", "/app.txt"),),
        ),
        Situation(
            "a bake file in a repository, whose application has no dependencies stage",
            "pushes app",
            'exit 2: target stage "dependencies" could not be found',
            why="Its Dockerfile is not here: name its stage by --deps-stage, or bake a clone",
            bake="git://$GIT/repo.git#main:lone --set app.tags=$REPO/app app",
        ),
        Situation(
            "a bake file by HTTP, whose context is here",
            "pushes app; /app.txt is 'here'",
            PAIR,
            files={"app.txt": "here\n"},
            bake="http://$HTTP/docker-bake.hcl --set app.tags=$REPO/app app",
            shows=(file("app", "/app.txt"),),
        ),
        Situation(
            "a bake file in a repository that there is not",
            "exit 1: repository not exported",
            "exit 2: repository not exported",
            bake="git://$GIT/nope.git#main app",
        ),
    ),
)

GROUPS = (REMOTE,)

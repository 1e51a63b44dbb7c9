"""Rows: Dockerfiles, ignore files and odd names."""

from __future__ import annotations

from tests.integration.compatibility.seen import file, files
from tests.integration.compatibility.situation import DOCKERFILE, PAIR, Group, Situation, target

_TAGGED = 'target "app" {\n  tags = ["$REPO/app"]\n'
_APP = target("app")
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
            "exit 4: the Dockerfile cannot be empty",
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
            "exit 2: BuildKit follows links inside of the folder alone",
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
            bakefile=target("app", 'dockerfile = "app.Dockerfile"'),
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
            'a stage\'s name in other letters: `target = "FINAL"`, `FROM … AS Dependencies`',
            "pushes app; has /app.txt, /requirements.txt",
            PAIR,
            bakefile=target("app", 'target = "FINAL"'),
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
            'exit 1: target stage "nope" could not be found',
            "exit 2: nope",
            bakefile=target("app", 'target = "nope"'),
            bake="app",
        ),
        Situation(
            "an instruction that there is not",
            "exit 1: unknown instruction: COPPY",
            "exit 2: unknown instruction: COPPY",
            bakefile=_APP,
            files={"Dockerfile": DOCKERFILE.replace("COPY --link", "COPPY")},
            bake="app",
        ),
        Situation(
            "a step of the final stage that fails",
            "exit 1: did not complete successfully",
            "pushes the bundle app:deps; exit 4: did not complete successfully",
            why="The engine itself (driver `docker`) pushes by tag, so that dependencies are "
            "published before; other builders push by digest, and nothing is",
            bakefile=_APP,
            files={"Dockerfile": DOCKERFILE.replace("scratch", "$PYTHON") + "RUN exit 7\n"},
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

GROUPS = (DOCKERFILES,)

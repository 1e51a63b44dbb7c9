"""Rows: flags, and variables of the environment."""

from __future__ import annotations

from tests.integration.compatibility.seen import annotations, attested, file, files, label, variable
from tests.integration.compatibility.situation import DOCKERFILE, PAIR, Group, Situation, target

_APP = target("app")
#: Shows the argument V.
_SHOWN = (
    "FROM scratch AS dependencies\nCOPY requirements.txt /\nFROM dependencies\nARG V\nENV V=$V\n"
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
            chance="already exists",
            why="`--load` means that nothing is published",
            bakefile=target("app", 'output = ["type=registry"]'),
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
            bakefile=_APP,
            bake="--check app",
            flags="",
        ),
        Situation(
            "`--check` with a warning",
            "exit 1; says: FromAsCasing",
            "exit 4; says: FromAsCasing",
            bakefile=_APP,
            files={"Dockerfile": DOCKERFILE.replace("AS final", "as final")},
            bake="--check app",
            flags="",
            quick=True,
        ),
        Situation(
            "`--call outline,format=json`",
            'says: "outline": {; says: "name": "VERSION"',
            bakefile=_APP,
            files={"Dockerfile": "ARG VERSION=1\n" + DOCKERFILE + "ARG VERSION\n"},
            bake="--call outline,format=json app",
            flags="",
        ),
        Situation(
            "`--list targets`",
            "says: TARGET DESCRIPTION app",
            bakefile=_APP,
            bake="--list targets",
            flags="",
        ),
        Situation(
            "`--list type=variables,format=json`",
            'says: "name": "V"',
            bakefile='variable "V" { default = "1" }\n' + _APP,
            bake="--list type=variables,format=json",
            flags="",
        ),
        Situation(
            "`--sbom=generator=…`",
            "pushes app, scanner; attested: Document, provenance",
            PAIR,
            bakefile=_APP,
            files={
                "scanner/Dockerfile": 'FROM $PYTHON\nCOPY scan /\nENTRYPOINT ["sh", "/scan"]\n',
                "scanner/scan": 'cat >"$BUILDKIT_SCAN_DESTINATION/made.spdx.json" <<END\n'
                '{"_type": "https://in-toto.io/Statement/v0.1",\n'
                ' "predicateType": "https://spdx.dev/Document", "predicate": {"name": "made"}}\n'
                "END\n",
            },
            setup="docker buildx build --push --tag $REPO/scanner scanner",
            bake="--sbom=generator=$REPO/scanner app",
            shows=(attested("app"),),
        ),
        Situation(
            "`--provenance=mode=max`",
            "pushes app; attested: provenance",
            PAIR,
            bakefile=_APP,
            bake="--provenance=mode=max app",
            shows=(attested("app"),),
        ),
        Situation(
            "`--annotation`, as `docker buildx build` has it",
            "pushes app; index one=1, manifest two=2",
            PAIR,
            bakefile=_APP,
            bake="app",
            flags="--push --set '*.annotations=index:one=1' --set '*.annotations=two=2'",
            own_flags="--annotation index:one=1 --annotation two=2",
            shows=(annotations("app"),),
        ),
        Situation(
            "`--label`, as `docker buildx build` has it",
            "pushes app; org.x is 'y=z'; empty is ''",
            PAIR,
            bakefile=_APP,
            bake="app",
            flags="--push --set '*.labels.org.x=y=z' --set '*.labels.empty='",
            own_flags="--label org.x=y=z --label empty",
            shows=(label("app", "org.x"), label("app", "empty")),
        ),
        Situation(
            "`--secret`, as `docker buildx build` has it, beside one of the bake file",
            "pushes app; has /app.txt, /both, /requirements.txt",
            PAIR,
            bakefile=target("app", 'secret = ["id=one,env=ONE"]'),
            files={
                "Dockerfile": "FROM scratch AS dependencies\nCOPY requirements.txt /\n"
                "FROM $PYTHON AS made\n"
                "RUN --mount=type=secret,id=one,env=ONE --mount=type=secret,id=two,env=TWO \\\n"
                '    test "$ONE $TWO" = "1 2" && echo made > /both\n'
                "FROM dependencies\nCOPY --from=made /both /\nCOPY app.txt /\n",
                "two.txt": "2",
            },
            env={"ONE": "1"},
            bake="app",
            flags="--push --set '*.secrets+=id=two,src=two.txt'",
            own_flags="--secret id=two,src=two.txt",
            shows=(files("app"),),
        ),
        Situation(
            "`--ssh`, as `docker buildx build` has it: a key that there is not",
            "exit 1: nowhere.pem",
            "exit 2: nowhere.pem",
            bakefile=_APP,
            bake="app",
            flags="--push --set '*.ssh+=default=nowhere.pem'",
            own_flags="--ssh default=nowhere.pem",
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
                "one.hcl": target("app", 'args = { V = "one" }'),
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
            files={
                "Dockerfile": _SHOWN.replace("ARG V\n", "ARG SOURCE_DATE_EPOCH\n").replace(
                    "$V", "$SOURCE_DATE_EPOCH"
                )
            },
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
            files={"Dockerfile": _SHOWN.replace("ARG V\n", "").replace("$V", '"${HTTP_PROXY}"')},
            env={"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1,localhost"},
            bake="app",
            shows=(variable("app", "V"),),
        ),
    ),
)

GROUPS = (
    FLAGS,
    ENVIRONMENT,
)

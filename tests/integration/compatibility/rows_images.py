"""Rows: what is said of images, and their platforms."""

from __future__ import annotations

from tests.integration.compatibility.seen import annotations, attested
from tests.integration.compatibility.situation import PAIR, Group, Situation, target

_TAGGED = 'target "app" {\n  tags = ["$REPO/app"]\n'
_APP = target("app")
_BOTH = '  platforms = ["linux/amd64", "linux/arm64"]\n'

DESCRIBED = Group(
    "Attestations, annotations, labels",
    (
        Situation(
            "nothing is said: provenance",
            "pushes app; attested: provenance",
            PAIR,
            bakefile=_APP,
            bake="app",
            shows=(attested("app"),),
        ),
        Situation(
            '`attest = ["type=provenance,mode=max"]`',
            "pushes app; attested: provenance",
            PAIR,
            bakefile=target("app", 'attest = ["type=provenance,mode=max"]'),
            bake="app",
            shows=(attested("app"),),
        ),
        Situation(
            '`attest = ["type=provenance,disabled=true"]`',
            "pushes app; attested: nothing",
            PAIR,
            bakefile=target("app", 'attest = ["type=provenance,disabled=true"]'),
            bake="app",
            shows=(attested("app"),),
        ),
        Situation(
            "`--provenance=false`",
            "pushes app; attested: nothing",
            PAIR,
            bakefile=_APP,
            bake="--provenance=false app",
            shows=(attested("app"),),
        ),
        Situation(
            "`--set '*.attest=type=provenance,disabled=true'`",
            "pushes app; attested: nothing",
            PAIR,
            bakefile=_APP,
            bake="--set '*.attest=type=provenance,disabled=true' app",
            shows=(attested("app"),),
        ),
        Situation(
            "annotations of the index and of manifests, two platforms",
            "pushes app (amd64, arm64); index about=two words, index source=x, "
            "manifest about=two words, manifest title=web",
            PAIR,
            bakefile=_TAGGED + _BOTH + '  annotations = ["index:source=x", "manifest:title=web", '
            '"index,manifest:about=two words"]\n}\n',
            bake="app",
            shows=(annotations("app"),),
        ),
        Situation(
            "an annotation that is not for a level, one platform",
            "pushes app; manifest title=web",
            PAIR,
            bakefile=target("app", 'annotations = ["title=web"]'),
            bake="app",
            shows=(annotations("app"),),
        ),
        Situation(
            "`$${…}` in an annotation",
            "pushes app; manifest title=${HOME} %{x}",
            PAIR,
            bakefile=target("app", 'annotations = ["manifest:title=$${HOME} %%{x}"]'),
            bake="app",
            shows=(annotations("app"),),
        ),
        Situation(
            "an annotation changes and nothing else",
            "pushes app; manifest title=two",
            PAIR,
            bakefile='variable "TITLE" { default = "one" }\n'
            + _TAGGED
            + '  annotations = ["title=${TITLE}"]\n}\n',
            then={"docker-bake.override.hcl": 'variable "TITLE" { default = "two" }\n'},
            bake="app",
            shows=(annotations("app"),),
        ),
    ),
)

PLATFORMS = Group(
    "Platforms",
    (
        Situation(
            "two platforms",
            "pushes app (amd64, arm64)",
            PAIR,
            bakefile=_TAGGED + _BOTH + "}\n",
            bake="app",
        ),
        Situation(
            "one that is not the builder's own",
            "pushes app (arm64)",
            PAIR,
            bakefile=target("app", 'platforms = ["linux/arm64"]'),
            bake="app",
        ),
        Situation(
            "one that is named twice, in two ways",
            "pushes app (arm64)",
            PAIR,
            bakefile=target("app", 'platforms = ["linux/arm64", "linux/arm64/v8"]'),
            bake="app",
        ),
        Situation(
            "a variant: `linux/arm/v7`",
            "pushes app (arm/v7)",
            PAIR,
            bakefile=target("app", 'platforms = ["linux/arm/v7"]'),
            bake="app",
        ),
        Situation(
            "`--set '*.platform=linux/arm64'`",
            "pushes app (arm64)",
            PAIR,
            bakefile=_APP,
            bake="--set '*.platform=linux/arm64' app",
        ),
        Situation(
            "a platform that is none",
            "exit 1: nope",
            "exit 2: nope",
            bakefile=target("app", 'platforms = ["nope/nope/nope/nope"]'),
            bake="app",
        ),
        Situation(
            "stages by architecture: `FROM base-${TARGETARCH}`",
            "pushes app (amd64, arm64)",
            PAIR,
            bakefile=_TAGGED + _BOTH + "}\n",
            files={
                "Dockerfile": "FROM scratch AS base-amd64\nENV FLAVOUR=amd\n"
                "FROM scratch AS base-arm64\nENV FLAVOUR=arm\n"
                "FROM base-${TARGETARCH} AS dependencies\nCOPY requirements.txt /\n"
                "FROM dependencies\nCOPY app.txt /\n"
            },
            then={"app.txt": "two\n"},
            bake="app",
        ),
        Situation(
            "files of two platforms: `type=local`",
            "writes out/",
            bakefile='target "app" {\n' + _BOTH + '  output = ["type=local,dest=out"]\n}\n',
            bake="app",
            flags="",
        ),
        Situation(
            "`--load` of two platforms",
            "loads app (amd64, arm64)",
            "loads app",
            why="A pair is loaded for this machine; the message says so",
            bakefile=_TAGGED + _BOTH + "}\n",
            bake="--load app",
            flags="",
        ),
    ),
)

GROUPS = (
    DESCRIBED,
    PLATFORMS,
)

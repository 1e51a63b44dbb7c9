"""Rows: the flags of ``docker buildx bake`` and of ``docker buildx build``."""

from __future__ import annotations

from tests.integration.buildx_table.row import Answered, OwnTest, Printed, Row, Table, Tried

_SAME = "the same"
_BAKE = "cli/test_bake.py"

BAKE = Table(
    "Flags of `docker buildx bake`",
    (
        Row(
            "--allow",
            "the same; what it is asked for is a little [stricter](settings.md#consent)",
            Tried("the same with `--allow network.host`"),
        ),
        Row(
            "--builder",
            "the same, and `auto` [chooses or makes one](builders.md#the-setting)",
            Tried("a builder that there is not"),
        ),
        Row(
            "--call",
            "the same call, with its formats; nothing is published; the exit code is 4 where a "
            "check warns",
            Tried("`--call outline,format=json`"),
        ),
        Row("--check", "`--call check`", Tried("`--check` with a warning")),
        Row(
            "--debug",
            "the same, and a fault of whalebuild's own comes with its stack trace",
            OwnTest(_BAKE, "test_debug_is_docker_s_and_our_own"),
        ),
        Row(
            "--file",
            "the same; a setting, too",
            Printed(
                "args",
                words="--file other.hcl app",
                files={
                    "other.hcl": 'target "app" {\n  tags = ["r.example/app"]\n'
                    '  args = { A = "other" }\n}\n'
                },
            ),
        ),
        Row("--list", "the same list", Tried("`--list type=variables,format=json`")),
        Row("--load", "the same; nothing is pushed", Tried("`--load`")),
        Row(
            "--metadata-file",
            "the same, of both images",
            OwnTest(_BAKE, "test_json_is_one_document_and_nothing_else"),
        ),
        Row("--no-cache", _SAME, Printed("no-cache", words="--no-cache app")),
        Row(
            "--policy",
            "no flag: `--set '*.policy+=…'`",
            Answered("--set '*.policy+="),
            since="0.31",
        ),
        Row(
            "--print",
            "the definition that buildx is given, with the dependencies",
            Tried("`--print`"),
        ),
        Row(
            "--progress",
            "the same modes; `quiet` still ends with the table, `none` prints nothing",
            OwnTest(_BAKE, "test_progress_none_prints_nothing"),
        ),
        Row(
            "--provenance",
            _SAME,
            Printed("attest", words="--provenance=mode=max app"),
        ),
        Row(
            "--pull",
            "the same, and pinned base images are renewed",
            Printed("pull", words="--pull app"),
        ),
        Row(
            "--push",
            "happens anyway to what is published as a pair; other targets are pushed, too",
            Tried("`--push`"),
        ),
        Row(
            "--sbom",
            "the same; such an image is built on the whole app base, since what is scanned has to "
            "be all of it",
            Tried("`--sbom=generator=…`"),
        ),
        Row(
            "--set",
            _SAME,
            Printed("args", words="--set app.args.V=a,b=c app"),
        ),
        Row(
            "--var",
            "the same, with every buildx: it stands in the environment, not among arguments",
            Tried("`--var TAG=v9`"),
            since="0.31",
        ),
    ),
)

BUILD = Table(
    "Flags of `docker buildx build` that its `bake` has not",
    (
        Row(
            "--add-host",
            "no flag: `--set '*.extra-hosts.HOST=IP'`",
            Answered("--set '*.extra-hosts.HOST=IP'"),
        ),
        Row(
            "--annotation",
            "the same, for every target; dependencies have none of it",
            Printed(
                "annotations",
                words="app",
                bakefile='annotations = ["one=1"]',
                buildx="--set *.annotations=index:two=2",
                own="--annotation index:two=2",
                deps=False,
            ),
        ),
        Row(
            "--attest",
            "the same, for every target",
            Printed(
                "attest",
                words="app",
                buildx="--set *.attest=type=provenance,mode=max",
                own="--attest type=provenance,mode=max",
            ),
        ),
        Row(
            "--build-arg",
            "no flag: `--set '*.args.NAME=VALUE'`",
            Answered("--set '*.args.NAME=VALUE'"),
        ),
        Row(
            "--build-context",
            "no flag: `--set '*.contexts.NAME=VALUE'`",
            Answered("--set '*.contexts.NAME=VALUE'"),
        ),
        Row(
            "--cache-from",
            "no flag: published caches are read without it; `--set '*.cache-from+=…'` adds one",
            Answered("--set '*.cache-from+="),
        ),
        Row(
            "--cache-to",
            "no flag: caches are published without it; `--set '*.cache-to+=…'` adds one",
            Answered("--set '*.cache-to+="),
        ),
        Row(
            "--cgroup-parent",
            "none: bake files have no such attribute",
            Answered("no such attribute"),
        ),
        Row(
            "--iidfile",
            "no flag: `-q` prints the digest, `--metadata-file` writes it",
            Answered("--metadata-file FILE"),
        ),
        Row(
            "--label",
            "the same, for every target; dependencies have none of it",
            Printed(
                "labels",
                words="app",
                bakefile='labels = { one = "1" }',
                buildx="--set *.labels.org.two=2=2 --set *.labels.three=",
                own="--label org.two=2=2 --label three",
                deps=False,
            ),
        ),
        Row(
            "--network",
            "no flag: `--set '*.network=MODE'`",
            Answered("--set '*.network=MODE'"),
        ),
        Row(
            "--no-cache-filter",
            "no flag: `--set '*.no-cache-filter=STAGE'`",
            Answered("--set '*.no-cache-filter=STAGE'"),
        ),
        Row(
            "--output",
            "no flag: `--set '*.output=…'`; an image is published without it",
            Answered("--set '*.output="),
        ),
        Row(
            "--platform",
            "the same, and a setting; buildx's bake has `--set '*.platform=…'`",
            Printed(
                "platforms",
                words="app",
                buildx="--set *.platform=linux/arm64",
                own="--platform linux/arm64",
            ),
        ),
        Row(
            "--quiet",
            "no progress, and of the result a line an image: what was pushed is `NAME@DIGEST`",
            OwnTest(_BAKE, "test_quiet_prints_what_was_pushed_by_digest_and_nothing_else"),
        ),
        Row(
            "--resource",
            "no flag: `--set '*.resources.NAME=VALUE'`",
            Answered("--set '*.resources."),
            since="0.35",
        ),
        Row(
            "--secret",
            "the same, for every target, beside those of the bake file",
            Printed(
                "secret",
                words="app",
                bakefile='secret = ["id=one,env=ONE"]',
                buildx="--set *.secrets+=id=two,src=app.txt",
                own="--secret id=two,src=app.txt",
            ),
        ),
        Row(
            "--shm-size",
            "no flag: `--set '*.shm-size=SIZE'`",
            Answered("--set '*.shm-size=SIZE'"),
        ),
        Row(
            "--ssh",
            "the same, for every target, beside those of the bake file",
            Tried("`--ssh`, as `docker buildx build` has it: a key that there is not"),
        ),
        Row(
            "--tag",
            "a further tag of the application; `NAME:TAG` is one in another repository",
            OwnTest(_BAKE, "test_print_shows_the_definition_and_runs_nothing"),
        ),
        Row(
            "--target",
            "no flag: `--set '*.target=STAGE'`",
            Answered("--set '*.target=STAGE'"),
        ),
        Row(
            "--ulimit",
            "no flag: `--set '*.ulimits=…'`",
            Answered("--set '*.ulimits="),
        ),
    ),
)

TABLES = (BAKE, BUILD)

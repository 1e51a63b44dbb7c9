"""Dockerfiles for test_inputs_differential: each construct that decides what a stage reads.

``{python}`` is an image to RUN in, ``{http}`` the address of a server that has ``/remote.txt``,
``{git}`` of one that has ``/repo.git``, ``{commit}`` its commit, ``{lines}`` is a long text and
``{tab}`` a tab.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from textwrap import dedent

REMOTE = b"from elsewhere\n"
REMOTE_CHECKSUM = f"sha256:{hashlib.sha256(REMOTE).hexdigest()}"


@dataclass(frozen=True)
class Case:
    """One Dockerfile in a folder of its own.

    ``files`` are relative to that folder, which is the context; ``links`` are symbolic links and
    their targets. A context in ``contexts`` that begins with ``./`` is relative to it, too.
    """

    name: str
    text: str
    files: tuple[str, ...] = ()
    ignore: str | None = None
    own_ignore: str | None = None
    stage: str | None = "deps"
    args: dict[str, str] = field(default_factory=dict)
    contexts: dict[str, str] = field(default_factory=dict)
    platforms: tuple[str, ...] = ()
    dockerfile: str = "Dockerfile"
    links: dict[str, str] = field(default_factory=dict)
    ignore_files: dict[str, str] = field(default_factory=dict)
    line_end: str = "\n"
    start: str = ""

    @property
    def dockerfile_text(self) -> str:
        text = dedent(self.text).lstrip("\n").replace("{tab}", "\t")
        return self.start + text.replace("\n", self.line_end)


LINES = "\n".join(f"line {number:5} of a long document" for number in range(3200))
assert len(LINES) > 90_000

#: The names of those that `make test` has.
FEW = {
    *("parents", "copy-from-stage", "two-platforms", "linked-to", "stage-overridden-by-target"),
    *("heredoc-run", "dockerignore", "bind-mounts", "named-context-is-folder", "onbuild"),
    *("add-url-with-checksum", "add-git-with-checksum"),
    *("later-stage", "mount-from-index"),
}
CASES = (
    Case(
        "one-file",
        """
        FROM scratch AS deps
        COPY requirements.txt /
        FROM deps
        COPY . /app
        """,
        ("requirements.txt", "app.py", "src/main.py"),
    ),
    Case(
        "continued-and-commented",
        """
        FROM scratch AS deps
        # about to copy
        COPY requirements.txt \\
        # a comment inside

             setup.cfg \\
             /x/
        """,
        ("requirements.txt", "setup.cfg", "other.cfg"),
    ),
    Case(
        "parents",
        """
        FROM scratch AS base
        COPY apt.txt /
        FROM base AS middle
        WORKDIR /work
        COPY pip.conf .
        FROM middle AS deps
        COPY requirements.txt .
        FROM scratch AS unrelated
        COPY unrelated.txt /
        FROM unrelated
        COPY --from=deps / /
        """,
        ("apt.txt", "pip.conf", "requirements.txt", "unrelated.txt"),
    ),
    Case(
        "copy-from-stage",
        """
        FROM scratch AS builder
        COPY go.mod /
        FROM scratch AS other
        COPY other.txt /
        FROM scratch AS deps
        COPY --from=builder /go.mod /
        """,
        ("go.mod", "other.txt"),
    ),
    Case(
        "copy-from-index",
        """
        FROM scratch
        COPY a.txt /
        FROM scratch
        COPY b.txt /
        FROM scratch AS nested
        COPY --from=1 / /
        FROM scratch AS deps
        COPY --from=2 / /
        """,
        ("a.txt", "b.txt"),
    ),
    Case(
        "parent-chosen-by-arg",
        """
        ARG FLAVOUR=slim
        FROM scratch AS base-slim
        COPY slim.txt /
        FROM scratch AS base-full
        COPY full.txt /
        FROM base-${FLAVOUR} AS deps
        COPY requirements.txt /
        """,
        ("slim.txt", "full.txt", "requirements.txt"),
        args={"FLAVOUR": "full"},
    ),
    Case(
        "parent-chosen-by-default",
        """
        ARG WHICH=a
        ARG PARENT=${WHICH:+base-$WHICH}
        FROM scratch AS base-a
        COPY a.txt /
        FROM scratch AS base-b
        COPY b.txt /
        FROM ${PARENT:-base-b} AS deps
        """,
        ("a.txt", "b.txt"),
    ),
    Case(
        "base-without-default",
        """
        ARG BASE
        FROM $BASE AS deps
        COPY requirements.txt /
        """,
        ("requirements.txt", "app.py"),
        args={"BASE": "{python}"},
    ),
    Case(
        "undeclared-targetarch",
        """
        FROM scratch AS base-amd64
        COPY amd64.txt /
        FROM scratch AS base-arm64
        COPY arm64.txt /
        FROM base-${TARGETARCH} AS deps
        COPY requirements.txt /
        """,
        ("amd64.txt", "arm64.txt", "requirements.txt"),
        platforms=("linux/arm64",),
    ),
    Case(
        "two-platforms",
        """
        FROM scratch AS base-amd64
        COPY amd64.txt /
        FROM scratch AS base-arm64
        COPY arm64.txt /
        FROM base-${TARGETARCH} AS deps
        ARG TARGETOS
        COPY $TARGETOS.txt /
        """,
        ("amd64.txt", "arm64.txt", "linux.txt", "other.txt"),
        platforms=("linux/amd64", "linux/arm64"),
    ),
    Case(
        "build-platform",
        """
        FROM --platform=$BUILDPLATFORM {python} AS tools
        COPY tools.txt /
        FROM scratch AS deps
        COPY --from=tools /tools.txt /
        """,
        ("tools.txt", "other.txt"),
        platforms=("linux/arm64",),
    ),
    # docs/platforms.md: a step for each target platform, all of them on the build platform.
    Case(
        "installed-on-the-build-platform",
        """
        FROM {python} AS base
        ENV PATH=/opt/venv/bin:$PATH
        FROM --platform=$BUILDPLATFORM {python} AS installer
        RUN mkdir -p /out/opt
        COPY requirements.txt /tmp/
        ARG TARGETARCH
        COPY $TARGETARCH.txt /tmp/
        RUN --mount=type=bind,source=wheels,target=/wheels \\
            case $TARGETARCH in amd64) cpu=x86_64;; *) cpu=$TARGETARCH;; esac; \\
            echo $cpu >/out/opt/cpu && find /out -exec touch -hd @946684800 {} +
        FROM base AS deps
        COPY --link --from=installer /out/ /
        """,
        ("requirements.txt", "amd64.txt", "arm64.txt", "riscv64.txt", "wheels/a.whl", "other.txt"),
        platforms=("linux/amd64", "linux/arm64"),
    ),
    Case(
        "stage-overridden-by-folder",
        """
        FROM {python} AS base
        COPY never.txt /
        FROM scratch AS deps
        COPY --from=base wanted.txt /
        COPY requirements.txt /
        """,
        ("never.txt", "requirements.txt", "shared/wanted.txt", "shared/other.txt"),
        contexts={"base": "./shared"},
    ),
    Case(
        "stage-overridden-by-target",
        """
        FROM {python} AS base
        COPY never.txt /
        FROM base AS deps
        COPY requirements.txt /
        """,
        ("never.txt", "requirements.txt"),
        contexts={"base": "target:linked-to"},
    ),
    Case(
        "linked-to",
        """
        FROM scratch AS deps
        COPY requirements.txt /
        """,
        ("requirements.txt", "other.txt"),
    ),
    Case(
        "stage-overridden-by-image",
        """
        FROM scratch AS base
        COPY never.txt /
        FROM base AS deps
        COPY requirements.txt /
        """,
        ("never.txt", "requirements.txt"),
        contexts={"base": "docker-image://{python}"},
    ),
    Case(
        "overridden-stage-had-parents",
        """
        FROM scratch AS far
        COPY far.txt /
        FROM scratch AS base
        COPY --from=far / /
        FROM base AS deps
        COPY requirements.txt /
        """,
        ("far.txt", "requirements.txt", "shared/x.txt"),
        contexts={"base": "./shared"},
    ),
    Case(
        "base-is-folder",
        """
        FROM sources AS deps
        COPY requirements.txt /
        """,
        ("requirements.txt", "shared/a.txt", "shared/sub/b.txt", "shared/ignored.txt"),
        contexts={"sources": "./shared"},
    ),
    Case(
        "long-heredocs",
        """
        FROM scratch AS deps
        COPY <<ONE <<"TWO" requirements.txt /docs/
        {lines}
        ONE
        FROM nothing
        COPY not-read.txt /
        TWO
        """,
        ("requirements.txt", "not-read.txt"),
    ),
    Case(
        "heredoc-run",
        """
        FROM {python} AS deps
        COPY requirements.txt /
        RUN <<-EOF
        {tab}true
        {tab}# COPY not-read.txt /
        {tab}EOF
        RUN <<A cat - && cat <<'B' >/dev/null
        COPY not-read.txt /
        A
        FROM elsewhere
        B
        """,
        ("requirements.txt", "not-read.txt"),
    ),
    Case(
        "wildcards",
        """
        FROM scratch AS deps
        COPY req*.txt pyproject.t?ml /r/
        COPY */package.json /p/
        COPY nested/[a-m]* /n/
        """,
        (
            *("requirements.txt", "req-dev.txt", "sub/req-no.txt", "pyproject.toml"),
            *("web/package.json", "web/deep/package.json", "nested/all/x.txt", "nested/zero.txt"),
        ),
    ),
    Case(
        "double-star-is-one-star",
        """
        FROM scratch AS deps
        COPY **/go.mod /m/
        """,
        ("go.mod", "one/go.mod", "one/two/go.mod"),
    ),
    Case(
        "folder",
        """
        FROM scratch AS deps
        COPY lib /lib
        COPY ./other/../also/ /also/
        COPY ../above.txt /absolute/
        """,
        ("lib/a.py", "lib/deep/b.py", "also/c.py", "other/d.py", "above.txt"),
    ),
    Case(
        "excludes",
        """
        FROM scratch AS deps
        COPY --exclude=*.md --exclude=**/tests lib /lib
        COPY --exclude=*.md docs/* /docs/
        """,
        (
            *("lib/a.py", "lib/a.md", "lib/sub/b.md", "lib/sub/tests/t.py", "docs/x.md"),
            *("docs/y.txt", "docs/more/z.md"),
        ),
    ),
    Case(
        "dockerignore",
        """
        FROM scratch AS deps
        COPY . /all
        """,
        ("requirements.txt", "app/main.py", "app/notes.md", "app/keep.md", "build/x", "a.log"),
        ignore="# comment\n/build\n*.log\n**/*.md\n!app/keep.md\nDockerfile\n.dockerignore\n",
    ),
    Case(
        "dockerignore-everything-but",
        """
        FROM scratch AS deps
        COPY . /all
        """,
        ("requirements.txt", "app/main.py", "app/sub/x.py", "app/sub/y.txt"),
        ignore="*\n!requirements.txt\n!app/sub\napp/sub/y.txt\n",
    ),
    Case(
        "dockerignore-of-the-dockerfile",
        """
        FROM scratch AS deps
        COPY . /all
        """,
        ("requirements.txt", "secret.txt", "public.txt"),
        ignore="requirements.txt\n",
        own_ignore="secret.txt\ndocker\n.dockerignore\n",
        dockerfile="docker/web.Dockerfile",
    ),
    Case(
        "dockerignore-of-the-dockerfile-is-empty",
        """
        FROM scratch AS deps
        COPY . /all
        """,
        ("requirements.txt", "more.txt"),
        ignore="more.txt\n",
        own_ignore="",
    ),
    Case(
        "bind-mounts",
        """
        FROM {python} AS tools
        COPY tools.txt /t/
        FROM {python} AS deps
        RUN --mount=type=bind,source=requirements.txt,target=/r.txt \\
            --mount=target=/src,source=src,rw \\
            --mount=type=bind,from=tools,source=/t,target=/t \\
            --mount=type=cache,target=/cache --mount=type=secret,id=ca true
        """,
        ("requirements.txt", "src/a.py", "src/b/c.py", "tools.txt", "other.txt"),
    ),
    Case(
        "tmpfs-reads-nothing",
        """
        FROM {python} AS deps
        COPY requirements.txt /
        RUN --mount=type=tmpfs,target=/scratch true
        """,
        ("requirements.txt", "other.txt"),
    ),
    Case(
        "cache-mount-from-stage",
        """
        FROM scratch AS seed
        COPY seed.txt /
        FROM {python} AS deps
        RUN --mount=type=cache,from=seed,target=/cache true
        """,
        ("seed.txt", "other.txt"),
    ),
    Case(
        "add-url-with-checksum",
        f"""
        FROM scratch AS deps
        ADD --checksum={REMOTE_CHECKSUM} http://{{http}}/remote.txt /
        ADD requirements.txt /
        """,
        ("requirements.txt", "remote.txt"),
    ),
    Case(
        "escape-directive",
        """
        # escape=`
        FROM scratch AS deps
        COPY requirements.txt `
             setup.cfg `
             /x/
        COPY pip`.conf /
        """,
        ("requirements.txt", "setup.cfg", "pip.conf", "other.txt"),
    ),
    Case(
        "onbuild",
        """
        FROM scratch AS base
        COPY base.txt /
        ONBUILD COPY trigger.txt /
        ONBUILD COPY --from=helper /helper.txt /
        FROM scratch AS helper
        COPY helper.txt /
        FROM base AS deps
        COPY requirements.txt /
        FROM deps
        COPY . /
        """,
        ("base.txt", "trigger.txt", "helper.txt", "requirements.txt", "other.txt"),
    ),
    Case(
        "variables-in-sources",
        """
        ARG KIND=prod
        FROM scratch AS deps
        ARG KIND
        ARG DEV=${KIND%od}
        ENV DIR=conf NAME="two" EXT=.txt
        COPY requirements-$KIND.txt $DIR/${NAME}${EXT} ${DIR}/${MISSING:-three}.txt /x/
        COPY $DEV/${KIND#pr}.txt \\$literal.txt /y/
        """,
        (
            *("requirements-prod.txt", "conf/two.txt", "conf/three.txt", "pr/od.txt"),
            *("$literal.txt", "requirements-dev.txt"),
        ),
    ),
    Case(
        "args-are-inherited",
        """
        FROM scratch AS base
        ARG NAME=given
        FROM base AS deps
        COPY $NAME.txt /
        """,
        ("given.txt", "other.txt"),
    ),
    Case(
        "empty-arg-overrides-default",
        """
        FROM scratch AS deps
        ARG SUFFIX=-dev
        COPY requirements$SUFFIX.txt /
        """,
        ("requirements.txt", "requirements-dev.txt"),
        args={"SUFFIX": ""},
    ),
    Case(
        "json-form",
        """
        FROM scratch AS deps
        COPY ["a file.txt", "/x/"]
        COPY [ "list.txt", "other list.txt", "/y/" ]
        """,
        ("a file.txt", "list.txt", "other list.txt", "no.txt"),
    ),
    Case(
        "links",
        """
        FROM scratch AS deps
        COPY link.txt /
        COPY folder-link/x.txt /x/
        COPY l*k-too.txt /z/
        COPY tree /tree
        """,
        ("real.txt", "real/x.txt", "real/y.txt", "tree/f.txt", "outside.txt", "third.txt"),
        links={
            "link.txt": "real.txt",
            "folder-link": "real",
            "link-too.txt": "/third.txt",
            "tree/inner": "../outside.txt",
        },
    ),
    Case(
        "lower-case-and-tabs",
        """
        from\tscratch\tas\tDEPS
        copy\trequirements.txt\t/
        """,
        ("requirements.txt", "other.txt"),
        stage="Deps",
    ),
    Case(
        "last-stage-of-a-name",
        """
        FROM scratch AS deps
        COPY first.txt /
        FROM deps AS deps
        COPY second.txt /
        FROM scratch AS end
        COPY --from=deps / /
        """,
        ("first.txt", "second.txt"),
        stage="end",
    ),
    Case(
        "link-and-modes",
        """
        FROM scratch AS deps
        COPY --link --chown=1:1 requirements.txt /
        COPY --link --chmod=0644 setup.cfg /
        ENV A=b
        LABEL c="d e"
        WORKDIR /app
        USER 1000
        CMD ["x"]
        """,
        ("requirements.txt", "setup.cfg", "other.txt"),
    ),
    Case(
        "external-image-in-copy",
        """
        FROM scratch AS deps
        COPY --from={python} /etc/passwd /
        COPY requirements.txt /
        """,
        ("requirements.txt", "other.txt"),
    ),
    Case(
        "env-of-parent-beats-arg",
        """
        FROM scratch AS base
        ENV NAME=env OTHER=first
        ARG NAME=arg
        ENV OTHER=$NAME
        FROM base AS deps
        COPY $NAME.txt $OTHER.md /
        """,
        ("env.txt", "arg.txt", "env.md", "arg.md", "first.md"),
    ),
    Case(
        "named-context-is-folder",
        """
        FROM scratch AS deps
        COPY --from=sources *.txt /
        COPY --from=sources sub /sub
        COPY requirements.txt /
        """,
        (
            *("requirements.txt", "shared/a.txt", "shared/ignored.txt", "shared/sub/b.md"),
            *("shared/sub/ignored.md", "shared/other.md"),
        ),
        contexts={"sources": "./shared"},
        ignore_files={"shared/.dockerignore": "ignored.txt\nsub/ignored.*\n"},
    ),
    Case(
        "mount-from-folder-context",
        """
        FROM {python} AS deps
        ARG WHERE=sub
        RUN --mount=from=sources,source=sub,target=/m --mount=source=$WHERE/y,target=/n true
        """,
        ("shared/sub/a.txt", "shared/b.txt", "sub/y/c.txt", "sub/z.txt"),
        contexts={"sources": "./shared"},
    ),
    Case(
        "image-replaced-by-named-context",
        """
        FROM golang:1 AS deps
        COPY --from=tools:latest /etc/passwd /
        COPY requirements.txt /
        """,
        ("requirements.txt", "other.txt"),
        contexts={"golang:1": "docker-image://{python}", "tools": "docker-image://{python}"},
    ),
    Case(
        "onbuild-with-mount-and-heredoc",
        """
        FROM {python} AS base
        ONBUILD RUN --mount=source=trigger,target=/t true
        ONBUILD COPY <<EOF two.txt /x/
        COPY not-read.txt /
        EOF
        FROM base AS deps
        COPY requirements.txt /
        """,
        ("trigger/a.txt", "two.txt", "requirements.txt", "not-read.txt"),
    ),
    Case(
        "onbuild-of-replaced-stage",
        """
        FROM scratch AS base
        COPY never.txt /
        ONBUILD COPY trigger.txt /
        FROM base AS deps
        COPY requirements.txt /
        """,
        ("never.txt", "trigger.txt", "requirements.txt"),
        contexts={"base": "docker-image://{python}"},
    ),
    Case(
        "wildcard-without-match",
        """
        FROM scratch AS deps
        COPY nothing* requirements.txt /
        """,
        ("requirements.txt", "other.txt"),
    ),
    Case(
        "wildcards-and-dockerignore",
        """
        FROM scratch AS deps
        COPY app/* /app/
        COPY conf* /conf/
        """,
        (
            *("app/a.py", "app/b.md", "app/keep.md", "app/sub/c.py", "app/sub/d.md"),
            *("conf/x.ini", "conf/y.log", "other/z.py"),
        ),
        ignore="**/*.md\n!app/keep.md\nconf/*.log\n",
    ),
    Case(
        "add-with-excludes",
        """
        FROM scratch AS deps
        ADD --exclude=**/tests/** --exclude=!lib/tests/keep.py lib/ /lib/
        ADD conf/. /conf
        """,
        (
            *("lib/a.py", "lib/tests/t.py", "lib/tests/keep.py", "lib/lib/tests/keep.py"),
            *("conf/x", "conf/y/z"),
        ),
    ),
    Case(
        "carriage-returns-and-a-byte-order-mark",
        """
        # escape=`
        FROM {python} AS deps
        COPY requirements.txt `
          setup.cfg /x/
        RUN <<EOF
        true # the heredoc keeps its carriage returns
        EOF
        """,
        ("requirements.txt", "setup.cfg", "other.txt"),
        line_end="\r\n",
        start="\ufeff",
    ),
    Case(
        "quoted-values",
        """
        FROM scratch AS deps
        ARG ONE="a b.txt" TWO='c'"d".txt THREE=e\\ f.txt
        ENV OLD  spaced  name.txt
        COPY $TWO /
        COPY ["$ONE", "$THREE", "$OLD", "/x/"]
        """,
        ("a b.txt", "cd.txt", "e f.txt", "spaced  name.txt", "other.txt"),
    ),
    Case(
        "escaped-wildcards",
        """
        FROM scratch AS deps
        COPY one\\*.txt /
        COPY three[[]1].txt .env? /
        """,
        (
            *("one*.txt", "one1.txt", "three[1].txt", "three1.txt"),
            *(".env", ".env1"),
        ),
    ),
    Case(
        "wildcards-through-links",
        """
        FROM scratch AS deps
        COPY by-link/*.txt /a/
        COPY f*/x.txt /b/
        COPY deep/in*/ /c/
        """,
        ("real/1.txt", "real/2.md", "folder/x.txt", "folder/y.txt", "deep/inner/z.txt"),
        links={"by-link": "real", "f-link": "folder", "deep/inlink": "../real/2.md"},
    ),
    Case(
        "platform-flags",
        """
        FROM --platform=$TARGETPLATFORM {python} AS base
        ARG TARGETARCH
        COPY $TARGETARCH.txt /
        FROM --platform=linux/arm64 base AS deps
        ARG TARGETPLATFORM
        COPY $TARGETPLATFORM.txt /x
        """,
        ("amd64.txt", "arm64.txt", "linux/amd64.txt", "linux/arm64.txt"),
        platforms=("linux/amd64",),
    ),
    Case(
        "add-git-with-checksum",
        """
        FROM scratch AS deps
        ADD --checksum={commit} git://{git}/repo.git#main /a/
        ADD git://{git}/repo.git#{commit}:folder /b/
        ADD --keep-git-dir=true git://{git}/repo.git?checksum={commit}&ref=main /c/
        ADD requirements.txt /
        """,
        ("requirements.txt", "other.txt"),
    ),
    Case(
        "global-args-through-defaults",
        """
        ARG VERSION=3
        ARG NAME=v${VERSION}
        FROM scratch AS other
        ARG NAME=local
        COPY $NAME.txt /
        FROM scratch AS deps
        ARG NAME
        ARG VERSION=own
        COPY --from=other / /
        COPY $NAME.txt ${VERSION:-none}.txt /
        """,
        ("v4.txt", "v3.txt", "own.txt", "4.txt", "local.txt"),
        args={"VERSION": "4"},
    ),
)

# What BuildKit itself refuses: nothing may be concluded from these.
REFUSED = {
    "shift-operator": "FROM scratch AS deps\nRUN echo $((1 << 2))\n",
    "base-without-value": "ARG BASE\nFROM $BASE AS deps\n",
    "upper-case-base": "FROM scratch AS base\nFROM Base AS deps\n",
    "later-stage": "FROM scratch AS deps\nCOPY --from=late / /\nFROM scratch AS late\nWORKDIR /x\n",
    "index-out-of-range": "FROM scratch AS deps\nCOPY --from=7 / /\n",
    "variable-in-from": "ARG A=a\nFROM scratch AS a\nWORKDIR /x\nFROM scratch AS deps\n"
    "COPY --from=$A / /\n",
    "mount-from-index": "FROM scratch\nCOPY x /\nFROM {python} AS deps\n"
    "RUN --mount=from=0,target=/m true\n",
    "unknown-flag": "FROM scratch AS deps\nCOPY --unheard-of x /\n",
    "unknown-instruction": "FROM scratch AS deps\nFETCH x /\n",
    "escape-twice": "# escape=`\n# escape=`\nFROM scratch AS deps\nCOPY x /\n",
    "bad-pattern": "FROM scratch AS deps\nCOPY [a-.txt /\n",
    "quotes-in-source": 'FROM scratch AS deps\nCOPY "a b" /\n',
    "stage-by-number": "FROM scratch\nCOPY x /\n",
}
REFUSED_STAGE = {"stage-by-number": "0"}

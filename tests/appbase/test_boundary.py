"""The rules of the boundary, one by one."""

from __future__ import annotations

import pytest

from tests.appbase.cutting import cut, maybe_cut
from whalebuild.appbase.taken import is_source, taken
from whalebuild.appbase.values import Kind
from whalebuild.errors import UsageError
from whalebuild.inputs.values import ContextRead, FileEntry, Undetermined

FILES = {
    "lib/a.txt": "",
    "requirements/base.txt": "",
    "requirements/notes.md": "",
    "pins/requirements.txt": "",
    "pins/deeper/package.json": "",
    "gradle/wrapper/gradle-wrapper.properties": "",
    "packages/a/package.json": "",
    "packages/b/package.json": "",
    "packages/b/b.js": "",
    "plugins/one.json": "",
    "plug.txt": "",
    "settings.py": "",
    "vite.config.ts": "",
    "entrypoint.sh": "",
    "one.cfg": "",
    "two.cfg": "",
}


@pytest.mark.parametrize(
    ("step", "broad"),
    [
        ("COPY . /x", True),
        ("COPY ./ /x", True),
        ("COPY lib /x", True),
        ("ADD lib/ /x", True),
        ("COPY --exclude=*.md lib /x", True),
        ("COPY requirements /x", True),  # a note is among them
        ("COPY pins /x", False),
        ("COPY gradle /x", False),
        ("COPY packages /x", True),
        ("COPY packages/*/package.json /x", False),
        ("COPY packages/* /x", True),
        ("COPY plug* /x", True),  # a file and a folder
        ("COPY p*.txt /x", False),
        ("COPY *.cfg /x", False),
        ("COPY lib/a.txt entrypoint.sh /x", False),
        ("COPY settings.py /x", True),
        ("COPY *.py /x", True),
        ("COPY vite.config.ts /x", False),
        ("COPY requirements.txt lib/ /x", True),
        ("COPY --parents packages/*/package.json /x", False),
        ("COPY --parents ./packages/./*/package.json /x", False),
        ("COPY --parents packages/b /x", True),
        ("COPY --parents ./lib/./a.txt /x", False),
        ("COPY --parents **/b /x", True),
        ("COPY <<settings.py /x\nsettings.py", False),
        ("RUN --mount=target=/x y", True),
        ("RUN --mount=type=bind,source=lib,target=/x y", True),
        ("RUN --mount=type=bind,source=requirements.txt,target=/x y", False),
        ("RUN --mount=type=cache,target=/x y", False),
        ("COPY --from=elsewhere / /x", True),
        ("COPY --from=elsewhere one.cfg /x", False),
        ("COPY --from=made / /x", True),
        ("COPY --from=image / /x", False),
    ],
)
def test_what_is_code(step: str, broad: bool) -> None:
    text = f"FROM debian\n{step}\nRUN z\nCOPY app.py /y"
    contexts = {
        "elsewhere": "./lib",
        "made": "target:made",
        "image": "docker-image://example.org/x",
    }
    files = FILES | {"lib/one.cfg": ""}
    found = cut(text, files, contexts=contexts)
    assert (found.line == 2) is broad, found.reason


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("COPY . .", "the whole context, with .git, which every commit changes"),
        ("COPY .git .git", ".git, which every commit changes"),
        ("COPY .git/HEAD /", ".git/HEAD, which every commit changes"),
        ("RUN --mount=source=.git,target=/x y", ".git, which every commit changes"),
        ("COPY requirements.txt vendor/x/.git/HEAD /", "x/.git/HEAD, which every commit changes"),
        ("COPY .gitattributes /", None),
    ],
)
def test_git_is_told_as_what_it_is(step: str, said: str | None) -> None:
    files = {
        **dict.fromkeys(
            [".git/HEAD", ".git/objects/1", "vendor/x/.git/HEAD", ".gitattributes"], ""
        ),
        "requirements.txt": "",
        "app.py": "",
    }
    found = cut(f"FROM debian AS builder\n{step}\nFROM debian\nCOPY --from=builder /a /a", files)
    assert found.reason.endswith("(line 2)") is bool(said), found.reason
    assert (said or "no instruction takes code in") in found.reason


def test_a_folder_behind_a_link_is_code() -> None:
    def entry(path: str, kind: str) -> FileEntry:
        return FileEntry(None, path, kind, 0o644, "")

    def read(source: str) -> ContextRead:
        return ContextRead(None, "x", 1, "COPY", (source,))

    folder = [entry("here", "link"), entry("there/x", "dir"), entry("there/x/a.txt", "file")]
    assert taken(read("here/x"), folder) == "the folder here/x"
    assert taken(read("here"), [entry("here", "link"), entry("there", "file")]) is None
    many = [entry("here", "link"), *(entry(f"there/{n}.txt", "file") for n in range(6))]
    assert taken(read("here/*.txt"), many) == "7 files by here/*.txt"


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("app.py", True),
        ("manage.py", True),
        ("setup.py", False),
        ("src/main.go", True),
        ("Main.JAVA", True),
        ("index.html", True),
        ("target/app.jar", True),
        ("gunicorn_conf.py", False),
        ("next.config.mjs", False),
        ("docker-entrypoint.py", False),
        ("healthcheck.js", False),
        ("build.rs", False),
        ("build.gradle.kts", False),
        ("mix.exs", False),
        ("start.sh", False),
        ("Caddyfile", False),
        ("config.py", True),
    ],
)
def test_source_by_its_name(path: str, source: bool) -> None:
    assert is_source(path) is source


def test_reasons() -> None:
    lines = "FROM debian\nRUN x\n"
    assert cut(f"{lines}COPY . .").reason == (
        "the first instruction that takes code in: the whole context"
    )
    assert cut(f"{lines}COPY lib .", FILES).reason.endswith("takes code in: the folder lib")
    assert cut(f"{lines}COPY one.cfg .\nCOPY . .", FILES).reason == (
        "the first instruction that reads the context after the work on line 2"
    )
    assert cut("FROM debian\nCOPY one.cfg .", FILES).reason == (
        "the first instruction that reads the context"
    )
    assert cut(lines).reason == "no instruction takes code in"
    side = "FROM a AS side\nCOPY app.py .\nFROM side AS other\nRUN x\n"
    assert cut(f"{side}FROM debian\nCOPY --from=other /x /y").reason.endswith(
        "what stage other makes of app.py, which is the application's source (line 2)"
    )


def test_each_line_after_it_says_what_it_needs() -> None:
    text = """\
FROM golang AS side
COPY app.py .
FROM debian AS last
RUN x
COPY app.py .
ENV A=1
COPY --from=side /a /b
COPY --from=alpine /a /b
ADD --checksum=sha256:1111111111111111111111111111111111111111111111111111111111111111 \
https://example.org/x /y
COPY <<EOF /z
EOF
WORKDIR /w
RUN y
"""
    found = cut(text)
    assert [(tail.kind, tail.origin) for tail in found.tail] == [
        (Kind.CONTEXT, None),
        (Kind.METADATA, None),
        (Kind.STAGE, "side"),
        (Kind.IMAGE, "alpine"),
        (Kind.NOTHING, None),
        (Kind.NOTHING, None),
        (Kind.NOTHING, None),
        (Kind.RUN, None),
    ]
    assert {tail.stage.label for tail in found.tail} == {"last"}


@pytest.mark.parametrize(
    ("text", "external", "empty"),
    [
        ("FROM debian\nCOPY . .", True, False),
        ("FROM debian AS a\nFROM a\nCOPY . .", True, False),
        ("FROM debian\nENV A=1\nCOPY . .", False, False),
        ("FROM scratch\nCOPY . .", False, True),
        ("FROM scratch\nENV A=1\nWORKDIR /\nCOPY . .", False, True),
        ("FROM scratch\nWORKDIR /x\nCOPY . .", False, False),
    ],
)
def test_what_the_app_base_is(text: str, external: bool, empty: bool) -> None:
    found = cut(text)
    assert (found.is_external, found.is_empty) == (external, empty)


def test_a_chain_goes_through_variables_and_stops_at_named_contexts() -> None:
    text = "ARG B=one\nFROM debian AS one\nFROM debian AS two\nFROM $B AS last\nCOPY . ."
    assert [stage.label for stage in cut(text).chain] == ["one", "last"]
    assert [stage.label for stage in cut(text, args={"B": "two"}).chain] == ["two", "last"]
    found = cut(text, contexts={"one": "target:other"})
    assert ([stage.label for stage in found.chain], found.base) == (["last"], "one")


def test_a_chain_that_each_platform_has_its_own_of_is_not_told() -> None:
    text = "FROM debian AS amd64\nFROM debian AS arm64\nFROM ${TARGETARCH}\nCOPY . ."
    found = maybe_cut(text, platforms=("linux/amd64", "linux/arm64"))
    assert isinstance(found, Undetermined)
    assert found.line == 3
    assert cut(text).chain[0].label == "amd64"


def test_a_side_stage_may_be_another_one_on_each_platform() -> None:
    text = (
        "FROM debian AS bin-amd64\nFROM debian AS bin-arm64\nCOPY app.py /\n"
        "FROM bin-${TARGETARCH} AS bin\nFROM debian\nRUN x\nCOPY --from=bin /a /b"
    )
    found = cut(text, platforms=("linux/amd64", "linux/arm64"))
    assert found.line == 7
    assert "app.py" in found.reason


def test_a_folder_in_from_leaves_no_app_base() -> None:
    found = maybe_cut("FROM tree\nRUN x", {"tree/x": ""}, contexts={"tree": "./tree"})
    assert str(found) == "FROM tree takes files of a context in (line 1)"


def test_another_target_is_code_unless_it_is_known_to_have_none() -> None:
    text = "FROM debian\nCOPY --from=made /a /b\nCOPY app.py ."
    contexts = {"made": "target:made"}
    assert cut(text, contexts=contexts).line == 2
    assert cut(text, contexts=contexts, options={"without_code": {"made"}}).line == 3
    side = "FROM made AS side\nFROM debian\nCOPY --from=side /a /b\nCOPY app.py ."
    assert cut(side, contexts=contexts).line == 3
    assert cut(side, contexts=contexts, options={"without_code": {"made"}}).line == 4


OVERRIDDEN = """\
FROM debian AS deps
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY lib ./lib
RUN make
FROM deps AS last
COPY app.py .
COPY . .
COPY . ./x
CMD x
"""


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("before:COPY . .", 8),
        ("before:copy   .  .", 8),
        ("after:COPY . .", 9),
        (" After : COPY lib", 5),
        ("before:RUN make", 5),
        ("after:RUN make", 7),
        ("before:FROM deps", 7),
        ("after:FROM deps AS last", 7),
        ("after:CMD", None),
        ("after:FROM debian", 2),
    ],
)
def test_a_setting_overrides_the_guess(setting: str, line: int | None) -> None:
    found = cut(OVERRIDDEN, FILES, options={"override": setting})
    assert found.line == line
    assert found.reason == f"set: app-base = {setting}"


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ("COPY . .", "is not well formed"),
        ("before:", "is not well formed"),
        ("at:COPY . .", "is not well formed"),
        ("before:COPY src", "names no instruction"),
        ("before:COPY", "names 5 instructions"),
        ("before:FROM debian", "leaves nothing for the app base"),
    ],
)
def test_a_setting_that_names_no_place_is_refused(setting: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        cut(OVERRIDDEN, FILES, options={"override": setting})


@pytest.mark.parametrize(
    ("step", "line"),
    [
        ("RUN pip install -r requirements.txt", 4),
        ("FROM deps AS last", 8),
        ("COPY . .", 9),
        ("# another comment\n\nCOPY . .", 11),
    ],
)
def test_a_comment_overrides_the_guess(step: str, line: int) -> None:
    marked = f"  #Whalebuild:  app-base \n{step}\n"
    found = cut(OVERRIDDEN.replace(f"{step.splitlines()[-1]}\n", marked), FILES)
    assert found.line == line
    assert found.reason == "marked by a comment in the Dockerfile"


def test_comments_of_other_stages_and_in_heredocs_count_for_nothing() -> None:
    mark = "# whalebuild: app-base\n"
    other = f"FROM debian AS other\n{mark}RUN x\nFROM debian\nRUN <<EOF\n{mark}EOF\nCOPY . .\n"
    assert cut(other).line == 8
    continued = f"FROM debian\nRUN a \\\n{mark}  b\nCOPY . .\n"
    assert cut(continued).line == 5
    at_the_end = (
        f"FROM debian AS a\nRUN x\n{mark}FROM debian AS b\nRUN y\nFROM a\nENV A=1\nCOPY . .\n"
    )
    assert cut(at_the_end).line == 7


def test_a_setting_goes_before_a_comment() -> None:
    text = "FROM debian\nENV A=1\n# whalebuild: app-base\nRUN x\nCOPY . ."
    assert cut(text).line == 4
    assert cut(text, options={"override": "before:COPY . ."}).line == 5


def test_two_comments_are_refused() -> None:
    mark = "# whalebuild: app-base"
    with pytest.raises(UsageError, match="several comments"):
        cut(f"FROM debian\n{mark}\nRUN x\n{mark}\nCOPY . .")
    with pytest.raises(UsageError, match="leaves nothing"):
        cut(f"{mark}\nFROM debian\nRUN x\nCOPY . .")

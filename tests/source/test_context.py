"""Which files a read covers, in real folders. The differential test compares with BuildKit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from whalebuild.dockerfile.parser import parse_dockerfile
from whalebuild.errors import UsageError
from whalebuild.inputs.find import find_inputs
from whalebuild.inputs.values import Build, ContextFiles, StageInputs, Undetermined
from whalebuild.source.context import LocalContextFiles


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(f"{name}\n"))


def listed(
    folder: Path, steps: str, build: Build | None = None, dockerfile: str | None = "Dockerfile"
) -> ContextFiles | Undetermined:
    build = build or Build()
    inputs = find_inputs(parse_dockerfile(f"FROM scratch\n{steps}\n"), None, build)
    assert isinstance(inputs, StageInputs), inputs
    return LocalContextFiles(folder).list_files(inputs, build, dockerfile)


def names(folder: Path, steps: str, build: Build | None = None) -> list[str]:
    found = listed(folder, steps, build)
    assert isinstance(found, ContextFiles), found
    return sorted(f"{e.name}?" if e.kind == "missing" else e.name for e in found.entries)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("COPY a.txt /", ["a.txt"]),
        ("COPY ./sub/../a.txt ../b.txt /", ["a.txt", "b.txt"]),
        ("COPY *.txt /", ["a.txt", "b.txt"]),
        ("COPY ?.txt [a-z].md /", ["a.txt", "b.txt", "c.md"]),
        ("COPY no*.x missing /", ["missing?", "no*.x?"]),
        ("COPY sub /", ["sub/", "sub/d.md", "sub/deep/", "sub/deep/e.py", "sub/deep/f.md"]),
        ("COPY sub/* /", ["sub/d.md", "sub/deep/", "sub/deep/e.py", "sub/deep/f.md"]),
        ("COPY */*.md /", ["sub/d.md"]),
        ("COPY **/e.py /", ["**/e.py?"]),
        ("COPY --exclude=*.md sub /", ["sub/", "sub/deep/", "sub/deep/e.py", "sub/deep/f.md"]),
        ("COPY --exclude=**/*.md sub /", ["sub/", "sub/deep/", "sub/deep/e.py"]),
        ("COPY --exclude=deep sub /", ["sub/", "sub/d.md"]),
        (
            "COPY --exclude=deep --exclude=!deep/e.py sub /",
            ["sub/", "sub/d.md", "sub/deep/", "sub/deep/e.py"],
        ),
        (
            "RUN --mount=source=sub/deep,target=/m x",
            ["sub/deep/", "sub/deep/e.py", "sub/deep/f.md"],
        ),
        ("RUN --mount=source=*.txt,target=/m x", ["*.txt?"]),
        ("COPY a.txt /\nADD a.txt b.txt /", ["a.txt", "b.txt"]),
    ],
)
def test_sources_select_files(tmp_path: Path, steps: str, expected: list[str]) -> None:
    make(tmp_path, "a.txt", "b.txt", "c.md", "sub/d.md", "sub/deep/e.py", "sub/deep/f.md")
    assert names(tmp_path, steps) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("/t/a/b/./c/d", {"t/a/b/c/d/foo", "t/a/b/c/d/e/bay"}),
        ("/t/a/b/c/d/.", {"t/a/b/c/d/foo", "t/a/b/c/d/e/bay"}),
        ("./t/a/b/c/d", {"t/a/b/c/d/foo", "t/a/b/c/d/e/bay"}),
        ("/t/a/./b/./c", {"t/a/b/c/d/foo", "t/a/b/c/d/e/bay"}),
        ("/t/a/./*/c", {"t/a/b/c/d/foo", "t/a/b/c/d/e/bay", "t/a/b2/c/d/e/bar"}),
        ("/t/a/b*/./c/**/e", {"t/a/b/c/d/e/bay", "t/a/b2/c/d/e/bar"}),
        ("/t/a/b/c*/./d/**/baz", {"t/a/b/c2/d/e/baz", "t/a/b/c2/d/e2/baz"}),
        ("t/**/foo", {"t/a/b/c/d/foo"}),
        (
            "t/a/./.",
            {"t/a/b/c/d/foo", "t/a/b/c/d/e/bay", "t/a/b2/c/d/e/bar"}
            | {"t/a/b/c2/d/e/baz", "t/a/b/c2/d/e2/baz"},
        ),
    ],
)
def test_parents_select_below_the_pivot(tmp_path: Path, source: str, expected: set[str]) -> None:
    """The table is testCopyRelativeParents of BuildKit's dockerfile_parents_test.go."""
    make(
        tmp_path,
        *("t/a/b/c/d/foo", "t/a/b/c/d/e/bay", "t/a/b2/c/d/e/bar", "t/a/b/c2/d/e/baz"),
        *("t/a/b/c2/d/e2/baz", "other"),
    )
    found = names(tmp_path, f"COPY --parents {source} /out/")
    assert {name for name in found if not name.endswith("/")} == expected


def test_the_ignore_file_beside_the_dockerfile_goes_first(tmp_path: Path) -> None:
    make(tmp_path, "a", "b", "c")
    (tmp_path / ".dockerignore").write_text("a\n.dockerignore\ndocker\n")
    assert names(tmp_path, "COPY . /") == ["b", "c"]
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/web.dockerignore").write_text("b\n.dockerignore\ndocker\n")
    own = listed(tmp_path, "COPY . /", dockerfile="docker/web")
    assert isinstance(own, ContextFiles)
    assert [entry.name for entry in own.entries] == ["a", "c"]
    inline = listed(tmp_path, "COPY . /", dockerfile=None)
    assert isinstance(inline, ContextFiles)
    assert [entry.name for entry in inline.entries] == ["b", "c"]


@pytest.mark.parametrize(
    ("ignored", "expected"),
    [
        ("sub", ["top"]),
        ("sub/*\n!sub/x", ["sub/", "sub/x", "top"]),
        ("*\n!sub/deep", ["sub/", "sub/deep/", "sub/deep/z"]),
        ("**/x", ["sub/", "sub/deep/", "sub/deep/z", "top"]),
    ],
)
def test_ignored_folders_count_where_something_in_them_is_sent(
    tmp_path: Path, ignored: str, expected: list[str]
) -> None:
    make(tmp_path, "top", "sub/x", "sub/deep/z")
    (tmp_path / ".dockerignore").write_text(f"{ignored}\n.dockerignore\n")
    assert [name for name in names(tmp_path, "COPY . /") if name != ".dockerignore"] == expected


def test_an_ignored_file_that_is_asked_for_is_missing(tmp_path: Path) -> None:
    make(tmp_path, "a", "b")
    (tmp_path / ".dockerignore").write_text("a\n")
    assert names(tmp_path, "COPY a b /") == ["a?", "b"]


@pytest.mark.parametrize(
    ("link", "target", "steps", "expected"),
    [
        ("l", "file", "COPY l /", ["file", "l"]),
        ("l", "folder", "COPY l /", ["folder/", "folder/x", "l"]),
        ("l", "folder", "COPY l/x /", ["folder/x", "l"]),
        ("l", "/folder/x", "COPY l /", ["folder/x", "l"]),
        ("l", "../../file", "COPY l /", ["file", "l"]),
        ("l", "nowhere", "COPY l /", ["l", "l?"]),
        ("l", "l", "COPY l /", ["l", "l?"]),
        ("folder/l", "../file", "COPY folder /", ["folder/", "folder/l", "folder/x"]),
    ],
)
def test_links_are_followed_inside_the_context(
    tmp_path: Path, link: str, target: str, steps: str, expected: list[str]
) -> None:
    make(tmp_path, "file", "folder/x")
    (tmp_path / link).symlink_to(target)
    assert names(tmp_path, steps) == expected


def test_entries_have_what_counts(tmp_path: Path) -> None:
    make(tmp_path, "sub/file")
    (tmp_path / "sub/file").chmod(0o750)
    (tmp_path / "sub").chmod(0o711)
    (tmp_path / "sub/link").symlink_to("file")
    os.mkfifo(tmp_path / "sub/pipe", 0o640)
    found = listed(tmp_path, "COPY sub /")
    assert isinstance(found, ContextFiles)
    ((read, entries),) = found.by_read
    assert (read.line, read.instruction) == (2, "COPY sub /")
    assert [(e.path, e.kind, e.mode, bool(e.digest), e.size) for e in entries] == [
        ("sub", "dir", 0o711, False, 0),
        ("sub/file", "file", 0o750, True, 9),
        ("sub/link", "link", 0, True, 0),
        ("sub/pipe", "other", 0o640, True, 0),
    ]


def test_named_contexts_have_their_own_folder_and_ignore_file(tmp_path: Path) -> None:
    make(tmp_path, "main", "shared/a", "shared/b")
    (tmp_path / "shared/.dockerignore").write_text("b\n.dockerignore\n")
    build = Build(contexts={"more": "shared"})
    found = listed(tmp_path, "COPY main /\nCOPY --from=more . /", build)
    assert isinstance(found, ContextFiles)
    assert [(e.context, e.path, e.name) for e in found.entries] == [
        (None, "main", "main"),
        ("more", "a", "context more: a"),
    ]


def test_the_context_is_relative_to_where_buildx_runs(tmp_path: Path) -> None:
    make(tmp_path, "service/a", "a")
    (found,) = listed(tmp_path, "COPY a /", Build(context="service")).entries  # type: ignore[union-attr]
    assert found.size == len("service/a\n")


def test_a_dockerfile_that_names_its_frontend_has_the_ignore_file_that_is_sent(
    tmp_path: Path,
) -> None:
    make(tmp_path, "a", "b")
    (tmp_path / ".dockerignore").write_text("a\n*ignore\n")
    (tmp_path / "Dockerfile.dockerignore").write_text("")
    parsed = parse_dockerfile("# syntax=docker/dockerfile:1\nFROM scratch\nCOPY . /\n")
    inputs = find_inputs(parsed, None, Build())
    assert isinstance(inputs, StageInputs)
    found = LocalContextFiles(tmp_path).list_files(inputs, Build(), "Dockerfile")
    assert isinstance(found, ContextFiles)
    assert [entry.name for entry in found.entries] == ["b"]


@pytest.mark.parametrize("link", ["link", "links/inner"])
def test_a_context_may_be_a_link_to_a_folder(tmp_path: Path, link: str) -> None:
    make(tmp_path, "real/a")
    (tmp_path / "links").mkdir()
    (tmp_path / link).symlink_to(tmp_path / "real")
    build = Build(context=link, contexts={"more": link})
    expected = ["a", "context more: a"]
    assert names(tmp_path, "COPY . /\nCOPY --from=more . /", build) == expected


def test_a_named_context_may_say_that_it_is_here(tmp_path: Path) -> None:
    make(tmp_path, "shared/a")
    build = Build(contexts={"more": "cwd://./shared"})
    assert names(tmp_path, "COPY --from=more . /", build) == ["context more: a"]


def test_what_cannot_be_read_cannot_be_told(tmp_path: Path) -> None:
    make(tmp_path, "a")
    (tmp_path / ".dockerignore").write_text("[a-\n")
    bad = listed(tmp_path, "COPY a /")
    assert isinstance(bad, Undetermined)
    assert bad.line == 2
    nowhere = listed(tmp_path, "COPY a /", Build(context="nowhere"))
    assert str(nowhere) == "the context nowhere is not a folder (line 2)"
    away = listed(tmp_path, "COPY a /", Build(context="github.com/a/b"))
    assert str(away) == "it reads files of github.com/a/b, which are not here (line 2)"


LATIN = os.fsdecode(b"caf\xe9")


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        (LATIN, "COPY . /"),
        (f"sub/{LATIN}", "COPY sub /"),
        (f"sub/{LATIN}/a", "COPY */ /"),
        (LATIN, "COPY c* /"),
        (LATIN, "RUN --mount=target=/x true"),
    ],
)
def test_a_name_that_is_not_utf8_is_named(tmp_path: Path, name: str, steps: str) -> None:
    make(tmp_path, name)
    with pytest.raises(UsageError) as caught:
        listed(tmp_path, steps)
    assert caught.value.what.startswith("BuildKit cannot be sent ")
    assert "caf\\xe9" in caught.value.what


def test_a_link_to_what_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(LATIN)
    with pytest.raises(UsageError) as caught:
        listed(tmp_path, "COPY link /")
    assert caught.value.what == 'BuildKit cannot be sent "link"'
    assert "caf\\xe9" in str(caught.value.cause)


@pytest.mark.parametrize("pattern", [b"sub", b"sub/*", b"**/caf?", b"**/caf\xe9*"])
def test_what_is_not_sent_may_have_any_name(tmp_path: Path, pattern: bytes) -> None:
    make(tmp_path, "a", f"sub/{LATIN}")
    (tmp_path / ".dockerignore").write_bytes(pattern + b"\n.dockerignore\n")
    assert "a" in names(tmp_path, "COPY . /")


def test_contents_are_read_once_for_services_that_share_a_context(tmp_path: Path) -> None:
    make(tmp_path, "a")
    build = Build()
    inputs = find_inputs(parse_dockerfile("FROM scratch\nCOPY a /\n"), None, build)
    assert isinstance(inputs, StageInputs)
    files = LocalContextFiles(tmp_path)
    first = files.list_files(inputs, build, "Dockerfile")
    (tmp_path / "a").write_text("changed\n")
    assert files.list_files(inputs, build, "Dockerfile") == first
    assert LocalContextFiles(tmp_path).list_files(inputs, build, "Dockerfile") != first


def test_what_comes_after_it_was_looked_for_is_not_there_in_this_run(tmp_path: Path) -> None:
    make(tmp_path, "a")
    build = Build()
    files = LocalContextFiles(tmp_path)

    def found(step: str) -> list[str]:
        inputs = find_inputs(parse_dockerfile(f"FROM scratch\n{step}\n"), None, build)
        assert isinstance(inputs, StageInputs)
        listed_now = files.list_files(inputs, build, "Dockerfile")
        assert isinstance(listed_now, ContextFiles)
        return [f"{entry.kind} {entry.path}" for entry in listed_now.entries]

    assert found("COPY b /") == ["missing b"]
    make(tmp_path, "b")
    assert found("COPY . /") == ["file a"]

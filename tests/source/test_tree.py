from __future__ import annotations

from pathlib import Path

import pytest

from whalebuild.bakefile.target import Target
from whalebuild.errors import UsageError
from whalebuild.source.tree import LocalSourceTree


def target(**attributes: str) -> Target:
    return Target("app", {k.replace("_", "-"): v for k, v in attributes.items()})


def test_bake_files_are_found_in_buildx_order(tmp_path: Path) -> None:
    for name in ("docker-bake.override.hcl", "docker-bake.hcl", "compose.yaml", "other.hcl"):
        (tmp_path / name).touch()
    (tmp_path / "docker-bake.json").mkdir()
    assert LocalSourceTree(tmp_path, {}).bake_files() == (
        "compose.yaml",
        "docker-bake.hcl",
        "docker-bake.override.hcl",
    )


def test_the_text_of_bake_files_is_all_of_it_or_none(tmp_path: Path) -> None:
    (tmp_path / "a.hcl").write_bytes(b"one \xff")
    (tmp_path / "b.hcl").write_text("two")
    tree = LocalSourceTree(tmp_path, {})
    assert tree.bake_text(["a.hcl", "b.hcl"]) == "one \ufffd\ntwo"
    assert tree.bake_text(["a.hcl", "https://example.org/x.hcl"]) is None
    assert tree.bake_text(["a.hcl", "/dev/zero"]) is None, "it has no end"


@pytest.mark.parametrize(
    ("path", "attributes"),
    [
        ("Dockerfile", {}),
        ("svc/Dockerfile", {"context": "svc"}),
        ("svc/docker/prod.Dockerfile", {"context": "svc", "dockerfile": "docker/prod.Dockerfile"}),
        ("Dockerfile", {"context": "svc", "dockerfile": "../Dockerfile"}),
    ],
    ids=["default", "context", "below the context", "above the context"],
)
def test_a_dockerfile_is_found_relative_to_its_context(
    tmp_path: Path, path: str, attributes: dict[str, str]
) -> None:
    (tmp_path / "svc" / "docker").mkdir(parents=True)
    (tmp_path / path).write_bytes(b"\xef\xbb\xbfFROM debian AS found\r\n")
    parsed = LocalSourceTree(tmp_path, {}).dockerfile(target(**attributes))
    assert parsed is not None
    assert parsed.stage("found")


def test_a_dockerfile_in_the_bake_file_needs_no_file(tmp_path: Path) -> None:
    inline = target(dockerfile_inline="FROM debian AS inline")
    parsed = LocalSourceTree(tmp_path, {}).dockerfile(inline)
    assert parsed is not None
    assert parsed.stage("inline")


@pytest.mark.parametrize(
    "context",
    [
        "https://github.com/a/b.git#main",
        "https://example.org/context.tar.gz",
        "git@github.com:a/b.git",
        "ssh://git@h/a",
        "github.com/a/b",
    ],
)
def test_a_remote_context_is_out_of_reach(tmp_path: Path, context: str) -> None:
    assert LocalSourceTree(tmp_path, {}).dockerfile(target(context=context)) is None
    inline = target(context=context, dockerfile_inline="FROM debian AS inline")
    assert LocalSourceTree(tmp_path, {}).dockerfile(inline) is not None


@pytest.mark.parametrize("more", [{}, {"dockerfile_inline": "FROM debian"}], ids=["file", "inline"])
@pytest.mark.parametrize("context", ["nowhere", "file", "oci-layout://x", "ftp://x/y", "-"])
def test_a_context_that_is_neither_a_folder_nor_a_url_is_named(
    tmp_path: Path, context: str, more: dict[str, str]
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError) as caught:
        LocalSourceTree(tmp_path, {}).dockerfile(target(context=context, **more))
    assert caught.value.what == f"the context {context} is not a folder"
    assert 'target "app"' in str(caught.value.cause)


@pytest.mark.parametrize(
    ("value", "refused"),
    [
        ("nowhere", True),
        ("cwd://nowhere", True),
        ("file", True),
        ("folder", False),
        ("cwd://folder", False),
        ("git@github.com:a/b.git", False),
        ("docker-image://debian", False),
        ("target:other", False),
        ("oci-layout://folder", False),
    ],
)
def test_a_named_context_that_is_nowhere_is_named(
    tmp_path: Path, value: str, *, refused: bool
) -> None:
    """Buildx refuses it whether or not a stage uses it."""
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "Dockerfile").write_text("FROM debian")
    made = Target("app", {"contexts": {"shared": value}})
    if not refused:
        assert LocalSourceTree(tmp_path, {}).dockerfile(made) is not None
        return
    with pytest.raises(UsageError) as caught:
        LocalSourceTree(tmp_path, {}).dockerfile(made)
    assert caught.value.what == f"the context {value} is not a folder"
    assert 'named context "shared" of target "app"' in str(caught.value.cause)


def test_a_folder_is_a_context_whatever_it_is_called(tmp_path: Path) -> None:
    """buildx takes the Dockerfile from where it runs then: it has taken the context for a URL."""
    (tmp_path / "github.com/a/b").mkdir(parents=True)
    (tmp_path / "github.com/a/b/Dockerfile").write_text("FROM debian AS wrong")
    (tmp_path / "Dockerfile").write_text("FROM debian AS found")
    parsed = LocalSourceTree(tmp_path, {}).dockerfile(target(context="github.com/a/b"))
    assert parsed is not None
    assert parsed.stage("found")


def test_a_dockerfile_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "svc").mkdir()
    with pytest.raises(UsageError) as caught:
        LocalSourceTree(tmp_path, {}).dockerfile(target(context="svc"))
    assert caught.value.what == "cannot read the Dockerfile svc/Dockerfile"
    assert caught.value.cause == 'No such file or directory (target "app")'


def test_bytes_that_are_not_utf8_are_kept(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_bytes(b"# K\xfcche\nFROM debian\nCOPY <<'E' /\n\xfc\nE\n")
    parsed = LocalSourceTree(tmp_path, {}).dockerfile(target())
    assert parsed is not None
    (document,) = parsed.stages[0].instructions[0].documents
    assert document.content.encode(errors="surrogateescape") == b"\xfc\n"


def test_the_variable_of_buildx_names_the_bake_files(tmp_path: Path) -> None:
    (tmp_path / "docker-bake.hcl").touch()
    for named, separator in (("a.hcl:b.json", ""), (" a.hcl; b.json;", ";")):
        env = {"BUILDX_BAKE_FILE": named, "BUILDX_BAKE_PATH_SEPARATOR": separator}
        assert LocalSourceTree(tmp_path, env).bake_files() == ("a.hcl", "b.json")
    unset = LocalSourceTree(tmp_path, {"BUILDX_BAKE_FILE": " "})
    assert unset.bake_files() == ("docker-bake.hcl",)


@pytest.mark.parametrize(
    ("attributes", "path"),
    [
        ({}, "Dockerfile"),
        ({"context": "svc"}, "svc/Dockerfile"),
        ({"context": "svc", "dockerfile": "../Dockerfile"}, "Dockerfile"),
        ({"dockerfile": "linked"}, None),
        ({"dockerfile": "../elsewhere"}, None),
        ({"dockerfile_inline": "FROM x"}, None),
        ({"context": "lower"}, None),
        ({"context": "https://example.org/x.git"}, None),
    ],
)
def test_a_patch_is_for_a_file_below_the_working_folder(
    tmp_path: Path, attributes: dict[str, str], path: str | None
) -> None:
    for name in ("here/Dockerfile", "here/svc/Dockerfile", "here/lower/dockerfile", "elsewhere"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("FROM x\n")
    (tmp_path / "here/linked").symlink_to("Dockerfile")
    tree = LocalSourceTree(tmp_path / "here", {})
    assert tree.patchable(target(**{"context": ".", **attributes})) == path


def test_a_file_of_the_context_is_read_as_text(tmp_path: Path) -> None:
    (tmp_path / "svc").mkdir()
    (tmp_path / "svc/a.txt").write_text("one")
    (tmp_path / "svc/b.txt").write_bytes(b"\xff")
    tree = LocalSourceTree(tmp_path, {})
    found = [tree.context_text(target(context="svc"), f"{name}.txt") for name in "abc"]
    assert found == ["one", None, None]


def test_a_bake_file_above_is_named_from_where_the_user_stands(tmp_path: Path) -> None:
    root = tmp_path / "api"
    (root / "src").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    assert LocalSourceTree(root, {}).bake_file_above() is None
    (tmp_path / "compose.yaml").touch()
    assert LocalSourceTree(root, {}).bake_file_above() == "../compose.yaml"
    assert LocalSourceTree(root, {}, root / "src").bake_file_above() == "../../compose.yaml"

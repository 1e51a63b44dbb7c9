from __future__ import annotations

from pathlib import Path

from whalebuild.bakefile.entitlements import RealPath
from whalebuild.source.real_path import real_path


def test_links_are_followed_and_what_is_missing_is_parted(tmp_path: Path) -> None:
    project, other = tmp_path / "project", tmp_path / "other"
    project.mkdir()
    other.mkdir()
    (other / "file").write_text("")
    (project / "link").symlink_to("../other")
    (project / "chain").symlink_to("link/file")
    (project / "dangling").symlink_to("../gone/deep")
    found = {
        path: real_path(project, path)
        for path in (".", "..", "new/deep", "link", "link/file", "chain", "dangling", "link/../x")
    }
    assert found == {
        ".": RealPath(str(project)),
        "..": RealPath(str(tmp_path)),
        "new/deep": RealPath(str(project), "new/deep"),
        "link": RealPath(str(other)),
        "link/file": RealPath(str(other / "file")),
        "chain": RealPath(str(other / "file")),
        "dangling": RealPath(str(tmp_path), "gone/deep"),
        "link/../x": RealPath(str(project), "x"),  # as buildx cleans a path
    }


def test_what_is_no_path_and_links_in_a_circle_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "file").write_text("")
    assert real_path(tmp_path, "a\0b") == RealPath(str(tmp_path), "a\0b")
    assert real_path(tmp_path, "circle/x").existing.startswith(str(tmp_path))
    assert real_path(tmp_path, "file/x") == RealPath(str(tmp_path / "file"), "x")
    assert real_path(tmp_path, "/") == RealPath("/")

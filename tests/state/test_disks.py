"""The file systems that are looked at."""

from __future__ import annotations

from pathlib import Path

from whalebuild.state.disks import disks


def test_folders_that_are_not_made_yet(tmp_path: Path) -> None:
    env = {"XDG_STATE_HOME": f"{tmp_path}/a", "XDG_CACHE_HOME": f"{tmp_path}/b"}
    found = list(disks(None, str(tmp_path), env))
    assert [disk.what for disk in found] == [
        "the folder of records",
        "the folder of notes",
        "the temporary folder",
        "the engine's data",
    ]
    assert found[0].path == f"{tmp_path}/a/whalebuild"
    assert all(0 < disk.free <= disk.total and disk.writable for disk in found)
    assert not (tmp_path / "a").exists()


def test_the_setting(tmp_path: Path) -> None:
    assert next(disks(str(tmp_path / "mine"), None, {"HOME": "/"})).path == f"{tmp_path}/mine"

"""Digests of what is in the files of a project."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from whalebuild.compose.model import Model, read_model
from whalebuild.docker.compose_contents import read_contents, read_variables, uses_variables


def sha256(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def model(folder: Path, **more: Any) -> Model:
    mounts = [
        {"type": "bind", "source": str(folder / "own.conf"), "read_only": True},
        {"type": "bind", "source": str(folder / "written"), "target": "/w"},
        {"type": "bind", "source": str(folder), "read_only": True},
        {"type": "bind", "source": "/etc/hostname", "read_only": True},
        {"type": "volume", "source": "data"},
    ]
    return read_model({"name": "shop", "services": {"web": {"volumes": mounts}}, **more})


def test_configs_secrets_and_files_that_are_mounted(tmp_path: Path) -> None:
    for name in ("own.conf", "written", "c.conf", "key"):
        (tmp_path / name).write_text(f"{name} ü")
    (tmp_path / "binary").write_bytes(b"\xff\x00")
    found = read_contents(
        model(
            tmp_path,
            configs={
                "c": {"file": str(tmp_path / "c.conf")},
                "b": {"file": str(tmp_path / "binary")},
                "inline": {"content": "x"},
                "gone": {"file": str(tmp_path / "gone")},
                "var": {"environment": "VAR"},
            },
            secrets={
                "key": {"file": str(tmp_path / "key")},
                "token": {"environment": "TOKEN"},
                "unset": {"environment": "UNSET"},
                "outside": {"external": True},
            },
        ),
        tmp_path,
        {"TOKEN": "t", "VAR": "v"},
    )
    assert found.digests == {
        "config c": sha256("c.conf ü"),
        "config b": f"sha256:{hashlib.sha256(bytes([255, 0])).hexdigest()}",
        "config var": sha256("v"),
        "secret key": sha256("key ü"),
        "secret token": sha256("t"),
        f"file {tmp_path / 'own.conf'}": sha256("own.conf ü"),
    }
    assert found.texts == {"config c": "c.conf ü"}


def test_large_files_are_data(tmp_path: Path) -> None:
    (tmp_path / "own.conf").write_bytes(b"x" * ((1 << 20) + 1))
    assert read_contents(model(tmp_path), tmp_path, {}).digests == {}


def test_variables_as_compose_prints_them(tmp_path: Path) -> None:
    assert read_variables("A=1\nB=two=2\nLONG=one\n two\n\nC=\n") == {
        "A": "1",
        "B": "two=2",
        "LONG": "one\n two",
        "C": "",
    }
    assert read_variables("") == {}
    assert not uses_variables(model(tmp_path, secrets={"k": {"file": "/k"}}))
    assert uses_variables(model(tmp_path, secrets={"k": {"environment": "K"}}))

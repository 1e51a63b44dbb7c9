"""What is a difference between two builds of the same, and what is none."""

from __future__ import annotations

import tarfile
from typing import Any

import pytest

from tests.integration.image_entries import Entry, Layers, differences

_BEGAN = 1000


def file(name: str, content: str = "x", mtime: int = 5, **other: Any) -> Entry:
    return {"name": name, "type": tarfile.REGTYPE, "content": content, "mtime": mtime, **other}


def folder(name: str, mtime: int = 5, **other: Any) -> Entry:
    return {"name": name, "type": tarfile.DIRTYPE, "content": "", "mtime": mtime, **other}


def image(*layers: list[Entry], **config: Any) -> Layers:
    described = [{"digest": f"{layer}", "mediaType": "layer"} for layer in layers]
    manifest = {"mediaType": "image", "layers": described}
    return Layers(manifest, config, tuple(map(tuple, layers)))


BASE = [folder("app"), file("app/old")]


def found(one: list[Entry], other: list[Entry]) -> list[str]:
    return differences(image(BASE, one), image(BASE, other), shared=1, began=_BEGAN)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([folder("app", 2000)], [folder("app", 3000)]),
        ([folder("app"), file("app/old"), file("app/new")], [folder("app"), file("app/new")]),
        ([folder("app", 2000), file("app/old")], []),
        ([file("app/.wh.old")], [file("app/.wh.old")]),
    ],
    ids=["times of builds", "repeated file", "only repeated", "removed"],
)
def test_no_difference(one: list[Entry], other: list[Entry]) -> None:
    assert not found(one, other)
    assert not found(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([file("app/new", "x")], [file("app/new", "y")]),
        ([file("app/new", mode=1)], [file("app/new", mode=2)]),
        ([folder("app", 6)], [folder("app", 7)]),
        ([folder("app", 6)], [folder("app", 2000)]),
        ([file("app/old", "other")], []),
        ([folder("app", mode=1)], []),
        ([folder("new")], []),
        ([file("a"), file("b")], [file("b"), file("a")]),
        ([file("app/.wh.old")], []),
    ],
)
def test_differences(one: list[Entry], other: list[Entry]) -> None:
    assert found(one, other)
    assert found(other, one)


def test_what_was_removed_is_not_repeated() -> None:
    gone, again = [file("app/.wh.old")], [file("app/old")]
    without: list[Entry] = []
    one, other = image(BASE, gone, again), image(BASE, gone, without)
    assert differences(one, other, shared=1, began=_BEGAN)


def test_configuration_without_dates() -> None:
    one = image(BASE, created="now", history=[{"created": "now", "created_by": "RUN"}])
    two = image(BASE, created="then", history=[{"created": "then", "created_by": "RUN"}])
    other = image(BASE, created="then", history=[{"created_by": "COPY"}])
    assert not differences(one, two, shared=1, began=_BEGAN)
    assert differences(one, other, shared=1, began=_BEGAN)


def test_the_base_has_to_be_the_same() -> None:
    assert differences(image(BASE), image([folder("app")]), shared=1, began=_BEGAN)

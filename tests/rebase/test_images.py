"""The rebase: layers, history and configuration of a build on a stub, put on the app base."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.rebase.images import (
    DOCKER,
    NEW,
    OCI,
    app_base,
    built_on,
    descriptor,
    image,
    sha,
    stub_of,
)
from whalebuild.errors import VerificationError
from whalebuild.oci.manifest import digest_of
from whalebuild.rebase.images import Image, read_image, rebase


def test_layers_history_and_configuration() -> None:
    base = app_base(config={"Env": ["PATH=/bin"], "Cmd": ["sh"]})
    own = {"Env": ["PATH=/bin", "A=<b>"], "User": "app", "Labels": {"é": "1"}}
    stub = stub_of(base)
    built = built_on(stub, config=own, annotations={"org.example": "1"}, unknown={"kept": [1]})
    made = rebase(base, built, stub, repeated=2)
    read, below = read_image(made.image, "it"), read_image(base, "the base")

    assert [each["digest"] for each in read.layers] == [
        sha(n) for n in ("base 0", "base 1", "code 0", "code 1")
    ]
    assert read.layers[:2] == below.layers
    assert read.diff_ids[2:] == tuple(sha(f"code {n}, not compressed") for n in range(2))
    assert [e["created_by"] for e in read.history] == [
        "RUN 0",
        "ARG VERSION=1",
        "RUN 1",
        "COPY 0 /app # buildkit",
        "ENV A=<b>",
        "COPY 1 /app # buildkit",
        "ENV A=<b>",
    ]
    assert read.history[:3] == below.history
    assert read.config["config"] == own
    assert read.config["unknown"] == {"kept": [1]}
    assert read.config["created"] == NEW["created"]
    assert read.manifest["annotations"] == {"org.example": "1"}
    assert read.manifest["config"]["size"] == len(made.image.config)
    assert [each.digest for each in made.added] == [sha("code 0"), sha("code 1")]
    assert made.descriptor.digest == digest_of(made.image.manifest) == made.image.digest
    assert made.descriptor.size == len(made.image.manifest)
    assert made.descriptor.platform == "linux/amd64"
    assert made == rebase(base, built, stub, repeated=2)


@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 3), st.booleans())
def test_base_and_tail_in_order(base_layers: int, tail: int, repeated: int, zstd: bool) -> None:
    base = app_base(base_layers)
    stub = stub_of(base)
    lines = tuple(f"ARG A{n}" for n in range(repeated))
    built = built_on(stub, tail, repeated=lines, compressed_again=zstd)
    made = read_image(rebase(base, built, stub, repeated=repeated).image, "it")
    below, above = read_image(base, "base"), read_image(built, "built")
    assert made.layers == below.layers + above.layers[1:]
    assert made.diff_ids == below.diff_ids + above.diff_ids[1:]
    assert made.history == below.history + above.history[1 + repeated :]
    had = [e for e in made.history if not e.get("empty_layer")]
    assert len(had) == len(made.layers)


@pytest.mark.parametrize("history", [None, [], [{"created_by": "RUN 0"}]])
def test_a_base_with_less_history_gets_none_invented(history: list[Any] | None) -> None:
    whole = read_image(app_base(), "it")
    base = image([*whole.layers], [*whole.diff_ids], history)  # type: ignore[list-item]
    stub = stub_of(base)
    made = read_image(rebase(base, built_on(stub, 1), stub, repeated=2).image, "it")
    assert list(made.history[:-2]) == (history or [])
    assert made.history[-2]["created_by"] == "COPY 0 /app # buildkit"


def test_docker_types_are_kept() -> None:
    base = app_base()
    stub = stub_of(base)
    built = read_image(built_on(stub), "it")
    docker = image(
        [{**each, "mediaType": f"{DOCKER}.image.rootfs.diff.tar.gzip"} for each in built.layers],
        [*built.diff_ids],
        [*built.history],  # type: ignore[list-item]
        docker=True,
    )
    made = rebase(base, docker, stub, repeated=2)
    manifest = json.loads(made.image.manifest)
    assert made.descriptor.media_type == manifest["mediaType"]
    assert manifest["mediaType"] == f"{DOCKER}.distribution.manifest.v2+json"
    assert manifest["config"]["mediaType"] == f"{DOCKER}.container.image.v1+json"
    assert {e["mediaType"] for e in manifest["layers"]} == {f"{DOCKER}.image.rootfs.diff.tar.gzip"}
    assert not any("annotations" in each for each in manifest["layers"])


@pytest.mark.parametrize(
    ("docker", "oci"),
    [
        ("image.rootfs.diff.tar", "layer.v1.tar"),
        ("image.rootfs.diff.tar.zstd", "layer.v1.tar+zstd"),
        ("image.rootfs.foreign.diff.tar.gzip", "layer.nondistributable.v1.tar+gzip"),
    ],
)
def test_docker_layers_of_the_base_become_oci(docker: str, oci: str) -> None:
    below = descriptor("base", mediaType=f"{DOCKER}.{docker}", urls=["https://example.com"])
    base = image([below], [sha("x")], [{"created_by": "x"}], docker=True)
    stub = stub_of(base)
    made = rebase(base, built_on(stub), stub, repeated=2)
    assert json.loads(made.image.manifest)["layers"][0] == {**below, "mediaType": f"{OCI}.{oci}"}


def changed(of: Image, **config: Any) -> Image:
    read = read_image(of, "it")
    own = {k: v for k, v in read.config.items() if k not in {"rootfs", "history"}}
    history = config.pop("history", [*read.history])
    diff_ids = config.pop("diff_ids", [*read.diff_ids])
    return image([*read.layers], diff_ids, history, **{**own, **config})  # type: ignore[list-item]


REFUSED = {
    "another stub": (
        lambda built: changed(built, diff_ids=[sha("other"), *read_image(built, "").diff_ids[1:]]),
        "the application's first layer is not the stub's",
    ),
    "another platform": (
        lambda built: changed(built, architecture="arm64"),
        "the app base is for linux/amd64, and the application for linux/arm64",
    ),
    "an inline cache": (
        lambda built: changed(built, **{"moby.buildkit.cache.v0": {}}),
        "the application has an inline cache, which names layers of the stub",
    ),
    "fewer repeated lines": (
        lambda built: changed(
            built,
            history=[e for e in read_image(built, "").history if e["created_by"][:3] != "CMD"],
        ),
        "the application's history does not go on with 2 repeated lines",
    ),
    "a repeated line with a layer": (
        lambda built: changed(
            built,
            history=[
                {**e, "empty_layer": False} if e["created_by"][:3] in {"CMD", "COP"} else e
                for e in read_image(built, "").history
                if not e["created_by"].startswith("COPY 1")
            ],
        ),
        "the application's history does not go on with 2 repeated lines",
    ),
    "another history below": (
        lambda built: changed(built, history=[*read_image(built, "").history[1:]]),
        "the application's history does not begin with the stub's",
    ),
    "a layer without history": (
        lambda built: changed(
            built,
            history=[e for e in read_image(built, "").history if "COPY 0" not in e["created_by"]],
        ),
        "2 layers were added, and another number of entries of history",
    ),
    "another configuration": (
        lambda built: replace(built, config=built.config + b" "),
        "the application has another configuration than its manifest says",
    ),
    "fewer diff ids": (
        lambda built: changed(built, diff_ids=[*read_image(built, "").diff_ids[:-1]]),
        "the application has 3 layers and 2 diff ids",
    ),
    "more history than layers": (
        lambda built: changed(
            built, history=[*read_image(built, "").history, {"created_by": "RUN"}]
        ),
        "the application has 3 layers, and a history of 4",
    ),
    "no image": (
        lambda _: Image(b"[]", b"{}"),
        "the application has no image's manifest and configuration",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    change, cause = REFUSED[case]
    base = app_base()
    stub = stub_of(base)
    with pytest.raises(VerificationError) as raised:
        rebase(base, change(built_on(stub)), stub, repeated=2)
    assert raised.value.cause == cause


def test_a_line_of_another_kind_was_not_repeated() -> None:
    base = app_base()
    stub = stub_of(base)
    with pytest.raises(VerificationError):
        rebase(base, built_on(stub, repeated=("ENV A=1",)), stub, repeated=1)

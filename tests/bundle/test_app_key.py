from __future__ import annotations

from typing import Any

import pytest

from whalebuild.bakefile.target import Target
from whalebuild.bundle.app_key import AppMaterial, material
from whalebuild.bundle.lock import Lock

AMD64, ARM64 = "linux/amd64", "linux/arm64"
LOCK = Lock({AMD64: "k", ARM64: "l"}, bases={AMD64: {"a": "1"}, ARM64: {"a": "1", "b": "2"}})
ON = {AMD64: "sha256:1", ARM64: "sha256:2"}


def key(
    lock: Lock = LOCK,
    on: dict[str, str] | None = None,
    additions: dict[str, Any] | None = None,
    **attributes: Any,
) -> str:
    made_of = material(lock, Target("app", attributes), additions or {})
    return made_of.key(ON if on is None else on)


@pytest.mark.parametrize(
    "other",
    [
        key(Lock({AMD64: "k", ARM64: "changed"})),
        key(Lock({AMD64: "k"})),
        key(on={**ON, ARM64: "sha256:3"}),
        key(on={AMD64: "sha256:1"}),
        key(on={}),
        key(labels={"a": "b"}),
        key(additions={"BUILDX_GIT_LABELS": {"a": "b"}}),
        key(annotations=["a=b"]),
        key(attest=[{"type": "provenance", "disabled": "true"}]),
        key(output=[{"type": "image", "compression": "zstd"}]),
    ],
    ids=[
        *("its inputs", "a platform", "the dependencies", "fewer dependencies", "none"),
        *("labels", "git's labels", "annotations", "attestations", "compression"),
    ],
)
def test_what_changes_the_image_changes_the_key(other: str) -> None:
    assert other != key()


@pytest.mark.parametrize(
    "same",
    [
        key(Lock(dict(reversed(LOCK.keys.items())))),
        key(on=dict(reversed(ON.items()))),
        key(Lock(LOCK.keys, facts={AMD64: {"x": "y"}}, bases={})),
        key(tags=["acme/web:v2"], description="x"),
        key(**{"cache-to": [{"type": "gha"}]}),
    ],
    ids=["order", "order of dependencies", "what the keys have already", "tags", "caches"],
)
def test_the_rest_does_not(same: str) -> None:
    assert same == key()


def test_labels_of_two_applications_are_told_apart() -> None:
    assert key(labels={"a": "b", "c": "d"}) == key(labels={"c": "d", "a": "b"})
    assert key(labels={"a": "b"}) != key(annotations={"a": "b"})


def test_bases_of_all_platforms_are_known_together() -> None:
    assert AppMaterial(LOCK, {}).bases == {"a": "1", "b": "2"}

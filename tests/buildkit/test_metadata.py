from __future__ import annotations

from typing import Any

import pytest

from tests.support.plans import digest
from whalebuild.buildkit.metadata import exported_cache, image_digest
from whalebuild.oci.manifest import Descriptor


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ({"containerimage.digest": digest(1)}, digest(1)),
        ({}, None),
        ({"containerimage.digest": None}, None),
        ({"containerimage.digest": {"digest": digest(1)}}, None),
    ],
    ids=["a digest", "nothing", "null", "another form"],
)
def test_buildx_says_what_was_pushed(metadata: dict[str, Any], found: str | None) -> None:
    assert image_digest(metadata) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"digest": digest(1), "size": 7, "mediaType": "x"}, Descriptor(digest(1), 7)),
        ('{"digest": "sha256:1", "size": "7"}', Descriptor("sha256:1", 7)),
        (None, None),
        ("", None),
        ("{", None),
        ({"digest": digest(1)}, None),
        ([], None),
        ({"digest": digest(1), "size": None}, None),
        (["digest"], None),
    ],
)
def test_buildx_says_what_cache_was_exported(value: Any, found: Descriptor | None) -> None:
    got = exported_cache({"cache.manifest": value})
    assert got == found

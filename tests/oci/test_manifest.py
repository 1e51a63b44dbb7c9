from __future__ import annotations

import pytest

from whalebuild.oci.manifest import has_triggers, parse_image, parse_index, platform_of


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b"[" * 200_000])
def test_bytes_that_are_nothing_of_an_image_s_are_no_fault(raw: bytes) -> None:
    assert (parse_index(raw), parse_image(raw), platform_of(raw)) == (None, None, None)
    assert not has_triggers(raw)

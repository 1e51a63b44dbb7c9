"""Whether a host has room for what is to be pulled."""

from __future__ import annotations

import pytest

from whalebuild.deployplan.space import DiskSpace, require_space
from whalebuild.errors import EngineError

MB = 1_000_000


@pytest.mark.parametrize(
    ("download", "free", "tight"),
    [(100, 400, False), (100, 399, True), (100, 100, True), (0, 0, False)],
)
def test_what_fits(download: int, free: int, tight: bool) -> None:
    said = require_space(download * MB, DiskSpace("/var/lib/docker", free * MB))
    assert bool(said) is tight


def test_what_does_not_fit() -> None:
    with pytest.raises(EngineError) as refused:
        require_space(100 * MB, DiskSpace("/var/lib/docker", 99 * MB))
    error = refused.value
    assert error.what == (
        "the host has no room for what is to be pulled: that is 100 MB, and 99 MB are free"
    )
    assert "/var/lib/docker" in str(error.cause)
    assert "`whalebuild prune`" in str(error.next_step)
    assert "`docker system df`" in str(error.next_step)


def test_where_it_is_not_known_nothing_is_claimed() -> None:
    assert require_space(100 * MB, None) == ""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.upstream import Upstream, serve


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with serve() as upstream:
        yield upstream

"""The mixture of faults: how often it strikes, and what."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.integration.chaos import SHARE, Chaos
from tests.integration.proxy import Proxy
from tests.support.marks import extended

TIMES = 4000
DIGEST = f"sha256:{'1' * 64}"


@pytest.mark.parametrize(
    ("method", "path", "kinds"),
    [
        ("HEAD", f"/v2/x/blobs/{DIGEST}", 9),
        ("GET", "/v2/x/manifests/latest", 12),
        extended("GET", f"/v2/x/blobs/{DIGEST}", 12),
        extended("POST", "/v2/x/blobs/uploads/", 10),
        ("PATCH", "/v2/x/blobs/uploads/1?_state=2", 12),
        extended("PUT", f"/v2/x/blobs/uploads/1?_state=2&digest={DIGEST}", 12),
        ("PUT", "/v2/x/manifests/deps", 11),
        extended("DELETE", "/v2/x/manifests/staging", 10),
        extended("GET", "/v2/", 10),
        extended("GET", "/v2/x/tags/list", 10),
        extended("GET", "/token?scope=repository:x:pull", 10),
        extended("POST", "/token", 10),
    ],
)
def test_every_request_has_the_same_chance_of_its_kinds(method: str, path: str, kinds: int) -> None:
    chaos = Chaos.of(1)
    proxy = Proxy("here", "there", chaos.faults)
    struck = Counter(
        chaos.names[id(f)] for _ in range(TIMES) if (f := proxy.fault(method, path, b""))
    )
    assert struck.total() / TIMES == pytest.approx(SHARE, abs=0.02)
    assert len(struck) == kinds
    assert min(struck.values()) > 0.4 * max(struck.values()), struck
    assert struck == chaos.hits()

"""The proxy with faults: which requests they strike."""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.harness.upstream import Upstream, ask
from tests.integration.faults import Action, Fault, Status, normalised
from tests.integration.proxy import Proxy, faulty_registry

BUSY = Status(503)


def statuses(proxy: Proxy, count: int, method: str = "GET", path: str = "/v2/x") -> list[int]:
    return [ask(proxy.address, method, path)[0] for _ in range(count)]


def test_method_and_path(upstream: Upstream) -> None:
    with faulty_registry(upstream.address, Fault("GET|PUT", r"/blobs/.*\?a=", BUSY)) as proxy:
        assert statuses(proxy, 1, "GET", "/v2/x/blobs/1?a=1") == [503]
        assert statuses(proxy, 1, "GET", "/v2/x/blobs/1?b=1") == [200]
        assert statuses(proxy, 1, "HEAD", "/v2/x/blobs/1?a=1") == [200]


def test_skip_and_times(upstream: Upstream) -> None:
    fault = Fault("GET", "", BUSY, skip=1, times=2)
    with faulty_registry(upstream.address, fault) as proxy:
        assert statuses(proxy, 5) == [200, 503, 503, 200, 200]
    assert fault.hits == 2
    assert [e.fault for e in proxy.exchanges] == [None, fault, fault, None, None]


def test_for_so_long(upstream: Upstream) -> None:
    with faulty_registry(upstream.address, Fault("GET", "", BUSY, seconds=0.3)) as proxy:
        time.sleep(0.3)
        assert statuses(proxy, 2) == [503, 503], "time runs from the first hit on"
        time.sleep(0.3)
        assert statuses(proxy, 1) == [200]


def test_what_is_sent(upstream: Upstream) -> None:
    with faulty_registry(upstream.address, Fault("PUT", "", BUSY, sends=rb"a\.b")) as proxy:
        for body in (b"xa.bx", iter([b"xa", b".bx"])):
            assert ask(proxy.address, "PUT", "/v2/x", body)[0] == 503
        assert ask(proxy.address, "PUT", "/v2/x", b"a-b")[0] == 201
        big = b"-" * 3_000_000 + b"a.b"
        assert ask(proxy.address, "PUT", "/v2/x", big)[0] == 201, "only its beginning is read"
        assert proxy.uploads[-1] == ("/v2/x", len(big))


def test_the_first_fault_that_strikes(upstream: Upstream) -> None:
    faults = (Fault("GET", "", Status(500), times=1), Fault("GET", "", BUSY, times=1))
    with faulty_registry(upstream.address, *faults) as proxy:
        assert statuses(proxy, 3) == [500, 503, 200]
        proxy.faults.append(Fault("GET", "", BUSY))
        assert statuses(proxy, 1) == [503], "faults can be added"


def test_an_action_and_its_fault_are_taken_once(upstream: Upstream) -> None:
    """Also with many threads."""
    done: list[int] = []
    fault = Fault("GET", "", Action(lambda: done.append(1)), times=3)
    with faulty_registry(upstream.address, fault) as proxy, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: statuses(proxy, 3), range(8)))
    assert len(done) == fault.hits == 3


def test_chance_is_repeatable_in_any_order(upstream: Upstream) -> None:
    asked = [f"/v2/x/blobs/{number}" for number in range(6)] * 10

    def struck(seed: int, shuffled: int) -> Counter[tuple[str, int]]:
        fault = Fault("GET", "", BUSY, probability=0.3, seed=seed)
        order = asked.copy()
        random.Random(shuffled).shuffle(order)
        with faulty_registry(upstream.address, fault) as proxy, ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda path: ask(proxy.address, "GET", path), order))
        assert 5 < fault.hits < 35
        return Counter((path, status) for _, path, status in proxy.seen)

    first = struck(1, 1)
    assert struck(1, 2) == first
    assert struck(2, 1) != first


def test_the_same_fault_in_another_place_draws_other_lots(upstream: Upstream) -> None:
    one, other = (Fault("GET", "", BUSY, probability=0.5) for _ in range(2))
    with faulty_registry(upstream.address, one, other) as proxy:
        statuses(proxy, 40)
    assert one.hits
    assert other.hits


def test_what_a_registry_makes_up_is_left_out() -> None:
    upload = "/v2/x/blobs/uploads/0b2e-1?_state=abc%3D&digest=sha256:12"
    assert normalised(upload) == "/v2/x/blobs/uploads/*?_state=*&digest=sha256:12"
    assert normalised("/v2/x/blobs/uploads/?mount=1") == "/v2/x/blobs/uploads/?mount=1"
    assert normalised("/v2/x/manifests/1") == "/v2/x/manifests/1"

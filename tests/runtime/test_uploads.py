from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.registry import BUSY, DENIED, FakeRegistry
from tests.support.registry_server import Reply, serve
from tests.support.retrier import patient, patiently
from tests.support.upload_registry import Dialect, Noise, UploadRegistry
from whalebuild.failures.failure import FailedError
from whalebuild.oci.blobs import Arrival, BytesSource
from whalebuild.oci.manifest import digest_of
from whalebuild.registry import upload as registry_upload
from whalebuild.registry.client import RegistryClient
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.runtime.uploads import Blob, push_blobs

WEB, BASE = "r.test/acme/web", "r.test/acme/base"


def blob(size: int, mount_from: str | None = None) -> Blob:
    raw = bytes([size]) * size
    return Blob(digest_of(raw), BytesSource(raw), mount_from)


def content(of: Blob) -> bytes:
    return of.source.open(0).read(of.source.size)


def test_blobs_are_skipped_mounted_or_sent() -> None:
    registry = FakeRegistry()
    there, elsewhere, new, large = blob(3), blob(25, BASE), blob(7, BASE), blob(31)
    registry.blobs[WEB, there.digest] = content(there)
    registry.blobs[BASE, elsewhere.digest] = content(elsewhere)
    told: list[tuple[int, int]] = []
    pushed = push_blobs(
        patiently(registry),
        WEB,
        [there, elsewhere, new, large, new],
        progress=lambda done, total: told.append((done, total)),
    )
    assert pushed.digests(Arrival.THERE) == (there.digest,)
    assert pushed.digests(Arrival.MOUNTED) == (elsewhere.digest,)
    assert pushed.digests(Arrival.SENT) == (large.digest, new.digest)
    assert pushed.bytes_sent == 38
    assert told[-1] == (38, 38)
    assert all(done <= total for done, total in told)
    for each in (there, elsewhere, new, large):
        assert registry.blobs[WEB, each.digest] == content(each)
    assert registry.requests.count(f"SEND {WEB}@{new.digest}") == 1, "the same digest once"


def test_nothing_to_push() -> None:
    pushed = push_blobs(patiently(FakeRegistry()), WEB, [])
    assert (pushed.arrivals, pushed.bytes_sent) == ({}, 0)


def test_each_part_has_tries_of_its_own() -> None:
    registry = FakeRegistry()
    large = blob(40)
    asked = f"SEND {WEB}@{large.digest}"
    registry.failures[asked] = [BUSY, BUSY, None] * 4
    registry_of = patiently(registry, attempts=3)
    assert push_blobs(registry_of, WEB, [large]).bytes_sent == 40
    assert registry.requests.count(asked) == 12
    steps = {retry.step for retry in registry_of.retrier.retries}
    assert steps == {f"pushing {large.digest[:19]}"}
    assert len(registry_of.retrier.retries) == 8


def test_the_budget_ends_with_the_failure() -> None:
    registry = FakeRegistry(down=BUSY)
    with pytest.raises(FailedError, match="503 Service Unavailable"):
        push_blobs(patiently(registry), WEB, [blob(5)])
    assert len(registry.requests) == 3


@dataclass
class Endless:
    """A request that sends without end; what ``progress`` raises ends it."""

    progress: Any
    begun: threading.Semaphore
    ended: threading.Event = field(default_factory=threading.Event)
    bytes_sent: int = 0

    def advance(self) -> Arrival | None:
        self.begun.release()
        try:
            while True:
                self.progress(1, 2)
        finally:
            self.ended.set()


@dataclass
class Refused:
    """Refused once three others have begun."""

    others: threading.Semaphore
    bytes_sent: int = 0

    def advance(self) -> Arrival | None:
        for _ in range(3):
            assert self.others.acquire(timeout=10)
        FakeRegistry(down=DENIED).try_upload(WEB)
        return None


def test_the_first_error_stops_what_is_being_sent() -> None:
    begun = threading.Semaphore(0)
    endless: list[Endless] = []

    class Uploads(FakeRegistry):
        def upload(self, repository: str, digest: str, source: Any, **more: Any) -> Any:
            if source.size == 30:
                return Refused(begun)
            endless.append(Endless(more["progress"], begun))
            return endless[-1]

    with pytest.raises(FailedError, match="denied"):
        push_blobs(patiently(Uploads()), WEB, [blob(size) for size in (50, 40, 30, 20)])
    assert [upload.ended.wait(10) for upload in endless] == [True] * 3


def test_after_an_error_nothing_else_is_begun() -> None:
    registry = FakeRegistry(down=DENIED)
    before = set(threading.enumerate())
    with pytest.raises(FailedError, match="denied"):
        push_blobs(patiently(registry), WEB, [blob(5), blob(6), blob(7)], at_once=1)
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
    assert len(registry.requests) == 1


def test_at_most_so_many_at_once() -> None:
    lock, at_once, most = threading.Lock(), 0, 0

    class Counting(FakeRegistry):
        def has_blob(self, repository: str, digest: str) -> bool:
            nonlocal at_once, most
            with lock:
                at_once += 1
                most = max(most, at_once)
            threading.Event().wait(0.005)
            with lock:
                at_once -= 1
            return True

    pushed = push_blobs(patiently(Counting()), WEB, [blob(n) for n in range(1, 13)], at_once=3)
    assert len(pushed.digests(Arrival.THERE)) == 12
    assert most <= 3


def test_an_interrupt_in_progress_ends_it() -> None:
    def interrupted(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        push_blobs(patiently(FakeRegistry()), WEB, [blob(5), blob(6)], progress=interrupted)


def test_side_by_side_over_http_with_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_upload, "IN_ONE_PIECE", 8)
    monkeypatch.setattr(registry_upload, "CHUNK", 32)
    sources = [Noise(size, seed=size) for size in (100, 70, 8, 3, 0, 64, 33, 31)]
    faults: dict[int | str, Any] = {1: Reply(503), 6: 20, 9: "lost", 14: Reply(500), 20: 3}
    registry = UploadRegistry(Dialect(), faults=faults)
    with serve(registry) as server, RegistryClient({"DOCKER_CONFIG": str(tmp_path)}) as client:
        server.cut = registry.cut
        reading = RetryingRegistry(client, patient(8))
        blobs = [Blob(source.digest, source) for source in sources]
        pushed = push_blobs(reading, f"{server.address}/acme/web", blobs)
    assert set(pushed.arrivals.values()) == {Arrival.SENT}
    for source in sources:
        assert registry.blobs["acme/web", source.digest] == source.raw
    assert pushed.bytes_sent >= sum(source.size for source in sources)
    assert pushed.bytes_sent >= registry.received

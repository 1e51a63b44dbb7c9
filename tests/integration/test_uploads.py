"""Uploads by our own client to a real registry (distribution 2.8), with faults on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration import published
from tests.integration.faults import Action, AnswerLost, Closed, Fault, Reset, Status, oci_error
from tests.integration.proxy import Proxy, faulty_registry
from tests.integration.registries import PASSWORD, USER, OwnRegistry, own_registry
from tests.integration.sandbox import Sandbox
from tests.integration.tokens import docker_config, token_server
from tests.support.retrier import patient
from whalebuild.oci.blobs import Arrival
from whalebuild.oci.manifest import digest_of
from whalebuild.registry.client import RegistryClient
from whalebuild.registry.streamed import FileSource
from whalebuild.registry.upload import CHUNK
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.runtime.uploads import Blob, Pushed, push_blobs

pytestmark = pytest.mark.extended

SIZE = 2 * CHUNK + CHUNK // 2  # three chunks
SMALL = 100_000


def make_blob(folder: Path, size: int, mark: str = "") -> tuple[Blob, bytes]:
    raw = hashlib.shake_128(f"{size} {mark}".encode()).digest(size)
    file = folder / digest_of(raw).removeprefix("sha256:")
    file.write_bytes(raw)
    return Blob(digest_of(raw), FileSource(file)), raw


@contextmanager
def registry_behind(
    sandbox: Sandbox, folder: Path, *faults: Fault
) -> Iterator[tuple[OwnRegistry, Proxy]]:
    with (
        own_registry(sandbox.env(), folder) as registry,
        faulty_registry(registry.address, *faults) as proxy,
    ):
        yield registry, proxy


def push(sandbox: Sandbox, proxy: Proxy, *blobs: Blob, tries: int = 20) -> Pushed:
    with RegistryClient(sandbox.env(), settings={}) as client:
        reading = RetryingRegistry(client, patient(tries))
        return push_blobs(reading, f"{proxy.address}/acme/web", blobs)


def chunks(proxy: Proxy) -> int:
    return sum(method == "PATCH" for method, _, _ in proxy.seen)


def test_small_and_large_blobs_side_by_side(sandbox: Sandbox, tmp_path: Path) -> None:
    made = [make_blob(tmp_path, size) for size in (SIZE, SMALL, 0, 12)]
    blobs = [blob for blob, _ in made]
    with registry_behind(sandbox, tmp_path) as (registry, proxy):
        pushed = push(sandbox, proxy, *blobs)
        assert set(pushed.arrivals.values()) == {Arrival.SENT}
        assert pushed.bytes_sent == sum(size for _, size in proxy.uploads) == SIZE + SMALL + 12
        assert chunks(proxy) == 3
        for blob, raw in made:
            assert published.blob(registry.address, "acme/web", blob.digest) == raw
        proxy.begin()
        again = push(sandbox, proxy, *blobs)
        assert again.digests(Arrival.THERE) == tuple(blob.digest for blob in blobs[:2])
        assert again.bytes_sent == 12, "those of a few bytes are sent without asking"
        asked = [method for method, _, _ in proxy.seen]
        assert sorted(asked) == [*["HEAD"] * 2, *["POST"] * 2, *["PUT"] * 2]
        elsewhere = f"{proxy.address}/acme/web"
        mounted = [Blob(blob.digest, blob.source, elsewhere) for blob in blobs]
        with RegistryClient(sandbox.env(), settings={}) as client:
            reading = RetryingRegistry(client, patient())
            result = push_blobs(reading, f"{proxy.address}/acme/other", mounted)
        assert (set(result.arrivals.values()), result.bytes_sent) == ({Arrival.MOUNTED}, 0)


@pytest.mark.parametrize(
    "effect",
    [Status(503), oci_error(429, "TOOMANYREQUESTS", Retry_After="1"), Closed(), Reset()],
    ids=["503", "429", "closed", "reset"],
)
def test_a_chunk_that_does_not_reach_the_registry_is_all_that_is_repeated(
    sandbox: Sandbox, tmp_path: Path, effect: Status | Closed | Reset
) -> None:
    blob, raw = make_blob(tmp_path, SIZE)
    fault = Fault("PATCH", "/uploads/", effect, skip=1, times=1)
    with registry_behind(sandbox, tmp_path, fault) as (registry, proxy):
        push(sandbox, proxy, blob)
        assert published.blob(registry.address, "acme/web", blob.digest) == raw
    assert fault.hits == 1
    assert chunks(proxy) == 4
    assert [method for method, _, _ in proxy.seen].count("POST") == 1


def test_a_chunk_that_is_cut_is_not_fatal(sandbox: Sandbox, tmp_path: Path) -> None:
    """Distribution 2.8 gives up the upload then (3 does not): it begins anew."""
    blob, raw = make_blob(tmp_path, SIZE)
    fault = Fault("PATCH", "/uploads/", Reset(after=CHUNK // 2), skip=1, times=1)
    with registry_behind(sandbox, tmp_path, fault) as (registry, proxy):
        push(sandbox, proxy, blob)
        assert published.blob(registry.address, "acme/web", blob.digest) == raw
    assert fault.hits == 1
    assert chunks(proxy) == 5


@pytest.mark.parametrize("method", ["HEAD", "POST", "PATCH", "PUT"])
def test_a_lost_answer(sandbox: Sandbox, tmp_path: Path, method: str) -> None:
    blob, raw = make_blob(tmp_path, SIZE)
    fault = Fault(method, "/blobs/", AnswerLost(), times=1)
    with registry_behind(sandbox, tmp_path, fault) as (registry, proxy):
        push(sandbox, proxy, blob)
        assert published.blob(registry.address, "acme/web", blob.digest) == raw
    assert fault.hits == 1


def test_a_registry_that_is_killed_between_two_chunks(sandbox: Sandbox, tmp_path: Path) -> None:
    blob, raw = make_blob(tmp_path, SIZE)
    with own_registry(sandbox.env(), tmp_path) as registry:
        fault = Fault("PATCH", "/uploads/", [Action(registry.restart), Reset()], skip=1, times=1)
        with faulty_registry(registry.address, fault) as proxy:
            push(sandbox, proxy, blob)
            assert published.blob(registry.address, "acme/web", blob.digest) == raw
    assert fault.hits == 1
    assert chunks(proxy) == 4, "it went on where it was"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_faults(sandbox: Sandbox, tmp_path: Path, seed: int) -> None:
    made = [make_blob(tmp_path, size, str(seed)) for size in (SIZE, CHUNK + 1, SMALL, 5000)]
    faults = [
        Fault(".*", "/blobs/", effect, probability=0.06, seed=seed)
        for effect in (Status(503), Reset(after=20_000), AnswerLost(), Closed())
    ]
    with registry_behind(sandbox, tmp_path, *faults) as (registry, proxy):
        push(sandbox, proxy, *(blob for blob, _ in made))
        assert sum(fault.hits for fault in faults) > 0
        for blob, raw in made:
            assert published.blob(registry.address, "acme/web", blob.digest) == raw


def test_a_mount_with_signed_tokens(sandbox: Sandbox, tmp_path: Path) -> None:
    blob, _ = make_blob(tmp_path, SMALL)
    with (
        token_server(tmp_path) as tokens,
        own_registry(sandbox.env(), tmp_path, auth=tokens.auth) as registry,
    ):
        logins = {registry.address: (USER, PASSWORD)}
        env = docker_config(sandbox.env(), tmp_path / "docker", logins)
        base = f"{registry.address}/acme/base"
        with RegistryClient(env, settings={}) as client:
            reading = RetryingRegistry(client, patient())
            assert push_blobs(reading, base, [blob]).digests(Arrival.SENT)
            mount = Blob(blob.digest, blob.source, base)
            pushed = push_blobs(reading, f"{registry.address}/acme/web", [mount])
            assert pushed.digests(Arrival.MOUNTED) == (blob.digest,)
            assert tokens.asked[-1].query["scope"] == [
                "repository:acme/web:pull,push",
                "repository:acme/base:pull",
            ]

from __future__ import annotations

import pytest

from tests.support.registry import BUSY, DENIED, FakeRegistry
from whalebuild.failures.failure import FailedError
from whalebuild.failures.retry_policy import RetryPolicy
from whalebuild.oci.manifest import INDEX_TYPE, digest_of
from whalebuild.oci.reference import Reference
from whalebuild.oci.registry import Registry
from whalebuild.runtime.retrier import Retrier
from whalebuild.runtime.retrying_registry import RetryingRegistry

WEB = Reference("acme/web", "deps")
INDEX = b'{"schemaVersion": 2, "manifests": []}'


@pytest.fixture
def registry() -> FakeRegistry:
    registry = FakeRegistry()
    registry.put_manifest(WEB, INDEX, INDEX_TYPE)
    registry.requests.clear()
    return registry


def reader(registry: FakeRegistry) -> RetryingRegistry:
    return RetryingRegistry(
        registry, Retrier(RetryPolicy(3, 180.0), lambda _: None, lambda _: None)
    )


def steps(reading: RetryingRegistry) -> list[str]:
    return [retry.step for retry in reading.retrier.retries]


def test_a_failure_that_may_pass_is_met_with_the_same_request(registry: FakeRegistry) -> None:
    registry.failures["acme/web:deps"] = [BUSY, None, BUSY, BUSY, None]
    reading = reader(registry)
    found = reading.manifest(WEB)
    assert found is not None
    assert found.digest == digest_of(INDEX)
    assert reading.head(WEB) == found.descriptor
    assert steps(reading) == ["reading acme/web:deps"] * 3
    assert [words.split()[0] for words in registry.requests] == ["GET"] * 2 + ["HEAD"] * 3


def test_a_refusal_is_not_met_again(registry: FakeRegistry) -> None:
    registry.failures["acme/web:deps"] = DENIED
    reading = reader(registry)
    with pytest.raises(FailedError, match="denied"):
        reading.manifest(WEB)
    assert len(registry.requests) == 1
    assert not reading.retrier.retries


def test_a_step_of_several_requests_begins_anew(registry: FakeRegistry) -> None:
    registry.failures["GET acme/web:deps"] = [BUSY, None]

    def look(at: Registry) -> bool:
        return at.head(WEB) is not None and at.manifest(WEB) is not None

    reading = reader(registry)
    assert reading.step("asking acme", WEB.registry, look)
    assert [words.split()[0] for words in registry.requests] == ["HEAD", "GET"] * 2
    assert steps(reading) == ["asking acme"]

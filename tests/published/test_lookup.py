from __future__ import annotations

import time

import pytest

from tests.support.plans import published
from tests.support.platforms import AMD64, ARM64
from tests.support.registry import BUSY, DENIED, FakeRegistry, push_image
from tests.support.retrier import patiently
from whalebuild.errors import RefusedError, UnreachableError
from whalebuild.failures.retry_policy import RetryPolicy
from whalebuild.inputs.values import BaseImage
from whalebuild.oci.manifest import MANIFEST_TYPE
from whalebuild.oci.reference import Reference
from whalebuild.plan.base_images import BaseImages
from whalebuild.published.lookup import ManifestLookup
from whalebuild.runtime.retrier import Retrier
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.runtime.threads import Submit

DEPS, APP = Reference("acme/web", "deps"), Reference("acme/web", "latest")


def survey(registry: FakeRegistry) -> ManifestLookup:
    return ManifestLookup(patiently(registry), Submit())


def test_what_is_published_is_read_once() -> None:
    registry = FakeRegistry()
    found = published()
    registry.keep(DEPS, found.raw)
    one = survey(registry)
    one.begin([DEPS, APP])
    assert one.deps(DEPS) == found
    assert (one.app(APP), one.deps(DEPS)) == (None, found)
    assert sorted(registry.requests) == ["GET acme/web:deps", "GET acme/web:latest"]


@pytest.mark.parametrize(
    ("said", "error", "times"), [(BUSY, UnreachableError, 3), (DENIED, RefusedError, 1)]
)
def test_trouble_is_told_where_the_answer_is_needed(
    said: str, error: type[Exception], times: int
) -> None:
    registry = FakeRegistry(failures={str(DEPS): said})
    one = survey(registry)
    one.begin([DEPS, APP])
    assert one.app(APP) is None
    with pytest.raises(error):
        one.deps(DEPS)
    assert registry.requests.count(f"GET {DEPS}") == times


def slow() -> Retrier:
    """A retrier whose threads meet."""
    return Retrier(RetryPolicy(6, 180.0), lambda _: None, lambda _: time.sleep(0.01))


def test_a_registry_that_is_down_is_told_also_by_the_look_up_that_waited_for_another() -> None:
    registry = FakeRegistry(failures={str(DEPS): BUSY, str(APP): BUSY})
    one = ManifestLookup(RetryingRegistry(registry, slow()), Submit())
    one.begin([DEPS, APP])
    for look in (lambda: one.deps(DEPS), lambda: one.app(APP)):
        with pytest.raises(UnreachableError):
            look()
    assert len(registry.requests) < 2 * 6, "one of them waited"


def test_bases_in_a_registry_that_is_down_cannot_be_found_out() -> None:
    names = ("r.io/one:1", "r.io/two:1")
    registry = FakeRegistry(failures=dict.fromkeys(names, BUSY))
    one = BaseImages(RetryingRegistry(registry, slow()), Submit())
    assert one.digests([BaseImage(name) for name in names]) == {}
    assert one.with_triggers([BaseImage(name) for name in names]) is None


def bases(registry: FakeRegistry) -> BaseImages:
    return BaseImages(patiently(registry), Submit())


def test_base_images_are_asked_for_side_by_side_and_once() -> None:
    registry = FakeRegistry()
    digest = registry.keep(Reference("debian", "latest"), b"x", MANIFEST_TYPE)
    images = [BaseImage("debian"), BaseImage("debian", "$BUILDPLATFORM"), BaseImage("gone:1")]
    one = bases(registry)
    expected = {"debian": digest, "debian ($BUILDPLATFORM)": digest}
    assert one.digests(images) == one.digests(images) == expected
    assert sorted(registry.requests) == ["MIRRORS debian:latest", "MIRRORS gone:1"]


@pytest.mark.parametrize("name", ["UPPER", "a b", "$X"])
def test_a_base_that_is_no_reference_is_left_to_buildkit(name: str) -> None:
    registry = FakeRegistry()
    assert bases(registry).digests([BaseImage(name)]) == {}
    assert bases(registry).with_triggers([BaseImage(name)]) is None
    assert registry.requests == []


@pytest.mark.parametrize("platforms", [[AMD64, ARM64], [AMD64]], ids=["index", "manifest"])
def test_an_image_with_onbuild_is_found(platforms: list[str]) -> None:
    registry = FakeRegistry()
    for name in ("plain", "triggers"):
        attested = len(platforms) > 1
        digest = push_image(registry, [name], platforms, name, attested=attested)
        registry.tags[name, "latest"] = digest
    for (repository, digest), raw in registry.blobs.items():
        if repository == "triggers":
            registry.blobs[repository, digest] = raw[:-1] + b', "config": {"OnBuild": ["RUN x"]}}'
    plain, triggers = BaseImage("plain"), BaseImage("triggers")
    assert bases(registry).with_triggers([plain]) is None
    assert bases(registry).with_triggers([plain, triggers]) == triggers

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from whalebuild.bundle.index import Bundle, Cache, read_bundle, write_bundle
from whalebuild.oci.manifest import (
    ATTESTATION,
    REFERENCE_DIGEST,
    REFERENCE_TYPE,
    Descriptor,
    digest_of,
    parse_index,
)


def digest(n: int) -> str:
    return f"sha256:{n:064x}"


AMD64 = Descriptor(digest(1), 10, platform="linux/amd64")
ARM64 = Descriptor(digest(2), 20, platform="linux/arm64")
ARMV7 = Descriptor(digest(3), 30, platform="linux/arm/v7")
IMAGES = {child.platform: child for child in (AMD64, ARM64, ARMV7) if child.platform}


def attestation(n: int, of: Descriptor) -> Descriptor:
    annotations = {REFERENCE_TYPE: ATTESTATION, REFERENCE_DIGEST: of.digest}
    return Descriptor(digest(n), 5, annotations=annotations)


def read(raw: bytes) -> Bundle:
    index = parse_index(raw)
    assert index
    return read_bundle(index, digest_of(raw))


def test_what_is_composed_is_read_again() -> None:
    caches = (Cache("app", ("linux/amd64", "linux/arm64"), digest(8), 80),)
    attestations = (attestation(5, AMD64),)
    raw = write_bundle(IMAGES, attestations, caches, {"dev.whalebuild.key": "k"})
    bundle = read(raw)
    expected = Bundle(digest_of(raw), IMAGES, attestations, caches, {"dev.whalebuild.key": "k"})
    assert bundle == expected


@given(st.permutations(sorted(IMAGES)), st.permutations([0, 1, 2]))
def test_the_bytes_do_not_depend_on_the_order_of_arguments(
    platforms: list[str], order: list[int]
) -> None:
    caches = [Cache(role, ("linux/amd64",), digest(6 + i), 1) for i, role in enumerate("abc")]
    shuffled = {platform: IMAGES[platform] for platform in platforms}
    assert write_bundle(
        shuffled, (), [caches[i] for i in order], {"b": "1", "a": "2"}
    ) == write_bundle(IMAGES, (), caches, {"a": "2", "b": "1"})


def test_those_who_pull_see_images_alone() -> None:
    """docker, containerd, podman and Kubernetes choose a child by its platform."""
    raw = write_bundle(IMAGES, (), (Cache("deps", ("linux/amd64",), digest(9), 1),), {})
    platforms = [child["platform"] for child in json.loads(raw)["manifests"]]
    assert platforms == [
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm", "os": "linux", "variant": "v7"},
        {"architecture": "arm64", "os": "linux"},
        {"architecture": "unknown", "os": "unknown"},
    ]


def test_attestations_of_images_that_are_not_in_it_are_left_out() -> None:
    raw = write_bundle(
        {"linux/amd64": AMD64}, (attestation(5, AMD64), attestation(6, ARM64)), (), {}
    )
    assert [child.digest for child in read(raw).attestations] == [digest(5)]


def test_caches_are_found_by_role_and_platform() -> None:
    caches = (
        Cache("app", ("linux/amd64",), digest(7), 1),
        Cache("app", ("linux/arm64",), digest(8), 1),
        Cache("deps", ("linux/amd64", "linux/arm64"), digest(9), 1),
    )
    bundle = read(write_bundle(IMAGES, (), caches, {}))
    assert [c.digest for c in bundle.cache("app", ["linux/amd64"])] == [digest(7)]
    assert [c.digest for c in bundle.cache("deps", ["linux/arm64", "linux/arm/v7"])] == [digest(9)]
    assert bundle.cache("app", ["linux/arm/v7"]) == ()


def test_a_plain_image_is_a_bundle_without_lock_and_caches() -> None:
    bundle = read(write_bundle(IMAGES, (), (), {}))
    assert (bundle.images, bundle.caches, bundle.annotations) == (IMAGES, (), {})


def test_the_variant_that_goes_without_saying_is_not_said() -> None:
    child = {
        **ARM64.as_json(),
        "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"},
    }
    index = parse_index(json.dumps({"manifests": [child]}).encode())
    assert index
    assert list(index.images) == ["linux/arm64"]


@given(
    st.binary()
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(
        lambda value: json.dumps({"manifests": value}).encode()
    )
)
def test_anything_else_is_no_index(raw: bytes) -> None:
    index = parse_index(raw)
    assert index is None or index.manifests == ()


def test_a_single_manifest_is_no_index() -> None:
    media_type = "application/vnd.oci.image.manifest.v1+json"
    assert parse_index(json.dumps({"mediaType": media_type, "manifests": []}).encode()) is None

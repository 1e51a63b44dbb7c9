"""An image layout, read through a mapping: what BuildKit exports with ``type=oci``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.rebase.images import app_base
from tests.rebase.provenance import SLSA_1, attestation, statement
from whalebuild.errors import VerificationError
from whalebuild.oci.manifest import digest_of
from whalebuild.rebase.images import Image
from whalebuild.rebase.layout import Attestation, read_layout, write_layout

IMAGE = app_base()
ATTESTED = attestation(IMAGE, statement(SLSA_1, {}, []))
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
PLATFORM = {"os": "linux", "architecture": "amd64"}
Child = dict[str, Any]


def child(raw: bytes, media_type: str = MANIFEST, **more: Any) -> Child:
    return {"mediaType": media_type, "digest": digest_of(raw), "size": len(raw), **more}


def of_image(image: Image = IMAGE) -> Child:
    return child(image.manifest, platform=PLATFORM)


def of_attestation(raw: bytes = ATTESTED.manifest, of: Image = IMAGE) -> Child:
    notes = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": of.digest,
    }
    unknown = {"os": "unknown", "architecture": "unknown"}
    return child(raw, annotations=notes, platform=unknown)


def index(*children: Child) -> bytes:
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [*children]}).encode()


def layout(top: bytes, *blobs: bytes) -> dict[str, bytes]:
    files = {"index.json": top, "oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
    for raw in (IMAGE.manifest, IMAGE.config, *blobs):
        files[f"blobs/sha256/{digest_of(raw)[7:]}"] = raw
    return files


def reader(files: dict[str, bytes]) -> Callable[[str], bytes]:
    return files.__getitem__


def test_what_is_written_is_read() -> None:
    files: dict[str, bytes] = {}
    write_layout(files.__setitem__, IMAGE, [b"a layer"])
    assert files == layout(index(of_image()), b"a layer") | {
        name: files[name] for name in ("oci-layout", "index.json")
    }
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    (found,) = read_layout(reader(files))
    assert (found.image, found.platform, found.attestation) == (IMAGE, "linux/amd64", None)


def test_an_image_alone_named_twice() -> None:
    named = {"org.opencontainers.image.ref.name": "latest"}
    top = index(of_image(), {**of_image(), "annotations": named})
    (found,) = read_layout(reader(layout(top)))
    assert found.image == IMAGE
    assert found.platform == "linux/amd64"
    assert found.attestation is None


def with_attestation(*more: Child) -> dict[str, bytes]:
    inner = index(of_image(), of_attestation(), *more)
    blobs = (ATTESTED.manifest, *ATTESTED.blobs.values())
    return layout(index(child(inner, INDEX)), inner, *blobs)


def test_an_image_with_its_attestation() -> None:
    (found,) = read_layout(reader(with_attestation()))
    assert found.image == IMAGE
    assert found.attestation == Attestation(ATTESTED.manifest, dict(ATTESTED.blobs))


def refused(files: dict[str, bytes]) -> str | None:
    with pytest.raises(VerificationError) as raised:
        read_layout(reader(files))
    return raised.value.cause


@pytest.mark.parametrize("name", sorted(set(with_attestation()) - {"oci-layout"}))
def test_each_missing_or_damaged_file_is_told(name: str) -> None:
    files = with_attestation()
    raw = files.pop(name)
    assert refused(files) == f"{name} is missing"
    told = refused({**files, name: raw[:-1]})
    digest = f"sha256:{name.rpartition('/')[2]}"
    assert told == (
        "index.json is no index" if name == "index.json" else f"{digest} has other content"
    )


def test_a_file_that_cannot_be_opened_is_missing() -> None:
    def read(name: str) -> bytes:
        raise FileNotFoundError(name)

    with pytest.raises(VerificationError) as raised:
        read_layout(read)
    assert raised.value.cause == "index.json is missing"


def test_no_image_is_refused_and_several_are_read() -> None:
    other = app_base(3)
    assert refused(layout(index())) == "it has no image"
    two = layout(index(of_image(), of_image(other)), other.manifest, other.config)
    assert [found.image for found in read_layout(reader(two))] == [IMAGE, other]


def test_an_attestation_of_another_image_is_refused() -> None:
    stranger = of_attestation(b"{}", app_base(3))
    assert refused(with_attestation(stranger)) == f"it has attestations of {app_base(3).digest}"


def test_an_attestation_that_is_no_manifest_is_refused() -> None:
    top = index(of_image(), of_attestation(b"[]"))
    assert refused(layout(top, b"[]")) == f"{digest_of(b'[]')} is no attestation manifest"


def test_two_images_may_have_one_attestation_manifest() -> None:
    other = app_base(3)
    inner = index(of_image(), of_image(other), of_attestation(), of_attestation(of=other))
    blobs = (ATTESTED.manifest, *ATTESTED.blobs.values(), other.manifest, other.config)
    found = read_layout(reader(layout(index(child(inner, INDEX)), inner, *blobs)))
    assert [each.attestation for each in found] == [
        Attestation(ATTESTED.manifest, dict(ATTESTED.blobs))
    ] * 2

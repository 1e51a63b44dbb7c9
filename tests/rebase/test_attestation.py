"""Provenance of a rebased image: each digest names it or its base; the stub is said to be one."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from tests.rebase import provenance
from tests.rebase.images import app_base, built_on, sha, stub_of
from tests.rebase.provenance import REPOSITORY, SLSA_02, SLSA_1, attestation, statement
from whalebuild.errors import VerificationError
from whalebuild.oci.manifest import digest_of
from whalebuild.oci.reference import Reference
from whalebuild.rebase.attestation import BuiltOnStub, RebasedAttestation, rebase_attestation
from whalebuild.rebase.images import read_image, rebase
from whalebuild.rebase.stub import STUB

BASE = app_base()
STUB_IMAGE = stub_of(BASE)
BUILT = built_on(STUB_IMAGE, compressed_again=True)
BUILD = BuiltOnStub(
    built=BUILT,
    rebased=rebase(BASE, BUILT, STUB_IMAGE, repeated=2),
    stub=STUB_IMAGE,
    base=BASE,
    repository=REPOSITORY,
)
IMAGE = BUILD.rebased.image
PREDICATES = {SLSA_1: provenance.slsa_1, SLSA_02: provenance.slsa_02}
MODES = pytest.mark.parametrize("full", [False, True], ids=["min", "max"])
VERSIONS = pytest.mark.parametrize("kind", [SLSA_1, SLSA_02], ids=["v1", "v0.2"])


def exported(kind: str, *, full: bool, subject: list[Any] | None = None) -> dict[str, Any]:
    return statement(kind, PREDICATES[kind](STUB_IMAGE, BUILT, full=full), subject or [])


def only_statement(made: RebasedAttestation) -> dict[str, Any]:
    (layer,) = json.loads(made.attestation.manifest)["layers"]
    document: dict[str, Any] = json.loads(made.attestation.blobs[layer["digest"]])
    return document


def said_of_the_stub(kind: str, predicate: dict[str, Any]) -> dict[str, Any]:
    """The one entry that is about the stub, taken out."""
    if kind == SLSA_1:
        (said,) = predicate["runDetails"].pop("byproducts")
    else:
        said = predicate["invocation"]["environment"].pop(STUB)
    return dict(said)


@VERSIONS
@MODES
def test_the_stub_is_named_once_and_as_one(kind: str, full: bool) -> None:
    made = only_statement(rebase_attestation(attestation(BUILT, exported(kind, full=full)), BUILD))
    said = said_of_the_stub(kind, made["predicate"])
    assert said["name"] == "stub"
    assert said["digest"] == {"sha256": STUB_IMAGE.digest.removeprefix("sha256:")}
    assert said["uri"] == (
        f"pkg:docker/localhost%3A5000/acme/web?digest={STUB_IMAGE.digest}&platform=linux%2Famd64"
    )
    assert said["annotations"][STUB] == BASE.digest

    text = json.dumps(made)
    gone = [STUB_IMAGE.digest, BUILT.digest, sha("stub, zstd"), digest_of(STUB_IMAGE.config)]
    gone += [layer["digest"] for layer in read_image(STUB_IMAGE, "it").layers]
    assert [digest for digest in gone if digest.removeprefix("sha256:") in text] == []

    # The rest is what BuildKit would have written of a build on the app base itself.
    expected = PREDICATES[kind](BASE, IMAGE, full=full)
    if full:
        layers = [*read_image(BASE, "it").layers]
        meta = (
            expected["runDetails"]["metadata"]["buildkit_metadata"]
            if kind == SLSA_1
            else expected["metadata"]["https://mobyproject.org/buildkit@v1#metadata"]
        )
        meta["layers"]["step0:0"] = [layers]
    assert made["predicate"] == expected


@VERSIONS
@MODES
def test_a_stub_that_was_handed_over_as_a_layout(kind: str, full: bool) -> None:
    """BuildKit names it after the client's store; the rest is as if it came from the registry."""
    from_registry = exported(kind, full=full)
    reference = f"{REPOSITORY}@{STUB_IMAGE.digest}"
    text = (
        json.dumps(from_registry)
        .replace(f"docker-image://{reference}", f"oci-layout://x1y2@{STUB_IMAGE.digest}")
        .replace("pkg:docker/localhost%3A5000/acme/web?", "pkg:oci/whalebuild-app-base?")
    )
    handed = json.loads(text, object_hook=_of_store)
    assert handed != from_registry
    made, expected = (
        only_statement(rebase_attestation(attestation(BUILT, each), BUILD))
        for each in (handed, from_registry)
    )
    assert made == expected


def _of_store(value: dict[str, Any]) -> dict[str, Any]:
    """A source with the attributes that one of a layout has."""
    if not str(value.get("identifier")).startswith("oci-layout://"):
        return value
    return {**value, "attrs": {"oci.session": "s", "oci.store": "x1y2"}}


@VERSIONS
def test_subjects_name_the_rebased_image(kind: str) -> None:
    had = [{"name": "pkg:docker/acme/web@1", "digest": {"sha256": BUILT.digest[7:]}}]
    given = attestation(BUILT, exported(kind, full=False, subject=had))
    made = only_statement(rebase_attestation(given, BUILD))
    assert made["subject"] == [
        {"name": "pkg:docker/acme/web@1", "digest": {"sha256": IMAGE.digest[7:]}}
    ]

    names = (
        Reference(REPOSITORY, "latest"),
        Reference("docker.io/library/web"),
        Reference("ghcr.io/acme/web", digest=IMAGE.digest),
    )
    made = only_statement(rebase_attestation(given, replace(BUILD, names=names)))
    assert [each["name"] for each in made["subject"]] == [
        "pkg:docker/localhost%3A5000/acme/web@latest?platform=linux%2Famd64",
        "pkg:docker/web@latest?platform=linux%2Famd64",
        f"pkg:docker/ghcr.io/acme/web?digest={IMAGE.digest}&platform=linux%2Famd64",
    ]
    assert {each["digest"]["sha256"] for each in made["subject"]} == {IMAGE.digest[7:]}


@pytest.mark.parametrize("artifact", [True, False])
def test_the_manifest(artifact: bool) -> None:
    given = attestation(BUILT, exported(SLSA_1, full=False), artifact=artifact)
    made = rebase_attestation(given, BUILD)
    old, new = json.loads(given.manifest), json.loads(made.attestation.manifest)
    assert new["layers"][0]["annotations"] == old["layers"][0]["annotations"]
    for each in (new["config"], *new["layers"]):
        blob = made.attestation.blobs[each["digest"]]
        assert (digest_of(blob), len(blob)) == (each["digest"], each["size"])
    assert len(made.attestation.blobs) == 2
    if artifact:
        assert new["config"] == old["config"]
        assert new["artifactType"] == old["artifactType"]
        assert new["subject"] == {
            "mediaType": BUILD.rebased.descriptor.media_type,
            "digest": IMAGE.digest,
            "size": len(IMAGE.manifest),
        }
    else:
        config = json.loads(made.attestation.blobs[new["config"]["digest"]])
        assert config["rootfs"]["diff_ids"] == [each["digest"] for each in new["layers"]]
        assert "subject" not in new
    assert made.descriptor.digest == digest_of(made.attestation.manifest)
    assert made.descriptor.as_json() == {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": made.descriptor.digest,
        "size": len(made.attestation.manifest),
        "annotations": {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": IMAGE.digest,
        },
        "platform": {"os": "unknown", "architecture": "unknown"},
    }


def test_own_byproducts_are_kept() -> None:
    given = exported(SLSA_1, full=False)
    given["predicate"]["runDetails"]["byproducts"] = [{"name": "log"}]
    made = only_statement(rebase_attestation(attestation(BUILT, given), BUILD))
    names = [each["name"] for each in made["predicate"]["runDetails"]["byproducts"]]
    assert names == ["log", "stub"]


def refused(given: provenance.Attestation) -> str | None:
    with pytest.raises(VerificationError) as raised:
        rebase_attestation(given, BUILD)
    return raised.value.cause


@pytest.mark.parametrize("kind", ["https://spdx.dev/Document", "https://cyclonedx.org/bom"])
def test_a_scan_of_a_stub_is_refused(kind: str) -> None:
    scan = statement(kind, {"packages": []}, [])
    cause = refused(attestation(BUILT, exported(SLSA_1, full=False), scan))
    assert cause == f"it has a statement of the type {kind}, which was made from the stub"


def test_a_dockerfile_that_names_the_stubs_digest_is_refused() -> None:
    given = exported(SLSA_1, full=True)
    dockerfile = f"FROM {REPOSITORY}@{STUB_IMAGE.digest}\n".encode()
    meta = given["predicate"]["runDetails"]["metadata"]["buildkit_metadata"]
    meta["source"]["infos"][0]["data"] = base64.b64encode(dockerfile).decode()
    cause = refused(attestation(BUILT, given))
    assert cause == "a digest of the stub is in a place where it cannot be replaced"


def test_a_lone_layer_of_the_stub_is_refused() -> None:
    given = exported(SLSA_1, full=False)
    given["predicate"]["note"] = f"on {sha('stub, zstd')}"
    cause = refused(attestation(BUILT, given))
    assert cause == "a digest of the stub is in a place where it cannot be replaced"


def test_an_attestation_of_another_image_is_refused() -> None:
    cause = refused(attestation(BASE, exported(SLSA_1, full=False)))
    assert cause == f"it is about {BASE.digest}, which is another image"


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"layers": [1]}', b'{"layers": [{}]}'])
def test_what_is_no_attestation_manifest_is_refused(raw: bytes) -> None:
    assert refused(provenance.Attestation(raw))


def test_a_missing_statement_is_refused() -> None:
    given = attestation(BUILT, exported(SLSA_1, full=False))
    assert refused(replace(given, blobs={}))

"""BuildKit's provenance of an image that was built on a stub, set right for the rebased image.

https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md

The stub's digests stand in more places than the materials: in the arguments of the request and of
those above it (``context:…``), with ``mode=max`` in the build's definition and in the layers of
each step too (``solver/llbsolver/provenance/types/types.go``). So they are replaced wherever they
are, and that none is left is checked. A stub that was handed over as an image layout has a name
that says nothing there: it becomes that of the app base. Then one entry says that there was a stub:
in ``runDetails.byproducts`` of SLSA v1, which is for what else a build made and what may be needed
to look into it; v0.2 has no such list, but BuildKit keeps keys of others in
``invocation.environment`` (``ProvenanceCustomEnv``).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from whalebuild.errors import VerificationError
from whalebuild.oci.manifest import (
    ATTESTATION,
    MANIFEST_TYPE,
    REFERENCE_DIGEST,
    REFERENCE_TYPE,
    Descriptor,
    digest_of,
)
from whalebuild.oci.reference import Reference, familiar
from whalebuild.rebase.images import Image, Rebased, read_image
from whalebuild.rebase.layout import Attestation
from whalebuild.rebase.stub import STUB
from whalebuild.values import dataclass

SLSA_02 = "https://slsa.dev/provenance/v0.2"
SLSA_1 = "https://slsa.dev/provenance/v1"
_STATEMENT = "application/vnd.in-toto+json"
_EMPTY = "application/vnd.oci.empty.v1+json"
# Attributes of a source that is a layout (``solver/pb/attr.go`` of BuildKit).
_OF_LAYOUT = frozenset({"oci.session", "oci.store"})


@dataclass(frozen=True)
class RebasedAttestation:
    """An attestation manifest of a rebased image.

    Attributes:
        attestation: The manifest, and the blobs that it names.
        descriptor: Of the manifest, as a child of an index.
    """

    attestation: Attestation
    descriptor: Descriptor


@dataclass(frozen=True)
class BuiltOnStub:
    """What was built, and what it was put on.

    Attributes:
        built: The image as the builder exported it.
        rebased: The same on the app base.
        stub: What it was built on.
        base: The app base.
        repository: Where the stub and the app base are.
        names: What the image is published as; its statements are about these.
    """

    built: Image
    rebased: Rebased
    stub: Image
    base: Image
    repository: str
    names: Sequence[Reference] = ()


def rebase_attestation(attestation: Attestation, build: BuiltOnStub) -> RebasedAttestation:
    """Rewrite an attestation manifest and its statements.

    Raises:
        VerificationError: A statement is none of BuildKit's provenance, such as a list of what is
            in the image: a scan of a stub finds nothing. Or a digest of the stub would be left.
    """
    try:
        return _rebased(attestation, build)
    except (AttributeError, KeyError, TypeError, ValueError) as fault:
        _refuse(f"it has another form than BuildKit's: {fault!r}")


def _rebased(attestation: Attestation, build: BuiltOnStub) -> RebasedAttestation:
    manifest = _document(attestation.manifest, "the attestation manifest")
    blobs: dict[str, bytes] = {}
    layers = []
    for layer in manifest["layers"]:
        if layer.get("mediaType") != _STATEMENT:
            _refuse(f"it has a layer of the type {layer.get('mediaType')}")
        raw = _rewritten(attestation.blobs[layer["digest"]], build)
        blobs[digest_of(raw)] = raw
        layers.append({**layer, "digest": digest_of(raw), "size": len(raw)})
    config = manifest["config"]
    raw = attestation.blobs[config["digest"]]
    if config.get("mediaType") != _EMPTY:  # the form before artifacts: a configuration
        raw = _configuration(raw, tuple(blobs))
        config = {**config, "digest": digest_of(raw), "size": len(raw)}
    blobs[digest_of(raw)] = raw
    written = {**manifest, "config": config, "layers": layers}
    if "subject" in manifest:
        written["subject"] = _subject(manifest["subject"], build)
    made = json.dumps(written, indent=2).encode()
    return RebasedAttestation(
        Attestation(made, blobs),
        Descriptor(
            digest_of(made),
            len(made),
            manifest.get("mediaType", MANIFEST_TYPE),
            annotations={
                REFERENCE_TYPE: ATTESTATION,
                REFERENCE_DIGEST: build.rebased.image.digest,
            },
        ),
    )


def _rewritten(raw: bytes, build: BuiltOnStub) -> bytes:
    """One statement about the rebased image."""
    statement = _document(raw, "a statement")
    kind = statement.get("predicateType")
    if kind not in {SLSA_02, SLSA_1}:
        _refuse(f"it has a statement of the type {kind}, which was made from the stub")
    statement = _Replacement.of(build).all_of(statement)
    if build.names:
        statement["subject"] = [
            {"name": _purl(name, build), "digest": _digest_set(build.rebased.image.digest)}
            for name in build.names
        ]
    _check(statement, build)
    _say(statement["predicate"], kind, build)
    return json.dumps(statement, separators=(",", ":")).encode()


@dataclass(frozen=True)
class _Replacement:
    """What is replaced by what in a statement: hexadecimal digests, and layers."""

    digests: Mapping[str, str]
    names: tuple[tuple[re.Pattern[str], str], ...]
    stub_layers: tuple[str, ...]
    base_layers: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, build: BuiltOnStub) -> _Replacement:
        base = read_image(build.base, "the app base")
        return cls(
            {
                _hex(build.stub.digest): _hex(build.base.digest),
                _hex(build.built.digest): _hex(build.rebased.image.digest),
            },
            _names_of_layout(build),
            _stub_layers(build),
            base.layers,
        )

    def all_of(self, value: Any) -> Any:
        """The value with everything in it replaced, keys of objects too."""
        if isinstance(value, dict):
            source = self._without_store(value)
            return {self.all_of(key): self.all_of(each) for key, each in source.items()}
        if isinstance(value, list):
            return [self.all_of(each) for each in self._layers(value)]
        if isinstance(value, str):
            for name, whole in self.names:
                value = name.sub(whole, value)
            for old, new in self.digests.items():
                value = value.replace(old, new)
        return value

    def _without_store(self, value: dict[str, Any]) -> dict[str, Any]:
        """A source of the build's definition; an image in a registry has no layout's attributes."""
        handed, _ = self.names[0]
        if not handed.fullmatch(str(value.get("identifier"))):
            return value
        attributes = {k: v for k, v in (value.get("attrs") or {}).items() if k not in _OF_LAYOUT}
        rest = {key: each for key, each in value.items() if key != "attrs"}
        return {**rest, "attrs": attributes} if attributes else rest

    def _layers(self, listed: list[Any]) -> list[Any]:
        """A chain of layers with the app base's in the place of the stub's."""
        is_stub = [isinstance(e, dict) and e.get("digest") in self.stub_layers for e in listed]
        if True not in is_stub:
            return listed
        at = is_stub.index(True)
        rest = [each for each, left in zip(listed, is_stub, strict=True) if not left]
        return [*rest[:at], *self.base_layers, *rest[at:]]


def _names_of_layout(build: BuiltOnStub) -> tuple[tuple[re.Pattern[str], str], ...]:
    """What names a stub that was handed over as a layout, and what would name the app base."""
    stub, base = re.escape(build.stub.digest), build.base.digest
    purl = _purl_name(build.repository)
    return (
        (
            re.compile(rf"oci-layout://[^\s@]*@{stub}"),
            f"docker-image://{build.repository}@{base}",
        ),
        (re.compile(rf"pkg:oci/[^\s?]*\?digest={stub}"), f"pkg:docker/{purl}?digest={base}"),
    )


def _stub_layers(build: BuiltOnStub) -> tuple[str, ...]:
    """Digests of the stub's layer: as it is published, and as the exporter compressed it again."""
    stub = read_image(build.stub, "the stub").layers
    built = read_image(build.built, "the application").layers[: len(stub)]
    return tuple(layer["digest"] for layer in (*stub, *built))


def _check(statement: Mapping[str, Any], build: BuiltOnStub) -> None:
    """Refuse a statement that still has a digest of the stub, or of the image before the rebase."""
    named = {build.stub.digest, build.built.digest, *_stub_layers(build)}
    named |= {digest_of(build.stub.config), digest_of(build.built.config)}
    text = json.dumps(statement)
    texts = [text, *(_decoded(each) for each in _sources(statement))]
    if any(_hex(digest) in each for digest in named for each in texts):
        _refuse("a digest of the stub is in a place where it cannot be replaced")


def _sources(value: Any) -> list[str]:
    """The Dockerfiles in a statement with ``mode=max`` (``SourceInfo``), in base64."""
    if isinstance(value, dict):
        own = [value["data"]] if isinstance(value.get("data"), str) else []
        return own + [found for each in value.values() for found in _sources(each)]
    return [found for each in value for found in _sources(each)] if isinstance(value, list) else []


def _decoded(data: str) -> str:
    try:
        return base64.b64decode(data).decode(errors="replace")
    except (binascii.Error, ValueError):
        return data


def _say(predicate: dict[str, Any], kind: str, build: BuiltOnStub) -> None:
    """Say that the image was built on a stub, and of what."""
    in_repository = Reference(build.repository)
    stub = {
        "name": "stub",
        "uri": _purl(replace(in_repository, digest=build.stub.digest), build),
        "digest": _digest_set(build.stub.digest),
        "annotations": {
            STUB: build.base.digest,
            "note": "The image was built on this stub of its base, and then put on the base itself",
        },
    }
    if kind == SLSA_1:
        details = predicate.setdefault("runDetails", {})
        details["byproducts"] = [*(details.get("byproducts") or []), stub]
    else:
        invocation = predicate.setdefault("invocation", {})
        invocation["environment"] = {**(invocation.get("environment") or {}), STUB: stub}


def _subject(old: Mapping[str, Any], build: BuiltOnStub) -> Mapping[str, Any]:
    """The descriptor of the image in an attestation manifest that is an artifact."""
    if old.get("digest") != build.built.digest:
        _refuse(f"it is about {old.get('digest')}, which is another image")
    image = build.rebased.descriptor
    return {**old, "mediaType": image.media_type, "digest": image.digest, "size": image.size}


def _configuration(raw: bytes, statements: Sequence[str]) -> bytes:
    """The configuration of an attestation manifest that has the form of an image."""
    config = _document(raw, "the attestation's configuration")
    config["rootfs"] = {**(config.get("rootfs") or {}), "diff_ids": list(statements)}
    return json.dumps(config, separators=(",", ":")).encode()


def _purl(name: Reference, build: BuiltOnStub) -> str:
    """A reference as a package URL (``RefToPURL`` in ``util/purl/image.go`` of BuildKit)."""
    tag = name.tag or ("" if name.digest else "latest")
    qualifiers = [f"digest={name.digest}"] if name.digest else []
    if build.rebased.descriptor.platform:
        qualifiers.append("platform=" + build.rebased.descriptor.platform.replace("/", "%2F"))
    version = f"@{tag}" if tag else ""
    end = f"?{'&'.join(qualifiers)}" if qualifiers else ""
    return f"pkg:docker/{_purl_name(name.repository)}{version}{end}"


def _purl_name(repository: str) -> str:
    return familiar(repository).replace(":", "%3A")


def _document(raw: bytes, what: str) -> dict[str, Any]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        _refuse(f"{what} is no JSON object")
    return document


def _digest_set(digest: str) -> dict[str, str]:
    algorithm, _, value = digest.partition(":")
    return {algorithm: value}


def _hex(digest: str) -> str:
    return digest.partition(":")[2]


def _refuse(cause: str) -> NoReturn:
    raise VerificationError(
        "the attestation of the application cannot be set right",
        cause=cause,
        next_step="leave the attestation out, or report this",
    )

"""Provenance as BuildKit writes it for an image that was built on a stub.

By hand, after ``solver/llbsolver/provenance/types/types.go``, ``predicate.go``, ``buildconfig.go``
and ``commitAttestationsManifest`` in ``exporter/containerimage/writer.go``.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.rebase.images import sha
from whalebuild.oci.manifest import digest_of
from whalebuild.rebase.images import Image, read_image
from whalebuild.rebase.layout import Attestation

REPOSITORY = "localhost:5000/acme/web"
DOCKERFILE = b"FROM stub AS final\nARG VERSION=1\nCOPY . /app\n"
SLSA_02 = "https://slsa.dev/provenance/v0.2"
SLSA_1 = "https://slsa.dev/provenance/v1"
_VERTEX = sha("a vertex of LLB")


def request(stub: Image) -> dict[str, Any]:
    context = f"docker-image://{REPOSITORY}@{stub.digest}"
    return {
        "frontend": "dockerfile.v0",
        "args": {"context:stub": context, f"context:{REPOSITORY}@{stub.digest}": context},
        "locals": [{"name": "context"}, {"name": "dockerfile"}],
        "root": {"request": {"frontend": "gateway.v0", "args": {"context:stub": context}}},
    }


def materials(stub: Image) -> list[dict[str, Any]]:
    purl = "pkg:docker/localhost%3A5000/acme/web"
    return [
        {
            "uri": f"{purl}?digest={stub.digest}&platform=linux%2Famd64",
            "digest": {"sha256": stub.digest.removeprefix("sha256:")},
        },
        {
            "uri": "pkg:docker/node@22?platform=linux%2Famd64",
            "digest": {"sha256": sha("node").removeprefix("sha256:")},
        },
    ]


def build_config(stub: Image) -> dict[str, Any]:
    source = {"identifier": f"docker-image://{REPOSITORY}@{stub.digest}"}
    return {
        "llbDefinition": [
            {"id": "step0", "op": {"Op": {"source": source}}},
            {"id": "step1", "op": {"Op": {"file": {"actions": []}}}, "inputs": ["step0:0"]},
        ],
        "digestMapping": {_VERTEX: "step0"},
    }


def metadata(built: Image) -> dict[str, Any]:
    layers = [*read_image(built, "it").layers]
    data = base64.b64encode(DOCKERFILE).decode()
    return {
        "vcs": {"source": "https://example.com/acme/web.git"},
        "source": {
            "locations": {"step1": {"locations": [{}]}},
            "infos": [{"filename": "Dockerfile", "language": "Dockerfile", "data": data}],
        },
        "layers": {
            "step0:0": [layers[:1]],
            "step1:0": [layers],
            "step2:0": [[{"digest": sha("assets"), "size": 1, "mediaType": "x"}]],
        },
    }


def slsa_1(stub: Image, built: Image, *, full: bool) -> dict[str, Any]:
    internal: dict[str, Any] = {"builderPlatform": "linux/arm64", "dockerfileVersion": "1.20"}
    details: dict[str, Any] = {"invocationId": "abc", "startedOn": "2025-06-01T12:00:00.1Z"}
    if full:
        internal["buildConfig"] = build_config(stub)
        details["buildkit_metadata"] = metadata(built)
    return {
        "buildDefinition": {
            "buildType": "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md",
            "resolvedDependencies": materials(stub),
            "externalParameters": {
                "configSource": {"path": "Dockerfile"},
                "request": request(stub),
            },
            "internalParameters": internal,
        },
        "runDetails": {"builder": {"id": ""}, "metadata": details},
    }


def slsa_02(stub: Image, built: Image, *, full: bool) -> dict[str, Any]:
    made: dict[str, Any] = {
        "builder": {"id": ""},
        "buildType": "https://mobyproject.org/buildkit@v1",
        "materials": materials(stub),
        "invocation": {
            "configSource": {"entryPoint": "Dockerfile"},
            "parameters": request(stub),
            "environment": {"platform": "linux/arm64"},
        },
        "metadata": {"buildInvocationID": "abc"},
    }
    if full:
        made["buildConfig"] = build_config(stub)
        made["metadata"]["https://mobyproject.org/buildkit@v1#metadata"] = metadata(built)
    return made


def statement(kind: str, predicate: dict[str, Any], subject: list[Any]) -> dict[str, Any]:
    return {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": kind,
        "subject": subject,
        "predicate": predicate,
    }


def attestation(built: Image, *statements: dict[str, Any], artifact: bool = True) -> Attestation:
    """The manifest, as an artifact or as the image that older BuildKits write."""
    raws = [json.dumps(each, separators=(",", ":")).encode() for each in statements]
    layers = [
        {
            "mediaType": "application/vnd.in-toto+json",
            "digest": digest_of(raw),
            "size": len(raw),
            "annotations": {"in-toto.io/predicate-type": each["predicateType"]},
        }
        for raw, each in zip(raws, statements, strict=True)
    ]
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
    }
    if artifact:
        config = b"{}"
        document["artifactType"] = "application/vnd.docker.attestation.manifest.v1+json"
        kind = "application/vnd.oci.empty.v1+json"
        document["subject"] = {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": built.digest,
            "size": len(built.manifest),
        }
    else:
        diff_ids = [digest_of(raw) for raw in raws]
        config = json.dumps(
            {
                "architecture": "unknown",
                "os": "unknown",
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": diff_ids},
            }
        ).encode()
        kind = "application/vnd.oci.image.config.v1+json"
    document["config"] = {"mediaType": kind, "digest": digest_of(config), "size": len(config)}
    document["layers"] = layers
    blobs = {digest_of(raw): raw for raw in (config, *raws)}
    return Attestation(json.dumps(document, indent=2).encode(), blobs)

"""Images as BuildKit writes them, without their layers' content."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

from tests.rebase.trees import entry, folder, tar
from whalebuild.rebase.images import Image
from whalebuild.rebase.reach import Reach
from whalebuild.rebase.stub import StubLayer, derive_stub, stub_image

OCI = "application/vnd.oci.image"
DOCKER = "application/vnd.docker"
OLD = {"created": "2024-01-01T00:00:00Z"}
NEW = {"created": "2025-06-01T12:00:00.5Z", "comment": "buildkit.dockerfile.v0"}


def sha(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def descriptor(name: str, **more: Any) -> dict[str, Any]:
    return {"mediaType": f"{OCI}.layer.v1.tar+gzip", "digest": sha(name), "size": 7, **more}


def image(
    layers: list[dict[str, Any]],
    diff_ids: list[str],
    history: list[dict[str, Any]] | None,
    *,
    docker: bool = False,
    annotations: dict[str, str] | None = None,
    **config: Any,
) -> Image:
    document = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/bin"]},
        **config,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": history,
    }
    raw = json.dumps(document).encode()
    manifest_type = (
        f"{DOCKER}.distribution.manifest.v2+json" if docker else f"{OCI}.manifest.v1+json"
    )
    config_type = f"{DOCKER}.container.image.v1+json" if docker else f"{OCI}.config.v1+json"
    of = {"digest": f"sha256:{hashlib.sha256(raw).hexdigest()}", "size": len(raw)}
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": {"mediaType": config_type, **of},
        "layers": layers,
    }
    if annotations:
        manifest["annotations"] = annotations
    return Image(json.dumps(manifest, indent=2).encode(), raw)


def app_base(layers: int = 2, **config: Any) -> Image:
    history = [{**OLD, "created_by": f"RUN {n}"} for n in range(layers)]
    history.insert(1, {**OLD, "created_by": "ARG VERSION=1", "empty_layer": True})
    names = [f"base {n}" for n in range(layers)]
    return image(
        [descriptor(n, annotations={"of": "base"}) for n in names],
        [sha(f"{n}, not compressed") for n in names],
        history,
        **config,
    )


def stub_of(base: Image) -> Image:
    layer = derive_stub(
        [io.BytesIO(tar([folder("app"), entry("app/x", content=b"x")]))], [Reach("/app")]
    )
    assert isinstance(layer, StubLayer)
    return stub_image(base, layer)


def built_on(
    stub: Image,
    tail: int = 2,
    *,
    repeated: tuple[str, ...] = ("ARG VERSION=1", 'CMD ["serve"]'),
    compressed_again: bool = False,
    **more: Any,
) -> Image:
    """What BuildKit makes of instructions after ``FROM stub``."""
    below, config = json.loads(stub.manifest), json.loads(stub.config)
    layers = below["layers"]
    if compressed_again:
        layers = [descriptor("stub, zstd", mediaType=f"{OCI}.layer.v1.tar+zstd")]
    history = [
        *config["history"],
        *({**NEW, "created_by": line, "empty_layer": True} for line in repeated),
    ]
    for n in range(tail):
        history.append({**NEW, "created_by": f"COPY {n} /app # buildkit"})
        history.append({**NEW, "created_by": "ENV A=<b>", "empty_layer": True})
    own = {k: v for k, v in config.items() if k not in {"rootfs", "history"}}
    return image(
        [*layers, *(descriptor(f"code {n}") for n in range(tail))],
        [*config["rootfs"]["diff_ids"], *(sha(f"code {n}, not compressed") for n in range(tail))],
        history,
        **{**own, "created": NEW["created"], **more},
    )

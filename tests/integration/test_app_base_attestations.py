"""Attestations of images that were built on a stub: what they name, and that buildx reads them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.integration import published
from tests.integration.image_entries import image_digest
from tests.integration.pairs import TINY_BASE
from tests.integration.report_project import Project

pytestmark = pytest.mark.extended

_DOCKERFILE = (
    "FROM $BASE\nARG VERSION=1\nCOPY requirements.txt /opt/\nRUN cp /opt/requirements.txt /all\n"
    'COPY . /srv/\nWORKDIR /srv\nCMD ["cat", "app.py"]\n'
)
_HEXADECIMAL = re.compile(r"\b[0-9a-f]{64}\b")
_STUB = "dev.whalebuild.stub"


@pytest.mark.parametrize(
    "attest", ["", "mode=min,version=v1", "mode=max,version=v0.2", "mode=max,version=v1"]
)
def test_every_digest_names_what_was_published(
    reported: Project, tiny_base: str, attest: str
) -> None:
    _write(reported, tiny_base, attest)
    reported.bake()
    reported.put("app.py", "two\n")
    reported.bake()
    shown = json.loads(_inspect(reported, "{{json .Provenance}}"))["SLSA"]
    statement = _statement(reported)
    predicate = statement["predicate"]
    assert shown == predicate
    app, base, stub = (_digests(reported, each) for each in ("latest", "deps", "stub"))
    # The one place that says there was a stub, and of what.
    said = _take_stub(predicate)
    assert said["digest"]["sha256"] in stub
    assert said["annotations"][_STUB].removeprefix("sha256:") in base
    everything = "".join([json.dumps(statement), *_sources(predicate)])
    assert not stub & set(_HEXADECIMAL.findall(everything))
    ours, theirs = (_digest_of(reported, tag) for tag in ("latest", "deps"))
    subjects = {each["digest"]["sha256"] for each in statement["subject"]}
    assert subjects == {ours}
    materials = predicate.get("materials") or predicate["buildDefinition"]["resolvedDependencies"]
    assert [each["digest"]["sha256"] for each in materials] == [theirs]
    if "max" not in attest:  # which names the steps of the build by digests of their own
        # The base image is pinned in the arguments of the build.
        pinned = published.digest(reported.sandbox.registry, TINY_BASE, "1")
        named = set(_HEXADECIMAL.findall(json.dumps(statement)))
        assert named <= app | base | {pinned.removeprefix("sha256:")}
    else:
        assert _layers_of_steps(predicate) <= app | base


def test_the_attestation_manifest_is_about_the_rebased_image(
    reported: Project, tiny_base: str
) -> None:
    _write(reported, tiny_base, "")
    reported.bake()
    child = _attestation(reported)
    image = _digest_of(reported, "latest")
    assert child["annotations"]["vnd.docker.reference.digest"] == f"sha256:{image}"
    manifest = published.manifest(*_where(reported), child["digest"])
    if "subject" in manifest:
        assert manifest["subject"]["digest"] == f"sha256:{image}"
        assert manifest["subject"]["size"] == len(_raw(reported, f"sha256:{image}"))
    assert published.check_whole(*_where(reported), "latest") > 1


def _write(reported: Project, base: str, attest: str) -> None:
    reported.put("Dockerfile", _DOCKERFILE.replace("$BASE", base))
    given = f'  attest = ["type=provenance,{attest}"]\n' if attest else ""
    reported.put(
        "docker-bake.hcl",
        f'target "app" {{\n  tags = ["$REPO/app"]\n{given}}}\ngroup "default" {{\n'
        '  targets = ["app"]\n}\n',
    )
    reported.put("requirements.txt", reported.repository)
    reported.put("app.py", "one\n")


def _inspect(reported: Project, template: str) -> str:
    words = ("docker", "buildx", "imagetools", "inspect", "--format", template)
    image = reported.fill("$REPO/app")
    return reported.sandbox.run(*words, image, cwd=reported.folder, check=True).stdout


def _where(reported: Project) -> tuple[str, str]:
    return reported.sandbox.registry, f"{reported.repository}/app"


def _raw(reported: Project, reference: str) -> bytes:
    return published.raw_manifest(*_where(reported), reference)


def _digest_of(reported: Project, tag: str) -> str:
    return image_digest(*_where(reported), tag).removeprefix("sha256:")


def _attestation(reported: Project) -> dict[str, Any]:
    children = published.manifest(*_where(reported), "latest")["manifests"]
    (found,) = (c for c in children if "vnd.docker.reference.digest" in c.get("annotations", {}))
    return dict(found)


def _statement(reported: Project) -> dict[str, Any]:
    (layer,) = published.manifest(*_where(reported), _attestation(reported)["digest"])["layers"]
    read: dict[str, Any] = json.loads(published.blob(*_where(reported), layer["digest"]))
    return read


def _digests(reported: Project, tag: str) -> set[str]:
    """Hexadecimal digests of an image and of all that it consists of, layers unpacked too."""
    if tag == "stub":
        children = published.manifest(*_where(reported), "deps")["manifests"]
        (digest,) = (c["digest"] for c in children if _STUB in c.get("annotations", {}))
    else:
        digest = f"sha256:{_digest_of(reported, tag)}"
    manifest = published.manifest(*_where(reported), digest)
    config = manifest["config"]["digest"]
    unpacked = json.loads(published.blob(*_where(reported), config))["rootfs"]["diff_ids"]
    layers = [each["digest"] for each in manifest["layers"]]
    return {each.removeprefix("sha256:") for each in (digest, config, *layers, *unpacked)}


def _take_stub(predicate: dict[str, Any]) -> dict[str, Any]:
    if "invocation" in predicate:
        taken: dict[str, Any] = predicate["invocation"]["environment"].pop(_STUB)
    else:
        taken = predicate["runDetails"]["byproducts"].pop()
    return taken


def _sources(value: Any) -> list[str]:
    """Dockerfiles in a statement, which are in base64."""
    if isinstance(value, dict):
        own = [base64.b64decode(value["data"]).decode()] if "data" in value else []
        return own + [found for each in value.values() for found in _sources(each)]
    return [found for each in value for found in _sources(each)] if isinstance(value, list) else []


def _layers_of_steps(predicate: Mapping[str, Any]) -> set[str]:
    """Digests of the layers that each step has made."""
    if "buildDefinition" in predicate:
        metadata = predicate["runDetails"]["metadata"]["buildkit_metadata"]
    else:
        metadata = predicate["metadata"]["https://mobyproject.org/buildkit@v1#metadata"]
    found = set(_HEXADECIMAL.findall(json.dumps(metadata["layers"])))
    assert found
    return found

"""Stubs of app bases: found in the bundle, or derived from what the builder has built."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import field
from typing import Any, BinaryIO

from whalebuild.appbase.reaches import reaches_of
from whalebuild.bake.outcome import DepsOutcome
from whalebuild.bake.ports import BakeEngine, Export
from whalebuild.bake.runner import BuildxRunner
from whalebuild.bakefile.app_base import APP_BASE
from whalebuild.bakefile.target import Target
from whalebuild.bundle.index import Stub
from whalebuild.errors import VerificationError
from whalebuild.failures.messages import failures_as_errors
from whalebuild.inputs.values import AnalysisError
from whalebuild.oci.blobs import BytesSource
from whalebuild.oci.manifest import MANIFEST_TYPE, Manifest, digest_of, parse_image
from whalebuild.oci.reference import Reference
from whalebuild.plan.definition import GeneratedTarget
from whalebuild.plan.pins import image_context
from whalebuild.plan.plan import AppPlan
from whalebuild.rebase.commands import Commands
from whalebuild.rebase.images import Image
from whalebuild.rebase.layout import blob_path, read_layout
from whalebuild.rebase.reach import Reach, covers, refusal
from whalebuild.rebase.stub import NoStub, derive_stub, stub_image
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.runtime.threads import Submit
from whalebuild.runtime.uploads import Blob, push_blobs
from whalebuild.text import human_bytes
from whalebuild.values import dataclass

_CONFIG_LIMIT = 4 << 20
_LAYER_LIMIT = 4 << 20
_GZIP = b"\x1f\x8b"
WITHOUT_PROVENANCE = ["type=provenance,disabled=true"]
# Layers are exported as they are, but for those that Python cannot read before 3.14.
ZSTD = "+zstd"
UNCOMPRESSED = {"compression": "uncompressed", "force-compression": "true"}


@dataclass(frozen=True)
class BaseOnStub:
    """One platform of an app base, and what stands for it in a build.

    Attributes:
        base: The app base.
        stub: Its stub.
        layers: The stub's layers.
        child: The stub as the bundle names it.
        new: Whether it was derived in this bake.
    """

    base: Image
    stub: Image
    layers: tuple[bytes, ...]
    child: Stub
    new: bool = False


@dataclass(frozen=True)
class _Reading:
    """What is being read of one platform.

    Attributes:
        base: The app base; None where it has no layers.
        child: Its stub as the bundle names it; None without one.
        stub: The same as an image, with its layers.
    """

    base: Future[Image | None]
    child: Stub | None = None
    stub: Future[tuple[Image, tuple[bytes, ...]] | None] | None = None


@dataclass
class Stubs:
    """Finds or derives the stubs of one bake.

    Attributes:
        manifests: Manifests of published app bases that were read before, by digest.
        own: The builder's own platform, where it is known.
    """

    engine: BakeEngine
    runner: BuildxRunner
    registry: RetryingRegistry
    manifests: Mapping[str, Manifest]
    own: str | None
    _submit: Submit = field(default_factory=Submit)
    _begun: dict[tuple[str, str], _Reading] = field(default_factory=dict)
    _derived: dict[tuple[str, str, str], BaseOnStub] = field(default_factory=dict)

    def of(self, app: AppPlan, deps: DepsOutcome) -> dict[str, BaseOnStub] | str:
        """The app base of an application with its stub, by platform; or why there is none.

        Raises:
            WhalebuildError: The builder failed, or the registry refused or could not be reached.
        """
        found: dict[str, BaseOnStub] = {}
        reading = self.begin(app, deps)
        if not reading:
            return "it is not known which of the platforms of its dependencies it is for"
        for platform, read in reading.items():
            each = self._of_platform(app, deps, platform, read)
            if isinstance(each, str):
                return each
            found[platform] = each
        return found

    def begin(self, app: AppPlan, deps: DepsOutcome) -> dict[str, _Reading]:
        """Start to read what is published for an application, by platform; each image once.

        Nothing where it is not known which platform it is for.
        """
        repository, images = deps.deps_image.repository, deps.deps_image.images
        own = (self.own,) if self.own and self.own in images else tuple(images)
        reading: dict[str, _Reading] = {}
        if not app.image.platforms and len(own) > 1:
            return reading
        for platform in app.image.platforms or own:
            key = repository, images[platform]
            if key not in self._begun:
                self._begun[key] = self._begin(deps, platform)
            reading[platform] = self._begun[key]
        return reading

    def new(self, deps: DepsOutcome) -> tuple[Stub, ...]:
        """The stubs of dependencies that were derived in this bake."""
        image = deps.deps_image
        return tuple(
            each.child
            for (repository, digest, _), each in self._derived.items()
            if repository == image.repository and digest in image.images.values()
        )

    def _begin(self, deps: DepsOutcome, platform: str) -> _Reading:
        """Start to read what is published for a platform."""
        repository = deps.deps_image.repository
        digest = deps.deps_image.images[platform]
        base = self._submit(lambda: self._image(repository, digest))
        child = deps.plan.source.bundle.stub(platform) if deps.plan.source else None
        if child is None or child.base != digest:
            return _Reading(base)
        return _Reading(base, child, self._submit(lambda: self._stub(repository, child.digest)))

    def _of_platform(
        self, app: AppPlan, deps: DepsOutcome, platform: str, read: _Reading
    ) -> BaseOnStub | str:
        repository = deps.deps_image.repository
        digest = deps.deps_image.images[platform]
        child = read.child
        needed = _needed(app, read.base.result(), platform)
        if isinstance(needed, str):
            return needed
        base, reaches, commands = needed
        if child and read.stub:
            if covers(child.covers, reaches, commands) and (stub := read.stub.result()):
                return BaseOnStub(base, *stub, child)
            if refused := refusal(child.covers, commands):
                return refused
        known = self._derived.get((repository, digest, platform))
        if known and covers(known.child.covers, reaches, commands):
            return known
        derived = self._derive(deps, platform, base, reaches, commands)
        if isinstance(derived, BaseOnStub):
            self._derived[repository, digest, platform] = derived
            return refusal(derived.child.covers, commands) or derived
        return derived

    def _image(self, repository: str, digest: str) -> Image | None:
        """Read an image; None where it has no layers."""
        with failures_as_errors():
            reference = Reference(repository, digest=digest)
            manifest = self.manifests.get(digest) or self.registry.manifest(reference)
            if manifest is None:
                raise _gone(repository, digest)
            parsed = parse_image(manifest.raw)
            if parsed is None or not parsed.layers:
                return None
            config = self.registry.blob(repository, parsed.config.digest, _CONFIG_LIMIT)
        return Image(manifest.raw, config)

    def _stub(self, repository: str, digest: str) -> tuple[Image, tuple[bytes, ...]] | None:
        """Read a stub with its layers."""
        stub = self._image(repository, digest)
        parsed = parse_image(stub.manifest) if stub else None
        if stub is None:
            return None
        with failures_as_errors():
            return stub, tuple(
                self.registry.blob(repository, layer.digest, _LAYER_LIMIT)
                for layer in (parsed.layers if parsed else ())
            )

    def _derive(
        self,
        deps: DepsOutcome,
        platform: str,
        base: Image,
        reaches: Iterable[Reach],
        commands: Commands,
    ) -> BaseOnStub | str:
        """Have the builder export the layers of the app base, which it has just built or used."""
        repository = deps.deps_image.repository
        export = self.engine.export_folder()
        self.runner.run([_exported(deps, platform, base, export)], "reading")
        (read,) = read_layout(export.read)
        layers = parse_image(read.image.manifest)
        size = layers.size if layers else 0
        self.runner.console.progress(
            f"deriving the stub of {deps.plan.image.name}", f"{human_bytes(size)} of layers"
        )
        with ExitStack() as opened:
            tars = [
                opened.enter_context(open_layer(export, layer.digest))
                for layer in (layers.layers if layers else ())
            ]
            layer = derive_stub(tars, list(reaches), commands=commands)
        if isinstance(layer, NoStub):
            return layer.reason
        stub = stub_image(base, layer)
        raw = [*(each.blob for each in layer.layers), stub.config]
        blobs = [Blob(digest_of(each), BytesSource(each)) for each in raw]
        with failures_as_errors():
            push_blobs(self.registry, repository, blobs)
            reference = Reference(repository, digest=stub.digest)
            self.registry.put(reference, stub.manifest, MANIFEST_TYPE)
        child = Stub(platform, base.digest, stub.digest, len(stub.manifest), layer.reaches)
        return BaseOnStub(base, stub, tuple(each.blob for each in layer.layers), child, new=True)


def _needed(
    app: AppPlan, base: Image | None, platform: str
) -> tuple[Image, tuple[Reach, ...], Commands] | str:
    """The app base, and what a stub of it has to be good for; or why there is none."""
    if base is None:
        return "the image that it stands on has no layers"
    try:
        return base, *reaches_of(app.image.target, app.needs.rest, base.config, platform)
    except AnalysisError as unclear:
        return str(unclear.undetermined)


def _gone(repository: str, digest: str) -> VerificationError:
    return VerificationError(
        f"the registry does not have {repository}@{digest}",
        cause="it lost an image that was published, or another registry answered",
        next_step="run the bake again with --force",
    )


def _exported(deps: DepsOutcome, platform: str, base: Image, export: Export) -> GeneratedTarget:
    """The target that exports an app base's layers, and nothing else."""
    reference = Reference(deps.deps_image.repository, digest=base.digest)
    image = deps.plan.image
    compression = UNCOMPRESSED if ZSTD.encode() in base.manifest else {}
    attributes: Mapping[str, Any] = {
        "context": export.path,
        "dockerfile-inline": f"FROM {APP_BASE}\n",
        "contexts": {APP_BASE: image_context(str(reference))},
        "platforms": [platform],
        "output": [{"type": "oci", "tar": "false", "dest": export.path, **compression}],
        "attest": WITHOUT_PROVENANCE,
    }
    name = f"{image.name}_layers_{platform.replace('/', '-')}"
    return GeneratedTarget(image, (platform,), Target(name, attributes))


def open_layer(export: Export, digest: str) -> BinaryIO:
    """Open a layer of an export, without its compression by gzip."""
    stream = export.source(blob_path(digest)).open()
    begins = stream.read(len(_GZIP))
    stream.seek(0)
    return gzip.open(stream) if begins == _GZIP else stream  # type: ignore[return-value]

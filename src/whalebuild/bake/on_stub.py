"""Builds applications on stubs, and pushes what that has added, put on the app base.

BuildKit exports an image layout; layers, configuration, manifest and attestation are pushed by
whalebuild. Nothing of the app base is moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from whalebuild.bake.outcome import DepsOutcome, PushedImage
from whalebuild.bake.ports import BakeEngine, Export
from whalebuild.bake.runner import BuildxRunner
from whalebuild.bake.stubs import BaseOnStub, Stubs
from whalebuild.bakefile.app_base import APP_BASE
from whalebuild.bakefile.fields import fields_of
from whalebuild.bundle.index import Stub
from whalebuild.failures.messages import failures_as_errors
from whalebuild.oci.blobs import BytesSource
from whalebuild.oci.manifest import Descriptor, Manifest, digest_of, media_type_of
from whalebuild.oci.reference import Reference
from whalebuild.plan.cache_options import image_options
from whalebuild.plan.definition import GeneratedTarget, Output, generate_target
from whalebuild.plan.pins import LAYOUT_CONTEXT, image_context
from whalebuild.plan.plan import AppPlan, Plan
from whalebuild.rebase.attestation import (
    BuiltOnStub,
    RebasedAttestation,
    rebase_attestation,
)
from whalebuild.rebase.images import Rebased, rebase
from whalebuild.rebase.layout import blob_path, read_layout, write_layout
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.runtime.threads import Submit
from whalebuild.runtime.uploads import Blob, push_blobs

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class StubBuild:
    """One platform of an application that is built on a stub."""

    target: GeneratedTarget
    export: Export
    on: BaseOnStub


@dataclass
class OnStub:
    """The builds on stubs of one bake.

    Attributes:
        note: Takes one line for the user.
        progress: Is told what is pushed: its name, bytes there, and bytes in all.
    """

    plan: Plan
    engine: BakeEngine
    runner: BuildxRunner
    registry: RetryingRegistry
    note: Callable[[str], None]
    progress: Progress
    _submit: Submit = field(default_factory=Submit)
    _stubs: Stubs = field(init=False)

    def __post_init__(self) -> None:
        """Prepare to look for stubs."""
        self._stubs = Stubs(self.engine, self.runner, self.registry, self.plan.manifests)

    def new_stubs(self, deps: DepsOutcome) -> tuple[Stub, ...]:
        """The stubs of dependencies that were derived in this bake."""
        return self._stubs.new(deps)

    def prepare(self, app: AppPlan, deps: DepsOutcome) -> tuple[StubBuild, ...]:
        """The builds of an application on its stub; none where it needs the whole app base.

        Raises:
            WhalebuildError: The builder failed, or the registry refused or could not be reached.
        """
        if self.plan.long_because(app):
            return ()
        found = self._stubs.of(app, deps)
        if isinstance(found, str):
            self.note(f"{app.image.name} is built on the whole app base: {found}")
            return ()
        return tuple(self._build(app, deps, platform, on) for platform, on in found.items())

    def run(self, builds: Iterable[StubBuild]) -> None:
        """Build them.

        Raises:
            WhalebuildError: A build failed, or the builder did.
        """
        self.runner.run([build.target for build in builds], "building")

    def push(self, app: AppPlan, builds: Sequence[StubBuild]) -> PushedImage:
        """Push what was built, without a tag.

        Raises:
            VerificationError: What was exported is not what was to be built.
            WhalebuildError: The registry refused, or could not be reached.
        """
        images: dict[str, Descriptor] = {}
        attestations: list[Descriptor] = []
        blobs: list[Blob] = []
        manifests: list[bytes] = []
        pushed: dict[str, Manifest] = {}
        for build in builds:
            (platform,) = build.target.platforms
            rebased, attestation = _rebased(app, build)
            images[platform] = replace(rebased.descriptor, platform=platform)
            layers = ((layer.digest, build.export) for layer in rebased.added)
            blobs += [Blob(digest, export.source(blob_path(digest))) for digest, export in layers]
            blobs.append(_small(rebased.image.config))
            manifests.append(rebased.image.manifest)
            read = Manifest(
                rebased.image.manifest, rebased.descriptor.media_type, rebased.descriptor.digest
            )
            pushed[read.digest] = read
            if attestation:
                attestations.append(attestation.descriptor)
                blobs += map(_small, attestation.attestation.blobs.values())
                manifests.append(attestation.attestation.manifest)
            self._tell(build, rebased.descriptor.digest)
        sent = self._push(app, blobs, manifests)
        return PushedImage(
            *(next(iter(images.values())).digest, images, tuple(attestations)),
            manifests=pushed,
            bytes_pushed=sent,
        )

    def _build(self, app: AppPlan, deps: DepsOutcome, platform: str, on: BaseOnStub) -> StubBuild:
        export = self.engine.export_folder()
        image = replace(app.image, target=app.image.on_dependencies)
        made = generate_target(
            *(image, (platform,), self.plan.options, Output.DIGEST),
            contexts={**app.contexts, APP_BASE: self._handed(on, deps.deps_image.repository)},
        )
        options = {**image_options(image.target), "tar": "false", "dest": export.path}
        output = [{"type": "oci", **options}]
        changed = made.with_attributes(output=output, cache_from=None, attest=_attests(app) or None)
        return StubBuild(changed, export, on)

    def _handed(self, on: BaseOnStub, repository: str) -> str:
        """The named context that is the stub: a layout, for which the builder asks no registry."""
        layout = self.engine.export_folder()
        if set(layout.path) & set(":@"):  # buildx would read a tag there
            return image_context(str(Reference(repository, digest=on.stub.digest)))
        write_layout(layout.write, on.stub, on.layers)
        return f"{LAYOUT_CONTEXT}{layout.path}@{on.stub.digest}"

    def _push(self, app: AppPlan, blobs: Sequence[Blob], manifests: Sequence[bytes]) -> int:
        """Push to every repository; how many bytes of blobs were sent."""
        what, sent = f"pushing {app.image.name}", 0
        sizes = {blob.digest: blob.source.size for blob in blobs}
        self.progress(what, 0, sum(sizes.values()))  # registries may be slow to take the first byte
        for repository in app.image.repositories:
            with failures_as_errors():
                pushed = push_blobs(
                    self.registry,
                    repository,
                    blobs,
                    progress=lambda done, total: self.progress(what, done, total),
                )
                put = [self._submit(partial(self._put, repository, raw)) for raw in manifests]
                for each in put:
                    each.result()
            sent += pushed.bytes_sent
        return sent

    def _put(self, repository: str, raw: bytes) -> None:
        self.registry.put(Reference(repository, digest=digest_of(raw)), raw, media_type_of(raw))

    def _tell(self, build: StubBuild, digest: str) -> None:
        """Have the metadata name what is published, and not what was exported."""
        said = dict(self.runner.metadata.get(build.target.name) or {})
        said.pop("containerimage.descriptor", None)
        said["containerimage.digest"] = digest
        self.runner.metadata[build.target.name] = said


def _attests(app: AppPlan) -> list[Any]:
    """The attestations that an image which is pushed would have; a layout has none by itself."""
    given = list(app.image.target.attributes.get("attest") or ())
    said = any(fields_of(each).get("type") == "provenance" for each in given)
    return given if said or not app.attested else [*given, "type=provenance,mode=min"]


def _rebased(app: AppPlan, build: StubBuild) -> tuple[Rebased, RebasedAttestation | None]:
    """Put what was built on the app base."""
    exported = read_layout(build.export.read)
    on = build.on
    repeated = app.image.app_base.repeated if app.image.app_base else 0
    rebased = rebase(on.base, exported.image, on.stub, repeated=repeated)
    if exported.attestation is None:
        return rebased, None
    about = BuiltOnStub(
        *(exported.image, rebased, on.stub, on.base),
        repository=app.image.bundle.repository,
        names=app.image.references,
    )
    return rebased, rebase_attestation(exported.attestation, about)


def _small(raw: bytes) -> Blob:
    return Blob(digest_of(raw), BytesSource(raw))

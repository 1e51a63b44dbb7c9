"""Builds applications on stubs, and pushes what that has added, put on the app base.

BuildKit exports an image layout; layers, configuration, manifest and attestation are pushed by
whalebuild. Nothing of the app base is moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from whalebuild.bake.outcome import DepsOutcome, PushedImage
from whalebuild.bake.ports import BakeEngine, Export
from whalebuild.bake.runner import BuildxRunner
from whalebuild.bake.stubs import BaseOnStub, Stubs
from whalebuild.bakefile.app_base import APP_BASE
from whalebuild.bakefile.fields import fields_of
from whalebuild.bundle.index import Stub
from whalebuild.errors import BuildError
from whalebuild.failures.messages import failures_as_errors
from whalebuild.oci.blobs import BytesSource
from whalebuild.oci.manifest import Descriptor, digest_of, media_type_of
from whalebuild.oci.reference import Reference
from whalebuild.plan.cache_options import image_options
from whalebuild.plan.definition import GeneratedTarget, Output, generate_target
from whalebuild.plan.pins import image_context
from whalebuild.plan.plan import AppPlan, Plan
from whalebuild.rebase.attestation import (
    BuiltOnStub,
    RebasedAttestation,
    rebase_attestation,
)
from whalebuild.rebase.images import Rebased, rebase
from whalebuild.rebase.layout import read_layout
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.runtime.uploads import Blob, push_blobs

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class StubBuild:
    """One platform of an application that is built on a stub.

    Attributes:
        target: What is built.
        export: Where to.
        on: On what.
        built: Whether it was built.
    """

    target: GeneratedTarget
    export: Export
    on: BaseOnStub
    built: bool = False


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
    bytes_pushed: int = 0
    _stubs: Stubs = field(init=False)

    def __post_init__(self) -> None:
        """Prepare to look for stubs."""
        self._stubs = Stubs(self.engine, self.runner, self.registry)

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

    def run_first(self, app: AppPlan, builds: Sequence[StubBuild]) -> tuple[StubBuild, ...]:
        """Build an application whose commands run on a stub; nothing where that fails.

        Then the whole app base is for it: what is missing on a stub would be an error of ours.

        Raises:
            WhalebuildError: The builder failed.
        """
        if not builds or not (app.image.app_base and app.image.app_base.rest.runs):
            return tuple(builds)
        try:
            self.run(builds)
        except BuildError:
            self.note(f"{app.image.name} failed on a stub: it is built on the whole app base")
            return ()
        return tuple(replace(build, built=True) for build in builds)

    def run(self, builds: Iterable[StubBuild]) -> None:
        """Build those that were not built yet.

        Raises:
            WhalebuildError: A build failed, or the builder did.
        """
        self.runner.run([build.target for build in builds if not build.built], "building")

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
        for build in builds:
            (platform,) = build.target.platforms
            rebased, attestation = _rebased(app, build)
            images[platform] = replace(rebased.descriptor, platform=platform)
            layers = ((layer.digest, build.export) for layer in rebased.added)
            blobs += [Blob(digest, export.source(_path(digest))) for digest, export in layers]
            blobs.append(_small(rebased.image.config))
            manifests.append(rebased.image.manifest)
            if attestation:
                attestations.append(attestation.descriptor)
                blobs += map(_small, attestation.attestation.blobs.values())
                manifests.append(attestation.attestation.manifest)
            self._tell(build, rebased.descriptor.digest)
        self._push(app, blobs, manifests)
        return PushedImage(next(iter(images.values())).digest, images, tuple(attestations))

    def _build(self, app: AppPlan, deps: DepsOutcome, platform: str, on: BaseOnStub) -> StubBuild:
        export = self.engine.export_folder()
        image = replace(app.image, target=app.image.on_dependencies)
        stub = Reference(deps.deps_image.repository, digest=on.stub.digest)
        made = generate_target(
            *(image, (platform,), self.plan.options, Output.DIGEST),
            contexts={**app.contexts, APP_BASE: image_context(str(stub))},
        )
        options = {**image_options(image.target), "tar": "false", "dest": export.path}
        output = [{"type": "oci", **options}]
        changed = made.with_attributes(output=output, cache_from=None, attest=_attests(app) or None)
        return StubBuild(changed, export, on)

    def _push(self, app: AppPlan, blobs: Sequence[Blob], manifests: Iterable[bytes]) -> None:
        name = app.image.name
        for repository in app.image.repositories:
            with failures_as_errors():
                pushed = push_blobs(
                    self.registry,
                    repository,
                    blobs,
                    progress=lambda done, total: self.progress(f"pushing {name}", done, total),
                )
                for raw in manifests:
                    reference = Reference(repository, digest=digest_of(raw))
                    self.registry.put(reference, raw, media_type_of(raw))
            self.bytes_pushed += pushed.bytes_sent

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


def _path(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/', 1)}"

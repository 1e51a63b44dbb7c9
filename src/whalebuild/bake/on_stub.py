"""Builds applications on stubs, and pushes what that has added, put on the app base.

BuildKit exports an image layout; layers, configuration, manifest and attestation are pushed by
whalebuild. Nothing of the app base is moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from itertools import repeat
from typing import Any

from whalebuild.bake.further_repositories import lacks_layers
from whalebuild.bake.outcome import DepsOutcome, PushedImage
from whalebuild.bake.ports import BakeEngine, Export
from whalebuild.bake.runner import BuildxRunner
from whalebuild.bake.stubs import BaseOnStub, Stubs
from whalebuild.bakefile.fields import fields_of
from whalebuild.bundle.index import Stub
from whalebuild.errors import BuildError, VerificationError
from whalebuild.failures.messages import failures_as_errors
from whalebuild.oci.blobs import BytesSource
from whalebuild.oci.manifest import Descriptor, Manifest, digest_of, media_type_of
from whalebuild.oci.reference import Reference
from whalebuild.plan.cache_options import image_options
from whalebuild.plan.definition import CacheExport, GeneratedTarget
from whalebuild.plan.pins import LAYOUT_CONTEXT, DepsImage, image_context
from whalebuild.plan.plan import AppPlan, Plan
from whalebuild.rebase.attestation import (
    BuiltOnStub,
    RebasedAttestation,
    rebase_attestation,
)
from whalebuild.rebase.images import Rebased, rebase
from whalebuild.rebase.layout import ExportedImage, blob_path, read_layout, write_layout
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.runtime.threads import Submit
from whalebuild.runtime.uploads import Blob, push_blobs
from whalebuild.values import dataclass

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class AppOnStub:
    """An application that is built on the stub of its app base.

    Attributes:
        bases: The app base with its stub, by platform.
        repository: Where stubs are.
        handed: The named contexts that hand stubs to the builder, by those that name them in the
            registry.
        caches: Whether caches serve its build: one that copies from the context alone needs none.
    """

    app: AppPlan
    bases: Mapping[str, BaseOnStub]
    repository: str
    handed: Mapping[str, str]
    caches: bool


@dataclass(frozen=True)
class StubBuild:
    """One platform of an application as it was built on a stub.

    Attributes:
        target: What built it.
        export: Where it was exported to.
        exported: What was exported.
        on: The app base with its stub.
    """

    app: AppPlan
    platform: str
    target: GeneratedTarget
    export: Export
    exported: ExportedImage
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
    _exports: dict[str, Export] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Prepare to look for stubs."""
        own = self.plan.facts.platform if self.plan.facts else None
        self._stubs = Stubs(self.engine, self.runner, self.registry, self.plan.manifests, own)

    def new_stubs(self, deps: DepsOutcome) -> tuple[Stub, ...]:
        """The stubs of dependencies that were derived in this bake."""
        return self._stubs.new(deps)

    def begin(self, app: AppPlan, deps: DepsOutcome) -> None:
        """Start to read what the build of an application on a stub needs."""
        if not self.plan.long_because(app):
            self._stubs.begin(app, deps)

    def prepare(self, app: AppPlan, deps: DepsOutcome) -> AppOnStub | None:
        """Find the stub of an application; None where it needs the whole app base.

        Raises:
            WhalebuildError: The builder failed, or the registry refused or could not be reached.
        """
        if self.plan.long_because(app):
            return None
        found = self._stubs.of(app, deps)
        why = found if isinstance(found, str) else self._lacking(app, found)
        if isinstance(found, str) or why:
            self.note(f"{app.image.name} is built on the whole app base: {why}")
            return None
        repository = deps.deps_image.repository
        handed = dict(self._handed(each, repository) for each in found.values())
        return AppOnStub(app, found, repository, handed, app.needs.side)

    def tried(self, on: AppOnStub | None) -> AppOnStub | None:
        """The same, once commands that run on a stub were seen to work; None where they do not.

        Then the whole app base is for it: what is missing on a stub would be an error of ours.

        Raises:
            WhalebuildError: The builder failed.
        """
        if on is None or not on.app.needs.rest.runs:
            return on
        targets = [target.unpushed() for target in self.targets(on, None)]
        try:
            self.runner.run(targets, "building")
        except BuildError:
            self.runner.forget(targets)
            name = on.app.image.name
            self.note(f"{name} failed on a stub: it is built on the whole app base")
            return None
        return on

    def _lacking(self, app: AppPlan, bases: Mapping[str, BaseOnStub]) -> str:
        """Which further repository lacks the app base; empty if none does.

        The ordinary build pushes it there, and later ones need not.
        """
        home, images = app.image.bundle.repository, [each.base for each in bases.values()]
        further = (repository for repository in app.image.repositories if repository != home)
        lacking = (r for r in further if lacks_layers(self.registry, r, home, images))
        return next((f"{repository} does not have that yet" for repository in lacking), "")

    def targets(self, on: AppOnStub, export: CacheExport | None) -> tuple[GeneratedTarget, ...]:
        """The targets that build an application, each into a folder of its own.

        Args:
            on: The application.
            export: How to export its cache; None for no export.
        """
        stubs = {platform: each.stub.digest for platform, each in on.bases.items()}
        pinned = DepsImage(on.repository, "", stubs)
        made = self.plan.app_targets(on.app, pinned, export if on.caches else None)
        return tuple(self._exported(on, target) for target in made)

    def builds(self, on: AppOnStub, targets: Iterable[GeneratedTarget]) -> tuple[StubBuild, ...]:
        """Read what the targets of an application have exported.

        Raises:
            VerificationError: It is not whole, or lacks a platform.
        """
        return tuple(build for target in targets for build in self._builds(on, target))

    def push(self, on: AppOnStub, targets: Sequence[GeneratedTarget]) -> PushedImage:
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
        for build in self.builds(on, targets):
            platform, export = build.platform, build.export
            rebased, attestation = put_on_base(build)
            images[platform] = replace(rebased.descriptor, platform=platform)
            layers = (layer.digest for layer in rebased.added)
            blobs += [Blob(digest, export.source(blob_path(digest))) for digest in layers]
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
        sent = self._push(on.app, blobs, manifests)
        return PushedImage(
            *(next(iter(images.values())).digest, images, tuple(attestations)),
            manifests=pushed,
            bytes_pushed=sent,
        )

    def _exported(self, on: AppOnStub, made: GeneratedTarget) -> GeneratedTarget:
        """A target that writes an image layout."""
        export = self.engine.export_folder()
        self._exports[export.path] = export
        options = {**image_options(on.app.image.target), "tar": "false", "dest": export.path}
        output = [{"type": "oci", **options}]
        given = made.attributes.get("contexts") or {}
        contexts = {name: on.handed.get(value, value) for name, value in given.items()}
        # What they are made from is not used, and would be asked for (``Stages.only_of``).
        idle = zip(on.app.needs.idle, repeat(next(iter(on.handed.values()))), strict=False)
        contexts = {**dict(idle), **contexts}
        changed = made.with_attributes(
            output=output, tags=None, contexts=contexts, attest=_attests(on.app) or None
        )
        return (
            changed if on.caches else replace(changed.with_attributes(cache_from=None), imports=())
        )

    def _builds(self, on: AppOnStub, target: GeneratedTarget) -> Iterator[StubBuild]:
        export = self._exports[target.target.outputs[0]["dest"]]
        wanted = target.platforms or tuple(on.bases)
        found = read_layout(export.read)
        images = {image.platform: image for image in found}
        for platform in wanted:
            alone = len(found) == len(wanted) == 1
            image = found[0] if alone else images.get(platform)
            if image is None:
                raise VerificationError(
                    f'what was built for "{target.name}" lacks {platform}',
                    cause=f"it has {', '.join(filter(None, images)) or 'no image'}",
                    next_step="check the builder's platforms: docker buildx inspect",
                )
            yield StubBuild(on.app, platform, target, export, image, on.bases[platform])

    def _handed(self, on: BaseOnStub, repository: str) -> tuple[str, str]:
        """The named context that is the stub in the registry, and the one that the builder gets.

        That is a layout, for which it asks no registry.
        """
        published = image_context(str(Reference(repository, digest=on.stub.digest)))
        layout = self.engine.export_folder()
        if set(layout.path) & set(":@"):  # buildx would read a tag there
            return published, published
        write_layout(layout.write, on.stub, on.layers)
        return published, f"{LAYOUT_CONTEXT}{layout.path}@{on.stub.digest}"

    def _push(self, app: AppPlan, blobs: Sequence[Blob], manifests: Sequence[bytes]) -> int:
        """Push to every repository; how many bytes of blobs were sent."""
        what, sent = f"pushing {app.image.name}", 0
        sizes = {blob.digest: blob.source.size for blob in blobs}
        self.progress(what, 0, sum(sizes.values()))  # registries may be slow to take the first byte
        first = Reference(app.image.repositories[0])
        for repository in app.image.repositories:
            near = Reference(repository).registry == first.registry
            if near and repository != first.repository:
                blobs = [replace(blob, mount_from=first.repository) for blob in blobs]
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


def _attests(app: AppPlan) -> list[Any]:
    """The attestations that an image which is pushed would have; a layout has none by itself."""
    given = list(app.image.target.attributes.get("attest") or ())
    said = any(fields_of(each).get("type") == "provenance" for each in given)
    return given if said or not app.attested else [*given, "type=provenance,mode=min"]


def put_on_base(build: StubBuild) -> tuple[Rebased, RebasedAttestation | None]:
    """Put what was built on the app base.

    Raises:
        VerificationError: What was exported is not what was to be built.
    """
    image, on, exported = build.app.image, build.on, build.exported
    rebased = rebase(on.base, exported.image, on.stub, repeated=build.app.needs.repeated)
    if exported.attestation is None:
        return rebased, None
    about = BuiltOnStub(
        *(exported.image, rebased, on.stub, on.base),
        repository=image.bundle.repository,
        names=image.references,
    )
    return rebased, rebase_attestation(exported.attestation, about)


def _small(raw: bytes) -> Blob:
    return Blob(digest_of(raw), BytesSource(raw))

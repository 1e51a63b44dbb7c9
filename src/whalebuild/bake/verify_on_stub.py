"""``--verify``: what was built on a stub is built the ordinary way, too, and compared with that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from typing import Any

from whalebuild.bake.on_stub import StubBuild, put_on_base
from whalebuild.bake.outcome import DepsOutcome
from whalebuild.bake.ports import BakeEngine, Export
from whalebuild.bake.result import Verified
from whalebuild.bake.runner import BuildxRunner
from whalebuild.bake.stubs import UNCOMPRESSED, WITHOUT_PROVENANCE, ZSTD, open_layer
from whalebuild.bakefile.images import Role
from whalebuild.bakefile.target import Target
from whalebuild.errors import VerificationError
from whalebuild.failures.failure import redact
from whalebuild.oci.reference import Reference
from whalebuild.plan.cache_options import image_options
from whalebuild.plan.definition import GeneratedTarget, Output, generate_target
from whalebuild.plan.pins import image_context
from whalebuild.plan.plan import AppAction, AppPlan, Plan, published_caches
from whalebuild.rebase.compare import Build, OpenLayer, compare_builds, layer_time
from whalebuild.rebase.images import Image, read_image, rebase
from whalebuild.rebase.layout import ExportedImage, read_layout
from whalebuild.values import dataclass

#: What was compared with.
ORDINARY, ON_BASE = "the ordinary build", "a build on the whole app base"
_MOST_SHOWN = 10


@dataclass(frozen=True)
class _Exported:
    """An image with its layers, the lowest first."""

    image: Image
    layers: tuple[OpenLayer, ...]
    way: str = ""


@dataclass
class StubVerifier:
    """Builds applications the ordinary way, and compares.

    Attributes:
        done: What was compared of each application.
    """

    plan: Plan
    engine: BakeEngine
    runner: BuildxRunner
    done: dict[str, tuple[Verified, ...]] = field(default_factory=dict)

    def check(self, app: AppPlan, deps: DepsOutcome, builds: Sequence[StubBuild]) -> None:
        """Compare what was built of an application with the ordinary build of it.

        Where that makes the app base anew, and another one, it is compared with a build on the
        app base itself.

        Raises:
            VerificationError: Both are not the same.
            WhalebuildError: The ordinary build failed, or the builder did.
        """
        for build in builds:
            found = self._compared(app, deps, build)
            self.done[app.image.name] = (*self.done.get(app.image.name, ()), found)

    def told(self, app: AppPlan) -> str:
        """What was compared of an application, or why nothing was, in one line."""
        name = app.image.name
        if name in self.done:
            return f"{name} is the same as {'; '.join(map(str, self.done[name]))}"
        why = self.plan.long_because(app) or "it is not built on a stub"
        if app.action is not AppAction.BUILD:
            why = "it is as it is published"
        return f"{name} is not compared with the ordinary build: {why}"

    def _compared(self, app: AppPlan, deps: DepsOutcome, build: StubBuild) -> Verified:
        base = build.on.base
        image = put_on_base(build)[0].image
        # Python reads no zstd before 3.14: then everything is exported not compressed.
        plain = ZSTD.encode() in image.manifest
        mine = self._again(build) if plain else _read(build.export, build.exported)
        other = self._ordinary(app, deps, build, plain=plain) or self._on_base(
            app, deps, build, plain=plain
        )
        count, below = len(_diff_ids(base)), len(_diff_ids(build.on.stub))
        if _diff_ids(image)[count:] != _diff_ids(mine.image)[below:]:
            raise _differs(app, build, "its own export", ["it has other layers"])
        found = compare_builds(
            Build(image.config, mine.layers[below:]),
            Build(other.image.config, other.layers[count:]),
            other.layers[:count],
            layer_time(base.config),
        )
        if found.differences:
            raise _differs(app, build, other.way, found.differences)
        return Verified(build.platform, other.way, found.layers, found.entries)

    def _ordinary(
        self, app: AppPlan, deps: DepsOutcome, build: StubBuild, *, plain: bool
    ) -> _Exported | None:
        """The ordinary build; None where it did not find the app base's steps in a cache."""
        platform = build.platform
        source = None if deps.changed else deps.plan.source
        made = generate_target(
            *(app.image, (platform,), self._options, Output.DIGEST),
            contexts={**deps.plan.contexts, **app.contexts},
            cache_from=published_caches(source, Role.DEPS, (platform,)),
        )
        found = self._exported(_renamed(made, "ordinary"), plain=plain)
        base = _diff_ids(build.on.base)
        same = _diff_ids(found.image)[: len(base)] == base
        return replace(found, way=ORDINARY) if same else None

    def _on_base(
        self, app: AppPlan, deps: DepsOutcome, build: StubBuild, *, plain: bool
    ) -> _Exported:
        """A build on the app base itself, without the history that it has to repeat."""
        base, image = build.on.base, replace(app.image, target=app.image.on_dependencies)
        reference = str(Reference(deps.deps_image.repository, digest=base.digest))
        made = generate_target(
            *(image, (build.platform,), self._options, Output.DIGEST),
            contexts={**app.contexts, **dict.fromkeys(app.pins, image_context(reference))},
        )
        found = self._exported(_renamed(made, "on-base"), plain=plain)
        rebased = rebase(base, found.image, base, repeated=app.needs.repeated).image
        return replace(found, image=rebased, way=ON_BASE)

    @property
    def _options(self) -> Any:
        """Steps that this bake has run are not run again: their results would be other ones."""
        return replace(self.plan.options, no_cache=False, pull=False)

    def _exported(self, target: GeneratedTarget, *, plain: bool) -> _Exported:
        export = self.engine.export_folder()
        options = {**image_options(target.target), "tar": "false", "dest": export.path}
        output = {"type": "oci", **options, **(UNCOMPRESSED if plain else {})}
        self.runner.run([_to_compare(target, output)], "verifying")
        (exported,) = read_layout(export.read)
        return _read(export, exported)

    def _again(self, build: StubBuild) -> _Exported:
        """The same build on the stub, exported without compression."""
        alone = build.target.with_attributes(platforms=[build.platform])
        return self._exported(_renamed(alone, "plain"), plain=True)


def _to_compare(target: GeneratedTarget, output: Mapping[str, str]) -> GeneratedTarget:
    return target.with_attributes(
        output=[output],
        attest=WITHOUT_PROVENANCE,
        cache_to=None,
        no_cache=None,
        no_cache_filter=None,
        pull=None,
    )


def _renamed(target: GeneratedTarget, way: str) -> GeneratedTarget:
    return replace(target, target=Target(f"{target.name}_{way}", target.attributes))


def _read(export: Export, exported: ExportedImage) -> _Exported:
    image = exported.image
    layers = read_image(image, "what was exported").layers
    return _Exported(image, tuple(partial(open_layer, export, each["digest"]) for each in layers))


def _diff_ids(image: Image) -> tuple[str, ...]:
    return read_image(image, "what was built").diff_ids


def _differs(
    app: AppPlan, build: StubBuild, way: str, differences: Sequence[str]
) -> VerificationError:
    platform = build.platform
    shown = [redact(each) for each in differences[:_MOST_SHOWN]]
    more = len(differences) - len(shown)
    return VerificationError(
        f"{app.image.name} ({platform}) is not the same as {way}",
        cause="\n         ".join([*shown, *([f"and {more} more"] if more else [])]),
        next_step="nothing was published; please report this with the Dockerfile",
    )

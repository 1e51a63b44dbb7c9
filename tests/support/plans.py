"""Plans and their parts, as values."""

from __future__ import annotations

from typing import Any

from tests.support.builders import BUILDER
from tests.support.platforms import AMD64
from whalebuild.bakefile.app_base import BaseNeeds
from whalebuild.bakefile.images import BuildOptions, PairImage, Role
from whalebuild.bakefile.target import Target
from whalebuild.bundle.annotations import to_annotations
from whalebuild.bundle.app_key import AppMaterial
from whalebuild.bundle.index import Cache, write_bundle
from whalebuild.bundle.lock import Lock
from whalebuild.bundle.published import PublishedDeps, read_deps
from whalebuild.inputs.values import Undetermined
from whalebuild.oci.manifest import (
    ATTESTATION,
    INDEX_TYPE,
    REFERENCE_DIGEST,
    REFERENCE_TYPE,
    Descriptor,
    Manifest,
    digest_of,
)
from whalebuild.oci.reference import Reference
from whalebuild.plan.decision import Decision, DepsAction
from whalebuild.plan.plan import AppAction, AppPlan, DepsPlan, Plan
from whalebuild.settings import Settings

BUNDLE = Reference("acme/web", "deps")
LATEST = Reference("acme/web", "latest")


def digest(n: int) -> str:
    return f"sha256:{n:064x}"


def image(n: int, platform: str) -> Descriptor:
    return Descriptor(digest(n), 1000 + n, platform=platform)


def attestation(n: int, of: Descriptor) -> Descriptor:
    annotations = {REFERENCE_TYPE: ATTESTATION, REFERENCE_DIGEST: of.digest}
    return Descriptor(digest(n), 5, annotations=annotations)


def lock(*platforms: str, state: str = "one", **tables: Any) -> Lock:
    """A lock; another ``state`` gives other keys."""
    named = platforms or (AMD64,)
    return Lock({platform: f"key of {state} on {platform}" for platform in named}, **tables)


def published(
    made_of: Lock | None = None,
    images: tuple[Descriptor, ...] = (image(1, AMD64),),
    caches: tuple[Cache, ...] = (),
    reference: Reference = BUNDLE,
) -> PublishedDeps:
    """A bundle as the registry has it."""
    by_platform = {str(each.platform): each for each in images}
    annotations = to_annotations(made_of or lock(*by_platform))
    attested = [attestation(500 + number, each) for number, each in enumerate(images)]
    raw = write_bundle(by_platform, attested, caches, annotations)
    return read_deps(reference, Manifest(raw, INDEX_TYPE, digest_of(raw)))


def pair_deps(
    *platforms: str, references: tuple[Reference, ...] = (BUNDLE,), **more: Any
) -> PairImage:
    target = Target("app-deps", {"target": "dependencies", **more})
    return PairImage(target, Role.DEPS, references, platforms, references[0], "app-deps")


def pair_app(
    *platforms: str, references: tuple[Reference, ...] = (LATEST,), **more: Any
) -> PairImage:
    return PairImage(Target("app", more), Role.APP, references, platforms, BUNDLE, "app-deps")


REBUILD = Decision(DepsAction.REBUILD, ("there is no :deps yet",), platforms=(AMD64,))
REUSE = Decision(DepsAction.REUSE)
UNKNOWN = Undetermined("RUN reads the network", 7)
ASK = Decision(DepsAction.ASK, (str(UNKNOWN),), platforms=(AMD64,))


def deps_plan(
    decision: Decision = REBUILD, source: PublishedDeps | None = None, **more: Any
) -> DepsPlan:
    values: dict[str, Any] = {
        "image": pair_deps(AMD64),
        "published": (source,),
        "lock": UNKNOWN if decision.action is DepsAction.ASK else lock(AMD64),
        "contexts": {},
        **more,
    }
    return DepsPlan(decision=decision, source=source, **values)


def material(*platforms: str, **attributes: Any) -> AppMaterial:
    return AppMaterial(lock(*platforms, state="code"), attributes)


def app_plan(action: AppAction = AppAction.BUILD, **more: Any) -> AppPlan:
    values: dict[str, Any] = {
        "image": pair_app(AMD64),
        "reason": "its code changed" if action is AppAction.BUILD else "",
        "pins": ("dependencies",),
        "unpinned": None,
        "contexts": {},
        "material": material(AMD64),
        "published": None,
        "needs": BaseNeeds("what it adds fits any image (COPY --link)"),
        **more,
    }
    return AppPlan(action=action, **values)


def plan(deps: DepsPlan, *apps: AppPlan, **more: Any) -> Plan:
    values: dict[str, Any] = {
        "options": BuildOptions(),
        "settings": Settings(),
        "source": "docker-bake.hcl",
        "facts": BUILDER,
        "all_targets": {},
        **more,
    }
    return Plan((deps,), apps, **values)

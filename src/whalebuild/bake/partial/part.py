"""Parts: what a partial bake has built of a plan, for ``merge`` to publish with the others.

A partial bake plans the whole, all platforms, and builds its portion. So every part knows the lock
of the whole, and parts can be compared input by input.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace

from whalebuild.bake.outcome import BuiltImages, PushedTarget
from whalebuild.bakefile.images import PairImage
from whalebuild.bundle.build_inputs import BuildInputs
from whalebuild.bundle.lock import Lock
from whalebuild.inputs.values import Undetermined
from whalebuild.oci.reference import Reference
from whalebuild.plan.decision import DepsAction
from whalebuild.plan.plan import AppAction, AppPlan, DepsPlan, Plan
from whalebuild.values import dataclass


@dataclass(frozen=True)
class ImagePart:
    """One image of a part.

    Attributes:
        image: The image; its platforms are those of the whole.
        action: What the plan does with it.
        lock: What it is made from on all platforms, or why that cannot be told.
        attributes: For an application what else decides about it, see ``bundle.app_key``.
        inputs: For an application the inputs of its build, see ``bundle.build_inputs``.
        published: What stood under its references when the bake was planned, by digest: under each
            one of dependencies, under the first of an application.
        source: For dependencies the bundle that is reused, with tag and digest.
        stands_on: For dependencies the image manifest of each platform of this part, by digest.
        pushed: What was built here.
    """

    image: PairImage
    action: DepsAction | AppAction
    lock: Lock | Undetermined
    attributes: Mapping[str, object]
    published: tuple[str | None, ...]
    source: Reference | None
    stands_on: Mapping[str, str]
    pushed: tuple[PushedTarget, ...]
    inputs: BuildInputs = field(default_factory=BuildInputs)


@dataclass(frozen=True)
class Part:
    """What a partial bake leaves behind.

    Attributes:
        platforms: Those that it is for.
        staging: Tags that were set for it, and are deleted when all is published.
        file: Where it was read from.
    """

    platforms: tuple[str, ...]
    images: tuple[ImagePart, ...]
    scope: str | None = None
    staging: tuple[Reference, ...] = ()
    file: str = ""


def make_part(plan: Plan, built: BuiltImages, staging: Iterable[Reference] = ()) -> Part:
    """List what was built of a plan.

    Args:
        plan: Of a partial bake.
        built: What was built and verified.
        staging: The tags that were set.
    """
    deps = (_deps(plan, each, built) for each in plan.deps)
    apps = (_app(app, built) for app in plan.apps)
    images = (*deps, *apps)
    platforms = plan.options.built_here(plan.platforms)
    return Part(platforms, images, plan.settings.scope, tuple(staging))


def _deps(plan: Plan, deps: DepsPlan, built: BuiltImages) -> ImagePart:
    done = built.deps[deps.image.name]
    platforms = plan.options.built_here(deps.image.platforms)
    source = deps.source
    return ImagePart(
        deps.image,
        deps.decision.action,
        deps.lock,
        {},
        tuple(found.bundle.digest if found else None for found in deps.published),
        replace(source.reference, digest=source.bundle.digest) if source else None,
        {platform: done.deps_image.images[platform] for platform in platforms},
        done.pushed.targets if done.pushed else (),
    )


def _app(app: AppPlan, built: BuiltImages) -> ImagePart:
    made_of, pushed = app.material, built.apps.get(app.image.name)
    return ImagePart(
        app.image,
        app.action,
        made_of.lock if made_of else Undetermined(app.reason),
        made_of.attributes if made_of else {},
        (app.published.manifest.digest if app.published else None,),
        None,
        {},
        pushed.targets if pushed else (),
        app.cache.record.inputs,
    )

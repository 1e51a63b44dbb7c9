"""Targets that are no pair, beside those that are: they may use the published caches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from whalebuild.bakefile.images import Role
from whalebuild.bakefile.others import OtherTarget
from whalebuild.plan.cache_options import published_cache
from whalebuild.plan.plan import AppPlan, DepsPlan, published_caches


def with_caches(
    other: OtherTarget, deps: Iterable[DepsPlan], apps: Iterable[AppPlan]
) -> OtherTarget:
    """Let a target import the cache of dependencies that are built from the same Dockerfile.

    On an empty engine, say, a test stage installs the dependencies from it, and nothing that is
    built is another thing for it.
    """
    target = other.target
    # Of an app base the generated Dockerfile is another one: the application's counts.
    alike = {app.image.deps for app in apps if app.image.target.same_dockerfile(target)}
    given = list(target.attributes.get("cache-from") or [])
    caches = [
        published_cache(reference)
        for each in deps
        if each.image.target.same_dockerfile(target) or each.image.name in alike
        if not target.call
        for reference in published_caches(each.source, Role.DEPS, ())
    ]
    if not caches:
        return other
    return replace(other, target=target.with_attributes(cache_from=[*given, *caches]), plain=target)

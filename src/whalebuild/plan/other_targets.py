"""Targets that are no pair, beside those that are: they may use the published caches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from whalebuild.bakefile.images import Role
from whalebuild.bakefile.others import OtherTarget
from whalebuild.oci.reference import Reference
from whalebuild.plan.plan import DepsPlan


def with_caches(other: OtherTarget, deps: Iterable[DepsPlan]) -> OtherTarget:
    """Let a target import the cache of dependencies that are built from the same Dockerfile.

    On an empty engine, say, a test stage installs the dependencies from it, and nothing that is
    built is another thing for it.
    """
    target = other.target
    given = list(target.attributes.get("cache-from") or [])
    caches = [
        {"type": "registry", "ref": str(reference)}
        for each in deps
        if each.image.target.same_dockerfile(target) and not target.call
        for reference in _caches(each)
    ]
    if not caches:
        return other
    return replace(other, target=target.with_attributes(cache_from=[*given, *caches]), plain=target)


def _caches(deps: DepsPlan) -> list[Reference]:
    """The caches of published dependencies."""
    source = deps.source
    if source is None:
        return []
    repository = source.reference.repository
    every = (cache for cache in source.bundle.caches if cache.role == Role.DEPS)
    return [Reference(repository, digest=cache.digest) for cache in every]

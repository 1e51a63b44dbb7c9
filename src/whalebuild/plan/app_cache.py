"""Decides whether an application's published cache serves its build, as far as inputs tell."""

from __future__ import annotations

from dataclasses import field

from whalebuild.bakefile.images import BuildOptions, PairImage, Role
from whalebuild.bundle.build_inputs import BuildInputs, BuildRecord, not_made_with, record_of
from whalebuild.bundle.index import Bundle
from whalebuild.bundle.published import PublishedApp
from whalebuild.values import dataclass


@dataclass(frozen=True)
class AppCache:
    """What is known of an application's cache before its build.

    Attributes:
        stale: Why it is exported again, whatever the build finds in it; empty where it may serve.
        files: Instructions that read other files than when it was exported: it is exported again
            if the build finds that this matters.
        record: What the application's index is to record of the build.
        missed: Whether the last build missed steps in it, without an input being the reason.
    """

    stale: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    record: BuildRecord = field(default_factory=BuildRecord)
    missed: bool = False


def app_cache(
    image: PairImage,
    bundle: Bundle | None,
    published: PublishedApp | None,
    inputs: BuildInputs,
    options: BuildOptions,
) -> AppCache:
    """Decide about the cache of an application.

    Args:
        image: The application's.
        bundle: Its dependencies' as they are published and stay, with the caches.
        published: The application as it is published.
        inputs: What it is going to be made from.
        options: What the command line asks for.
    """
    last = published.build if published else BuildRecord()
    record = record_of(inputs, last)
    if bundle is None:  # it is exported with new dependencies
        return AppCache(record=record)
    reasons = ["--force was given"] if options.force else []
    files: tuple[str, ...] = ()
    platforms = options.built_here(image.platforms) or tuple(bundle.images)
    caches = bundle.cache(Role.APP, platforms, image.name)
    covered = {platform for cache in caches for platform in cache.platforms}
    lacking = [platform for platform in platforms if platform not in covered]
    if lacking:
        reasons.append(f"there is none for {', '.join(lacking)}")
    elif inputs and not all(cache.inputs for cache in caches):
        reasons.append("it does not say what it was made with")
    elif inputs:
        found = [not_made_with(cache.inputs, record, last) for cache in caches]
        reasons += (f"{name} changed" for names, _ in found for name in names)
        files = tuple(dict.fromkeys(name for _, names in found for name in names))
    return AppCache(tuple(dict.fromkeys(reasons)), files, record, last.missed)

"""Whether an application can be built on the stub of its app base, without the bytes of that.

What is built there is what is built on the app base itself: ``rebase`` has the protocol.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from whalebuild.bakefile.fields import fields_of
from whalebuild.bakefile.images import BuildOptions, PairImage
from whalebuild.bakefile.target import Target
from whalebuild.builder.facts import BuilderFacts
from whalebuild.plan.cache_options import image_options

# Options of an image's output that change layers of the base, or are told of it.
_OF_ALL_LAYERS = ("force-compression", "rewrite-timestamp")


def long_because(image: PairImage, options: BuildOptions, facts: BuilderFacts | None) -> str:
    """Why an application is built on its whole app base; empty where the stub will do.

    Args:
        image: The application's.
        options: What the command line asks for.
        facts: What is known of the builder.
    """
    if image.app_base is None:
        return "its dependencies are a stage or a target of their own"
    if not options.publishes:
        return "it is not published"
    if options.portion:
        return "this is a part of a bake (--partial)"
    if facts and facts.driver == "docker" and not facts.containerd_store:
        return "this engine exports no image layouts: it does not keep images in containerd"
    if any(repository != image.bundle.repository for repository in image.repositories):
        return "it is published in another repository, too"
    if image.app_base.side:
        return "it copies from stages that are built beside it"
    return image.app_base.whole or _of_target(image.target)


def _of_target(target: Target) -> str:
    attests = [fields_of(each) for each in target.attributes.get("attest") or ()]
    if any(each.get("type") == "sbom" and each.get("disabled") != "true" for each in attests):
        return "what is in the image is listed (sbom)"
    caches = [fields_of(each) for each in target.attributes.get("cache-to") or ()]
    if caches:
        return "the bake file exports a cache of it"
    if any(re.match(r"[a-z,-]*index", str(each)) for each in _annotations(target)):
        return "its index has annotations"
    chosen = image_options(target)
    found = next((name for name in _OF_ALL_LAYERS if chosen.get(name, "false") != "false"), None)
    return f"its output has {found}" if found else ""


def _annotations(target: Target) -> list[Any]:
    written = target.attributes.get("annotations") or []
    return list(written) if not isinstance(written, Mapping) else list(written.keys())

"""Whether an application can be built on the stub of its app base, without the bytes of that.

What is built there is what is built on the app base itself: ``rebase`` has the protocol.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from whalebuild.bakefile.app_base import BaseNeeds
from whalebuild.bakefile.fields import fields_of
from whalebuild.bakefile.images import BuildOptions, PairImage
from whalebuild.bakefile.target import Target
from whalebuild.builder.facts import BuilderFacts
from whalebuild.plan.cache_options import image_options

# Options of an image's output that change layers of the base, or are told of it.
OF_ALL_LAYERS = ("force-compression", "rewrite-timestamp")
# Annotations that are not of the manifest alone.
_INDEX = re.compile(r"[a-z,-]*index")


def long_because(
    image: PairImage, needs: BaseNeeds, options: BuildOptions, facts: BuilderFacts | None
) -> str:
    """Why an application is built on its whole app base; empty where the stub will do.

    Args:
        image: The application's.
        needs: What it needs of the image that it stands on.
        options: What the command line asks for.
        facts: What is known of the builder.
    """
    reasons = (*_of_bake(options, facts), needs.whole, *_of_target(image.target))

    return next(filter(None, reasons), "")


def _of_bake(options: BuildOptions, facts: BuilderFacts | None) -> Iterator[str]:
    if not options.publishes:
        yield "it is not published"
    if options.portion:
        yield "this is a part of a bake (--partial)"
    if facts and facts.driver == "docker" and not facts.containerd_store:
        yield "this engine exports no image layouts: it does not keep images in containerd"


def _of_target(target: Target) -> Iterator[str]:
    attests = [fields_of(each) for each in target.attributes.get("attest") or ()]
    if any(each.get("type") == "sbom" and each.get("disabled") != "true" for each in attests):
        yield "what is in the image is listed (sbom)"
    if target.attributes.get("cache-to"):
        yield "the bake file exports a cache of it"
    if any(_INDEX.match(str(each)) for each in target.attributes.get("annotations") or ()):
        yield "its index has annotations"
    chosen = image_options(target)
    for name in OF_ALL_LAYERS:
        if chosen.get(name, "false") != "false":
            yield f"its output has {name}"

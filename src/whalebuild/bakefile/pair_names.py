"""Where a pair is looked for: by an image's name, or by the bake file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from whalebuild.oci.reference import Reference
from whalebuild.tags import APP_TAG, DEPS_TAG
from whalebuild.values import dataclass

if TYPE_CHECKING:  # a deploy reads no bake file
    from whalebuild.bakefile.images import Pair

_SUFFIX = f"-{DEPS_TAG}"


@dataclass(frozen=True)
class PairNames:
    """Where a pair is looked for.

    Attributes:
        deps: References of the dependencies; the first that is there counts.
        app: None where only the dependencies were asked for.
    """

    deps: tuple[Reference, ...]
    app: Reference | None

    @property
    def references(self) -> tuple[Reference, ...]:
        """All of them."""
        return (*self.deps, *((self.app,) if self.app else ()))

    @property
    def pulled(self) -> Reference:
        """What hosts pull: the application, if there is one."""
        return self.app or self.deps[-1]


def with_tag(image: Reference, scope: str | None = None) -> Reference:
    """What a name without a tag stands for: the application, of a scope if there is one."""
    return image if image.tag or image.digest else image.tagged(scope or APP_TAG)


def names_of_image(image: Reference) -> PairNames:
    """Find a pair's names by that of one image.

    A plain name is that of ``:deps`` and ``:latest``. An application of another tag has its
    dependencies under ``<tag>-deps`` or else ``:deps``; either side's tag may be given.
    """
    tag = image.tag or APP_TAG
    if tag == DEPS_TAG:
        return PairNames((image,), image.tagged(APP_TAG))
    if tag.endswith(_SUFFIX):
        return PairNames((image,), image.tagged(tag.removesuffix(_SUFFIX)))
    own = [image.tagged(f"{tag}{_SUFFIX}")] if tag != APP_TAG else []
    app = image if image.digest else image.tagged(tag)
    return PairNames((*own, image.tagged(DEPS_TAG)), app)


def names_of_pairs(pairs: Iterable[Pair]) -> tuple[PairNames, ...]:
    """The names of a bake file's pairs, each once: the first tag of either side."""
    names = (
        PairNames(
            pair.dependencies.references[:1],
            pair.application.references[0] if pair.application else None,
        )
        for pair in pairs
    )
    return tuple(dict.fromkeys(names))

"""Scopes: a branch's own pair of tags in the same repository.

Scope ``feature-x`` publishes ``feature-x`` and ``feature-x-deps`` where the default scope has
``latest`` and ``deps``, so that branches with other dependencies leave each other's alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from whalebuild.bakefile.pairs import Image, Pair
from whalebuild.oci.reference import Reference
from whalebuild.tags import APP_TAG


def scoped(pairs: Iterable[Pair], scope: str) -> tuple[Pair, ...]:
    """Give each pair the scope's tags; the default scope's ``:deps`` is its seed."""
    return tuple(_scoped(pair, scope) for pair in pairs)


def _scoped(pair: Pair, scope: str) -> Pair:
    application = pair.application and _image(pair.application, scope)
    return replace(
        pair,
        application=application,
        dependencies=_image(pair.dependencies, scope),
        seed=pair.dependencies.references[0],
    )


def _image(image: Image, scope: str) -> Image:
    return Image(image.target, tuple(_reference(ref, scope) for ref in image.references))


def _reference(reference: Reference, scope: str) -> Reference:
    tag = reference.tag or APP_TAG
    return reference.tagged(scope if tag == APP_TAG else f"{scope}-{tag}")

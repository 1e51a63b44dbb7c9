"""Targets that are no pair: buildx does with them what it does without whalebuild.

A check, a test, a file, an image without dependencies stage: everything that is asked for is done.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from whalebuild.bakefile.images import BuildOptions, PairImage, published_twice
from whalebuild.bakefile.target import Target
from whalebuild.oci.reference import Reference
from whalebuild.values import dataclass

_PUSHING = frozenset({"registry", "image"})
# Options of an image's output by which it is published under other names than the target's tags.
_NAMES_ITSELF = frozenset({"name", "push-by-digest", "name-canonical", "dangling-name-prefix"})
_NOWHERE = {"type": "cacheonly"}
# An output that is a file, in any of a bake file's languages; a variable may stand for its type.
_A_FILE = re.compile(r"""\btype["']?\s*[=:]\s*["']?(?:tar|oci|docker|\$)""")


@dataclass(frozen=True)
class OtherTarget:
    """A requested target that is no pair, or the further outputs of one that is.

    Attributes:
        target: What buildx is given.
        why: Why it is no pair, in a few words.
        hint: What would make a pair of it, where that is likely to be wanted.
        references: What it is pushed under; none where it is not pushed.
        plain: The target without the published caches that ``target`` imports; None if it has none.
    """

    target: Target
    why: str
    hint: str | None = None
    references: tuple[Reference, ...] = ()
    plain: Target | None = None

    @property
    def name(self) -> str:
        """The target's name in the bake file."""
        return self.target.name


def unpublished_because(target: Target) -> str | None:
    """Why a target's result is no publication, whatever its tags are; None if it is one.

    ``whalebuild bake`` stands for ``docker buildx bake --push``: no output, or an image that is not
    said to stay where it is, is pushed (``setPushOverride`` in ``bake/bake.go`` of buildx).
    """
    if target.call:
        return f'call = "{target.call}"'
    outputs = target.outputs
    named = sorted({key for output in outputs for key in output} & _NAMES_ITSELF)
    if named:
        return f"its output has {named[0]}"
    if not outputs or any(_pushes(output) for output in outputs):
        return None
    if any(output.get("type") == "image" for output in outputs):
        return "its output has push=false"
    return f"its output is {', '.join(dict.fromkeys(o.get('type', '?') for o in outputs))}"


def may_write_files(bake_text: str | None) -> bool:
    """Whether a target of a bake file may have a file for an output, as far as its text tells.

    Even to print such a target empties the file with buildx 0.29, whose ``CreateExports`` opens it
    (``build/opt.go``; today's waits until there is something to write).
    """
    return bake_text is None or ("dest" in bake_text and bool(_A_FILE.search(bake_text)))


def further_outputs(target: Target) -> Target | None:
    """The target with those of its outputs alone that are not pushed; None without any."""
    left = [dict(output) for output in target.outputs if not _pushes(output)]
    left = [output for output in left if output.get("type") != "cacheonly"]
    if not left or not any(_pushes(output) for output in target.outputs):
        return None
    return target.with_attributes(output=left, cache_to=None)


def as_asked(other: OtherTarget, options: BuildOptions) -> OtherTarget:
    """The target as the command line wants it built."""
    target = other.target
    if options.no_cache or options.pull:
        no_cache = options.no_cache or target.attributes.get("no-cache")
        pull = options.pull or target.attributes.get("pull")
        target = target.with_attributes(no_cache=no_cache, pull=pull)
    if target.call:
        # buildx would export the empty result of a call, say over the tag of the application.
        target = target.with_attributes(output=[_NOWHERE], cache_to=None)
        return replace(other, target=target)
    if not options.publishes and (other.references or any(map(_pushes, target.outputs))):
        kept = [dict(output) for output in target.outputs if not _pushes(output)] or [_NOWHERE]
        target = target.with_attributes(output=kept, cache_to=target.local_caches or None)
        return replace(other, target=target, references=())
    if not other.references:
        return replace(other, target=target)
    changes: dict[str, Any] = {"tags": [str(reference) for reference in other.references]}
    if options.platforms:
        changes["platforms"] = list(options.platforms)
    outputs = [_pushed(output) for output in target.outputs] or [{"type": "image", "push": "true"}]
    return replace(other, target=target.with_attributes(output=outputs, **changes))


def check_names(others: Iterable[OtherTarget], images: Iterable[PairImage]) -> None:
    """No reference may be pushed by two targets that build different things.

    Raises:
        UsageError: One is.
    """
    taken = {reference: image.name for image in images for reference in image.references}
    seen: dict[Reference, OtherTarget] = {}
    for other in others:
        for reference in other.references:
            if reference in taken:
                what = "what they are: one is published as a pair"
                raise published_twice(reference, taken[reference], other.name, what)
            first = seen.setdefault(reference, other)
            differing = first.target.differs(other.target)
            if first.target.platforms != other.target.platforms:
                differing = "platforms"
            if differing:
                raise published_twice(reference, first.name, other.name, differing)


def _pushes(output: Mapping[str, str]) -> bool:
    return output.get("type") in _PUSHING and output.get("push") != "false"


def _pushed(output: Mapping[str, str]) -> dict[str, str]:
    needs = output.get("type") == "image" and "push" not in output
    return {**output, **({"push": "true"} if needs else {})}

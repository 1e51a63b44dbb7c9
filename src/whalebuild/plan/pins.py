"""Pins: named contexts that put an image by digest in the place of a stage, target or base image.

https://docs.docker.com/build/bake/contexts/
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterable, Mapping

from whalebuild.bakefile.target import EPOCH, TARGET_CONTEXT, Target
from whalebuild.bundle.index import Bundle
from whalebuild.bundle.lock import Lock
from whalebuild.dockerfile.lines import Instruction
from whalebuild.dockerfile.parser import Dockerfile, Stage
from whalebuild.inputs.build_args import PLATFORM_ARGS
from whalebuild.inputs.values import BaseImage, Closure
from whalebuild.oci.reference import Reference, familiar
from whalebuild.values import dataclass

_IMAGE = "docker-image://"
#: Begins the value of a named context that is an image layout of this machine.
LAYOUT_CONTEXT = "oci-layout://"


def image_context(reference: str) -> str:
    """The value of a named context that is an image."""
    return f"{_IMAGE}{reference}"


def pinned_image(context: str) -> str | None:
    """The image that a named context is; None where it is something else."""
    return context.removeprefix(_IMAGE) if context.startswith(_IMAGE) else None


def target_context(target: Target) -> str:
    """The value of a named context that is a target."""
    return f"{TARGET_CONTEXT}{target.name}"


def stage_names(application: Target, dependencies: Target) -> tuple[str, ...]:
    """Names of the contexts under which an application's build finds its dependencies.

    They are a stage of its own Dockerfile, a named context that is their target, or both; or
    neither, then it does not build on them as far as can be told.
    """
    contexts = application.contexts
    linked = [name for name, value in contexts.items() if value == target_context(dependencies)]
    stage = dependencies.stage
    if stage and not stage.isdecimal() and dependencies.same_dockerfile(application):
        linked.append(stage.lower())
    return tuple(dict.fromkeys(linked))


def target_contexts(application: Target, dependencies: Target) -> dict[str, str]:
    """Contexts that put the dependencies' target itself there."""
    return dict.fromkeys(stage_names(application, dependencies), target_context(dependencies))


def base_contexts(closures: Iterable[Closure], digests: Mapping[str, str]) -> dict[str, str]:
    """Contexts that pin external images.

    Args:
        closures: What a build reads, one for each platform.
        digests: By ``BaseImage.key``; an image without one is left alone.
    """
    pinned: dict[str, str] = {}
    for closure in closures:
        for base in closure.bases:
            _pin(pinned, familiar(base.reference), base, digests)
        for context in closure.contexts:
            if context.image:
                _pin(pinned, context.name, BaseImage(context.image), digests)
    return pinned


def lost_arguments(
    dockerfile: Dockerfile, stage: Stage, final: Stage, given: Container[str] = ()
) -> tuple[str, int] | None:
    """Find a build argument that an image in the stage's place would not hand down.

    A stage hands its ARGs down to the stages built ``FROM`` it, an image does not. An ``ARG NAME``
    there sets a value of its own only if it has a default, the build is given one, or the global
    scope has one: else the value that was handed down stays (``dispatchArg`` in
    ``frontend/dockerfile/dockerfile2llb/convert.go`` of BuildKit).

    Args:
        dockerfile: The application's.
        stage: The stage of the dependencies.
        final: The stage of the application.
        given: Names of the build arguments that the application's build is given.

    Returns:
        The argument's name and the line of the instruction that may use it; None if there is none.
    """
    line_up = dockerfile.chain(final)
    handed = {name for parent in dockerfile.chain(stage) for name in _declared(parent)}
    if stage not in line_up:
        chosen = "$" in line_up[-1].base  # by an argument: it may be this stage
        return (min(handed), line_up[-1].line) if handed and chosen else None
    below = line_up[: line_up.index(stage)]
    everywhere = {name for s in dockerfile.before for name in _set(s, given)} | PLATFORM_ARGS
    for child in reversed(below):
        for step in child.instructions:
            if step.keyword == "ARG":
                handed -= _set(step, given)
                handed -= everywhere.intersection(_names(step.text))
            used = [name for name in sorted(handed) if _may_use(step.keyword, step.text, name)]
            if used:
                return used[0], step.line
    return None


def with_dates_of(dependencies: Target, application: Target, dockerfile: Dockerfile) -> Target:
    """Give the application's target the SOURCE_DATEEPOCH of the dependencies' target.

    Where no ARG declares it, it sets dates and nothing else: of the image, and of folders that
    WORKDIR makes. A constant for the dependencies alone is what makes them reproducible.
    """
    declared = (*dockerfile.before, *(step for s in dockerfile.stages for step in s.instructions))
    if any(step.keyword == "ARG" and EPOCH in _names(step.text) for step in declared):
        return application
    args = {name: value for name, value in application.args.items() if name != EPOCH}
    if EPOCH in dependencies.args:
        args[EPOCH] = dependencies.args[EPOCH]
    return application.with_attributes(args=args)


def skips_cache(target: Target, stages: Container[str] | None = None) -> bool:
    """Whether the bake file wants a target's steps to run in every build.

    Args:
        target: The target.
        stages: Names of the stages that count; None is all.
    """
    if target.attributes.get("no-cache") is True:
        return True
    wanted = target.attributes.get("no-cache-filter") or []
    return any(stages is None or str(name).lower() in stages for name in wanted)


def flat_pins(lock: Lock) -> dict[str, str]:
    """Digests of external images: each is the same on all platforms, where an index has them."""
    return {key: digest for pins in lock.bases.values() for key, digest in pins.items()}


def _pin(pinned: dict[str, str], name: str, image: BaseImage, digests: Mapping[str, str]) -> None:
    digest = digests.get(image.key)
    if digest and not image.digest:
        pinned[name] = image_context(f"{image.reference}@{digest}")


def _declared(stage: Stage) -> Iterable[str]:
    return (n for step in stage.instructions if step.keyword == "ARG" for n in _names(step.text))


def _set(step: Instruction, given: Container[str]) -> set[str]:
    """Arguments that an instruction, if it is an ARG, has a value for."""
    words = step.text.split() if step.keyword == "ARG" else ()
    pairs = (word.partition("=") for word in words)
    return {name for name, default, _ in pairs if default or name in given}


def _names(text: str) -> list[str]:
    return [word.partition("=")[0] for word in text.split()]


def _may_use(keyword: str, text: str, name: str) -> bool:
    # A RUN finds it in its environment, whatever its own text says.
    return keyword == "RUN" or re.search(rf"\$\{{?{re.escape(name)}\b", text) is not None


@dataclass(frozen=True)
class DepsImage:
    """The dependencies image that an application is built on.

    Attributes:
        repository: Where it is.
        index: Its index, by digest.
        images: Digests of its image manifests, by platform.
    """

    repository: str
    index: str
    images: Mapping[str, str]

    def contexts(
        self, names: Iterable[str], platforms: tuple[str, ...], own: str | None
    ) -> dict[str, str]:
        """Named contexts that pin it: to image manifests, which the bundle keeps.

        For several platforms each has its own, as BuildKit looks it up
        (``frontend/dockerui/namedcontext.go``); for platforms that are not known the index has to
        do.
        """
        only = tuple(self.images) if len(self.images) == 1 else ()
        wanted = platforms or ((own,) if own else only)
        pinned = {p: Reference(self.repository, digest=self.images.get(p)) for p in wanted}
        if not pinned or not all(reference.digest for reference in pinned.values()):
            index = image_context(str(Reference(self.repository, digest=self.index)))
            return dict.fromkeys(names, index)
        several = len(pinned) > 1
        return {
            f"{name}::{_normal(platform)}" if several else name: image_context(str(reference))
            for name in names
            for platform, reference in pinned.items()
        }


def _normal(platform: str) -> str:
    """The platform as containerd writes it out."""
    return "linux/arm/v7" if platform == "linux/arm" else platform


def deps_image_of(repository: str, bundle: Bundle, without: Collection[str] = ()) -> DepsImage:
    """The image that applications are built on, of a published bundle without some platforms."""
    images = {p: image.digest for p, image in bundle.images.items() if p not in without}
    return DepsImage(repository, bundle.digest, images)

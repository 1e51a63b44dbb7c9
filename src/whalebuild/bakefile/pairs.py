"""From bake targets to pairs: which target is an application, and which its dependencies.

A *pair* is what whalebuild publishes for one application: the dependencies image and the
application image, two tags of one repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from whalebuild.bakefile.images import Pair, PairImage, make_pair
from whalebuild.bakefile.target import EPOCH, BakeFile, Target
from whalebuild.dockerfile.dependencies import install_step, likely_dependencies
from whalebuild.dockerfile.parser import Dockerfile
from whalebuild.errors import UsageError
from whalebuild.oci.reference import Reference, parse_reference
from whalebuild.settings import Settings
from whalebuild.tags import APP_TAG, DEPS_TAG
from whalebuild.text import did_you_mean

_DEPS_NAME = re.compile(r"(?:.*[-_])?(?:deps|dependencies)")


def find_pairs(
    bake: BakeFile,
    all_targets: Mapping[str, Target],
    dockerfiles: Mapping[str, Dockerfile],
    settings: Settings,
) -> tuple[Pair, ...]:
    """Give each requested application its pair of tags.

    Args:
        bake: The requested targets.
        all_targets: Every target of the bake file, where the dependencies target may be found.
        dockerfiles: Parsed Dockerfiles by target name, of those that can be read locally.
        settings: For the image's name and the dependencies stage.

    Raises:
        UsageError: No image name, or no dependencies stage.
    """
    targets = {**all_targets, **bake.targets}
    requested = [targets[name] for name in bake.requested]
    deps = {t.name for t in targets.values() if is_dependencies(t, settings.deps_stage)}
    applications = [target for target in requested if target.name not in deps]
    _check_image_is_used([*applications, *requested], settings)
    owners = [target for name, target in targets.items() if name not in deps]
    shared = _shared_repositories(owners)
    pairs = []
    for target in applications:
        references = _references(target, settings)
        explicit = _explicit_dependencies(target, [targets[name] for name in sorted(deps)])
        chosen = explicit or _derive(target, dockerfiles.get(target.name), settings.deps_stage)
        fallback = _deps_reference(references[0], shared)
        named = _tags(explicit) if explicit else ()
        dependencies = (chosen, named or (fallback,))
        pairs.append(make_pair((target, references), dependencies, derived=explicit is None))
    covered = {pair.dependencies.target.name for pair in pairs}
    alone = [t for t in requested if t.name in deps and t.name not in covered]
    for target in alone:
        # Its tag is the one that it has beside its application.
        owner = next((o for o in owners if _explicit_dependencies(o, [target])), None)
        named = _tags(target)
        if not named:
            reference = _references(owner if owner and owner.tags else target, settings)[0]
            named = (_deps_reference(reference, shared),)
        pairs.append(make_pair(None, (target, named), derived=False))
    return tuple(pairs)


def scoped(pairs: Iterable[Pair], scope: str) -> tuple[Pair, ...]:
    """Give each pair the tags of a scope: a branch's own pair of tags in the same repository.

    Scope ``feature-x`` publishes ``feature-x`` and ``feature-x-deps`` where the default scope has
    ``latest`` and ``deps``, so that branches with other dependencies leave each other's alone. The
    default scope's ``:deps`` is their seed.
    """
    return tuple(
        replace(
            pair,
            application=pair.application and _scoped(pair.application, scope),
            dependencies=_scoped(pair.dependencies, scope),
        )
        for pair in pairs
    )


def is_dependencies(target: Target, deps_stage: str) -> bool:
    """Tell whether the bake file means this target as the dependencies image.

    Its stage, a ``:deps`` tag or its name says so.
    """
    if target.stage and target.stage.lower() == deps_stage.lower():
        return True
    tagged = any(tag.endswith(f":{DEPS_TAG}") for tag in target.tags)
    return tagged or _DEPS_NAME.fullmatch(target.name) is not None


def needs_dockerfile(bake: BakeFile, all_targets: Mapping[str, Target], stage: str) -> list[Target]:
    """The requested applications whose dependencies must be derived from their Dockerfile."""
    targets = {**all_targets, **bake.targets}
    deps = [target for target in targets.values() if is_dependencies(target, stage)]
    requested = [targets[name] for name in bake.requested]
    applications = [target for target in requested if target not in deps]
    return [t for t in applications if _explicit_dependencies(t, deps) is None]


def is_complete(bake: BakeFile, stage: str) -> bool:
    """Whether the requested targets are enough to find every pair, without all others."""
    deps = [target for target in bake.targets.values() if is_dependencies(target, stage)]
    requested = [bake.targets[name] for name in bake.requested]
    applications = [target for target in requested if target not in deps]
    found = [_explicit_dependencies(application, deps) for application in applications]
    alone = [target for target in requested if target in deps]
    return all(target and target.tags for target in [*found, *alone])


def _explicit_dependencies(application: Target, deps: Iterable[Target]) -> Target | None:
    """The dependencies target that belongs to an application: linked, or of one Dockerfile."""
    deps = list(deps)
    linked = [target for target in deps if target.name in application.linked]
    if linked:
        return linked[0]
    same = [target for target in deps if target.same_dockerfile(application)]
    agreeing = [target for target in same if _args_agree(target, application)]
    return agreeing[0] if len(agreeing) == 1 else None


def _args_agree(one: Target, other: Target) -> bool:
    # Dates may differ: only the dependencies want them to be the same on every machine.
    common = (one.args.keys() & other.args.keys()) - {EPOCH}
    return all(one.args[name] == other.args[name] for name in common)


def _derive(application: Target, dockerfile: Dockerfile | None, deps_stage: str) -> Target:
    """Make the dependencies target from the application's: the same build, an earlier stage."""
    if dockerfile is not None and dockerfile.stage(deps_stage) is None:
        raise _no_stage(application, dockerfile, deps_stage)
    derived = application.with_attributes(
        target=deps_stage,
        # What is the application's own; its cache export would be written twice.
        **dict.fromkeys(("tags", "labels", "annotations", "description", "cache_to")),
    )
    return Target(f"{application.name}-{DEPS_TAG}", derived.attributes)


def _no_stage(target: Target, dockerfile: Dockerfile, wanted: str) -> UsageError:
    where = f'{target.dockerfile} of target "{target.name}"'
    names = [stage.name for stage in dockerfile.stages if stage.name]
    likely = likely_dependencies(dockerfile)
    if likely and likely.name:
        install = install_step(likely)
        line = install.line if install else None
        why = f"it installs on line {line}" if line else "it takes what another stage installs"
        cause = f'stage "{likely.name}" most likely is it: {why}'
        step = f'write deps-stage = "{likely.name}" in whalebuild.toml'
        step = f"{step}, or [tool.whalebuild] of pyproject.toml"
    else:
        cause = did_you_mean(wanted, names) or "no stage installs packages under a name of its own"
        step = f"name the stage that installs the dependencies: FROM … AS {wanted}"
    stages = ", ".join(names) or "none has a name"
    return UsageError(
        f'no stage "{wanted}" in {where} (stages: {stages})', cause=cause, next_step=step
    )


def _references(target: Target, settings: Settings) -> tuple[Reference, ...]:
    named = _tags(target)
    if named:
        return named
    if settings.image:
        return (Reference(settings.image, APP_TAG),)
    raise UsageError(
        f'target "{target.name}" has no image name',
        cause="neither the bake file nor the settings name the image to publish",
        next_step="give --image registry/name, set image in whalebuild.toml, "
        f'or write tags = ["registry/name:{APP_TAG}"] in the target',
    )


def _tags(target: Target) -> tuple[Reference, ...]:
    """A target's tags; a name without a tag is ``:latest``, as everywhere in docker."""
    found = []
    for tag in target.tags:
        reference = parse_reference(tag, where=f'tags of target "{target.name}"')
        if reference.digest:
            raise UsageError(
                f'"{tag}" names a digest (tags of target "{target.name}")',
                cause="a digest cannot be published under; it is the result",
                next_step=f"write {reference.repository}:{reference.tag or APP_TAG}",
            )
        found.append(reference if reference.tag else reference.tagged(APP_TAG))
    return tuple(found)


def _check_image_is_used(targets: Iterable[Target], settings: Settings) -> None:
    """Refuse an image name that nothing would be published under: it would be a surprise."""
    tagged = [(target, _tags(target)) for target in targets]
    if not settings.image or not tagged or any(not tags for _, tags in tagged):
        return
    if any(tag.repository == settings.image for _, tags in tagged for tag in tags):
        return
    target, tags = tagged[0]
    raise UsageError(
        f'image "{settings.image}" ({settings.origin("image")}) would not be published',
        cause=f'the bake file has tags of its own: target "{target.name}" is {tags[0]}',
        next_step=f"use --set {target.name}.tags={settings.image}:{APP_TAG}, or drop one of them",
    )


def _shared_repositories(applications: Iterable[Target]) -> set[str]:
    """Repositories that several applications with different dependencies share (a matrix)."""
    first: dict[str, Target] = {}
    shared = set()
    for target in applications:
        with suppress(UsageError, IndexError):  # a target that was not asked for may have any tags
            reference = _tags(target)[0]
            other = first.setdefault(reference.repository, target)
            if other.made_of != target.made_of:
                shared.add(reference.repository)
    return shared


def _deps_reference(application: Reference, shared: set[str]) -> Reference:
    if application.repository in shared and application.tag != APP_TAG:
        return application.tagged(f"{application.tag}-{DEPS_TAG}")
    return application.tagged(DEPS_TAG)


def _scoped(image: PairImage, scope: str) -> PairImage:
    references = tuple(_of_scope(reference, scope) for reference in image.references)
    bundle = _of_scope(image.bundle, scope)
    return replace(image, references=references, bundle=bundle, seed=image.bundle)


def _of_scope(reference: Reference, scope: str) -> Reference:
    tag = reference.tag or APP_TAG
    return reference.tagged(scope if tag == APP_TAG else f"{scope}-{tag}")

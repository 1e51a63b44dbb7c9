"""From bake targets to pairs: which target is an application, and which its dependencies.

A *pair* is what whalebuild publishes for one application: the dependencies image and the
application image, two tags of one repository. What is no pair is left to buildx (``others``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import field, replace

from whalebuild.bakefile.app_base import AppBase, derive
from whalebuild.bakefile.dependencies import dependencies_targets, no_stage
from whalebuild.bakefile.image_name import ImageNames
from whalebuild.bakefile.images import Pair, PairImage, make_pair
from whalebuild.bakefile.others import OtherTarget, further_outputs, unpublished_because
from whalebuild.bakefile.target import BakeFile, Target
from whalebuild.dockerfile.parser import Dockerfile
from whalebuild.errors import UsageError
from whalebuild.oci.reference import Reference, parse_reference
from whalebuild.settings import Settings
from whalebuild.tags import APP_TAG, DEPS_TAG
from whalebuild.values import dataclass


@dataclass(frozen=True)
class SortedTargets:
    """The requested targets: pairs to publish, and all others."""

    pairs: tuple[Pair, ...] = ()
    others: tuple[OtherTarget, ...] = ()


def sort_targets(
    bake: BakeFile,
    all_targets: Mapping[str, Target],
    dockerfiles: Mapping[str, Dockerfile],
    settings: Settings,
    *,
    app_bases: Mapping[str, AppBase | str] | None = None,
    strict: bool = False,
) -> SortedTargets:
    """Find the pairs among the requested targets, and what is to become of the others.

    Args:
        bake: The requested targets.
        all_targets: Every target of the bake file, where the dependencies target may be found.
        dockerfiles: Parsed Dockerfiles by target name, of those that can be read locally.
        settings: For the image's name and the dependencies stage.
        app_bases: For targets that do not stand on a dependencies stage, by name: their app base,
            or why they have none.
        strict: Whether a missing dependencies stage is an error where nothing requested has it.

    Raises:
        UsageError: Tags are malformed; the image's name fits no target; a stage is missing.
    """
    sorter = _Sorter(bake, all_targets, dockerfiles, settings, app_bases or {})
    return sorter.sort(strict=strict)


def needs_dockerfile(
    bake: BakeFile, all_targets: Mapping[str, Target], settings: Settings
) -> list[Target]:
    """The requested targets whose Dockerfile tells whether they are a pair."""
    targets = {**all_targets, **bake.targets}
    deps = dependencies_targets(targets.values(), settings)
    requested = (targets[name] for name in bake.requested if name not in deps.written)
    return [t for t in requested if not unpublished_because(t) and not deps.written_of(t)]


def is_complete(bake: BakeFile, settings: Settings) -> bool:
    """Whether the requested targets are enough to find every pair, without all others."""
    deps = dependencies_targets(bake.targets.values(), settings)
    requested = [bake.targets[name] for name in bake.requested]
    published = [target for target in requested if not unpublished_because(target)]
    applications = [target for target in published if target.name not in deps.written]
    found = [deps.written_of(application) for application in applications]
    alone = [target for target in published if target.name in deps.written]
    named = all(application.tags for application in applications)
    return named and all(target and target.tags for target in [*found, *alone])


def scoped(found: SortedTargets, scope: str) -> SortedTargets:
    """Give everything that is pushed the tags of a scope: a branch's own, in the same repository.

    Scope ``feature-x`` publishes ``feature-x`` and ``feature-x-deps`` where the default scope has
    ``latest`` and ``deps``, so that branches with other dependencies leave each other's alone. The
    default scope's ``:deps`` is their seed.
    """
    pairs = (
        replace(
            pair,
            application=pair.application and _scoped(pair.application, scope),
            dependencies=_scoped(pair.dependencies, scope),
        )
        for pair in found.pairs
    )
    others = (
        replace(other, references=tuple(_of_scope(ref, scope) for ref in other.references))
        for other in found.others
    )
    return SortedTargets(tuple(pairs), tuple(others))


@dataclass
class _Sorter:
    """Sorts the targets of one bake file."""

    bake: BakeFile
    all_targets: Mapping[str, Target]
    dockerfiles: Mapping[str, Dockerfile]
    settings: Settings
    app_bases: Mapping[str, AppBase | str]
    _pairs: list[Pair] = field(default_factory=list)
    _others: list[OtherTarget] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Look at the whole bake file."""
        self._targets = {**self.all_targets, **self.bake.targets}
        self._requested = [self._targets[name] for name in self.bake.requested]
        self._deps = dependencies_targets(self._targets.values(), self.settings)
        self._names = ImageNames(
            self.settings, self._unnamed(), self.bake.requested, chosen=self.bake.chosen
        )
        candidates = [t for t in self._requested if self._may_publish(t)]
        self._names.check_used(candidates, _tags)
        self._shared = _shared_repositories(self._owners(candidates))

    def sort(self, *, strict: bool) -> SortedTargets:
        """See :func:`sort_targets`."""
        for target in self._requested:
            if target.name not in self._deps.written and target.name not in self._deps.guessed:
                self._sort(target)
        covered = {pair.dependencies.name for pair in self._pairs}
        for target in self._requested:
            if target.name in covered:
                self._leave_further(target)
            elif target.name in self._deps.written:
                self._alone(target, None)
            elif target.name in self._deps.guessed:
                owner = self._owner_of(target)
                if owner:
                    self._alone(target, self._by_its_name(owner))
                else:
                    self._sort(target)
        if strict and not self._pairs:
            self._refuse_missing_stage()
        order = {target.name: number for number, target in enumerate(self._requested)}
        self._others.sort(key=lambda other: order[other.name])
        return SortedTargets(tuple(self._pairs), tuple(self._others))

    def _sort(self, target: Target) -> None:
        """Put a target that is not known to be dependencies in its place."""
        dockerfile = self.dockerfiles.get(target.name)
        written = self._deps.written_of(target)
        explicit = written or self._guessed_of(target, dockerfile)
        base = None if explicit else self._app_base(target)
        why, hint = self._why_no_pair(target, explicit or base)
        if why:
            self._leave(target, why, hint)
            return
        references = self._references(target)
        chosen = explicit or (base.dependencies if base else self._stage_of(target))
        fallback = _deps_reference(target, references, self._shared)
        dependencies = (chosen, self._published_as(explicit) or (fallback,))
        guess = self._by_its_name(target) if explicit and not written else None
        pair = make_pair((target, references), dependencies, derived=explicit is None, guess=guess)
        self._pairs.append(pair.on_base(base) if base else pair)
        self._leave_further(target)

    def _app_base(self, target: Target) -> AppBase | None:
        found = self.app_bases.get(target.name)
        return None if isinstance(found, str) else found

    def _stage_of(self, application: Target) -> Target:
        return derive(application, self._targets, target=self._deps.stage_of(application))

    def _why_no_pair(
        self, target: Target, deps: Target | AppBase | None
    ) -> tuple[str | None, str | None]:
        """Why a target is no pair's application (None if it is), and what would make one of it."""
        why = unpublished_because(target)
        if why or not self._references(target):
            return why or self._names.why_none(target), None
        dockerfile, stage = self.dockerfiles.get(target.name), self._deps.stage_of(target)
        if deps or dockerfile is None or self._has_stage(target, dockerfile):
            return None, None
        error = no_stage(target, dockerfile, stage)
        likely = error.cause if "most likely" in str(error.cause) else None
        hint = f"{likely}; {error.next_step}" if likely else None
        no_base = self.app_bases.get(target.name)
        also = f", and {no_base}" if isinstance(no_base, str) else ""
        return f'its Dockerfile has no stage "{stage}"{also}', hint

    def _by_its_name(self, application: Target) -> str:
        return f'by its name: no stage "{self._deps.stage_of(application)}" is there'

    def _alone(self, target: Target, guess: str | None) -> None:
        """Dependencies without their application: their tag is the one that they have beside it."""
        why = unpublished_because(target)
        if why:
            self._leave(target, why)
            return
        named = _tags(target)
        if not named:
            owner = self._owner_of(target)
            image = self.settings.image
            alone = (Reference(image, APP_TAG),) if image else ()
            references = self._references(owner) if owner else alone
            if not references:
                self._leave(target, self._names.why_none(target))
                return
            named = (_deps_reference(owner or target, references, self._shared),)
        self._pairs.append(make_pair(None, (target, named), guess=guess))
        self._leave_further(target)

    def _leave_further(self, target: Target) -> None:
        """Leave to buildx what is asked of a pair's target beside its publication."""
        further = further_outputs(target)
        why = unpublished_because(target)
        if further:
            self._others.append(OtherTarget(further, "its further outputs"))
        elif why:  # dependencies, which their application publishes
            self._leave(target, why)

    def _leave(self, target: Target, why: str, hint: str | None = None) -> None:
        """Leave a target to buildx."""
        pushed = () if target.call or unpublished_because(target) else _tags(target)
        self._others.append(OtherTarget(target, why, hint, pushed))

    def _references(self, target: Target) -> tuple[Reference, ...]:
        named = self._names.name_of(target)
        return _tags(target) or ((Reference(named, APP_TAG),) if named else ())

    def _guessed_of(self, target: Target, dockerfile: Dockerfile | None) -> Target | None:
        return self._deps.guessed_of(target, dockerfile, self.bake.requested)

    def _published_as(self, deps: Target | None) -> tuple[Reference, ...]:
        """The tags of a dependencies target; none if it is asked for as something unpublished."""
        if deps is None or (deps.name in self.bake.requested and unpublished_because(deps)):
            return ()
        return _tags(deps)

    def _owner_of(self, deps: Target) -> Target | None:
        """An application that has these dependencies, requested or not."""
        for target in self._targets.values():
            if target.name in self._deps.written or target.name in self._deps.guessed:
                continue
            dockerfile = self.dockerfiles.get(deps.name)
            found = self._deps.written_of(target) or self._guessed_of(target, dockerfile)
            if found and found.name == deps.name:
                return target
        return None

    def _may_publish(self, target: Target) -> bool:
        """Whether a target may be an application, as far as it can be told without a Dockerfile."""
        return target.name not in self._deps.written and unpublished_because(target) is None

    def _unnamed(self) -> tuple[Target, ...]:
        """Targets without tags that may be the application of the settings' image."""
        return tuple(
            target
            for target in self._targets.values()
            if self._may_publish(target)
            and not target.tags
            and not _is_template(target)
            and self._may_have_dependencies(target)
        )

    def _may_have_dependencies(self, target: Target) -> bool:
        read = self.dockerfiles.get(target.name)
        if read is None or self._has_stage(target, read):
            return True
        return bool(self._deps.written_of(target) or self._guessed_of(target, read))

    def _owners(self, candidates: Iterable[Target]) -> Iterator[Target]:
        """Applications that may share a repository: those requested, and others of the file.

        A target whose tags a requested one has, too, is what that one inherits from (the pattern of
        Docker's metadata-action), or the same image.
        """
        candidates = [t for t in candidates if t.name not in self._deps.guessed]
        yield from candidates
        taken = {tag for target in candidates for tag in target.tags}
        for target in self._targets.values():
            alike = target.name in self.bake.requested or not taken.isdisjoint(target.tags)
            if not alike and self._may_publish(target) and not _is_template(target):
                yield target

    def _refuse_missing_stage(self) -> None:
        for other in self._others:
            dockerfile = self.dockerfiles.get(other.name)
            if dockerfile and not self._has_stage(other.target, dockerfile):
                raise no_stage(other.target, dockerfile, self._deps.stage_of(other.target))

    def _has_stage(self, target: Target, dockerfile: Dockerfile) -> bool:
        return dockerfile.stage(self._deps.stage_of(target)) is not None


def _is_template(target: Target) -> bool:
    """Whether a target's name says that others inherit from it, as Docker's examples have it."""
    return target.name.startswith("_")


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


def _deps_reference(
    target: Target, references: tuple[Reference, ...], shared: set[str]
) -> Reference:
    """Where the dependencies of an application are, whatever the order of its tags."""
    home = references[0]
    tags = {ref.tag for ref in references if ref.repository == home.repository}
    if home.repository not in shared or APP_TAG in tags:
        return home.tagged(DEPS_TAG)
    # A tag of several may be new with each commit: the target's name is not.
    return home.tagged(f"{home.tag if len(tags) == 1 else target.name}-{DEPS_TAG}")


def _scoped(image: PairImage, scope: str) -> PairImage:
    references = tuple(_of_scope(reference, scope) for reference in image.references)
    bundle = _of_scope(image.bundle, scope)
    return replace(image, references=references, bundle=bundle, seed=image.bundle)


def _of_scope(reference: Reference, scope: str) -> Reference:
    tag = reference.tag or APP_TAG
    return reference.tagged(scope if tag == APP_TAG else f"{scope}-{tag}")

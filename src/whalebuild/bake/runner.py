"""Runs targets on the engine: in waves, with retries, showing progress."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import field, replace
from typing import Any

from whalebuild.bake.cache_import import CacheImports, ImportFailedError
from whalebuild.bake.follow import Follower
from whalebuild.bake.mounts import LayerMounts
from whalebuild.bake.ports import BakeEngine
from whalebuild.bake.registry_probe import RegistryProbe
from whalebuild.bakefile.images import PairImage, Role
from whalebuild.bakefile.target import Target
from whalebuild.builder.facts import BuilderFacts
from whalebuild.builder.messages import boot_error
from whalebuild.builder.reach import check_reach
from whalebuild.builder.spec import CONTAINER
from whalebuild.buildkit.console import Console
from whalebuild.buildkit.excerpt import excerpt
from whalebuild.buildkit.progress import BuildState, failure_log
from whalebuild.errors import Place
from whalebuild.failures.classify_docker import DockerFailure, classify, digests_in
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.failures.failure import (
    FailedError,
    Failure,
    FailureKind,
)
from whalebuild.failures.messages import as_error
from whalebuild.oci.registry import Registry
from whalebuild.plan.definition import GeneratedTarget, make_definition
from whalebuild.runtime.retrier import Retrier
from whalebuild.runtime.retrying_registry import RetryingRegistry
from whalebuild.settings import Settings
from whalebuild.values import dataclass

_NO_ANSWER = frozenset({FailureKind.TRANSIENT, FailureKind.UNREACHABLE})


class CacheExportError(Exception):
    """A cache could not be exported. Whether the images were pushed is not known then.

    BuildKit pushes them at the same time, and may have been cancelled in it: they are pushed again.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


@dataclass
class BuildxRunner:
    """Runs targets of one bake.

    Attributes:
        all_targets: The bake file's targets, to which targets may link.
        about_to_push: Called with the names of images, before they are pushed.
        facts: What is known of the builder.
        mounts: Gives repositories layers before they are pushed.
        metadata: Buildx's metadata by target, of what has been run.
        states: The build in which each target was made.
        exported: Names of the targets whose cache was exported for later bakes: of others, the
            metadata may name a cache of the bake file's.
        fresh: Digests that were pushed: a registry that does not find one of them lags behind.
    """

    engine: BakeEngine
    registry: Registry
    console: Console
    retrier: Retrier
    imports: CacheImports
    settings: Settings
    all_targets: Mapping[str, Target]
    mounts: LayerMounts
    about_to_push: Callable[[Collection[str]], None] | None = None
    facts: BuilderFacts | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    states: dict[str, BuildState] = field(default_factory=dict)
    exported: set[str] = field(default_factory=set)
    fresh: set[str] = field(default_factory=set)
    _built: set[str] = field(default_factory=set)

    def run(self, targets: Sequence[GeneratedTarget], verb: str) -> None:
        """Build and push (or load).

        A retry runs a wave again: steps that are done come from the engine's own cache, and
        layers that arrived are not sent twice.

        Raises:
            WhalebuildError: The build failed, or the registry refused or could not be reached.
            CacheExportError: Only a cache of whalebuild's own could not be exported.
        """
        images = {target.image.name: target.image for target in targets}
        for wave in waves_of(images.values()):
            wanted = {image.name for image in wave}
            self._push_wave([target for target in targets if target.image.name in wanted], verb)

    def forget(self, targets: Iterable[GeneratedTarget]) -> None:
        """Forget what was run: the same targets are built in another way now."""
        for target in targets:
            self.states.pop(target.name, None)
            self.metadata.pop(target.name, None)
            self._built.discard(target.name)

    def _push_wave(self, targets: Sequence[GeneratedTarget], verb: str) -> None:
        """Run a wave; where its repositories can share what one sends, that one pushes first.

        All others are built meanwhile.
        """
        first = {target.name for target in self.mounts.first(targets)}
        if first:
            self.mounts.give(targets)
            self._run_wave([t if t.name in first else t.unpushed() for t in targets], verb)
            self.mounts.pushed(target for target in targets if target.name in first)
            targets = [target for target in targets if target.name not in first]
        self.mounts.give(targets)
        self._run_wave(targets, verb)
        self.mounts.pushed(targets)

    def _run_wave(self, targets: Sequence[GeneratedTarget], verb: str) -> None:
        names = [target.name for target in targets]
        # Another run of the same targets, say with another export, goes on with their state.
        state = self.states.get(names[0]) or BuildState(names)
        self.states |= dict.fromkeys(names, state)
        while True:
            attempt = _Attempt(self, targets, state)
            try:
                self.retrier.call(f"{verb} {', '.join(names)}", attempt)
                break
            except ImportFailedError as failed:
                self.imports.drop(failed.source, failed.failure)
            except FailedError as failed:
                if _is_of_the_cache(failed.failure, state, targets):
                    raise CacheExportError(failed.failure) from None
                if not self.imports.drop_cause_of(failed.failure, targets):
                    several = {t.name: t.platforms for t in targets if len(t.image.platforms) > 1}
                    blamed = state.failed_platforms(several)
                    error = as_error(
                        failed.failure,
                        log=failure_log(state, log_shown=self.console.shows_logs),
                        platforms=blamed,
                    )
                    error.place = _place(state, targets)
                    raise error from None
        self._built.update(names)
        self.exported.update(t.name for t in targets if t.exports and not t.apart)
        for name, said in self.engine.metadata.items():
            # Where a cache alone is pushed, the image is the one that was pushed before.
            self.metadata[name] = {**self.metadata.get(name, {}), **said}
        self.fresh |= digests_in(str(self.engine.metadata))

    def stream(self, targets: Sequence[GeneratedTarget], state: BuildState) -> None:
        """Run the targets once, showing progress.

        Raises:
            CommandFailedError: Buildx failed.
            ImportFailedError: A cache could not be imported for the moment.
        """
        follower = self.follower
        state.begin_attempt()
        self.console.begin(state.targets)
        self._built |= state.built
        ready = [
            self.imports.prepared(target, built=target.name in self._built) for target in targets
        ]
        definition = make_definition([target.target for target in ready], self.all_targets)
        builder, allow = self.settings.builder, self.settings.allow
        # The dependencies outlive the commit that they were built at, and applications inherit
        # their labels.
        labels = any(target.image.role is not Role.DEPS for target in targets)
        bake = self.engine.bake(definition, builder=builder, allow=allow, git_labels=labels)
        # Closing it stops buildx where the reading ends early.
        with closing(bake) as lines:
            about_to_push = self.about_to_push
            for printed in lines:
                follower.take(printed, state)
                if state.failed_imports:
                    self.imports.check(state, targets)
                if state.built and about_to_push:
                    about_to_push({target.image.name for target in targets})
                    about_to_push = None

    @property
    def met_builder(self) -> bool:
        """Whether the builder has answered in this bake: one that has not is down.

        The docker driver's is asked when the bake is planned.
        """
        return any(state.met_builder for state in self.states.values())

    @property
    def follower(self) -> Follower:
        """What takes the lines of bakes."""
        return Follower(self.console, self.registry)


@dataclass
class _Attempt:
    """Runs the same targets, at each try anew."""

    runner: BuildxRunner
    targets: Sequence[GeneratedTarget]
    state: BuildState
    last: DockerFailure | None = None

    def __call__(self) -> None:
        runner = self.runner
        probe = RegistryProbe(RetryingRegistry(runner.registry, runner.retrier))
        if self.last and self.last.kind is FailureKind.TRANSIENT:
            images = (target.image for target in self.targets)
            probe.wait(self.last, (reference for i in images for reference in i.references))
            if self.last.kept_broken:
                # It is worth a try; if it does nothing, this one fails as the last one did.
                with suppress(CommandFailedError):
                    runner.engine.drop_broken(runner.settings.builder)
        try:
            runner.stream(self.targets, self.state)
        except CommandFailedError as failed:
            pushing = self.state.built.issuperset(self.state.targets)
            failure = classify(
                runner.follower.hide(failed.stderr), pushing=pushing, fresh=runner.fresh
            )
            if failure.registry and failure.kind in _NO_ANSWER:
                check_reach(runner.facts, [failure.registry])
            step = self.state.failed_step()
            # What BuildKit's own image lacks, or its registry: nothing of this bake's.
            if step is not None and step.boots and not runner.met_builder:
                named = runner.settings.builder or "the current one"
                raise boot_error(named, CONTAINER, runner.follower.hide(failed.stderr)) from None
            # A builder elsewhere that did not answer: the words are those of any deadline.
            if step is not None and step.connects:
                if not runner.met_builder:
                    raise
                failure = replace(failure, kind=FailureKind.ENGINE_LOST)
            self.last = probe.second_look(failure)
            raise FailedError(self.last) from None
        except ImportFailedError as failed:
            self.last = failed.failure
            raise


def _place(state: BuildState, targets: Sequence[GeneratedTarget]) -> Place | None:
    """The instruction that failed, in the Dockerfile of the bake file's target."""
    shown = excerpt(state.messages)
    step = state.failed_step()
    owners = [t for t in targets if step is not None and t.name in step.names] or targets
    if shown is None or not owners:
        return None
    file = owners[0].image.target.dockerfile_path
    return Place(file, shown.line, shown.text) if file else None


def _is_of_the_cache(
    failure: Failure, state: BuildState, targets: Sequence[GeneratedTarget]
) -> bool:
    """Whether a bake failed by the export of a cache, and can do without it.

    A cache that the bake file exports by itself is part of what was asked for.
    """
    full = failure.kind is FailureKind.DISK_FULL
    by_cache = state.failed_export == "cache" or (full and state.exported_cache)
    return by_cache and any(target.exports for target in targets)


def waves_of(images: Iterable[PairImage]) -> tuple[tuple[PairImage, ...], ...]:
    """Order pushes in waves: dependencies first, and never two pushes to one repository at once.

    A blob that two targets share would be uploaded by each, and registries have lost sight of
    blobs in such a race (https://github.com/docker/buildx/pull/3731).
    """
    waves: list[list[PairImage]] = []
    for image in sorted(images, key=lambda image: image.role is not Role.DEPS):
        fitting = (wave for wave in waves if all(_may_share(image, other) for other in wave))
        wave = next(fitting, None)
        if wave is None:
            waves.append(wave := [])
        wave.append(image)
    return tuple(tuple(wave) for wave in waves)


def apart(images: Iterable[PairImage]) -> tuple[tuple[str, ...], ...]:
    """Names of images in groups of which no two have a repository in common."""
    groups: list[tuple[set[str], list[str]]] = []
    for image in images:
        names, places = [image.name], _pushed_to(image)
        for group in [group for group in groups if group[0] & places]:
            groups.remove(group)
            places, names = places | group[0], [*group[1], *names]
        groups.append((places, names))
    return tuple(tuple(names) for _, names in groups)


def _may_share(one: PairImage, other: PairImage) -> bool:
    return one.role == other.role and _pushed_to(one).isdisjoint(_pushed_to(other))


def _pushed_to(image: PairImage) -> set[str]:
    """The repositories of the image and of its cache."""
    return {*image.repositories, image.bundle.repository}

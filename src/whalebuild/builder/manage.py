"""Lists, inspects, makes and removes builders."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from whalebuild.builder.capabilities import Feature, KnownFrom, TrialBuild, by_driver, trials
from whalebuild.builder.listing import Builder
from whalebuild.builder.messages import (
    boot_error,
    creation_error,
    error_line,
    node_down,
    taken,
    unknown_builder,
)
from whalebuild.builder.nodes import RUNNING, Node
from whalebuild.builder.ports import Builders
from whalebuild.builder.spec import REMOTE, BuilderSpec
from whalebuild.builder.view import BuilderView, NodeView
from whalebuild.errors import EngineError, UsageError, WhalebuildError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.runtime.threads import Submit
from whalebuild.values import dataclass


@dataclass(frozen=True)
class BuilderManager:
    """What ``whalebuild builder`` does.

    Attributes:
        note: Takes a line about what is under way.
    """

    builders: Builders
    note: Callable[[str], None]

    def list(self) -> tuple[Builder, ...]:
        """All builders, the current one first.

        Raises:
            EngineError: buildx cannot be asked.
        """
        return tuple(sorted(self.builders.all(), key=lambda each: (not each.current, each.name)))

    def inspect(self, name: str | None, *, test: bool = True) -> BuilderView:
        """One builder: its nodes, their caches, and what it can do.

        Args:
            name: None is the current one.
            test: Whether to find out by building something small, where the driver does not tell.

        Raises:
            EngineError: There is no such builder, or buildx cannot be asked.
        """
        found = self._look(name)
        if found.error and not found.nodes:
            raise EngineError(
                f'builder "{found.name}" cannot be looked at',
                cause=found.error,
                next_step="start its engine, or see `docker context ls`",
            )
        submit = Submit()
        nodes = [submit(partial(self._node, found, node)) for node in found.nodes]
        tried = trials(found) if test and found.runs else ()
        features = [submit(partial(self._try, found, trial)) for trial in tried]
        local = submit(self._local_engine)
        known = by_driver(found, local_engine=local.result())
        tested = tuple(feature.result() for feature in features)
        return BuilderView(found, tuple(node.result() for node in nodes), (*known, *tested))

    def create(self, spec: BuilderSpec, *, use: bool, boot: bool) -> BuilderView:
        """Make a builder with all its nodes, or none at all.

        Raises:
            WhalebuildError: It cannot be made, or one of its nodes does not answer; what was made
                of it is removed again.
        """
        if self.builders.stored(spec.name):
            raise taken(spec.name)
        spec = spec.with_files([self._file(*file) for file in spec.files])
        made = False
        try:
            for number in range(len(spec.nodes)):
                self._create(spec, number)
                made = True
            if boot and spec.driver != REMOTE:
                self.note(f'starting builder "{spec.name}"')
            found = self._booted(spec, boot=boot)
            if use:
                self.builders.use(spec.name)
        except BaseException as failed:  # an interrupt, too: all or nothing
            if made:
                with suppress(CommandFailedError):
                    self.builders.remove(spec.name)
            if isinstance(failed, CommandFailedError):
                raise creation_error(spec, failed.stderr) from None
            raise
        return BuilderView(found, tuple(NodeView(node) for node in found.nodes))

    def remove(self, name: str, *, keep_state: bool = False) -> None:
        """Remove a builder.

        Raises:
            UsageError: It is a docker context's own.
            EngineError: There is none of this name, or it cannot be removed.
        """
        if not self.builders.stored(name):
            found = self._look(name)
            raise UsageError(
                f'builder "{found.name}" cannot be removed',
                cause=f'it is the docker context "{found.name}" itself, its engine\'s BuildKit',
                next_step="to use another builder, name it (--builder), or `docker buildx use` it; "
                "`docker context rm` removes a context",
            )
        try:
            self.builders.remove(name, keep_state=keep_state)
        except CommandFailedError as failed:
            raise EngineError(
                f'builder "{name}" could not be removed wholly',
                cause=error_line(failed.stderr),
                next_step="see `whalebuild builder ls`, and what is left on its machines",
            ) from None

    def _look(self, name: str | None) -> Builder:
        try:
            return self.builders.look(name)
        except CommandFailedError as failed:
            raise self._unknown(failed) or failed from None

    def _unknown(self, failed: CommandFailedError) -> WhalebuildError | None:
        names: tuple[str, ...] = ()
        with suppress(EngineError):
            names = tuple(each.name for each in self.builders.all())
        return unknown_builder(failed.stderr, names)

    def _node(self, builder: Builder, node: Node) -> NodeView:
        """A node with the cache that it holds, or why it does not answer."""
        try:
            return NodeView(node, self.builders.usage(builder.name, node.name))
        except CommandFailedError as failed:
            words = node.error or error_line(failed.stderr)
            return NodeView(node, problem=words if node.status != RUNNING else None)

    def _try(self, builder: Builder, trial: TrialBuild) -> Feature:
        try:
            self.builders.try_build(builder.name, trial.arguments)
        except CommandFailedError as failed:
            return Feature(
                trial.name, able=False, known=KnownFrom.TESTED, why=error_line(failed.stderr)
            )
        return Feature(trial.name, able=True, known=KnownFrom.TESTED)

    def _local_engine(self) -> bool:
        try:
            return self.builders.engine_answers()
        except CommandFailedError:
            return False

    def _file(self, what: str, path: str) -> str:
        found = self.builders.file(path)
        if found is None:
            raise UsageError(
                f"{what}: there is no readable file {path}",
                next_step="correct the path; it is the one on this machine, not on the node",
            )
        return found

    def _create(self, spec: BuilderSpec, number: int) -> None:
        self.builders.create(spec.create_arguments(number))

    def _booted(self, spec: BuilderSpec, *, boot: bool) -> Builder:
        """Look at the new builder, and start it; every node has to answer."""
        try:
            # A remote BuildKit runs or not: buildx would wait for it, 20 s.
            found = self.builders.look(spec.name, boot=boot and spec.driver != REMOTE)
        except CommandFailedError as failed:
            raise boot_error(spec.name, spec.driver, failed.stderr) from None
        for node in found.nodes if boot else ():
            if node.status != RUNNING:
                words = self._node(found, node).problem or node.status
                raise node_down(node.name, spec.driver, node.endpoint, words)
        return found

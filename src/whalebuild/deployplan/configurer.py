"""Finds what a deploy or a rollback changes of services' configurations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from whalebuild.compose.configuration import (
    Configuration,
    Contents,
    configuration_of,
)
from whalebuild.compose.containers import Container
from whalebuild.compose.hashes import containers_used
from whalebuild.compose.model import Model, Service, UpdateOrder
from whalebuild.compose.mounts import shared_storage
from whalebuild.deployments.configurations import configurations_after
from whalebuild.deployments.record import History
from whalebuild.deployplan.configuration import (
    ConfigurationChange,
    EarlierProject,
    PlannedConfiguration,
    as_restored,
    compare_configurations,
    earlier_model,
    running_configuration,
)
from whalebuild.deployplan.filed import not_as_filed, other_tags
from whalebuild.deployplan.plan import COUNT, ServiceAction, ServiceChange, running_of, switched
from whalebuild.deployplan.ports import Configurations, Project
from whalebuild.values import dataclass

# What becomes of services whose version stays.
_SETTLED = frozenset({ServiceAction.UNCHANGED, ServiceAction.CONFIRM})
_STAYS = "stays as it is now: what was in it is not kept"
_LOST = "by which configuration it ran then is not kept any more: it gets that of the files"


@dataclass
class Configurer:
    """Looks at a project's files, its containers, and the configurations that were kept.

    Every method may raise ``WhalebuildError``: the project cannot be read.

    Attributes:
        shareable: Volumes and paths that two versions of a service may write at once.
    """

    project: Project
    kept: Configurations
    history: History
    shareable: tuple[str, ...] = ()

    def configured(
        self,
        model: Model,
        changes: Mapping[str, ServiceChange],
        containers: Collection[Container],
        order: UpdateOrder | None,
    ) -> tuple[dict[str, ServiceChange], PlannedConfiguration]:
        """Find what else than the version becomes another of services, as the files have them.

        Args:
            model: The project.
            changes: What becomes of services, by name.
            containers: Of the project.
            order: What the command line says.

        Returns:
            The changes with that, and the configurations.
        """
        wanted = {name: configuration_of(model, name, self.contents) for name in changes}
        made, found = self._compared(model, wanted, changes, containers, lambda _: order)
        notes = other_tags(made, self._files)
        return made, replace(found, notes=(*notes, *found.notes))

    def earlier(self, model: Model, digests: Mapping[str, str]) -> EarlierProject:
        """The project with services as a deployment had them.

        Args:
            model: The project as its files have it.
            digests: By which configuration services ran.
        """
        found, notes = {}, []
        for name, digest in digests.items():
            kept = self.kept.read(digest)
            if kept is None:
                notes.append(f"{name}: {_LOST}")
                continue
            found[name], stay = as_restored(kept, self.contents)
            notes += [
                f"{name}: {each} stays as it is now: what it was is not kept" for each in stay
            ]
        other = self._not_as_filed(model, found)
        was = earlier_model(model, other, self.contents) if other else model
        return EarlierProject(model, was, found, tuple(notes))

    def to_earlier(
        self,
        earlier: EarlierProject,
        changes: Mapping[str, ServiceChange],
        containers: Collection[Container],
        order: UpdateOrder | None,
    ) -> tuple[dict[str, ServiceChange], PlannedConfiguration]:
        """See :meth:`configured`; services go back to how they were in an earlier project."""
        wanted = {
            name: earlier.configurations.get(name)
            or configuration_of(earlier.model, name, self.contents)
            for name in changes
        }
        made, found = self._compared(
            *(earlier.files, wanted, changes, containers),
            # It has worked before: no trial, which would only take time.
            lambda service: order or (UpdateOrder.STOP_FIRST if service.exclusive else None),
        )
        was = earlier.model if earlier.model is not earlier.files else None
        notes = (*earlier.notes, *found.notes, *self._not_filed(earlier, wanted, made))
        return made, replace(found, model=was, notes=notes)

    def _not_filed(
        self,
        earlier: EarlierProject,
        wanted: Mapping[str, Configuration],
        changes: Mapping[str, ServiceChange],
    ) -> Iterator[str]:
        other = self._not_as_filed(earlier.files, wanted)
        return not_as_filed(earlier, changes, other, self._files, self.contents)

    @cached_property
    def _files(self) -> Mapping[str, str]:
        return self.project.files()

    @cached_property
    def contents(self) -> Contents:
        """What is in the project's files now."""
        return self.project.contents()

    def _compared(
        self,
        files: Model,
        wanted: Mapping[str, Configuration],
        changes: Mapping[str, ServiceChange],
        containers: Collection[Container],
        order: Callable[[Service], UpdateOrder | None],
    ) -> tuple[dict[str, ServiceChange], PlannedConfiguration]:
        made: dict[str, ServiceChange] = {}
        ran: dict[str, Configuration] = {}
        unknown: list[str] = []
        notes: list[str] = []
        for name, change in changes.items():
            if change.action.is_left:
                made[name] = change
                continue
            own = running_of(containers, name)
            runs = self._running(name, wanted[name], own, containers)
            other = compare_configurations(wanted[name], runs, own, containers)
            made[name] = reconfigured(change, other, len(own), order(change.service))
            if made[name].action is ServiceAction.CONFIGURE:
                made[name] = self._apart(files, made[name])
            notes += [f"{name}: {each}" for each in other.notes]
            if runs:
                ran[name] = runs
            elif other.words:
                unknown.append(name)
        made = with_users(made, wanted)
        restored = {name: as_restored(each, self.contents) for name, each in ran.items()}
        was = self._not_as_filed(files, {name: each for name, (each, _) in restored.items()})
        back = earlier_model(files, was, self.contents) if was else None
        stays = dict.fromkeys(what for _, each in restored.values() for what in each)
        found = PlannedConfiguration(wanted, ran, tuple(unknown), None, back, tuple(stays))
        return made, replace(found, notes=tuple(notes))

    def _apart(self, files: Model, change: ServiceChange) -> ServiceChange:
        """A change that is not made start-first where both would write to the same storage."""
        if change.order is not UpdateOrder.START_FIRST:
            return change
        shared = shared_storage(files, change.service, self.shareable)
        stopped = replace(change, order=UpdateOrder.STOP_FIRST)
        return switched(stopped, UpdateOrder.START_FIRST, shared)

    def _not_as_filed(
        self, files: Model, found: Mapping[str, Configuration]
    ) -> dict[str, Configuration]:
        """Those that are not what the project's files have now."""
        return {
            name: each
            for name, each in found.items()
            if name not in files.services
            or each.digest != configuration_of(files, name, self.contents).digest
        }

    def _running(
        self,
        name: str,
        wanted: Configuration,
        own: Collection[Container],
        containers: Collection[Container],
    ) -> Configuration | None:
        """By which configuration a service runs; None if no known one is it, or it does not run."""
        if not own:
            return None
        return running_configuration(self._candidates(name, wanted), own, containers)

    def _candidates(self, name: str, wanted: Configuration) -> Iterator[Configuration]:
        """The recorded one first: by compose's hash, others may seem to be the same.

        What is in the files is known of those that were kept; so the wanted one is the last.
        """
        digest = self._recorded.get(name)
        recorded = self.kept.read(digest) if digest else None
        if recorded:
            yield recorded
        yield from self._all_kept
        yield wanted

    @cached_property
    def _all_kept(self) -> tuple[Configuration, ...]:
        return tuple(self.kept.all())

    @cached_property
    def _recorded(self) -> Mapping[str, str]:
        return configurations_after(self.history, self.history.highest)


def reconfigured(
    change: ServiceChange, found: ConfigurationChange, running: int, order: UpdateOrder | None
) -> ServiceChange:
    """What becomes of a service, with what becomes another of its configuration.

    Args:
        change: What becomes of it by its version.
        found: What becomes another.
        running: How many containers of it run.
        order: How it is asked to be switched, whatever the project's file says.
    """
    words = found.words
    if change.action is ServiceAction.UPDATE:  # the version says it
        words = tuple(each for each in words if not each.startswith("image:"))
    wanted = change.service.replicas
    counts = (f"{COUNT}{running} -> {wanted}",) if running not in {0, wanted} else ()
    change = replace(change, configured=(*words, *counts), forced=found.forced)
    if change.action in _SETTLED and words:
        change = switched(replace(change, action=ServiceAction.CONFIGURE), order)
    elif change.action is ServiceAction.UNCHANGED and counts:
        change = replace(change, action=ServiceAction.CONFIGURE)
    if found.network and change.order is UpdateOrder.START_FIRST:
        why = f"not start-first: compose makes its {found.network} anew"
        change = replace(change, order=UpdateOrder.STOP_FIRST, why=why)
    return change


def with_users(
    changes: Mapping[str, ServiceChange], wanted: Mapping[str, Configuration]
) -> dict[str, ServiceChange]:
    """Changes with those of services that use containers of replaced ones: compose replaces both.

    Args:
        changes: What becomes of services, by name.
        wanted: By which configuration each is to run.
    """
    made = dict(changes)
    for _ in changes:  # one that uses one that uses one ...
        for name, change in made.items():
            used = containers_used(wanted[name].service)
            of = [each for each in used if each in made and made[each].is_replaced]
            if of and change.action in _SETTLED:
                words = tuple(f"it uses {each}, which is replaced" for each in of)
                made[name] = replace(change, action=ServiceAction.CONFIGURE, configured=words)
    return made

"""Plans a deploy: resolves tags to digests once, and computes what the host must download."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from functools import cached_property

from whalebuild.compose.containers import Container
from whalebuild.compose.model import Model, Service, UpdateOrder
from whalebuild.compose.mounts import shared_storage
from whalebuild.deployments.history import (
    effective,
    left_unfinished,
    state_after,
    state_now,
    unconfirmed_services,
)
from whalebuild.deployments.record import History, Versions
from whalebuild.deployplan.configurer import Configurer
from whalebuild.deployplan.drift import drift_of
from whalebuild.deployplan.found import unproven
from whalebuild.deployplan.host_state import HostState
from whalebuild.deployplan.plan import (
    DeployPlan,
    RunningVersion,
    ServiceAction,
    ServiceChange,
    chosen_services,
    decide_service,
    host_name,
    running_of,
    services_named,
    switched,
)
from whalebuild.deployplan.ports import Project
from whalebuild.deployplan.resolve import Resolved, Resolver
from whalebuild.deployplan.services import (
    awaited_jobs,
    built_here,
    held_back,
    idle_dependencies,
    orphans,
)
from whalebuild.errors import RefusedError, UnreachableError, WhalebuildError
from whalebuild.oci.reference import Reference
from whalebuild.published.diff import DiffReader
from whalebuild.published.download import DiffRequest, ImageDiff
from whalebuild.published.lookup import ManifestLookup
from whalebuild.published.ports import Host
from whalebuild.values import dataclass

_AS_IT_WAS = "its version is not recorded"


@dataclass
class DeployPlanner:
    """Looks at a project, its engine and the registry; changes nothing.

    Every method may raise ``WhalebuildError``: the project cannot be read, there is no engine, or
    the registry refused or could not be reached.

    Attributes:
        shareable: Volumes and paths that two versions of a service may write at once.
        grace: Seconds that a service without a health check must stay up.
        now: The time, with its zone.
    """

    project: Project
    host: Host
    lookup: ManifestLookup
    history: History
    configurer: Configurer
    shareable: tuple[str, ...] = ()
    grace: float = field(kw_only=True)
    now: Callable[[], datetime] = field(kw_only=True)
    _earlier: Mapping[str, Service] = field(default_factory=dict, init=False)

    def deploy(
        self,
        names: Sequence[str],
        order: UpdateOrder | None,
        *,
        dependencies: bool = True,
        remove_orphans: bool = False,
    ) -> DeployPlan:
        """Plan to run what is published now.

        Args:
            names: Services; all of them if it is empty.
            order: How services are switched, whatever the project's file says.
            dependencies: Whether what the named ones depend on is started where it does not run.
            remove_orphans: Whether containers of services that the project has not any more go.

        Raises:
            UsageError: A service is unknown, or its image is not published.
            WhalebuildError: No registry can be asked, so that nothing is left to deploy.
        """
        chosen = [each.name for each in chosen_services(self.model, names)]
        if dependencies:
            chosen += sorted(awaited_jobs(self.model, chosen))
        idle = idle_dependencies(self.model, chosen, self.seen.runs) if dependencies else ()
        services = services_named(self.model, (*chosen, *idle))
        deployed = {name for name, version in self._recorded.items() if version}
        resolved = Resolver(self.lookup, self.seen, deployed).resolve(services, idle)
        changes = {s.name: self._change(s, resolved[s.name], order) for s in services}
        changes, found = self.configurer.configured(
            self.model, changes, self.seen.containers, order
        )
        notes = (*built_here(services), *found.notes)
        plan = self._left_apart(self.with_diffs(changes, tuple(names), notes))
        return replace(
            plan,
            orphans=self._orphans(),
            remove_orphans=remove_orphans,
            configuration=found,
        )

    def rollback(
        self,
        versions: Versions,
        order: UpdateOrder | None,
        configurations: Mapping[str, str] | None = None,
        brought: Collection[str] = (),
    ) -> DeployPlan:
        """Plan to run these versions; nothing is read of the registry that the host has.

        Args:
            versions: What services are to run.
            order: How services are switched, whatever the project's file says.
            configurations: By which configuration, as far as the record says: digests.
            brought: The services that the deployment itself was about: those of them that the
                project has not any more are started again.
        """
        notes = []
        # Those that only compose knows a version of have none.
        known = {
            name: digest
            for name, digest in (configurations or {}).items()
            if versions.get(name, True) and (name in self.model.services or name in brought)
        }
        earlier = self.configurer.earlier(self.model, known)
        self._earlier = earlier.model.services
        changes = {}
        for name, version in versions.items():
            service = earlier.model.services.get(name)
            if service is None or version is None:
                why = "did not run then" if version is None else "is not in the project any more"
                notes.append(f"{name} is left as it is: it {why}")
            elif service.is_job:
                notes.append(
                    f"{name} is left as it is: what a job has done is not undone by an old one"
                )
            else:
                # It has worked before: no trial, which would only take time.
                asked = order or (UpdateOrder.STOP_FIRST if service.exclusive else None)
                changes[name] = self._decided(service, version, asked)
        for service in services_named(earlier.model, set(known) - set(versions)):
            if not service.is_job:
                changes[service.name] = ServiceChange(service, ServiceAction.PLAIN, why=_AS_IT_WAS)
        changes, found = self.configurer.to_earlier(earlier, changes, self.seen.containers, order)
        plain = ServiceAction.PLAIN
        changes = {
            n: each for n, each in changes.items() if each.configured or each.action != plain
        }
        plan = all_of(self.with_diffs(changes, tuple(changes), (*notes, *found.notes)))
        return replace(plan, model=earlier.model, configuration=found)

    @cached_property
    def model(self) -> Model:
        """The project as its files have it."""
        return self.project.model()

    @cached_property
    def seen(self) -> HostState:
        """The host as it is at the moment of the first look."""
        return HostState.at(self.project.containers(), self.host.listed())

    def running_now(self, names: Iterable[str]) -> Versions:
        """What services run now, after a switch."""
        containers = self.project.containers()
        known = {**self._earlier, **self.model.services}
        services = [known[name] for name in names]
        about = {each.name for each in services}
        images = self.host.images({each.image for each in containers if each.service in about})
        seen = HostState.at(containers, images)
        found = {s.name: seen.running(s, self._recorded.get(s.name)) for s in services}
        return {name: running.version if running else None for name, running in found.items()}

    def _change(
        self, service: Service, resolved: Resolved, order: UpdateOrder | None
    ) -> ServiceChange:
        if resolved.unreachable:
            error = resolved.unreachable
            return ServiceChange(service, ServiceAction.UNREACHABLE, unreachable=error)
        if resolved.version is None:
            return ServiceChange(service, ServiceAction.PLAIN, why=resolved.why)
        return self._decided(service, resolved.version, order)

    def _decided(
        self, service: Service, version: Reference, order: UpdateOrder | None
    ) -> ServiceChange:
        shared = shared_storage(self.model, service, self.shareable)
        change = decide_service(service, version, self._running(service), order, shared)
        change = replace(change, unproven=self._unproven(service))
        if change.action is not ServiceAction.UNCHANGED or self._is_confirmed(change):
            return change
        good = self._last_good.get(service.name)
        if good and (good.digest == version.digest or not self.seen.image(good)):
            good = None
        confirm = replace(change, action=ServiceAction.CONFIRM, before=good, before_image="")
        # A deploy that was killed has left two versions, the old one on its way out: compose would
        # remove the other one, which is asked, and keep just that.
        between = self.seen.runs_several(service.name) and not service.exclusive
        return switched(confirm, order, shared) if between else confirm

    def _unproven(self, service: Service) -> str:
        """Why what runs of a service is not known to work, if whalebuild has not started it."""
        running, recorded = self._running(service), self._recorded.get(service.name)
        if running is None or running.version == recorded:
            return ""
        return unproven(running_of(self.seen.containers, service.name), self.now(), self.grace)

    def _is_confirmed(self, change: ServiceChange) -> bool:
        """Whether the record says that what runs works, or it was started by others and does."""
        name = change.service.name
        if name in unconfirmed_services(self.history):
            return False
        recorded = self._recorded.get(name)
        if recorded and change.version and recorded.digest == change.version.digest:
            return True
        return not left_unfinished(self.history) and not change.unproven

    def runs_other(self) -> bool:
        """Whether a service runs something else than what it is meant to, as the record has it.

        Jobs are none of them: compose runs an old one again after a rollback.
        """
        jobs = {name for name, each in self.model.services.items() if each.is_job}
        drifts = drift_of(self.history, self.seen)
        return any(each.found and each.service not in jobs for each in drifts)

    def _orphans(self) -> tuple[Container, ...]:
        found = orphans(self.seen.containers, self.model.services)
        # Those of profiles that were not chosen are none; compose tells them if it is asked to.
        return orphans(found, self.project.service_names()) if found else ()

    def _running(self, service: Service) -> RunningVersion | None:
        return self.seen.running(service, self._recorded.get(service.name))

    def with_diffs(
        self,
        changes: Mapping[str, ServiceChange],
        names: tuple[str, ...],
        notes: Iterable[str] = (),
        *,
        read: Mapping[str, Reference] | None = None,
    ) -> DeployPlan:
        """Make a plan, with what must be downloaded.

        Args:
            changes: By service. Those whose registry refuses or cannot be reached are unreachable
                in the plan.
            names: The services that were named.
            notes: What the user should know besides.
            read: By which references services' manifests have been read already, by service.
        """
        changed = DeployPlan(self.model, changes).changes
        missing = [each for each in changed if each.version and not self.seen.image(each.version)]
        diffs, lost = self._to_download(missing, read or {})
        services = {
            name: ServiceChange(each.service, ServiceAction.UNREACHABLE, unreachable=lost[name])
            if name in lost
            else each
            for name, each in changes.items()
        }
        reasons = [f"{each.service.name}: {each.why}" for each in changed if each.why]
        to_pull = frozenset(each.service.name for each in missing) - set(lost)
        notes = (*notes, *reasons)
        return DeployPlan(self.model, services, names, diffs, to_pull, notes=notes)

    def _to_download(
        self, missing: Iterable[ServiceChange], read: Mapping[str, Reference]
    ) -> tuple[tuple[ImageDiff, ...], Mapping[str, WhalebuildError]]:
        """What the host must download; and the services whose registry gives no manifest, why."""
        # Once where services share an image.
        wanted: dict[tuple[Reference, str | None], list[str]] = {}
        for each in missing:
            if each.version:
                source = read.get(each.service.name, each.version)
                key = (source, each.service.platform)
                wanted.setdefault(key, []).append(each.service.name)
        self.lookup.begin(source for source, _ in wanted)
        images = self.host.images(self.seen.images) if wanted else ()
        diffs: list[ImageDiff] = []
        lost: dict[str, WhalebuildError] = {}
        for (source, platform), names in wanted.items():
            differ = DiffReader(self.lookup, self.host, platform, images)
            try:
                diffs += differ.diff([DiffRequest(host_name(source), source)])
            except (RefusedError, UnreachableError) as error:
                lost |= dict.fromkeys(names, error)
        return tuple(diffs), lost

    def _left_apart(self, plan: DeployPlan) -> DeployPlan:
        """The plan without what needs an image that cannot be had.

        Raises:
            WhalebuildError: Nothing is left of it.
        """
        errors = {
            name: each.unreachable for name, each in plan.services.items() if each.unreachable
        }
        if not errors:
            return plan
        services = [each.service for each in plan.services.values()]
        held = held_back(services, errors, self.seen.runs)
        if not set(plan.services) - {*errors, *held}:
            raise next(iter(errors.values()))
        changes = {
            name: ServiceChange(each.service, ServiceAction.HELD, why=held[name])
            if name in held
            else each
            for name, each in plan.services.items()
        }
        notes = [f"{name} is left as it is: {error.what}" for name, error in errors.items()]
        notes += [f"{name} is left as it is: {why}" for name, why in held.items()]
        return replace(plan, services=changes, notes=(*plan.notes, *notes))

    @cached_property
    def _recorded(self) -> Versions:
        return state_now(self.history)

    @cached_property
    def _last_good(self) -> Versions:
        last = effective(self.history)
        return state_after(self.history, last.number) if last else {}


def all_of(plan: DeployPlan) -> DeployPlan:
    """A plan that nothing is left out of.

    Raises:
        WhalebuildError: A registry refuses, or cannot be reached.
    """
    for each in plan.left:
        if each.unreachable:
            raise each.unreachable
    return plan

"""Plans a deploy: resolves tags to digests once, and computes what the host must download."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from whalebuild.bakefile.pair_names import with_tag
from whalebuild.bundle.published import PublishedApp
from whalebuild.compose.containers import Container
from whalebuild.compose.model import Model, Service, UpdateOrder
from whalebuild.deploy.configurer import Configurer
from whalebuild.deploy.history import (
    effective,
    left_unfinished,
    state_after,
    state_now,
    unconfirmed_services,
)
from whalebuild.deploy.plan import (
    DeployPlan,
    RunningVersion,
    ServiceAction,
    ServiceChange,
    chosen_services,
    decide_service,
    host_name,
    not_a_pair,
    running_version,
)
from whalebuild.deploy.ports import Project
from whalebuild.deploy.record import History, Versions
from whalebuild.errors import RefusedError, UsageError
from whalebuild.oci.reference import Reference
from whalebuild.published.diff import DiffReader
from whalebuild.published.download import DiffRequest, ImageDiff
from whalebuild.published.host_images import HostImage
from whalebuild.published.kept import kept_name
from whalebuild.published.lookup import ManifestLookup
from whalebuild.published.ports import Host


@dataclass
class DeployPlanner:
    """Looks at a project, its engine and the registry; changes nothing.

    Every method may raise ``WhalebuildError``: the project cannot be read, there is no engine, or
    the registry refused or could not be reached.
    """

    project: Project
    host: Host
    lookup: ManifestLookup
    history: History
    configurer: Configurer

    def deploy(self, names: Sequence[str], order: UpdateOrder | None) -> DeployPlan:
        """Plan to run what is published now.

        Args:
            names: Services; all of them if it is empty.
            order: How services are switched, whatever the project's file says.

        Raises:
            UsageError: A service is unknown, or its image is not published.
        """
        services = chosen_services(self.model, names)
        asked = [s for s in services if not not_a_pair(s)]
        self.lookup.begin(with_tag(s.image) for s in asked if s.image)
        changes = {service.name: self._change(service, order) for service in services}
        changes, found = self.configurer.configured(self.model, changes, self._containers, order)
        sources = {s.name: with_tag(s.image) for s in services if s.image}
        return replace(
            self.with_diffs(changes, tuple(names), sources, found.notes), configuration=found
        )

    def rollback(
        self,
        versions: Versions,
        order: UpdateOrder | None,
        configurations: Mapping[str, str] | None = None,
    ) -> DeployPlan:
        """Plan to run these versions; nothing is read of the registry that the host has.

        Args:
            versions: What services are to run.
            order: How services are switched, whatever the project's file says.
            configurations: By which configuration, as far as the record says: digests.
        """
        notes = []
        wanted = {n: d for n, d in (configurations or {}).items() if versions.get(n)}
        earlier = self.configurer.earlier(self.model, wanted)
        changes = {}
        for name, version in versions.items():
            service = earlier.model.services.get(name)
            if service is None or version is None:
                why = "did not run then" if version is None else "is not in the project any more"
                notes.append(f"{name} is left as it is: it {why}")
            else:
                # It has worked before: no trial, which would only take time.
                asked = order or (UpdateOrder.STOP_FIRST if service.exclusive else None)
                changes[name] = self._decided(service, version, asked)
        changes, found = self.configurer.to_earlier(earlier, changes, self._containers, order)
        sources = {name: version for name, version in versions.items() if version}
        plan = self.with_diffs(changes, tuple(changes), sources, (*notes, *found.notes))
        return replace(plan, model=earlier.model, configuration=found)

    @cached_property
    def model(self) -> Model:
        """The project as its files have it."""
        return self.project.model()

    def running(self, service: Service) -> RunningVersion | None:
        """What a service runs at the moment of the first look."""
        recorded = self._recorded.get(service.name)
        return running_version(self._containers, self._images, service, recorded)

    def running_now(self, services: Iterable[Service]) -> Versions:
        """What services run now, after a switch."""
        containers, images = self._look()
        found = {
            s.name: running_version(containers, images, s, self._recorded.get(s.name))
            for s in services
        }
        return {name: running.version if running else None for name, running in found.items()}

    def _change(self, service: Service, order: UpdateOrder | None) -> ServiceChange:
        why = not_a_pair(service)
        if why or service.image is None:
            return ServiceChange(service, ServiceAction.PLAIN, why=why)
        named = with_tag(service.image)
        published = self.published(named)
        if published is None or published.record is None:
            return ServiceChange(
                service, ServiceAction.PLAIN, why=f"{named} is no pair of whalebuild's"
            )
        version = Reference(named.repository, named.tag, published.manifest.digest)
        return self._decided(service, version, order)

    def _decided(
        self, service: Service, version: Reference, order: UpdateOrder | None
    ) -> ServiceChange:
        change = decide_service(service, version, self.running(service), order)
        if change.action is not ServiceAction.UNCHANGED or self._is_confirmed(service, version):
            return change
        good = self._last_good.get(service.name)
        if good and (good.digest == version.digest or not is_on_host(self.project, good)):
            good = None
        return replace(change, action=ServiceAction.CONFIRM, before=good, before_image="")

    def _is_confirmed(self, service: Service, version: Reference) -> bool:
        """Whether the record says that what runs works, or nothing says that it does not."""
        if service.name in unconfirmed_services(self.history):
            return False
        recorded = self._recorded.get(service.name)
        known = recorded is not None and recorded.digest == version.digest
        return known or not left_unfinished(self.history)

    def published(self, named: Reference) -> PublishedApp | None:
        """What a registry has; None where it has nothing, or is silent on what the host has."""
        try:
            found = self.lookup.app(named)
        except RefusedError:
            if not is_on_host(self.project, named):
                raise
            return None
        if found is None and not is_on_host(self.project, named):
            raise UsageError(
                f"{named} is not published, and not on this host",
                next_step="publish it (`whalebuild bake`), or correct the image in the project's "
                "file",
            )
        return found

    def with_diffs(
        self,
        changes: Mapping[str, ServiceChange],
        names: tuple[str, ...],
        sources: Mapping[str, Reference],
        notes: Iterable[str] = (),
    ) -> DeployPlan:
        """Make a plan, with what must be downloaded.

        Args:
            changes: By service.
            names: The services that were named.
            sources: Where the registry has each service's image.
            notes: What the user should know besides.
        """
        plan = DeployPlan(self.model, changes, names)
        missing = [s for s in plan.changes if s.version and not is_on_host(self.project, s.version)]
        # Once where services share an image.
        wanted = {(sources[s.service.name], s.service.platform): s for s in missing}
        diffs: list[ImageDiff] = []
        for (source, platform), each in wanted.items():
            differ = DiffReader(self.lookup, self.host, platform)
            diffs += differ.diff([DiffRequest(host_name(each.version or source), source)])
        reasons = [f"{each.service.name}: {each.why}" for each in plan.changes if each.why]
        return replace(plan, diffs=tuple(diffs), notes=(*notes, *reasons))

    @cached_property
    def _recorded(self) -> Versions:
        return state_now(self.history)

    @cached_property
    def _last_good(self) -> Versions:
        last = effective(self.history)
        return state_after(self.history, last.number) if last else {}

    @cached_property
    def _first_look(self) -> tuple[tuple[Container, ...], Mapping[str, HostImage]]:
        return self._look()

    @property
    def _containers(self) -> tuple[Container, ...]:
        return self._first_look[0]

    @property
    def _images(self) -> Mapping[str, HostImage]:
        return self._first_look[1]

    def _look(self) -> tuple[tuple[Container, ...], Mapping[str, HostImage]]:
        return self.project.containers(), {image.id: image for image in self.host.images()}


def is_on_host(project: Project, image: Reference) -> bool:
    """Whether the engine has an image, by its own name or its kept name."""
    names = [image, *([kept_name(image.digest)] if image.digest else [])]
    return any(project.image_id(name) is not None for name in names)

"""What a deploy is going to do: pure decisions over a project, its containers and the registry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from enum import StrEnum

from whalebuild.bakefile.pair_names import with_tag
from whalebuild.compose.containers import Container
from whalebuild.compose.model import Model, Service, UpdateOrder
from whalebuild.deployplan.configuration import PlannedConfiguration
from whalebuild.errors import UsageError, WhalebuildError
from whalebuild.oci.reference import Reference
from whalebuild.published.download import DownloadPart, ImageDiff, LayerDiff
from whalebuild.published.host_images import HostImage
from whalebuild.text import did_you_mean
from whalebuild.values import dataclass

#: How a new number of containers begins in ``ServiceChange.configured``.
COUNT = "replicas: "
_IF_MISSING = frozenset({"", "missing", "if_not_present"})


class ServiceAction(StrEnum):
    """What becomes of a service."""

    UPDATE = "update"
    START = "start"  # none of it runs
    CONFIGURE = "configure"  # the same version with another configuration
    UNCHANGED = "unchanged"
    CONFIRM = "confirm"  # it runs, left by a deployment that failed or was killed: does it work?
    WARM = "warm"  # its dependencies are pulled ahead
    PLAIN = "plain"  # its image is not looked up: what compose makes of it
    UNREACHABLE = "unreachable"  # its registry cannot be asked: left as it is
    HELD = "held"  # it needs one of those: left as it is

    @property
    def is_left(self) -> bool:
        """Whether the service is not touched, since an image cannot be had."""
        return self in {ServiceAction.UNREACHABLE, ServiceAction.HELD}


@dataclass(frozen=True)
class RunningVersion:
    """A version that runs, and the engine's ID of its image.

    Attributes:
        digests: All by which the engine knows that image: with a graph driver, two indexes may
            stand for one.
    """

    version: Reference
    image: str
    digests: frozenset[str] = field(default=frozenset(), compare=False)


@dataclass(frozen=True)
class ServiceChange:
    """What a service is to run, and what it runs.

    Attributes:
        version: ``repository[:tag]@digest`` that is to run; None for a plain service.
        before: What runs now; None where nothing does. Of one to be confirmed: the good version
            before it, None if there is none.
        before_image: The engine's ID of its image.
        unproven: Why what runs now is not known to work, where whalebuild has not started it.
        order: How it is switched.
        why: Why it is plain or held back, or why it cannot be switched as it asks for.
        configured: What is new in its configuration, in words and without values.
        forced: Whether compose does not see that, and must be told to replace its containers.
        unreachable: Why its image cannot be looked up; it is left as it is.
    """

    service: Service
    action: ServiceAction
    version: Reference | None = None
    before: Reference | None = None
    before_image: str = ""
    unproven: str = ""
    order: UpdateOrder = UpdateOrder.STOP_FIRST
    why: str = ""
    configured: tuple[str, ...] = ()
    forced: bool = False
    unreachable: WhalebuildError | None = None

    @property
    def is_replaced(self) -> bool:
        """Whether containers that run are replaced, and not only some more or fewer are to run."""
        other = any(not each.startswith(COUNT) for each in self.configured)
        configured = self.action is ServiceAction.CONFIGURE and other
        return configured or self.action is ServiceAction.UPDATE


@dataclass(frozen=True)
class DeployPlan:
    """What a deploy or a rollback is going to do.

    Attributes:
        model: The project.
        services: What becomes of each service, by name, in the order of the project.
        named: The services that were named; empty for all.
        diffs: What must be downloaded, image by image.
        missing: Names of the services whose version the host lacks.
        orphans: Containers of the project whose service is not in its files any more.
        remove_orphans: Whether these are to be removed.
        notes: What the user should know.
        configuration: By which configurations services run, are to run, and go back to.
    """

    model: Model
    services: Mapping[str, ServiceChange]
    named: tuple[str, ...] = ()
    diffs: tuple[ImageDiff, ...] = ()
    missing: frozenset[str] = frozenset()
    orphans: tuple[Container, ...] = ()
    remove_orphans: bool = False
    notes: tuple[str, ...] = ()
    configuration: PlannedConfiguration = field(default_factory=PlannedConfiguration)

    @property
    def to_start(self) -> tuple[str, ...]:
        """Names of the services that compose is to start, or to see running."""
        return tuple(name for name, each in self.services.items() if not each.action.is_left)

    @property
    def left(self) -> tuple[ServiceChange, ...]:
        """Services that are left as they are, since an image cannot be had."""
        return tuple(each for each in self.services.values() if each.action.is_left)

    @property
    def pairs(self) -> tuple[ServiceChange, ...]:
        """Services whose version is known: what is pulled by digest, kept and rolled back."""
        return tuple(each for each in self.services.values() if each.version)

    @property
    def changes(self) -> tuple[ServiceChange, ...]:
        """Those that are going to run another version."""
        return tuple(each for each in self.pairs if each.action is not ServiceAction.UNCHANGED)

    @property
    def touched(self) -> tuple[ServiceChange, ...]:
        """These, and those that only compose knows a version of and that it replaces."""
        plain = [each for each in self.services.values() if each.action is ServiceAction.PLAIN]
        return (*self.changes, *(each for each in plain if each.configured))


def chosen_services(model: Model, names: Sequence[str]) -> tuple[Service, ...]:
    """The services that were named; all of them if none was.

    Raises:
        UsageError: There is no such service.
    """
    if not model.services:
        raise UsageError(
            f"no service of the project {model.name} is chosen",
            cause="its files have none, or all of them have a profile",
            next_step="name the profile with --profile",
        )
    for name in names:
        if name not in model.services:
            raise UsageError(
                f'the project {model.name} has no service "{name}"',
                cause=did_you_mean(name, model.services),
                next_step=f"name one of {', '.join(model.services)}; of a service with a profile, "
                "name that as well, with --profile",
            )
    return services_named(model, names or model.services)


def services_named(model: Model, names: Iterable[str]) -> tuple[Service, ...]:
    """Services of these names, in the order of the project."""
    wanted = set(names)
    return tuple(service for service in model.services.values() if service.name in wanted)


def decide_service(
    service: Service,
    version: Reference,
    running: RunningVersion | None,
    order: UpdateOrder | None,
    shared: Sequence[str] = (),
) -> ServiceChange:
    """Decide on a service whose image was looked up.

    Args:
        service: The service.
        version: What it is to run.
        running: What it runs.
        order: What the command line says; None leaves it to the project's file.
        shared: What it would write beside its running version.
    """
    if running is None:
        return ServiceChange(service, ServiceAction.START, version)
    update = ServiceChange(service, ServiceAction.UPDATE, version, running.version, running.image)
    if version.digest in {running.version.digest, *running.digests}:
        return replace(update, action=ServiceAction.UNCHANGED)
    return switched(update, order, shared)


def switched(
    change: ServiceChange, order: UpdateOrder | None, shared: Sequence[str] = ()
) -> ServiceChange:
    """A change in the order in which it can be made; see :func:`decide_service`."""
    service = change.service
    asked = order or service.order or UpdateOrder.STOP_FIRST
    if asked is UpdateOrder.START_FIRST and service.on_host_network:
        return replace(change, why=f"not start-first: {service.exclusive}")
    if asked is UpdateOrder.START_FIRST and shared:
        why = (
            f"not start-first: both versions would write to {', '.join(shared)} at once (if they "
            "may, name it in the setting start-first-volumes)"
        )
        return replace(change, why=why)
    return replace(change, order=asked)


def running_of(containers: Iterable[Container], service: str) -> tuple[Container, ...]:
    """A service's own containers that run, or have done their work (a job that ended with 0)."""
    return tuple(
        each
        for each in containers
        if each.service == service and not each.oneoff and (each.is_up or each.has_done_its_work)
    )


def running_version(
    containers: Iterable[Container],
    images: Mapping[str, HostImage],
    service: Service,
    recorded: Reference | None,
) -> RunningVersion | None:
    """Which version a service runs; if it runs several, the recorded one, or else the first.

    Args:
        containers: Of the project.
        images: The engine's, by ID.
        service: The service.
        recorded: What is to run of it as far as the record says.
    """
    found = []
    for container in running_of(containers, service.name):
        name = container.image_name or service.image
        if name is None:
            continue
        image = images.get(container.image)
        digest = image.digest_in(name.repository) if image else container.image
        version = Reference(name.repository, with_tag(name).tag, digest)
        known = image.known_as if image else frozenset({container.image})
        if recorded is not None and recorded.digest in {digest, *known}:
            return RunningVersion(recorded, container.image, known)
        found.append(RunningVersion(version, container.image, known))
    return found[0] if found else None


def needs_override(service: Service, version: Reference) -> bool:
    """Whether compose, by the project's file, would start something else than this version.

    The file names another image than the version was deployed as, or has compose pull by itself.
    """
    if service.pull_policy not in _IF_MISSING:
        return True
    named = service.image and with_tag(service.image)
    if named is None or named.repository != version.repository or named.tag != version.tag:
        return True
    return named.digest not in {None, version.digest}


def host_name(version: Reference) -> Reference:
    """The name under which a host's engine starts a version: its tag, set to it before."""
    return Reference(version.repository, version.tag) if version.tag else version


def download_of(diffs: Iterable[ImageDiff]) -> tuple[int, int]:
    """Bytes to download for several images, and of how many; what they share counts once."""
    new: dict[str, int] = {}
    whole: dict[str, int] = {}
    for diff in diffs:
        blobs: list[DownloadPart | LayerDiff] = [*diff.parts, *diff.layers]
        for blob in blobs:
            whole[blob.digest] = blob.size
            if not blob.on_host:
                new[blob.digest] = blob.size
    return sum(new.values()), sum(whole.values())

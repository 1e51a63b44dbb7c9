"""A compose project as ``docker compose config --format json`` resolves it.

https://github.com/compose-spec/compose-spec/blob/main/spec.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Any

from whalebuild.compose.update_order import UpdateOrder as UpdateOrder  # noqa: PLC0414 - others have it from here
from whalebuild.errors import EngineError
from whalebuild.jsonread import MalformedError, listed, maybe, table, text, wrong
from whalebuild.oci.reference import Reference, parse_reference
from whalebuild.values import dataclass

# A name of 64 digits that would pass for a tag of a repository "sha256".
_ID = "sha256:"
# Conditions of ``depends_on``: what compose takes where none is given, and the one of jobs.
_STARTS = "service_started"
#: Under it the other service is a job, whose good end is waited for.
ENDED_WELL = "service_completed_successfully"


@dataclass(frozen=True)
class Service:
    """One service of a project.

    Attributes:
        image: As the file names it; None where it names none (it is built), or one by its ID.
        built: Whether it has a ``build`` section.
        pull_policy: Empty where none is given.
        order: ``deploy.update_config.order``; None where the file does not say.
        exclusive: Why two containers of it cannot run side by side with all that they are given, or
            why the second one cannot be given its name late: "it publishes port 8000", "its
            container is called db", "it uses the host's network", "proxy links to it"; empty where
            that can be done.
        on_host_network: Whether it uses the host's network (``network_mode: host``), or another
            container's: then not even one without published ports can run beside it.
        replicas: Containers that it is to have.
        platform: What it is to run on, if the file says so.
        networks: Its networks, as the engine names them, and the aliases that the file has for
            it in each, beside the service's own name; empty with a ``network_mode``.
        publishes: Whether it publishes ports on the host: a range or random ones, unless it is
            ``exclusive``.
        depends_on: The services that it depends on, each with the condition, as
            ``service_healthy``.
        is_job: Whether other services wait for its end (``service_completed_successfully``).
        writes: What it may write that outlives its containers, or is shared with others: volumes
            by the engine's names, and paths of the host.
    """

    name: str
    image: Reference | None
    built: bool = False
    pull_policy: str = ""
    order: UpdateOrder | None = None
    exclusive: str = ""
    on_host_network: bool = False
    replicas: int = 1
    platform: str | None = None
    networks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    publishes: bool = False
    depends_on: Mapping[str, str] = field(default_factory=dict)
    is_job: bool = False
    writes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """A project: its name, the services of the profiles that are chosen, and all as resolved."""

    name: str
    services: Mapping[str, Service]
    raw: Mapping[str, Any]


def read_model(found: object) -> Model:
    """Read what ``docker compose config --format json`` prints.

    Raises:
        UsageError: A service's image is no reference.
        EngineError: It is nothing that compose prints.
    """
    try:
        raw = table(found)
        name = text(raw.get("name"))
        services = table(raw.get("services") or {})
        networks, volumes = (_names(raw, key) for key in ("networks", "volumes"))
        held = _held({key: table(value) for key, value in services.items()})
        read = {
            text(key): _service(key, table(value), networks, held.get(key, ""))
            for key, value in services.items()
        }
        awaited = {
            name
            for each in read.values()
            for name, how in each.depends_on.items()
            if how == ENDED_WELL
        }
        read = {
            name: replace(
                each, is_job=name in awaited, writes=tuple(_writes(table(services[name]), volumes))
            )
            for name, each in read.items()
        }
    except MalformedError as malformed:
        raise EngineError(
            f"docker compose printed a project that cannot be read: {malformed}",
            next_step="check `docker compose config --format json` and `docker compose version`",
        ) from None
    return Model(name, read, raw)


def resolved_with(model: Model, images: Mapping[str, Reference]) -> dict[str, Any]:
    """The project as resolved, with other images for some services.

    Nothing is pulled or built for these. compose's hash of a service's configuration, by which it
    tells whether a container is up to date, has the name of the image in it, and neither the
    policy nor the build nor the profiles (``ServiceHash`` in ``pkg/compose/hash.go``). So with the
    name that the file has, which stands for another image now, a container is up to date for a
    later ``docker compose up``.
    """
    services = {name: dict(raw) for name, raw in (model.raw.get("services") or {}).items()}
    for name, service in services.items():
        # compose has resolved the profiles: these services are those that were chosen.
        service.pop("profiles", None)
        if name in images:
            service.pop("build", None)
            service.update(image=str(images[name]), pull_policy="never")
    return {**model.raw, "services": services}


def _service(name: str, raw: Mapping[str, Any], networks: Mapping[str, str], held: str) -> Service:
    image = maybe(raw.get("image") or None, text)
    where = f'image of service "{name}"'
    deploy = table(raw.get("deploy") or {})
    order = table(deploy.get("update_config") or {}).get("order")
    exclusive = next(_reasons(raw), held)
    mode = str(raw.get("network_mode") or "")
    return Service(
        name,
        parse_reference(image, where=where) if image and not image.startswith(_ID) else None,
        built="build" in raw,
        pull_policy=maybe(raw.get("pull_policy") or None, text) or "",
        order=UpdateOrder(order) if order in set(UpdateOrder) else None,
        exclusive=exclusive,
        on_host_network=_shares_network(mode),
        replicas=_replicas(raw, deploy),
        platform=maybe(raw.get("platform") or None, text),
        networks={
            networks.get(key, key): listed(table(value or {}).get("aliases") or [], text)
            for key, value in table(raw.get("networks") or {}).items()
        },
        publishes=bool(raw.get("ports")),
        depends_on={
            key: text(table(value or {}).get("condition") or _STARTS)
            for key, value in table(raw.get("depends_on") or {}).items()
        },
    )


def _names(raw: Mapping[str, Any], kind: str) -> dict[str, str]:
    """The engine's names of a project's networks or volumes, by those of the file."""
    return {
        key: maybe(table(value or {}).get("name") or None, text) or key
        for key, value in table(raw.get(kind) or {}).items()
    }


def _writes(raw: Mapping[str, Any], volumes: Mapping[str, str]) -> Iterator[str]:
    """Volumes and paths of the host that a service may write; unnamed volumes are its own."""
    for mount in listed(raw.get("volumes") or [], table):
        source = mount.get("source")
        if source and mount.get("type") in {"volume", "bind"} and not mount.get("read_only"):
            yield volumes.get(str(source), str(source))


def _replicas(raw: Mapping[str, Any], deploy: Mapping[str, Any]) -> int:
    found = raw.get("scale")
    found = deploy.get("replicas") if found is None else found
    if found is None:
        return 1
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise wrong(found, "number of containers")
    return found


def _shares_network(network_mode: str) -> bool:
    return network_mode == "host" or network_mode.startswith(("service:", "container:"))


def _reasons(raw: Mapping[str, Any]) -> Iterator[str]:
    """Why two containers of a service cannot run side by side."""
    if raw.get("container_name"):
        yield f"its container is called {raw['container_name']}"
    mode = str(raw.get("network_mode") or "")
    if mode == "host":
        yield "it uses the host's network"
    elif _shares_network(mode):
        kind, _, other = mode.partition(":")
        yield f"it uses the network of {kind} {other}"
    for port in listed(raw.get("ports") or [], table):
        published = str(port.get("published") or "")
        if _is_fixed(published):
            yield f"it publishes port {published}"
    if raw.get("mac_address"):
        yield f"its address is {raw['mac_address']}"
    networks = table(raw.get("networks") or {})
    for name, network in networks.items():
        yield from _fixed_in(name, table(network or {}))
    if raw.get("links") or raw.get("external_links"):
        yield "it has links"
    if networks and raw.get("hostname"):  # docker makes a name in the networks of it
        yield f"its hostname is {raw['hostname']}"


def _fixed_in(name: str, network: Mapping[str, Any]) -> Iterator[str]:
    """What two containers cannot both have in a network, or one loses that rejoins it."""
    for key in ("ipv4_address", "ipv6_address", "mac_address"):
        if network.get(key):
            yield f"its address is {network[key]}"
    for key in network:
        if network[key] and key != "aliases":
            yield f"it has {key} in the network {name}"


def _held(services: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Services whose very containers other services use, and how.

    A second container beside the first would not be used by them.
    """
    return {used: why for name, raw in services.items() for used, why in _uses(name, raw)}


def _uses(name: str, raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for link in listed(raw.get("links") or [], text):
        yield link.partition(":")[0], f"{name} links to it"
    for volumes in listed(raw.get("volumes_from") or [], text):
        yield volumes.partition(":")[0], f"{name} uses its volumes"
    for key, what in (("network_mode", "network"), ("ipc", "memory"), ("pid", "processes")):
        kind, _, of = str(raw.get(key) or "").partition(":")
        if kind == "service":
            yield of, f"{name} uses its {what}"
    depends = raw.get("depends_on")
    for of, how in depends.items() if isinstance(depends, dict) else ():
        if isinstance(how, dict) and how.get("restart"):
            yield str(of), f"{name} is restarted with it"


def _is_fixed(published: str) -> bool:
    """Whether it is one port, and no range of which the next container takes another."""
    first, dash, last = published.partition("-")
    return published not in {"", "0"} and (not dash or first == last)

"""A network per engine: one bridge and one /24 that no other engine on the machine uses.

dockerd is told not to touch iptables, since two engines would fight over the same chains.
The rules here go by address, not by interface, so they cover the engine's own bridge and
the networks that `docker compose` creates, which come out of the same /24.
"""

from __future__ import annotations

import ipaddress
import json
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wbsandbox.commands import run, succeeds
from wbsandbox.errors import SandboxError
from wbsandbox.locks import machine_lock

IP_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
#: Wider routes are ways out (a tunnel may have 0.0.0.0/1), not networks of this machine.
SHORTEST_PREFIX = 8
#: Of the bridges' names.
PREFIX = "wbr"
CAUSE = "the kernel or the container forbids changes to the network"
NEXT = "run it on a virtual machine, or in a privileged container"


@dataclass(frozen=True)
class Network:
    """The network of one engine, all of it derived from one number."""

    number: int

    @property
    def bridge(self) -> str:
        """The bridge of the engine's default network."""
        return f"{PREFIX}{self.number}"

    @property
    def subnet(self) -> ipaddress.IPv4Network:
        """Everything the engine may use."""
        return ipaddress.IPv4Network(f"172.30.{self.number}.0/24")

    @property
    def bridge_address(self) -> str:
        """The lower half is the default network."""
        return f"172.30.{self.number}.1/25"

    @property
    def pool(self) -> str:
        """The upper half is for networks that users create."""
        return f"172.30.{self.number}.128/25"

    @property
    def rules(self) -> list[tuple[str, ...]]:
        """Tables and rules. FORWARD may be DROP: an engine that manages iptables does that."""
        subnet = str(self.subnet)
        return [
            ("nat", "POSTROUTING", "-s", subnet, "!", "-d", subnet, "-j", "MASQUERADE"),
            ("filter", "FORWARD", "-s", subnet, "-j", "ACCEPT"),
            ("filter", "FORWARD", "-d", subnet, "-j", "ACCEPT"),
        ]


def owners() -> dict[str, Network]:
    """Who has which network. The kernel keeps the list: each bridge carries its owner's name."""
    found: dict[str, Network] = {}
    for link in _ip("link", "show", "type", "bridge"):
        name, owner = link["ifname"], link.get("ifalias", "")
        if owner and name.startswith(PREFIX) and name.removeprefix(PREFIX).isdecimal():
            found[owner] = Network(int(name.removeprefix(PREFIX)))
    return found


def create_network(owner: str) -> Network:
    """Take the first free number; the bridge itself is what reserves it on this machine."""
    with machine_lock():
        links = _ip("address")
        taken = _taken_subnets(links)
        names = {link["ifname"] for link in links}
        for number in range(1, 255):
            network = Network(number)
            if network.bridge in names or any(network.subnet.overlaps(other) for other in taken):
                continue
            _create_bridge(network, owner)
            _remove_rules(network)
            for table, chain, *rule in network.rules:
                _iptables(table, "--insert", chain, *rule)
            return network
    raise SandboxError(
        "no free network in 172.30.0.0/16 for another engine",
        cause="many engines are up, or the machine's own network uses these addresses",
        next_step="take engines down that are no longer needed: sandbox/down --all",
    )


def remove_network(network: Network) -> None:
    """Remove the rules and every interface with an address in the subnet."""
    with machine_lock():
        _remove_rules(network)
        for link in _ip("address"):
            if any(address in network.subnet for address in _addresses(link)):
                command = ["ip", "link", "delete", link["ifname"]]
                subprocess.run(command, capture_output=True, check=False)


def uplink_mtu() -> int:
    """The MTU of the way out: with a larger one inside, downloads stall on tunnelled networks."""
    for route in _ip("route", "show", "default"):
        with suppress(OSError, ValueError, KeyError):
            return int(Path(f"/sys/class/net/{route['dev']}/mtu").read_text())
    return 1500


def _remove_rules(network: Network) -> None:
    """However often they are there: a bridge that was deleted by hand leaves its rules."""
    for table, chain, *rule in network.rules:
        while succeeds(["iptables", "--wait", "-t", table, "--delete", chain, *rule]):
            pass


def _create_bridge(network: Network, owner: str) -> None:
    bridge = network.bridge
    run(
        ["ip", "-batch", "-"],
        stdin=f"link add {bridge} mtu {uplink_mtu()} type bridge\n"
        f"address add {network.bridge_address} dev {bridge}\n"
        f"link set {bridge} alias {owner} up\n",
        cause=CAUSE,
        next_step=NEXT,
    )
    if IP_FORWARD.read_text().strip() != "1":
        IP_FORWARD.write_text("1\n")


def _taken_subnets(links: list[dict[str, Any]]) -> list[ipaddress.IPv4Network]:
    taken = [ipaddress.IPv4Network(address) for link in links for address in _addresses(link)]
    for route in _ip("route", "show", "table", "all"):
        with suppress(ValueError):
            subnet = ipaddress.IPv4Network(route["dst"], strict=False)
            if subnet.prefixlen >= SHORTEST_PREFIX:
                taken.append(subnet)
    return taken


def _addresses(link: dict[str, Any]) -> list[ipaddress.IPv4Address]:
    infos = link.get("addr_info", [])
    return [ipaddress.IPv4Address(info["local"]) for info in infos if info["family"] == "inet"]


def _ip(*words: str) -> list[dict[str, Any]]:
    listing = run(["ip", "-json", *words], cause=CAUSE, next_step=NEXT)
    # Where nothing matches, `ip` prints an empty list, an empty text or empty objects.
    found: list[dict[str, Any]] = json.loads(listing or "[]")
    return [entry for entry in found if entry]


def _iptables(table: str, *words: str) -> None:
    run(["iptables", "--wait", "-t", table, *words], cause=CAUSE, next_step=NEXT)

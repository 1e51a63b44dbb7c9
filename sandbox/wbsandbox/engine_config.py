"""The configuration files of an engine's two daemons."""

from __future__ import annotations

import json

from wbsandbox.network import Network, uplink_mtu
from wbsandbox.paths import EnginePaths

#: Kubernetes, its plugins, and the one that would create a folder in /opt.
DISABLED_CONTAINERD_PLUGINS = [
    "io.containerd.cri.v1.images",
    "io.containerd.cri.v1.runtime",
    "io.containerd.grpc.v1.cri",
    "io.containerd.internal.v1.opt",
    "io.containerd.nri.v1.nri",
    "io.containerd.tracing.processor.v1.otlp",
]


def containerd_config(files: EnginePaths) -> str:
    """TOML, in which a JSON string or list means the same."""
    disabled = json.dumps(DISABLED_CONTAINERD_PLUGINS)
    return (
        "version = 3\n"
        f"root = {json.dumps(str(files.disk / 'containerd'))}\n"
        f"state = {json.dumps(str(files.run / 'containerd'))}\n"
        f"disabled_plugins = {disabled}\n"
        f"[grpc]\naddress = {json.dumps(str(files.containerd_socket))}\n"
    )


def dockerd_config(files: EnginePaths, image_store: str, network: Network) -> str:
    """All of it in the file: the command line then names nothing but that file."""
    mtu = uplink_mtu()
    config = {
        "hosts": [f"unix://{files.docker_socket}"],
        "group": "root",
        "containerd": str(files.containerd_socket),
        "data-root": str(files.disk / "docker"),
        "exec-root": str(files.run / "docker"),
        "pidfile": str(files.run / "dockerd.pid"),
        "features": {"containerd-snapshotter": image_store == "containerd"},
        "bridge": network.bridge,
        "iptables": False,
        "ip6tables": False,
        "ip-masq": False,
        "mtu": mtu,
        "default-address-pools": [{"base": network.pool, "size": 28}],
        "default-network-opts": {"bridge": {"com.docker.network.driver.mtu": str(mtu)}},
        # A cgroup of its own is how containers are found again if dockerd dies; slices, which
        # systemd's driver wants, cannot be told apart by clone.
        "cgroup-parent": files.cgroup,
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "shutdown-timeout": 1,
    }
    return json.dumps(config, indent=2)

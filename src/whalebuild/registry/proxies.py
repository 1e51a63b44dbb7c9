"""Which proxy a request goes through: the rules of Go's ``httpproxy``, which docker follows.

Python's own ``urllib.request.getproxies`` differs where it hurts: it knows no CIDR blocks in
``NO_PROXY``, sends loopback through the proxy, and reads the settings of macOS and Windows.
Source: https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from whalebuild.oci.reference import is_loopback


def proxy_for(scheme: str, host: str, port: int | None, env: Mapping[str, str]) -> str | None:
    """Return the URL of the proxy for a host; None is to go directly.

    Args:
        scheme: ``http`` or ``https``.
        host: The host's name or address, without brackets.
        port: The port, if the URL has one.
        env: ``HTTP_PROXY``, ``HTTPS_PROXY``, ``NO_PROXY``, or the same in lower case.
    """
    proxy = _variable(env, f"{scheme}_proxy")
    if not proxy or is_loopback(f"[{host}]" if ":" in host else host):
        return None
    wanted = port or (443 if scheme == "https" else 80)
    entries = _variable(env, "no_proxy").lower().split(",")
    if any(_excepts(entry.strip(), host.lower(), wanted) for entry in entries):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _variable(env: Mapping[str, str], name: str) -> str:
    return env.get(name.upper()) or env.get(name) or ""


def _excepts(entry: str, host: str, port: int) -> bool:
    """Tell whether an entry of ``NO_PROXY`` names the host."""
    if entry == "*":
        return True
    name, colon, only_port = entry.rpartition(":")
    if colon and only_port.isdecimal() and (":" not in name or name.startswith("[")):
        if int(only_port) != port:
            return False
        entry = name
    entry = entry.strip("[]")
    if not entry:
        return False
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:  # one of them is a name
        suffix = entry.removeprefix("*")
        if suffix.startswith("."):
            return host.endswith(suffix)
        return host == suffix or host.endswith(f".{suffix}")

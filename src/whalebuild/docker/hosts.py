"""Hosts as a command line names them: the address of an engine, or a docker context."""

from __future__ import annotations

from collections.abc import Sequence

from whalebuild.docker.environment import Changes
from whalebuild.errors import UsageError
from whalebuild.failures.failure import redact

_SCHEMES = ("ssh", "tcp", "unix", "npipe", "fd", "http", "https")


def host_environment(host: str) -> Changes:
    """What docker has to be told for its calls to be for a host.

    Args:
        host: An address as for DOCKER_HOST (``ssh://``, ``tcp://``, ``unix://``), or a context's
            name.

    Raises:
        UsageError: It is neither.
    """
    scheme, separator, rest = host.partition("://")
    if not separator and scheme and not scheme.startswith("-"):
        return {"DOCKER_HOST": None, "DOCKER_CONTEXT": host}
    if scheme not in _SCHEMES or not rest:
        raise UsageError(
            f"{redact(host)!r} is no host",
            next_step="name an address, such as ssh://deploy@prod.example, or a docker context "
            "(`docker context ls`)",
        )
    return {"DOCKER_HOST": host, "DOCKER_CONTEXT": None}


def host_names(hosts: Sequence[str]) -> list[str]:
    """What hosts are called in output: without what all addresses begin with, if that is enough.

    Raises:
        UsageError: One is named twice.
    """
    for host in hosts:
        if hosts.count(host) > 1:
            raise UsageError(f"the host {redact(host)} is named twice", next_step="name it once")
    short = [redact(host.removeprefix("ssh://").rstrip("/")) for host in hosts]
    return short if len(set(short)) == len(short) else [redact(host) for host in hosts]

"""Where a registry is spoken to: hosts, schemes, mirrors and what they are trusted by.

What buildx's own registry client (``imagetools``) does is done here too: plain http for loopback
hosts with no attempt at https, and for other hosts the ``[registry."HOST"]`` tables of the
``buildkitd.toml`` that the builder was made with (``http``, ``insecure``, ``mirrors``, ``ca``).
Sources: ``util/resolver/resolver.go``, ``store/storeutil/storeutil.go`` and ``store/store.go`` of
https://github.com/docker/buildx.

Three differences, on purpose: buildx reads ``insecure`` and ``ca`` and then replaces the HTTP
client that has them (``util/imagetools/inspect.go``; tried with 0.29.1), here they work; a mirror
may have a path, as in BuildKit; ``keypair`` is not read, client certificates are taken from
``certs.d``. Docker's daemon.json (``insecure-registries``, ``registry-mirrors``) reaches neither.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from whalebuild.docker.buildx_store import chosen_builder, stored_builder
from whalebuild.oci.reference import is_loopback
from whalebuild.settings import AUTO, OWN_NAME
from whalebuild.values import dataclass

_HUB = frozenset({"docker.io", "index.docker.io"})
_HUB_HOST = "registry-1.docker.io"
_IN_BUILDER = "/etc/buildkit/"  # buildx rewrites paths of certificates to this folder


@dataclass(frozen=True)
class Trust:
    """What an https host is trusted by, beside the system's authorities.

    Attributes:
        insecure: Any certificate will do.
        authorities: Certificates (PEM) of further authorities.
    """

    insecure: bool = False
    authorities: tuple[str, ...] = ()


@dataclass(frozen=True)
class HostSettings:
    """One ``[registry."HOST"]`` table."""

    mirrors: tuple[str, ...] = ()
    http: bool | None = None
    trust: Trust = Trust()


@dataclass(frozen=True)
class Endpoint:
    """One way to a registry.

    Attributes:
        mirrored: The registry that this host is a mirror of; None for the registry itself.
    """

    scheme: str
    host: str
    path: str = "/v2"
    trust: Trust = Trust()
    mirrored: str | None = None

    @property
    def base(self) -> str:
        """The URL that repository paths are appended to."""
        return f"{self.scheme}://{self.host}{self.path}"


def split_repository(registry: str, repository: str) -> tuple[str, str]:
    """Return a registry's host by its one name, and the repository's path there.

    Args:
        registry: As ``Reference.registry`` gives it.
        repository: As ``Reference.repository`` gives it.
    """
    path = repository.removeprefix(f"{registry}/")
    if registry not in _HUB:
        return registry, path
    return "docker.io", path if "/" in path else f"library/{path}"


def endpoints(registry: str, settings: Mapping[str, HostSettings]) -> tuple[Endpoint, ...]:
    """Return the ways to a registry in the order to try them: mirrors, then itself."""
    own = settings.get(registry, HostSettings())
    ways: list[Endpoint] = []
    for mirror in own.mirrors:
        host, slash, path = mirror.partition("/")
        at = f"/v2/{path}".rstrip("/") if slash else "/v2"
        ways += _ways(host, at, settings.get(host, HostSettings()), registry)
    ways += _ways(_HUB_HOST if registry in _HUB else registry, "/v2", own, None)
    return tuple(ways)


def _ways(host: str, path: str, settings: HostSettings, mirrored: str | None) -> list[Endpoint]:
    plain = is_loopback(host) if settings.http is None else settings.http
    ways = [Endpoint("http", host, path, Trust(), mirrored)] if plain else []
    if not plain or settings.trust.insecure:
        ways.append(Endpoint("https", host, path, settings.trust, mirrored))
    return ways


def builder_settings(env: Mapping[str, str], builder: str | None) -> dict[str, HostSettings]:
    """Return the registry settings of a builder's first node, as buildx stored them.

    Args:
        env: The environment, for the places that docker and buildx keep their state in.
        builder: The builder's name; None is the current one, and "auto" both that may be chosen.
    """
    if builder == AUTO:
        return {**builder_settings(env, None), **builder_settings(env, OWN_NAME)}
    name = builder or chosen_builder(env)
    nodes = stored_builder(env, name).get("Nodes") if name else None
    first = nodes[0] if isinstance(nodes, list) and nodes else {}
    files = first.get("Files") if isinstance(first, dict) else None
    if not isinstance(files, dict) or "buildkitd.toml" not in files:
        return {}
    import tomllib  # noqa: PLC0415 - builders with such a file are few

    try:
        config = tomllib.loads(base64.b64decode(files["buildkitd.toml"]).decode())
    except (ValueError, RecursionError):
        return {}
    tables = config.get("registry")
    return {
        host: _host_settings(table, files)
        for host, table in (tables.items() if isinstance(tables, dict) else ())
        if isinstance(table, dict)
    }


def _host_settings(table: Mapping[str, Any], files: Mapping[str, str]) -> HostSettings:
    http = table.get("http")
    names = (str(path).removeprefix(_IN_BUILDER) for path in table.get("ca") or ())
    authorities = (base64.b64decode(files[name]).decode() for name in names if name in files)
    return HostSettings(
        mirrors=tuple(str(mirror) for mirror in table.get("mirrors") or ()),
        http=http if isinstance(http, bool) else None,
        trust=Trust(table.get("insecure") is True, tuple(authorities)),
    )

"""What a builder is to be made of: the user's arguments, checked, and those for buildx.

https://docs.docker.com/build/builders/drivers/ has the drivers and their options.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from whalebuild.errors import UsageError
from whalebuild.oci.platform import LOCAL, parse_platforms
from whalebuild.settings import AUTO, OWN_NAME
from whalebuild.text import did_you_mean
from whalebuild.values import dataclass

CONTAINER, REMOTE, KUBERNETES = "docker-container", "remote", "kubernetes"
DRIVERS = (CONTAINER, REMOTE, KUBERNETES)
_SCHEMES = ("tcp", "unix", "ssh", "docker-container", "podman-container", "kube-pod")
_TLS_FILES = ("cacert", "cert", "key")
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9._-]*")
_TCP = re.compile(r"tcp://(?:\[[^\]]+\]|[^/:]+):\d{1,5}")
_PLATFORMS = re.compile(r"[a-z0-9]+/[a-z0-9/,_-]+", re.IGNORECASE)


@dataclass(frozen=True)
class NodeSpec:
    """A node to make: its endpoint ("" is the driver's own default), and its platforms."""

    endpoint: str = ""
    platforms: tuple[str, ...] = ()


@dataclass(frozen=True)
class BuilderSpec:
    """A builder to make.

    Attributes:
        options: ``--driver-opt`` of every node: name and value.
        config: BuildKit's configuration file (``buildkitd.toml``).
    """

    name: str
    driver: str = CONTAINER
    nodes: tuple[NodeSpec, ...] = (NodeSpec(),)
    options: tuple[tuple[str, str], ...] = ()
    config: str | None = None

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """Files that have to exist: the option that names each, and its path."""
        tls = [(f"--driver-opt {k}", v) for k, v in self.options if k in _TLS_FILES]
        return (*tls, *([("--config", self.config)] if self.config else []))

    def with_files(self, paths: Sequence[str]) -> BuilderSpec:
        """The same with other paths, in the order of :attr:`files`."""
        left = iter(paths)
        options = tuple((k, next(left) if k in _TLS_FILES else v) for k, v in self.options)
        return replace(self, options=options, config=next(left, None))

    def create_arguments(self, number: int) -> list[str]:
        """The arguments of ``docker buildx create`` for one node.

        The first is made without a node's name: with one, buildx changes a builder that is there
        already. The others have to have one: buildx 0.29 calls two appended ones the same.
        """
        node = self.nodes[number]
        arguments = ["--name", self.name, "--driver", self.driver]
        if number:
            arguments += ["--append", "--node", f"{self.name}{number}"]
        for key, value in (*self.options, *self._selector(node)):
            arguments += ["--driver-opt", _quoted(f"{key}={value}")]
        if node.platforms:
            arguments += ["--platform", ",".join(node.platforms)]
        if self.config:
            arguments += ["--buildkitd-config", self.config]
        return [*arguments, node.endpoint] if node.endpoint else arguments

    def _selector(self, node: NodeSpec) -> list[tuple[str, str]]:
        """Have pods that build one architecture run on machines of that architecture."""
        architectures = {platform.split("/")[1] for platform in node.platforms}
        chosen = any(key in {"nodeselector", "nodeSelector"} for key, _ in self.options)
        if self.driver != KUBERNETES or chosen or len(architectures) != 1:
            return []
        return [("nodeselector", f"kubernetes.io/arch={architectures.pop()}")]


def make_spec(
    name: str | None,
    driver: str,
    nodes: Iterable[str],
    options: Iterable[str],
    config: str | None,
) -> BuilderSpec:
    """Check what the user asks for.

    Raises:
        UsageError: Something of it is not possible; whether files exist is not looked at.
    """
    name = name or OWN_NAME
    if not _NAME.fullmatch(name) or name in {AUTO, "default"}:
        raise UsageError(
            f'"{name}" cannot be a builder\'s name',
            cause="it has a meaning of its own" if _NAME.fullmatch(name) else None,
            next_step="begin with a letter; then letters, digits, dots, dashes and underscores",
        )
    _check_driver(driver)
    made = tuple(parse_node(text) for text in nodes) or (NodeSpec(),)
    pairs = tuple(pair for text in options for pair in _options(text))
    spec = BuilderSpec(name, driver, made, pairs, config)
    _check_nodes(spec)
    _check_options(spec)
    return spec


def parse_node(text: str) -> NodeSpec:
    """Read ``ENDPOINT[=PLATFORMS]``; an endpoint may have ``=`` in it, behind a ``?``.

    Raises:
        UsageError: One of the platforms is none.
    """
    endpoint, equals, words = text.rpartition("=")
    if not equals or ("?" in endpoint and not _PLATFORMS.fullmatch(words)):
        return NodeSpec(text.strip())
    platforms = parse_platforms([words], where=f"--node {text}")
    if not platforms or LOCAL in platforms:
        raise UsageError(
            f"--node {text} names no platform behind the =",
            next_step="write --node ENDPOINT=linux/arm64, or the endpoint alone",
        )
    return NodeSpec(endpoint.strip(), platforms)


def _check_driver(driver: str) -> None:
    if driver in DRIVERS:
        return
    cause = did_you_mean(driver, DRIVERS)
    if driver == "docker":
        cause = "every docker context has a builder of this driver, and others cannot be made"
    raise UsageError(
        f'"{driver}" is not a driver that builders can be made with',
        cause=cause,
        next_step=f"use one of {', '.join(DRIVERS)}",
    )


def _check_nodes(spec: BuilderSpec) -> None:
    for node in spec.nodes:
        _check_endpoint(spec.driver, node.endpoint)
    given = [platform for node in spec.nodes for platform in node.platforms]
    doubled = sorted({platform for platform in given if given.count(platform) > 1})
    if doubled:
        raise UsageError(
            f"{', '.join(doubled)} is given to two nodes",
            cause="buildx sends a platform to the first node that was given it, and never to the "
            "second",
            next_step="give it to one of them; to share work, use --driver kubernetes with "
            "--driver-opt replicas=N, or a builder for each project",
        )
    if len(spec.nodes) > 1 and not all(node.platforms for node in spec.nodes[1:]):
        raise UsageError(
            "every --node but the first needs platforms: --node ENDPOINT=PLATFORMS",
            cause="buildx sends to a further node only what it was given, or what the first "
            "cannot run",
            next_step="write --node ENDPOINT=linux/arm64, say",
        )


def _check_endpoint(driver: str, endpoint: str) -> None:
    if driver != REMOTE:
        return
    scheme = endpoint.partition("://")[0] if "://" in endpoint else ""
    step = "write tcp://HOST:PORT, unix:///PATH, or docker-container://NAME"
    if not endpoint:
        raise UsageError("a remote builder needs --node, the address of a BuildKit", next_step=step)
    if scheme not in _SCHEMES:
        cause = did_you_mean(scheme, _SCHEMES) if scheme else "it has no scheme"
        raise UsageError(f'"{endpoint}" is not a BuildKit\'s address', cause=cause, next_step=step)
    if scheme == "tcp" and not _TCP.fullmatch(endpoint):
        raise UsageError(f'"{endpoint}" has no host and port', next_step=step)


def _check_options(spec: BuilderSpec) -> None:
    keys = {key for key, _ in spec.options}
    if spec.driver != REMOTE:
        return
    if spec.config:
        raise UsageError(
            "--config is not for the driver remote",
            cause="a BuildKit that runs already has its own buildkitd.toml",
            next_step="change it there, or use --driver docker-container or kubernetes",
        )
    if ("cert" in keys) != ("key" in keys):
        raise UsageError(
            "a client's certificate needs its key, and the key its certificate",
            next_step="give both: --driver-opt cert=FILE --driver-opt key=FILE",
        )


def _options(text: str) -> list[tuple[str, str]]:
    """Options as buildx reads them: CSV, so that several may stand in one."""
    fields = next(csv.reader(io.StringIO(text)), [])
    pairs = [
        (key.strip(), equals, value) for key, equals, value in (f.partition("=") for f in fields)
    ]
    if not pairs or not all(key and equals for key, equals, _ in pairs):
        raise UsageError(
            f'"{text}" is not an option (--driver-opt)', next_step="write --driver-opt NAME=VALUE"
        )
    return [(key, value) for key, _, value in pairs]


def _quoted(text: str) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow([text])
    return written.getvalue()

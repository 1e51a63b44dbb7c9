"""What the doctor's decisions are made from; none of it is a secret."""

from __future__ import annotations

from whalebuild.values import dataclass

LINUX, MACOS = "linux", "darwin"


@dataclass(frozen=True)
class ClientFacts:
    """The docker client on PATH, and what it says of its version."""

    path: str
    version: str


@dataclass(frozen=True)
class EngineAddress:
    """Where the engine is looked for.

    Attributes:
        endpoint: Its address; empty where that cannot be told.
        chosen_by: What names it: ``DOCKER_HOST``, or a docker context.
    """

    endpoint: str
    chosen_by: str


@dataclass(frozen=True)
class ProxyFacts:
    """A proxy that is set somewhere.

    Attributes:
        address: Without a login.
        where: A variable, or a file.
        problem: Why it cannot be connected to; None where it can, or that was not tried.
    """

    address: str
    where: str
    problem: str | None = None


@dataclass(frozen=True)
class EngineFacts:
    """What an engine says of itself.

    Attributes:
        containerd_store: Whether it keeps images in containerd.
        data_root: Where it keeps them, if that is on this machine.
        ahead: Seconds by which its clock is ahead of this machine's; None where it does not say.
        proxies: The proxies that it pulls through.
    """

    version: str
    containerd_store: bool
    platform: str | None = None
    data_root: str | None = None
    ahead: float | None = None
    proxies: tuple[ProxyFacts, ...] = ()


@dataclass(frozen=True)
class Use:
    """What one kind of an engine's data takes, in its own words: ``1.2GB``, ``800MB (66%)``."""

    kind: str
    size: str
    reclaimable: str
    reclaimable_bytes: int = 0


@dataclass(frozen=True)
class LintWarning:
    """One finding of BuildKit's lint.

    ``refused`` says that it is no warning: nothing can be built, and ``rule`` is empty.
    """

    file: str
    line: int | None
    rule: str
    detail: str
    url: str = ""
    refused: bool = False


@dataclass(frozen=True)
class DiskFacts:
    """A folder's file system.

    Attributes:
        what: Whose folder it is.
        writable: Whether this user may write there.
    """

    what: str
    path: str
    free: int
    total: int
    writable: bool = True


@dataclass(frozen=True)
class AuthorityFacts:
    """A variable that names certificates of authorities, and what is wrong with them."""

    variable: str
    path: str
    problem: str | None = None


@dataclass(frozen=True)
class Ping:
    """A registry's answer to the first request of all, ``GET /v2/``.

    Attributes:
        status: The HTTP status.
        base: The URL that was asked.
        ahead: Seconds by which its clock is ahead of this machine's; None where it does not say.
    """

    status: int
    base: str
    ahead: float | None = None


@dataclass(frozen=True)
class LoginFacts:
    """Where the login for a registry comes from.

    Attributes:
        source: A file, a variable or a helper's name; empty where there is none.
        problem: Why there may be none although one was set up.
    """

    source: str
    problem: str = ""

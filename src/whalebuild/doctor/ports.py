"""What the doctor asks; ``docker``, ``registry`` and ``state`` have the answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from whalebuild.doctor.facts import (
    AuthorityFacts,
    ClientFacts,
    DiskFacts,
    EngineAddress,
    EngineFacts,
    LintWarning,
    LoginFacts,
    Ping,
    ProxyFacts,
    Use,
)
from whalebuild.errors import WhalebuildError
from whalebuild.plan.plan import Plan
from whalebuild.settings import Settings


class DockerQuestions(Protocol):
    """The docker client and its engine. All but two may raise ``EngineError``."""

    def client(self) -> ClientFacts:
        """Look at the client on PATH."""

    def client_elsewhere(self) -> str | None:
        """A folder that is not on PATH and has a docker client. Raises nothing."""

    def plugin(self, name: str) -> str:
        """What a plugin of the client says of its version."""

    def address(self) -> EngineAddress:
        """Where the engine is looked for. Raises nothing."""

    def engine(self) -> EngineFacts:
        """Ask the engine what it is."""

    def uses(self) -> tuple[Use, ...]:
        """Ask the engine what takes its disk."""

    def lint(
        self, definition: Mapping[str, Any], builder: str | None
    ) -> Mapping[str, tuple[LintWarning, ...]]:
        """Have BuildKit check the Dockerfiles of a bake definition; its findings by target."""


class RegistryQuestions(Protocol):
    """Registries, beside what ``oci.registry.Registry`` has."""

    def ping(self, registry: str) -> Ping:
        """Ask whether anybody is there; raises ``RequestFailedError``."""

    def login(self, registry: str) -> LoginFacts:
        """Where the login comes from. Raises nothing."""

    def lost_blobs(self, repository: str, digests: Iterable[str]) -> tuple[str, ...]:
        """Which of these blobs it says to have not; raises ``RequestFailedError``."""


class MachineQuestions(Protocol):
    """This machine. Raises nothing."""

    def disks(self, data_root: str | None) -> tuple[DiskFacts, ...]:
        """The file systems that a bake writes to; the engine's where it is on this machine."""

    def proxies(self) -> tuple[ProxyFacts, ...]:
        """The proxies that are set for programs and for builds."""

    def proxy_of(self, registry: str) -> str | None:
        """The address of the proxy that requests to a registry go through, without a login."""

    def connect(self, proxy: ProxyFacts) -> ProxyFacts:
        """Connect to a proxy, and say whether that worked."""

    def authorities(self) -> tuple[AuthorityFacts, ...]:
        """Variables that name certificates of authorities."""


class ProjectQuestions(Protocol):
    """The project in the working folder."""

    @property
    def settings(self) -> Settings:
        """The settings; without those of a file that cannot be read."""

    @property
    def broken(self) -> WhalebuildError | None:
        """What is wrong with the settings."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What else is to be said of the settings."""

    def read(self) -> Plan | None:
        """Read it, without asking the engine or a registry; None where there is none.

        Raises:
            WhalebuildError: It cannot be read.
        """

    def decided(self) -> Plan:
        """Plan a bake, with all that engine and registry say.

        Raises:
            WhalebuildError: A bake would end with it.
        """

"""A ``deploy.ports.Configurations`` in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from whalebuild.compose.configuration import Configuration


@dataclass
class FakeConfigurations:
    """See ``deploy.ports.Configurations``."""

    held: dict[str, Configuration] = field(default_factory=dict)

    def read(self, digest: str) -> Configuration | None:
        return self.held.get(digest)

    def all(self) -> Iterator[Configuration]:
        yield from reversed(self.held.values())

    def keep(self, configuration: Configuration) -> str:
        digest = configuration.digest
        self.held[digest] = self.held.pop(digest, configuration)
        return digest

    def drop_all_but(self, digests: Collection[str]) -> None:
        self.held = {digest: each for digest, each in self.held.items() if digest in digests}

"""Follows what buildx says while it bakes: no secret is shown, and nothing is kept back."""

from __future__ import annotations

from whalebuild.buildkit.console import Console
from whalebuild.buildkit.events import clean_line, parse_line
from whalebuild.buildkit.progress import BuildState
from whalebuild.failures.failure import redact
from whalebuild.oci.registry import Registry
from whalebuild.values import dataclass


@dataclass(frozen=True)
class Follower:
    """Shows the lines of bakes, and keeps the state of their builds up to date."""

    console: Console
    registry: Registry

    def take(self, printed: str, state: BuildState) -> None:
        """Take one line of buildx's rawjson progress."""
        line = clean_line(printed, self.hide)
        self.console.raw(line)
        for event in parse_line(line):
            state.apply(event)
            self.console.event(event)

    def hide(self, text: str) -> str:
        """Take out what may be a secret: what it looks like, and the logins that were used."""
        return redact(self.registry.hide(text))

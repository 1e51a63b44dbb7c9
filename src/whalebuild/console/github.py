"""Progress as the log of GitHub Actions has it: builds folded into groups, warnings as such."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TextIO

from whalebuild.buildkit.events import BuildWarning, Event
from whalebuild.ci.commands import command, inert, resume, stop
from whalebuild.console.plain import PlainConsole

_WARNING = "warning: "


class GithubConsole(PlainConsole):
    """Plain lines in groups. In a group no line is a command: builds print what they like."""

    def __init__(self, stream: TextIO) -> None:
        self._token = ""  # of the open group
        self._targets: Sequence[str] = ()
        self._warnings: dict[str, None] = {}
        self._shown: set[str] = set()
        super().__init__(stream, ci=True)

    def begin(self, targets: Sequence[str]) -> None:
        """See ``buildkit.console.Console``."""
        self._close()
        self._targets = targets
        super().begin(targets)

    def event(self, event: Event) -> None:
        """See ``buildkit.console.Console``."""
        if isinstance(event, BuildWarning):
            self._warnings.setdefault(f"{event.text} {event.url}".rstrip())
        super().event(event)

    def note(self, text: str) -> None:
        """See ``buildkit.console.Console``."""
        self._close()
        if text.startswith(_WARNING):
            self._warn(text.removeprefix(_WARNING))
        else:
            super().note(inert(text))

    def progress(self, what: str, how_far: str, done: int | None = None) -> None:
        """See ``buildkit.console.Console``."""
        super().progress(inert(what), inert(how_far), done)

    def __exit__(self, *error: object) -> None:
        self._close()
        super().__exit__(*error)

    def _line(self, text: str) -> None:
        if not self._token:
            title = f"whalebuild: {', '.join(self._targets)}" if self._targets else "whalebuild"
            self._token = secrets.token_hex(16)
            self._print(command("group", title))
            self._print(stop(self._token))
        self._print(text)

    def _close(self) -> None:
        if self._token:
            self._print(resume(self._token))
            self._print(command("endgroup"))
            self._token = ""
        for text in self._warnings:
            self._warn(text)
        self._warnings.clear()

    def _warn(self, text: str) -> None:
        """Annotate once: GitHub shows ten warnings of a step at the most."""
        if text not in self._shown:
            self._shown.add(text)
            self._print(command("warning", text, title="whalebuild"))

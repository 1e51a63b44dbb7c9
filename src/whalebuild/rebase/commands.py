"""What small RUNs after the boundary need of an app base, see ``appbase.small_runs``."""

from __future__ import annotations

from whalebuild.values import dataclass


@dataclass(frozen=True, order=True)
class Touched:
    """A path that a command changes.

    Attributes:
        path: Absolute; where it was just read, as written.
        below: Whether everything below it is changed as well.
        absent: Whether the app base may not have it at all. Else it may have a directory there.
    """

    path: str
    below: bool = False
    absent: bool = False


@dataclass(frozen=True)
class Commands:
    """The commands of all small RUNs of an application.

    Attributes:
        tools: Their names, without the shell's.
        search: Folders of ``PATH``.
        touched: What they change.
        utf8: Whether the locale is that of plain UTF-8, and not the C one.
    """

    tools: frozenset[str] = frozenset()
    search: tuple[str, ...] = ()
    touched: tuple[Touched, ...] = ()
    utf8: bool = False

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.tools)

    def described(self) -> dict[str, object]:
        """All of it in a form for JSON; equal commands have equal ones."""
        touched = sorted(set(self.touched))
        return {
            "tools": sorted(self.tools),
            "search": list(self.search),
            "touched": [[each.path, each.below, each.absent] for each in touched],
            "utf8": self.utf8,
        }

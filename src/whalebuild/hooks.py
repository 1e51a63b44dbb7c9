"""The table ``[hooks]`` of the settings: commands of the user's at moments of a deploy."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from whalebuild.errors import UsageError
from whalebuild.text import did_you_mean
from whalebuild.values import dataclass

#: The table's name.
HOOKS = "hooks"
#: What hooks are given; no settings of whalebuild's, where a hook calls it.
VARIABLES = frozenset(
    f"WHALEBUILD_{name}"
    for name in (
        *("HOOK", "ACT", "PROJECT", "DEPLOYMENT", "SERVICES", "VERSIONS", "REASON", "CONTAINER"),
    )
)
_FORMS = (
    'a command (`"./notify.sh"`, run here by sh), {service = "web", command = "…"} for one in a '
    "container, or a list of these"
)


class HookMoment(StrEnum):
    """When a hook runs."""

    PRE_DEPLOY = "pre-deploy"  # all is pulled, nothing is stopped
    POST_DEPLOY = "post-deploy"  # all works
    ON_FAILURE = "on-failure"  # what ran before runs again, as far as that could be done
    DRAIN = "drain"  # before an old container is stopped


@dataclass(frozen=True)
class Hook:
    """One command.

    Attributes:
        command: For a shell; or the words of a command without one.
        service: In whose container it runs; None for this machine.
    """

    command: str | tuple[str, ...]
    service: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the command."""
        return ("sh", "-c", self.command) if isinstance(self.command, str) else self.command


Hooks = Mapping[str, tuple[Hook, ...]]


def read_hooks(found: object, origin: str) -> dict[str, tuple[Hook, ...]]:
    """Read the table.

    Raises:
        UsageError: A moment is unknown, or what is to run then is no command.
    """
    if not isinstance(found, Mapping):
        raise UsageError(f"{origin}: {HOOKS}: expected a table, found {found!r}")
    hooks = {}
    moments = [str(moment) for moment in HookMoment]
    for moment, raw in found.items():
        if moment not in moments:
            raise UsageError(
                f'{origin}: {HOOKS}: unknown hook "{moment}"',
                cause=did_you_mean(moment, moments),
                next_step=f"hooks are {', '.join(moments)}",
            )
        where = f"{origin}: {HOOKS}.{moment}"
        each = raw if isinstance(raw, list) else [raw]
        hooks[moment] = tuple(_hook(one, where) for one in each)
    return hooks


def _hook(raw: object, where: str) -> Hook:
    if isinstance(raw, str) and raw.strip():
        return Hook(raw)
    if isinstance(raw, Mapping) and set(raw) <= {"service", "command"}:
        command, service = _command(raw.get("command")), raw.get("service")
        if command and (service is None or (isinstance(service, str) and service)):
            return Hook(command, service)
    raise UsageError(
        f"{where}: this is no command of a hook",
        cause=f"expected {_FORMS}",
        next_step="see docs/deploy.md, Hooks",
    )


def _command(raw: object) -> str | tuple[str, ...] | None:
    if isinstance(raw, str) and raw.strip():
        return raw
    if isinstance(raw, list) and raw and all(isinstance(word, str) for word in raw):
        return tuple(raw)
    return None

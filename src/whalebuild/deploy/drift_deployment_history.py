"""Looks at the record of a project's deployments, and whether what it says is what runs."""

from __future__ import annotations

from whalebuild.deploy.drift import Stray, strays
from whalebuild.deploy.history import state_now, unsure
from whalebuild.deploy.record import History
from whalebuild.failures.engine_messages import engine_error
from whalebuild.failures.failure import CommandFailedError
from whalebuild.ports import Host, Project


def find_strays(project: Project, host: Host, history: History) -> tuple[Stray, ...]:
    """Services that somebody has changed outside whalebuild.

    Those that an interrupted deployment was about are left out: either version may run of them.

    Raises:
        WhalebuildError: The project cannot be read, or there is no engine.
    """
    doubtful = unsure(history)
    known = {name: v for name, v in state_now(history).items() if name not in doubtful}
    if not known:
        return ()
    try:
        return strays(known, project.containers(), host.images())
    except CommandFailedError as failed:
        raise engine_error(failed) from None

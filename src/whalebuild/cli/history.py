"""``whalebuild history``."""

from __future__ import annotations

import json
from functools import partial

import typer

from whalebuild.cli import options as opt
from whalebuild.cli.boundary import boundary
from whalebuild.cli.screen import show

EXAMPLES = (("whalebuild history", "each deployment, its outcome and what it has downloaded"),)


@opt.with_blocks
def history(
    *,
    compose: opt.ComposeOptions,
    format_: opt.OutputFormat = opt.Format.TEXT,
) -> None:
    """Show what was deployed when, and what came of it."""
    with boundary(format_):
        from whalebuild.cli.deploy_session import open_deploy_session
        from whalebuild.cli.output.history import (
            HistoryView,
            history_json,
            history_notes,
            history_text,
        )
        from whalebuild.deploy.drift import find_drift, left_running

        with open_deploy_session({}, compose, lock=None) as session:
            found = session.record.read()
            view = HistoryView(
                session.project.model().name,
                session.engine,
                str(session.record.path),
                found,
                find_drift(session.project, session.host, found),
                left_running(session.project, session.host, found),
            )
            if format_ is opt.Format.JSON:
                typer.echo(json.dumps(history_json(view)))
            else:
                show(partial(history_text, view))
            for note in history_notes(view):
                session.console.note(note)

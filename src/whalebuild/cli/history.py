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
    hosts: opt.Hosts = None,
    compose: opt.ComposeOptions,
    format_: opt.OutputFormat = opt.Format.TEXT,
) -> None:
    """Show what was deployed when, and what came of it."""
    with boundary(format_):
        from whalebuild.cli.deploy_open import open_deploy_sessions
        from whalebuild.cli.flags import setting_flags
        from whalebuild.cli.output.history import (
            HistoryView,
            histories_json,
            histories_text,
            history_json,
            history_notes,
            history_text,
        )
        from whalebuild.deployplan.drift import find_drift, left_running

        flags = setting_flags(hosts=hosts)
        with open_deploy_sessions(flags, compose, lock=None) as sessions:
            views: dict[str, HistoryView] = {}
            for session in sessions:
                found = session.record.read()
                views[session.name] = HistoryView(
                    session.project.model().name,
                    session.engine,
                    str(session.record.path),
                    found,
                    find_drift(session.project, session.host, found),
                    left_running(session.project, session.host, found),
                )
            several = len(views) > 1
            view = views[sessions[0].name]
            if format_ is opt.Format.JSON:
                typer.echo(json.dumps(histories_json(views) if several else history_json(view)))
            else:
                show(partial(histories_text, views) if several else partial(history_text, view))
            for session in sessions:
                for note in history_notes(views[session.name]):
                    session.console.note(note)

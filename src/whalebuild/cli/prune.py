"""``whalebuild prune``."""

from __future__ import annotations

import json
from functools import partial

import typer

from whalebuild.cli import options as opt
from whalebuild.cli.boundary import boundary
from whalebuild.cli.screen import show

EXAMPLES = (
    (
        "whalebuild prune --keep 3 --dry-run",
        "what would be removed but for the last three deployments",
    ),
)


@opt.with_blocks
def prune(
    *,
    keep: opt.Keep = None,
    dry_run: opt.DryRun = False,
    wait: opt.WaitForLock = True,
    host: opt.Hosts = None,
    compose: opt.ComposeOptions,
    format_: opt.OutputFormat = opt.Format.TEXT,
) -> None:
    """Remove images of old deployments that neither run nor are needed to go back."""
    with boundary(format_):
        from whalebuild.cli.deploy_session import open_deploy_session
        from whalebuild.cli.output.prune import prune_json, prune_text
        from whalebuild.cli.session import setting_flags
        from whalebuild.deploy.prune import prune as pruned
        from whalebuild.state.shared_record import records_of

        lock = None if dry_run else "prune"
        flags = setting_flags(keep=keep, hosts=host)
        with open_deploy_session(flags, compose, lock=lock, wait=wait) as session:
            records = records_of(
                session.state, session.engine, session.volumes, session.console.note
            )
            kept = session.settings.keep
            with session.reading("looking for images, and removing what is not needed"):
                found = pruned(session.project, session.host, records, kept, dry_run=dry_run)
            name = session.project.model().name
            if format_ is opt.Format.JSON:
                typer.echo(json.dumps(prune_json(found, name)))
            else:
                show(partial(prune_text, found))

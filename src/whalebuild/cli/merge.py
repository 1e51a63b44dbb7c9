"""``whalebuild merge``."""

from __future__ import annotations

import json
import os

import typer

from whalebuild.cli import options as opt
from whalebuild.cli.boundary import boundary


def merge(
    parts: opt.Parts,
    builder: opt.Builder = None,
    retry_attempts: opt.RetryAttempts = None,
    retry_deadline: opt.RetryDeadline = None,
    if_unchanged: opt.IfUnchanged = None,
    format_: opt.OutputFormat = opt.Format.TEXT,
) -> None:
    """Publish both tags from what `bake --partial` has built on several machines.

    PARTS are the files that it has written, one of each machine. Neither the source nor an engine
    is needed.
    """
    with boundary(format_):
        from whalebuild.cli.session import open_session, setting_flags
        from whalebuild.core.part_json import read_part

        flags = setting_flags(
            builder=builder,
            retry_attempts=retry_attempts,
            retry_deadline=retry_deadline,
            if_unchanged=if_unchanged,
        )
        with open_session(flags) as session:
            from whalebuild.adapters.github_actions import write_outputs
            from whalebuild.adapters.part_files import read_part_file
            from whalebuild.cli.render import result_table
            from whalebuild.workflows.merging import Merger

            read = [read_part(read_part_file(path), str(path)) for path in parts]
            registry, retrier = session.registry, session.retrier
            merger = Merger(registry, session.console, retrier, session.settings)
            result = merger.merge(read)
        table = result_table(result)
        write_outputs(result, table, os.environ)
        typer.echo(json.dumps(result.as_json()) if format_ is opt.Format.JSON else table)

"""``whalebuild merge``."""

from __future__ import annotations

import json
import os
from functools import partial

import typer

from whalebuild.cli import options as opt
from whalebuild.cli.boundary import boundary
from whalebuild.cli.running_time import seconds_running
from whalebuild.cli.screen import show

EXAMPLES = (
    (
        "whalebuild merge whalebuild-part-*.json",
        "publish what two machines have built, each for its own platform",
    ),
)


@opt.with_blocks
def merge(
    *,
    parts: opt.Parts,
    builder: opt.Builder = None,
    retry: opt.RetryOptions,
    if_unchanged: opt.IfUnchanged = None,
    format_: opt.OutputFormat = opt.Format.TEXT,
) -> None:
    """Publish both tags from what `bake --partial` has built on several machines.

    Each PART is a file that it has written, one of each machine. Neither the source nor an engine
    is needed.
    """
    with boundary(format_):
        from whalebuild.bake.partial.format import read_part
        from whalebuild.cli.flags import setting_flags
        from whalebuild.cli.session import open_session

        flags = setting_flags(builder=builder, if_unchanged=if_unchanged, **vars(retry))
        with open_session(flags) as session:
            from whalebuild.bake.partial.merge import Merger
            from whalebuild.cli.output.bake import result_json, result_table
            from whalebuild.cli.output.github import write_outputs
            from whalebuild.state.part_files import read_part_file

            read = [read_part(read_part_file(path), str(path)) for path in parts]
            registry, retrier = session.registry, session.retrier
            merger = Merger(registry, session.console, retrier, session.settings, seconds_running)
            result = merger.merge(read)
        write_outputs(result, result_table(result), os.environ, session.console.note)
        if format_ is opt.Format.JSON:
            typer.echo(json.dumps(result_json(result)))
        else:
            show(partial(result_table, result))

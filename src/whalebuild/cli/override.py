"""``whalebuild override``."""

from __future__ import annotations

import json

import typer

from whalebuild.cli import options as opt
from whalebuild.cli.boundary import boundary

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("whalebuild override", "from then on docker compose build starts from what is published"),
    ("whalebuild override --check", "write nothing; exit code 10 if the file is not up to date"),
    ("whalebuild override --output -", "print it, and write nothing"),
)
_NOT_FRESH = 10
_STDOUT = "-"


@opt.with_blocks
def override(
    *,
    targets: opt.Targets = None,
    bake_file: opt.BakeFileOptions,
    compose_file: opt.OverriddenFiles = None,
    output: opt.OverrideOutput = None,
    allow: opt.Allow = None,
    builder: opt.Builder = None,
    naming: opt.ImageOptions,
    scope: opt.Scope = None,
    check: opt.CheckOverride = False,
    format_: opt.OutputFormat = opt.Format.TEXT,
) -> None:
    """Write a compose override, so that `docker compose build` starts from what is published."""
    with boundary(format_):
        import os
        from pathlib import Path

        from whalebuild.cli.flags import setting_flags
        from whalebuild.cli.output.override import override_json, override_lines
        from whalebuild.cli.override_file import make_override
        from whalebuild.cli.session import BakeArguments, open_session
        from whalebuild.source.compose_lookup import find_compose_files, is_read, output_of
        from whalebuild.source.override_file import write_override

        flags = setting_flags(
            file=bake_file.file, scope=scope, allow=allow, builder=builder, **vars(naming)
        )
        here = Path.cwd()  # the session may run in a folder above
        files = find_compose_files(here, os.environ, compose_file or ())
        path = None if output == _STDOUT else output_of(files, here / output if output else None)
        arguments = BakeArguments(targets, bake_file.set_, bake_file.var)
        with open_session(flags, arguments) as session:
            with session.reading():
                made = make_override(session, session.request, files, path)
            written = path is not None and not check and not made.fresh
            if path and written:
                write_override(path, made.text)
            found = path is None or is_read(path, files)
            if format_ is opt.Format.JSON:
                typer.echo(json.dumps(override_json(made, written=written)))
            elif path is None:
                typer.echo(made.text, nl=False)
            if format_ is opt.Format.TEXT:
                lines = override_lines(made, files, written=written, found=found)
                typer.echo("\n".join(lines), err=path is None)
        if check and not made.fresh:
            raise typer.Exit(_NOT_FRESH)

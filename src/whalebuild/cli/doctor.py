"""``whalebuild doctor``."""

from __future__ import annotations

import json

import typer

from whalebuild.cli import options as opt
from whalebuild.cli.boundary import boundary

EXAMPLES: tuple[tuple[str, str], ...] = (
    ("whalebuild doctor", "look at this machine, this project and its registry"),
    ("whalebuild doctor --read-only", "do not ask whether the registry takes a push"),
    ("whalebuild doctor --image ghcr.io/acme/web", "look at a registry, without a project"),
)


@opt.with_blocks
def doctor(
    *,
    targets: opt.Targets = None,
    bake_file: opt.BakeFileOptions,
    platform: opt.Platforms = None,
    builder: opt.Builder = None,
    naming: opt.ImageOptions,
    scope: opt.Scope = None,
    read_only: opt.DoctorReadOnly = False,
    format_: opt.OutputFormat = opt.Format.TEXT,
) -> None:
    """Look for what is wrong here, and name the command that mends it."""
    with boundary(format_):
        from whalebuild.cli.doctor_session import examination
        from whalebuild.cli.flags import setting_flags
        from whalebuild.cli.output.doctor import DoctorPrinter, report_json
        from whalebuild.cli.session import BakeArguments
        from whalebuild.doctor.finding import exit_code

        flags = setting_flags(
            file=bake_file.file, platform=platform, builder=builder, scope=scope, **vars(naming)
        )
        arguments = BakeArguments(targets, bake_file.set_, bake_file.var)
        with examination(flags, arguments, push=not read_only) as begun:
            if format_ is opt.Format.JSON:
                found = [each.result() for each in begun]
                typer.echo(json.dumps(report_json(found)))
            else:
                found = DoctorPrinter().show(begun)
        code = exit_code(found)
        if code:
            raise typer.Exit(int(code))

"""``whalebuild plan``."""

from __future__ import annotations

import json

import typer

from whalebuild.cli import options as opt
from whalebuild.cli.boundary import boundary


def plan(
    targets: opt.Targets = None,
    file: opt.Files = None,
    set_: opt.Overrides = None,
    var: opt.Variables = None,
    platform: opt.Platforms = None,
    builder: opt.Builder = None,
    tag: opt.Tags = None,
    image: opt.ImageName = None,
    deps_stage: opt.DepsStage = None,
    format_: opt.OutputFormat = opt.Format.TEXT,
) -> None:
    """Show what a bake would do and why, and run nothing."""
    with boundary(format_):
        from whalebuild.cli.render import plan_text
        from whalebuild.cli.session import make_request, open_session, setting_flags
        from whalebuild.core.definition import BuildOptions

        flags = setting_flags(
            image=image, file=file, deps_stage=deps_stage, platform=platform, builder=builder
        )
        with open_session(flags) as session:
            request = make_request(session.settings, targets, set_, var)
            options = BuildOptions(extra_tags=tuple(tag or ()))
            made = session.planner(ask=True).plan(request, options)
        as_json = format_ is opt.Format.JSON
        typer.echo(json.dumps(made.as_json()) if as_json else plan_text(made))

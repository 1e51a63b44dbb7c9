"""``whalebuild plan``."""

from __future__ import annotations

import json
from functools import partial

import typer

from whalebuild.cli import options as opt
from whalebuild.cli.boundary import boundary
from whalebuild.cli.screen import show

_REBUILD_NEEDED = 10
EXAMPLES = (
    ("whalebuild plan", "what a bake would do, and why"),
    (
        "whalebuild plan --patch | patch -p1",
        "change the Dockerfile so that less runs after the code",
    ),
)


@opt.with_blocks
def plan(
    *,
    targets: opt.Targets = None,
    bake_file: opt.BakeFileOptions,
    allow: opt.Allow = None,
    platform: opt.Platforms = None,
    builder: opt.Builder = None,
    tag: opt.Tags = None,
    naming: opt.ImageOptions,
    push: opt.Push = False,
    attributes: opt.AttributeOptions,
    pull: opt.Pull = False,
    scope: opt.Scope = None,
    base: opt.Base = None,
    check: opt.Check = False,
    patch: opt.ShowPatch = False,
    format_: opt.OutputFormat = opt.Format.TEXT,
) -> None:
    """Show what a bake would do and why, and run nothing."""
    with boundary(format_):
        from whalebuild.cli.build_flags import overrides_of
        from whalebuild.cli.flags import setting_flags
        from whalebuild.cli.session import BakeArguments, open_session

        flags = setting_flags(
            file=bake_file.file,
            scope=scope,
            base=base,
            allow=allow,
            platform=platform,
            builder=builder,
            **vars(naming),
        )
        overrides = overrides_of(bake_file.set_, attributes, push=push)
        with open_session(flags, BakeArguments(targets, overrides, bake_file.var)) as session:
            from whalebuild.bakefile.images import BuildOptions
            from whalebuild.cli.output.after_boundary import patches
            from whalebuild.cli.output.plan import plan_json, plan_text

            options = BuildOptions(pull=pull, extra_tags=tuple(tag or ()))
            with session.reading():
                made = session.planner(ask=True, thorough=True).plan(session.request, options)
            session.check_reach(made)
        if format_ is opt.Format.JSON:
            typer.echo(json.dumps(plan_json(made)))
        elif patch:
            typer.echo(patches(made), nl=False)
        else:
            show(partial(plan_text, made))
        if check and made.rebuild_needed:
            raise typer.Exit(_REBUILD_NEEDED)

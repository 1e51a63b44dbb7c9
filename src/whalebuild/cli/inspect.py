"""``whalebuild inspect``."""

from __future__ import annotations

import json
from functools import partial

import typer

from whalebuild.cli import options as opt
from whalebuild.cli.boundary import boundary
from whalebuild.cli.screen import show

EXAMPLES = (
    ("whalebuild inspect", "both tags of each pair of the bake file"),
    ("whalebuild inspect registry.example/shop/web", "those of an image, from anywhere"),
)


@opt.with_blocks
def inspect(
    *,
    subject: opt.Inspected = None,
    bake_file: opt.BakeFileOptions,
    platform: opt.ShownPlatforms = None,
    builder: opt.Builder = None,
    naming: opt.ImageOptions,
    scope: opt.Scope = None,
    format_: opt.OutputFormat = opt.Format.TEXT,
) -> None:
    """Show what is published: images, lock, caches, and what :latest shares with :deps.

    IMAGE is registry/name or registry/name:tag; without it the pairs of the bake file are shown.
    """
    with boundary(format_):
        from whalebuild.cli.flags import setting_flags
        from whalebuild.cli.image_argument import names_of_session, read_subject, session_about
        from whalebuild.oci.platform import parse_platforms

        named = read_subject(subject, *vars(bake_file).values(), *vars(naming).values(), scope)
        platforms = parse_platforms(platform or (), where="--platform")
        flags = setting_flags(file=bake_file.file, scope=scope, builder=builder, **vars(naming))
        with session_about(named, flags, bake_file) as session:
            from whalebuild.bakefile.pair_names import names_of_image
            from whalebuild.cli.output.inspect import inspection_json, inspection_text
            from whalebuild.published.inspect import Inspector
            from whalebuild.published.lookup import ManifestLookup
            from whalebuild.runtime.retrying_registry import RetryingRegistry

            with session.reading("reading the bake file"):
                names = [names_of_image(named)] if named else names_of_session(session)
            lookup = ManifestLookup(RetryingRegistry(session.registry, session.retrier))
            with session.reading("reading what is published"):
                views = Inspector(lookup).inspect(names, platforms)
        if format_ is opt.Format.JSON:
            typer.echo(json.dumps(inspection_json(views)))
        else:
            show(partial(inspection_text, views))

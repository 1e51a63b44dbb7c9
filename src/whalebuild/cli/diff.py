"""``whalebuild diff``."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import typer

from whalebuild.cli import options as opt
from whalebuild.cli.boundary import boundary
from whalebuild.cli.screen import show

if TYPE_CHECKING:
    from whalebuild.docker.host import DockerHost

EXAMPLES = (
    ("whalebuild diff", "what this host would download of each image of the bake file"),
    (
        "whalebuild diff registry.example/shop/web:latest --from running",
        "from what runs here to what is published",
    ),
)


@opt.with_blocks
def diff(
    *,
    subject: opt.Inspected = None,
    from_: opt.From = None,
    to: opt.To = None,
    bake_file: opt.BakeFileOptions,
    platform: opt.HostPlatform = None,
    builder: opt.Builder = None,
    naming: opt.ImageOptions,
    scope: opt.Scope = None,
    format_: opt.OutputFormat = opt.Format.TEXT,
) -> None:
    """Show which layers and how many bytes a host downloads when it pulls; nothing is pulled.

    IMAGE is registry/name or registry/name:tag; without it the images of the bake file are shown.
    """
    with boundary(format_):
        from whalebuild.cli.flags import setting_flags
        from whalebuild.cli.image_argument import names_of_session, read_subject, session_about
        from whalebuild.oci.platform import parse_platform

        named = read_subject(subject, *vars(bake_file).values(), *vars(naming).values())
        other = parse_platform(platform, where="--platform") if platform else None
        flags = setting_flags(file=bake_file.file, scope=scope, builder=builder, **vars(naming))
        with session_about(named, flags, bake_file) as session, _host() as host:
            from whalebuild.bakefile.pair_names import with_tag
            from whalebuild.cli.output.diff import diff_json, diff_text
            from whalebuild.published.diff import DiffReader
            from whalebuild.published.download import diff_request
            from whalebuild.published.lookup import ManifestLookup
            from whalebuild.runtime.retrying_registry import RetryingRegistry

            with session.reading("reading the bake file"):
                names = (
                    [with_tag(named, session.settings.scope)]
                    if named
                    else [pair.pulled for pair in names_of_session(session)]
                )
            lookup = ManifestLookup(RetryingRegistry(session.registry, session.retrier))
            differ = DiffReader(lookup, host, other)
            with session.reading("reading what is published, and what this host has"):
                diffs = differ.diff([diff_request(name, from_, to) for name in names])
        if format_ is opt.Format.JSON:
            typer.echo(json.dumps(diff_json(diffs)))
        else:
            show(partial(diff_text, diffs))


def _host() -> DockerHost:
    """This host; the bake file is being read when it is imported."""
    from whalebuild.docker.host import DockerHost

    return DockerHost()

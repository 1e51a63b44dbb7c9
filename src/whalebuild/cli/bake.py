"""``whalebuild bake``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from whalebuild.cli import options as opt
from whalebuild.cli.boundary import boundary
from whalebuild.errors import UsageError

if TYPE_CHECKING:
    from whalebuild.cli.session import Session
    from whalebuild.console.base import ConsoleBase


@opt.with_blocks
def bake(
    *,
    targets: opt.Targets = None,
    bake_file: opt.BakeFileOptions,
    allow: opt.Allow = None,
    platform: opt.Platforms = None,
    builder: opt.Builder = None,
    no_cache: opt.NoCache = False,
    pull: opt.Pull = False,
    progress: opt.Progress = None,
    metadata_file: opt.MetadataFile = None,
    print_: opt.PrintOnly = False,
    push: opt.Push = False,
    load: opt.Load = False,
    read_only: opt.ReadOnly = False,
    partial: opt.Partial = False,
    part_file: opt.PartFile = None,
    force: opt.Force = False,
    verify: opt.Verify = False,
    scope: opt.Scope = None,
    base: opt.Base = None,
    tag: opt.Tags = None,
    naming: opt.ImageOptions,
    retry: opt.RetryOptions,
    strict_cache: opt.StrictCache = None,
    if_unchanged: opt.IfUnchanged = None,
    format_: opt.OutputFormat = opt.Format.TEXT,
) -> None:
    """Build the dependencies and the application, and publish both tags."""
    with boundary(format_):
        from whalebuild.cli.forks import Modes
        from whalebuild.cli.partial import (
            ask_for_portion,
            bake_part,
            check_modes,
            check_verify,
            portion_note,
        )
        from whalebuild.cli.session import BakeArguments, open_session, push_override, setting_flags

        check_modes(push=push, load=load, read_only=read_only, partial=partial, part_file=part_file)
        check_verify(verify=verify, load=load, read_only=read_only, partial=partial)
        modes = Modes(push, load, read_only, partial, part_file, verify).here(os.environ)
        flags = setting_flags(
            file=bake_file.file,
            scope=scope,
            base=base,
            # Beside --partial it names the platforms to build here, not those to publish.
            platform=None if modes.partial else platform,
            builder=builder,
            allow=allow,
            progress=progress,
            strict_cache=strict_cache,
            if_unchanged=if_unchanged,
            **vars(naming),
            **vars(retry),
        )
        overrides = push_override(bake_file.set_, push=push)
        arguments = BakeArguments(targets, overrides, bake_file.var, ask=not print_)
        with open_session(flags, arguments) as session:
            from whalebuild.bakefile.images import BuildOptions
            from whalebuild.cli.output.bake import next_pull_lines, result_json, result_table
            from whalebuild.cli.output.github import write_outputs
            from whalebuild.cli.output.plan import announcement

            options = BuildOptions(
                load=load,
                read_only=modes.read_only,
                force=force,
                no_cache=no_cache,
                pull=pull,
                extra_tags=tuple(tag or ()),
                portion=ask_for_portion(platform) if modes.partial else None,
                verify=modes.verify,
            )
            if modes.why and not print_:
                session.console.note(modes.why)
            with session.reading():
                plan = session.planner(ask=not print_).plan(session.request, options)
            if print_:
                typer.echo(json.dumps(plan.preview(), indent=2))
                return
            if metadata_file:
                _check_folder(metadata_file)
            if load:
                session.console.note("--load builds for this machine's platform only")
            if modes.partial:
                session.console.note(portion_note(plan))
            _say(session, announcement(plan))
            session.ready_builder(plan)
            baker = session.baker(plan)
            result = bake_part(baker, modes.part_file) if modes.partial else baker.bake()
            _say(session, next_pull_lines(result))
            if metadata_file:
                _write(metadata_file, json.dumps(result.metadata, indent=2) + "\n", session.console)
        table = result_table(result)
        write_outputs(result, table, os.environ, session.console.note)
        if format_ is opt.Format.JSON:
            typer.echo(json.dumps(result_json(result)))
            return
        if result.printed:
            typer.echo(result.printed.rstrip("\n"))
        if modes.partial or not plan.nothing_to_do:
            typer.echo(table)


def _check_folder(metadata_file: Path) -> None:
    """Refuse a metadata file that cannot be written, before anything is built."""
    if not metadata_file.parent.is_dir():
        raise UsageError(
            f"cannot write the metadata file {metadata_file}",
            cause=f"there is no folder {metadata_file.parent}",
            next_step="create it, or name another file with --metadata-file",
        )


def _say(session: Session, lines: Iterable[str]) -> None:
    """Say lines that are for people."""
    from whalebuild.cli.session import FOR_PROGRAMS

    if session.settings.progress not in FOR_PROGRAMS:
        for line in lines:
            session.console.note(line)


def _write(path: Path, text: str, console: ConsoleBase) -> None:
    """Write a by-product: what is published stays published when that fails."""
    try:
        path.write_text(text)
    except OSError as failed:
        console.note(f"warning: {path} could not be written: {failed.strerror}")

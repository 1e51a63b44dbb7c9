"""``whalebuild bake``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial as bound
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from whalebuild.cli import options as opt
from whalebuild.cli.boundary import begin_debug, boundary
from whalebuild.cli.screen import show
from whalebuild.errors import BuildError, UsageError

if TYPE_CHECKING:
    from whalebuild.bake.result import BakeResult
    from whalebuild.cli.forks import Modes
    from whalebuild.cli.session import Session
    from whalebuild.console.base import ConsoleBase
    from whalebuild.plan.plan import Plan


EXAMPLES = (
    ("whalebuild bake", "build what has changed, and publish both tags"),
    ("whalebuild bake web --platform linux/amd64,linux/arm64", "one target, for two platforms"),
    ("whalebuild bake --load", "try it here: into the local engine, and nothing is pushed"),
)


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
    quiet: opt.Quiet = False,
    debug: opt.Debug = False,
    metadata_file: opt.MetadataFile = None,
    print_: opt.PrintOnly = False,
    list_: opt.ListOnly = None,
    call: opt.Call = None,
    check: opt.CheckDockerfiles = False,
    push: opt.Push = False,
    attributes: opt.AttributeOptions,
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
        from whalebuild.cli.build_flags import asked_call, asked_progress, check_shown, overrides_of
        from whalebuild.cli.flags import setting_flags
        from whalebuild.cli.forks import Modes
        from whalebuild.cli.partial import ask_for_portion, check_modes, check_verify
        from whalebuild.cli.session import BakeArguments, open_session

        if debug:
            begin_debug()
        check_shown(print_=print_, list_=list_)
        asked = asked_call(call, check=check)
        check_modes(push=push, load=load, read_only=read_only, partial=partial, part_file=part_file)
        check_verify(verify=verify, load=load, read_only=read_only, partial=partial)
        modes = Modes(push, load, read_only, partial, part_file, verify)
        modes = modes if asked else modes.here(os.environ)
        flags = setting_flags(
            file=bake_file.file,
            scope=scope,
            base=base,
            # Beside --partial it names the platforms to build here, not those to publish.
            platform=None if modes.partial else platform,
            builder=builder,
            allow=allow,
            progress=asked_progress(progress, quiet=quiet),
            strict_cache=strict_cache,
            if_unchanged=if_unchanged,
            **vars(naming),
            **vars(retry),
        )
        overrides = overrides_of(bake_file.set_, attributes, push=push, call=asked)
        ask = not (print_ or list_)
        arguments = BakeArguments(targets, overrides, bake_file.var, ask=ask, ahead=not list_)
        with open_session(flags, arguments) as session:
            from whalebuild.bakefile.images import BuildOptions

            options = BuildOptions(
                load=load,
                read_only=modes.read_only,
                force=force,
                no_cache=no_cache,
                pull=pull,
                extra_tags=tuple(tag or ()),
                portion=ask_for_portion(platform) if modes.partial else None,
                verify=modes.verify,
                call=asked,
            )
            metadata_file = session.path(metadata_file) if metadata_file else None
            if list_:
                typer.echo(_listed(session, list_, format_))
                return
            if modes.why and ask:
                session.console.note(modes.why)
            with session.reading():
                plan = session.planner(ask=ask).plan(session.request, options)
            if print_:
                typer.echo(json.dumps(plan.preview(), indent=2))
                return
            _begin(session, plan, metadata_file)
            result = _build(session, plan, modes, format_)
            if metadata_file:
                _write(metadata_file, json.dumps(result.metadata, indent=2) + "\n", session.console)
        _show(session, plan, result, format_, quiet=quiet)


def _begin(session: Session, plan: Plan, metadata_file: Path | None) -> None:
    """Say what is going to be done, and have the builder be there."""
    from whalebuild.cli.output.plan import announcement
    from whalebuild.cli.partial import portion_note

    if metadata_file:
        _check_writable(metadata_file)
    if plan.options.load:
        session.console.note("--load builds for this machine's platform only")
    if plan.options.portion:
        session.console.note(portion_note(plan))
    _say(session, announcement(plan))
    session.ready_builder(plan)


def _build(session: Session, plan: Plan, modes: Modes, format_: opt.Format) -> BakeResult:
    """Carry a plan out, and say what hosts are going to download of it."""
    from whalebuild.cli.output.bake import next_pull_lines
    from whalebuild.cli.partial import bake_part

    baker = session.baker(plan)
    with _calls_printed(plan.options.call, format_):
        result = bake_part(baker, session.path, modes.part_file) if modes.partial else baker.bake()
    _say(session, next_pull_lines(result))
    if plan.options.publishes and not modes.partial:
        from whalebuild.cli.fresh_override import keep_fresh

        keep_fresh(session)
    return result


def _show(
    session: Session, plan: Plan, result: BakeResult, format_: opt.Format, *, quiet: bool
) -> None:
    """Print the result, and hand it to a CI service."""
    from whalebuild.cli.output.bake import digest_lines, result_json, result_table
    from whalebuild.cli.output.github import write_outputs

    called = plan.options.call is not None
    if not called:
        write_outputs(result, result_table(result), os.environ, session.console.note)
    if format_ is opt.Format.JSON:
        typer.echo(json.dumps(result_json(result)))
        return
    if result.printed:
        typer.echo(result.printed.rstrip("\n"))
    # buildx prints nothing else of a call, and nothing at all with `--progress none`.
    if called or session.settings.progress == "none":
        return
    if quiet:
        typer.echo("\n".join(digest_lines(result)))
    elif plan.options.portion or not plan.nothing_to_do:
        show(bound(result_table, result))


def _listed(session: Session, what: str, format_: opt.Format) -> str:
    """What ``--list`` prints; JSON is buildx's own."""
    from whalebuild.plan.read_bakefile import BakeFileReader

    reader = BakeFileReader(session.engine, session.tree, session.settings)
    if format_ is opt.Format.JSON and "format=" not in what:
        what = f"{what if what.startswith('type=') else f'type={what}'},format=json"
    return reader.listed(session.request, what, session.buildx.listing)


@contextmanager
def _calls_printed(asked: str | None, format_: opt.Format) -> Iterator[None]:
    """Print what calls have found on standard output where that makes the bake fail, too."""
    try:
        yield
    except BuildError as failed:
        if asked and failed.log and format_ is opt.Format.TEXT:
            typer.echo(failed.log)
            failed.log = None
        raise


def _check_writable(metadata_file: Path) -> None:
    """Refuse a metadata file that cannot be written, before anything is built.

    Raises:
        UsageError: There is something in its place, or no folder for it, or it is not allowed.
    """
    folder = metadata_file.parent
    if not folder.is_dir():
        cause, next_step = f"there is no folder {folder}", "create it, or name another file"
    elif metadata_file.is_dir():
        cause, next_step = "it is a folder", "name a file in it"
    elif not os.access(metadata_file if metadata_file.exists() else folder, os.W_OK):
        cause, next_step = "this user may not write there", "name another file"
    else:
        return
    raise UsageError(
        f"cannot write the metadata file {metadata_file}",
        cause=cause,
        next_step=f"{next_step} with --metadata-file",
    )


def _say(session: Session, lines: Iterable[str]) -> None:
    """Say lines that are for people."""
    from whalebuild.cli.waiting import FOR_PROGRAMS

    if session.settings.progress not in FOR_PROGRAMS:
        for line in lines:
            session.console.note(line)


def _write(path: Path, text: str, console: ConsoleBase) -> None:
    """Write a by-product: what is published stays published when that fails."""
    try:
        path.write_text(text)
    except OSError as failed:
        console.note(f"warning: {path} could not be written: {failed.strerror}")

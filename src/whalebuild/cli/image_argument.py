"""What ``inspect`` and ``diff`` are about: the image that is named, or those of the bake file."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from whalebuild.cli.options import BakeFileOptions
from whalebuild.cli.session import BakeArguments, Session, open_session
from whalebuild.errors import UsageError
from whalebuild.oci.reference import Reference, parse_reference

if TYPE_CHECKING:
    from whalebuild.bakefile.pair_names import PairNames
    from whalebuild.bakefile.request import BakeRequest
    from whalebuild.plan.ports import BakeFiles, SourceTree
    from whalebuild.settings import Settings


def names_in_bake_file(
    engine: BakeFiles, tree: SourceTree, settings: Settings, request: BakeRequest
) -> tuple[PairNames, ...]:
    """Find the pairs of the bake file, as a bake would.

    Raises:
        WhalebuildError: The bake file cannot be read, or does not name the images.
    """
    from whalebuild.bakefile.pair_names import names_of_pairs
    from whalebuild.plan.read_bakefile import BakeFileReader

    found, _, source = BakeFileReader(engine, tree, settings).targets(request)
    if not found.pairs:
        raise UsageError(
            f"{source}: no target is published as a pair",
            cause="; ".join(f"{other.name}: {other.why}" for other in found.others) or None,
            next_step="name an image: registry/name",
        )
    return names_of_pairs(found.pairs)


def read_subject(subject: str | None, *choosing: object) -> Reference | None:
    """Read IMAGE; None where the bake file says what it is about.

    Args:
        subject: What was given.
        choosing: Options that choose what a bake file names.

    Raises:
        UsageError: It is no reference, or one of these options was given as well.
    """
    if subject is None:
        return None
    if any(choosing):
        raise UsageError(
            "IMAGE was given, and options that choose what a bake file names",
            next_step="give one or the other",
        )
    return parse_reference(subject, where="IMAGE")


def session_about(
    subject: Reference | None,
    flags: Mapping[str, object],
    bake_file: BakeFileOptions,
) -> AbstractContextManager[Session]:
    """A session in which the bake file is read ahead, unless an image was named."""
    if subject is not None:
        return open_session(flags)
    return open_session(flags, BakeArguments(None, bake_file.set_, bake_file.var, ask=False))


def names_of_session(session: Session) -> tuple[PairNames, ...]:
    """The pairs of the bake file."""
    return names_in_bake_file(session.engine, session.tree, session.settings, session.request)

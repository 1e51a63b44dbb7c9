"""What the user asks of a bake file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from whalebuild.values import dataclass


@dataclass(frozen=True)
class BakeRequest:
    """How to read a bake file, in buildx's own terms.

    Attributes:
        files: ``--file`` values; empty for buildx's default lookup.
        targets: Targets or groups; empty for the default group.
        overrides: ``--set`` values, ``targetpattern.key=value``.
        variables: ``--var`` values; they reach buildx through its environment.
        allow: ``--allow`` values. buildx says which forms there are.
        check_files: ``BUILDX_BAKE_ENTITLEMENTS_FS``; None where it is not set.
        definition: A bake definition to read in place of files.
        remote: Where a bake file lies that is elsewhere, and the address of what it calls the
            command's context, if that is named; ``files`` are names there. Contexts are there, too.
        builder: Who fetches that; None is buildx's own choice.
    """

    files: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    allow: tuple[str, ...] = ()
    check_files: str | None = None
    definition: Mapping[str, Any] | None = None
    remote: tuple[str, ...] = ()
    builder: str | None = None

"""Paths without links, as buildx finds them before it asks for consent to read or write there."""

from __future__ import annotations

import os
from pathlib import Path

from whalebuild.bakefile.entitlements import RealPath


def real_path(root: Path, path: str) -> RealPath:
    """Follow the links in a path, and part it where nothing exists any more.

    Follows ``EvaluateToExistingPath`` of docker/buildx (``util/osutil``): ``..`` is taken away
    before links are followed, and a link to nothing counts as what it names.

    Args:
        root: What relative paths start from.
        path: The path; it need not exist.
    """
    whole = os.path.abspath(root / path)  # noqa: PTH100 - Path.absolute keeps the dots
    try:
        existing = os.path.realpath(whole)
    except ValueError:  # no path at all: it has a zero byte
        existing = whole
    missing: list[str] = []
    while not os.path.lexists(existing):
        existing, name = os.path.split(existing)
        missing.insert(0, name)
    return RealPath(existing, "/".join(missing))

"""The two tags of a pair of images, and the names that a scope's tags may have."""

from __future__ import annotations

import re

from whalebuild.errors import UsageError
from whalebuild.oci.reference import is_tag

DEPS_TAG = "deps"
APP_TAG = "latest"
_LONGEST = 100  # leaves room for the rest of a tag: a tag may have 128 characters
_RESERVED = frozenset({APP_TAG, DEPS_TAG})


def scope_name(text: str, *, where: str) -> str:
    """The scope for a branch's name: characters that a tag cannot have become ``-``.

    Raises:
        UsageError: Nothing is left, or the tags would be those of another scope.
    """
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.")[:_LONGEST]
    taken = name in _RESERVED or name.endswith(f"-{DEPS_TAG}")
    if not is_tag(name) or taken:
        raise UsageError(
            f'"{text}" cannot be a scope ({where})',
            cause="another scope has such a tag" if taken else "no tag is like it",
            next_step="give a name of letters, digits, dots, dashes and underscores",
        )
    return name

"""Variables of docker and buildx that would change what our calls of them do: each set or left out.

All others mean to buildx what the user means with them; docs/settings.md has the list.
"""

from __future__ import annotations

from collections.abc import Mapping

Changes = dict[str, str | None]

# buildx would draw on a terminal that our calls do not have, and `bake --print` fails of that.
_OF_NO_CALL = ("BUILDKIT_PROGRESS",)
_NO_LOOKUP = "BUILDX_BAKE_DISABLE_VARS_ENV_LOOKUP"
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})  # as Go's strconv.ParseBool

#: For a bake file that whalebuild wrote: it lies in the scratch folder, and its paths start in the
#: working folder.
OF_OWN_FILE: Changes = {"BUILDX_BAKE_FILE_RELATIVE_PATHS": None}
#: For a build that is to be one of the node's own platform.
OF_OWN_PLATFORM: Changes = {"DOCKER_DEFAULT_PLATFORM": None}


def changes(env: Mapping[str, str], given: Mapping[str, str | None] | None = None) -> Changes:
    """What to change of the environment for a call: None takes a variable out."""
    return {**{name: None for name in _OF_NO_CALL if name in env}, **(given or {})}


def looks_up_variables(env: Mapping[str, str]) -> bool:
    """Whether `buildx bake` takes a bake file's variables from its environment."""
    return env.get(_NO_LOOKUP, "") not in _TRUE

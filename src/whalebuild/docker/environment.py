"""Variables of docker and buildx that would change what our calls of them do: each set or left out.

All others mean to buildx what the user means with them; docs/settings.md has the list.
"""

from __future__ import annotations

from collections.abc import Mapping

from whalebuild.text import is_true

Changes = dict[str, str | None]

# buildx would draw on a terminal that our calls do not have, and `bake --print` fails of that.
_OF_NO_CALL = ("BUILDKIT_PROGRESS",)
_NO_LOOKUP = "BUILDX_BAKE_DISABLE_VARS_ENV_LOOKUP"

#: For a bake file that whalebuild wrote: it lies in the scratch folder, and its paths start in the
#: working folder.
OF_OWN_FILE: Changes = {"BUILDX_BAKE_FILE_RELATIVE_PATHS": None}
#: For images that are to have no labels from git.
WITHOUT_GIT_LABELS: Changes = {"BUILDX_GIT_LABELS": None}
#: For a build that is to be one of the node's own platform.
OF_OWN_PLATFORM: Changes = {"DOCKER_DEFAULT_PLATFORM": None}


def changes(env: Mapping[str, str], given: Mapping[str, str | None] | None = None) -> Changes:
    """What to change of the environment for a call: None takes a variable out."""
    return {**{name: None for name in _OF_NO_CALL if name in env}, **(given or {})}


def looks_up_variables(env: Mapping[str, str]) -> bool:
    """Whether `buildx bake` takes a bake file's variables from its environment."""
    return not is_true(env.get(_NO_LOOKUP, ""))

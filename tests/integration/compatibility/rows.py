"""All rows of docs/compatibility.md, in its order."""

from __future__ import annotations

from itertools import chain

from tests.integration.compatibility import (
    rows_args,
    rows_calls,
    rows_compose,
    rows_consent,
    rows_contexts,
    rows_dockerfiles,
    rows_flags,
    rows_images,
    rows_language,
    rows_outputs,
    rows_remote,
    rows_tags,
    rows_targets,
)

TARGETS = (*rows_targets.GROUPS, *rows_tags.GROUPS, *rows_outputs.GROUPS, *rows_calls.GROUPS)
INPUTS = (*rows_contexts.GROUPS, *rows_remote.GROUPS, *rows_args.GROUPS)
GUARDED = (*rows_consent.GROUPS, *rows_dockerfiles.GROUPS)
LANGUAGE = (*rows_compose.GROUPS, *rows_language.GROUPS)
FLAGS = (*rows_images.GROUPS, *rows_flags.GROUPS)
GROUPS = tuple(chain(TARGETS, INPUTS, GUARDED, LANGUAGE, FLAGS))

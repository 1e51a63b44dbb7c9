"""All rows of docs/compatibility.md."""

from __future__ import annotations

from tests.integration.compatibility import rows_files, rows_inputs, rows_targets

GROUPS = (*rows_targets.GROUPS, *rows_inputs.GROUPS, *rows_files.GROUPS)

from __future__ import annotations

from hypothesis import settings

# No timing and no chance: the same examples on every machine and every run.
settings.register_profile("unit", deadline=None, derandomize=True, database=None)
settings.load_profile("unit")

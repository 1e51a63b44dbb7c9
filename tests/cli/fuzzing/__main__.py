"""``python -m tests.cli.fuzzing SEED FIRST [COUNT]``: runs cases; one alone is shown whole."""

from __future__ import annotations

import sys

from tests.cli.fuzzing.run import campaign

if __name__ == "__main__":
    seed, first, *count = sys.argv[1:]
    numbers = range(int(first), int(first) + int(*count or ("1",)))
    faults = campaign(seed, numbers, show=print if len(numbers) == 1 else None)
    print(*faults, sep="\n\n")
    sys.exit(bool(faults))

"""``python -m tests.cli.fuzzing SEED FIRST [COUNT]``: runs cases; one alone is shown whole."""

from __future__ import annotations

import sys
from collections import Counter

from tests.cli.fuzzing.cases import Case
from tests.cli.fuzzing.run import Outcome, campaign


def main(seed: str, first: int, count: int = 1) -> int:
    """Run cases, and print what is wrong with them; the exit code."""
    codes: Counter[int | None] = Counter()

    def heard(number: int, case: Case, outcome: Outcome) -> None:
        codes[outcome.code] += 1
        if count == 1:
            print(f"{seed} {number}\n{case}\n\n{outcome.stdout}\n{outcome.stderr}\n{outcome.code}")

    faults = 0
    for fault in campaign(seed, range(first, first + count), heard):
        print(fault, end="\n\n", flush=True)
        faults += 1
    print("exit codes:", dict(codes.most_common()))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))

"""docs/faults-random.md: what came of a campaign, in words and figures."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

from tests.integration.chaos import SHARE
from tests.integration.outcomes import ENGINE_STEPS, KINDS, Outcome

_HEAD = f"""\
# Random faults on every request

Written by `make soak`; not edited by hand. Every request to the registry, and to its token server
where there is one, had a chance of {SHARE:.0%} to meet a fault: base image, caches, uploads,
manifests, tags. A run is one `whalebuild bake` with the default settings. Three in a row make a
story on one registry and one builder: everything for the first time, then a change of the code,
then one of the dependencies (3 MB). The seed says which builder it is (the docker driver, or a
remote builder that pushes by digest), whether the registry wants tokens, and whether the builder
has lost its cache. After each run every blob behind both tags was fetched past the faults, and its
digest checked.

Beside it: `docker buildx bake` of a bake file as somebody writes it who knows buildx well (both
targets in one bake, `mode=max` caches in the registry in and out with `ignore-error=true`, pushed
by tag) and no retries but BuildKit's own, over the first of the same seeds. After a run that
failed, it was done again without faults, so that the next one begins where it should.

`WHALEBUILD_TEST_SEED=N .venv/bin/pytest -s -k one_story` repeats the story of a seed. Digests of
caches and attestations have times in them: their requests meet other lots then.
"""


def page(ours: Sequence[Outcome], plain: Sequence[Outcome], circumstances: str) -> str:
    """The page."""
    seeds = f"Seeds {ours[0].scenario.seed} to {ours[-1].scenario.seed}"
    columns = zip(_ROWS, _column(ours), _column(plain), strict=True)
    tries = [(kind, *_tries(o for o in ours if o.scenario.kind == kind)) for kind in KINDS]
    lines = [
        _HEAD,
        f"{seeds}; {circumstances}",
        "\n## What came of it\n",
        *_table(("", "whalebuild", "plain buildx"), columns),
        *_failures(ours),
        "\n## How many tries\n",
        "A step of the engine builds and pushes one image. What arrived stays when a try fails.\n",
        *_table(
            ("", "steps", "tries that failed", "most tries of one step"),
            [*tries, ("all", *_tries(ours))],
        ),
        *_negligible(ours),
        "\n## Which faults struck\n",
        *_table(("", "whalebuild", "plain buildx"), _kinds(ours, plain)),
    ]
    return "\n".join([*lines, ""])


_ROWS = (
    "runs",
    "succeeded, both tags whole",
    "with the docker driver",
    "with a remote builder",
    "with tokens",
    "requests a run, mean",
    "faults a run, mean and most",
    "retries a run, mean and most",
    "seconds waited between tries, mean and most",
    "seconds a run, median and most",
    "blobs checked",
)


def _column(runs: Sequence[Outcome]) -> list[str]:
    def rate(some: Iterable[Outcome]) -> str:
        chosen = list(some)
        good = sum(o.good for o in chosen)
        return f"{good} of {len(chosen)}"

    def both(values: Iterable[float], places: int = 1) -> str:
        found = list(values)
        return f"{statistics.mean(found):.1f}, {max(found):.{places}f}"

    seconds = [o.seconds for o in runs]
    return [
        str(len(runs)),
        f"{rate(runs)} ({sum(o.good for o in runs) / len(runs):.1%})",
        rate(o for o in runs if not o.scenario.remote),
        rate(o for o in runs if o.scenario.remote),
        rate(o for o in runs if o.scenario.tokens),
        f"{statistics.mean(o.requests for o in runs):.0f}",
        both((o.hits.total() for o in runs), 0),
        both((len(o.reasons) for o in runs), 0),
        both(o.waited for o in runs),
        f"{statistics.median(seconds):.1f}, {max(seconds):.1f}",
        str(sum(o.whole for o in runs)),
    ]


def _failures(runs: Sequence[Outcome]) -> list[str]:
    failed = [o for o in runs if not o.good]
    return [
        *(f"\n- {o}\n\n  ```text\n{_indented(o.stderr.strip()[-600:])}\n  ```" for o in failed),
    ]


def _tries(runs: Iterable[Outcome]) -> tuple[str, str, str]:
    steps = [tries for o in runs for tries in o.engine_runs]
    failed = sum(steps) - len(steps)
    return str(len(steps)), f"{failed} of {sum(steps)} ({failed / sum(steps):.0%})", str(max(steps))


def _negligible(runs: Sequence[Outcome]) -> list[str]:
    """What the shares of failing tries mean for a budget of so many."""
    rows = []
    for budget in (4, 8, 12, 16, 20):
        chance = 0.0
        for kind in KINDS:
            steps = [tries for o in runs if o.scenario.kind == kind for tries in o.engine_runs]
            share = 1 - len(steps) / sum(steps)
            chance += (1 - (1 - share**budget) ** ENGINE_STEPS[kind]) / len(KINDS)
        rows.append((str(budget), f"{chance:.2g}"))
    return [
        "\nIf a try fails with these shares whatever the one before did, so many runs fail:\n",
        *_table(("tries at the most", "share of runs that fail"), rows),
    ]


def _kinds(ours: Sequence[Outcome], plain: Sequence[Outcome]) -> list[tuple[str, str, str]]:
    mine, theirs = (sum((o.hits for o in runs), Counter()) for runs in (ours, plain))
    asked = [sum(o.requests for o in runs) for runs in (ours, plain)]
    rows = [(name, str(mine[name]), str(theirs[name])) for name in sorted(mine | theirs)]
    total = [f"{c.total()} of {n}" for c, n in zip((mine, theirs), asked, strict=True)]
    return [*rows, ("all, of so many requests", *total)]


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    line = ["---", *["---:"] * (len(head) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in chain((head, line), rows)]

"""Random bake files do with whalebuild what they do with buildx, but for pairs.

``WHALEBUILD_TEST_SEED=N`` has a test begin with the example N: that one alone is repeated by

    WHALEBUILD_TEST_SEED=N pytest tests/integration/test_random_bakes.py -k "buildx_does[0]"
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.integration.bake_differential import Bench, buildx
from tests.integration.random_bakes import example
from tests.integration.registries import own_registry
from tests.integration.sandbox import Sandbox
from tests.support.marks import extended

GATE, EXTENDED, SOAK, WORKERS = 5, 15, 200, 2
_SEED = "WHALEBUILD_TEST_SEED"


@pytest.fixture(scope="module")
def bench(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("random-bakes")
    with own_registry(sandbox.env(), folder) as registry:
        yield Bench.at(sandbox, folder, registry.address)


@pytest.mark.parametrize("number", [*range(GATE), *map(extended, range(GATE, EXTENDED))])
def test_whalebuild_does_what_buildx_does(bench: Bench, number: int) -> None:
    verdict = bench.judge(example(int(os.environ.get(_SEED, "0")) + number))
    assert not verdict.differences, verdict.report


@pytest.mark.soak
def test_whalebuild_does_what_buildx_does_in_many_examples(bench: Bench) -> None:
    first = int(os.environ.get(_SEED, time.time_ns() % 1_000_000))
    print(f"seeds {first} to {first + SOAK - 1}", flush=True)
    ends: Counter[str] = Counter()
    wrong = []

    with ThreadPoolExecutor(WORKERS) as pool:
        for verdict in pool.map(bench.judge, map(example, range(first, first + SOAK))):
            ends[f"{verdict.oracle.exit_code} and {verdict.ours.exit_code}"] += 1
            if verdict.differences:
                print(verdict.report, flush=True)
                wrong.append(verdict.example.seed)
    print("exit codes of buildx and whalebuild:", dict(ends))
    assert not wrong, f"seeds {wrong}"


_PUSHING = {
    "Dockerfile": "FROM scratch AS dependencies\nARG FLAVOUR=plain\nCOPY requirements.txt /deps/\n"
    "ENV FLAVOUR=$FLAVOUR\n",
    "requirements.txt": "left==1\n",
    "docker-bake.hcl": 'variable "IMAGE" {}\ntarget "app" {\n  tags = ["${IMAGE}/app:latest"]\n}\n',
}


# What the comparison is worth: buildx agrees with itself, and not with one that does other things.
@pytest.mark.extended
@pytest.mark.parametrize("seed", [2, 4, 6])
def test_two_runs_of_buildx_do_the_same(bench: Bench, seed: int) -> None:
    one, two = (bench.run(example(seed), buildx, side) for side in ("one", "two"))
    assert one.ok
    assert one.effects == two.effects


@pytest.mark.extended
@pytest.mark.parametrize("override", ["*.args.FLAVOUR=other", "*.output=type=cacheonly"])
def test_a_run_that_does_other_things_is_told(bench: Bench, override: str) -> None:
    this = replace(example(4), files=_PUSHING, flags=(), requested=("app",))
    other = replace(this, flags=(*this.flags, "--set", override))
    one, two = bench.run(this, buildx, "one"), bench.run(other, buildx, "two")
    assert one.ok
    assert two.ok
    assert one.effects != two.effects

"""Every fault at every place: whalebuild beside plain buildx; the whole of it is docs/faults.md."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace

import pytest

from tests.integration.fault_cells import (
    CACHE_INDEX,
    CELLS,
    COMMON,
    FALSE,
    QUICK,
    STRIKES,
    TAG,
    UNUSED,
    Cell,
)
from tests.integration.fault_page import Row, page, row_of
from tests.integration.fault_runs import Done, run
from tests.integration.fault_scenes import Ground, with_pairs
from tests.integration.proxy import faulty_registry
from tests.integration.registries import own_registry
from tests.integration.sandbox import ROOT, SHARED_ENGINE, Sandbox
from tests.integration.tokens import token_server
from tests.support.marks import extended

PAGE = ROOT / "docs" / "faults.md"
RECORD = PAGE.with_suffix(".json")
AT_ONCE = 5


@pytest.fixture(scope="module")
def prepared(sandbox: Sandbox) -> Iterator[None]:
    """An engine that publishes what is there before, so that the other one has nothing of it."""
    with sandbox.fresh_engine("prepared"):
        yield


@pytest.fixture(scope="module")
def ground(
    sandbox: Sandbox, prepared: None, tmp_path_factory: pytest.TempPathFactory, tiny_base: str
) -> Ground:
    folder = tmp_path_factory.mktemp("faults")
    return with_pairs(Ground(sandbox, folder, tiny_base, sandbox.registry, sandbox.registry))


@pytest.fixture(scope="module")
def remote(ground: Ground) -> Iterator[Ground]:
    """The same with a builder that pushes by digest."""
    with ground.sandbox.remote_builder("faults", {SHARED_ENGINE: ""}) as builder:
        yield replace(ground, builder=builder)


@pytest.fixture(scope="module")
def guarded(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A registry that wants tokens, with a proxy before their server; and one without a lock."""
    folder, twin = (tmp_path_factory.mktemp(name) for name in ("guarded", "twin"))
    env = ground.sandbox.env()
    with token_server(folder) as tokens:
        where, _, path = tokens.realm.removeprefix("http://").partition("/")
        with faulty_registry(where) as proxy:
            tokens.realm = f"http://{proxy.address}/{path}"
            with (
                own_registry(env, folder, auth=tokens.auth) as registry,
                own_registry(env, twin, storage=folder / "storage") as twin_registry,
            ):
                here = replace(
                    ground,
                    registry=registry.address,
                    open=twin_registry.address,
                    token_faults=proxy.faults,
                )
                yield with_pairs(here)


@dataclass(frozen=True)
class Running:
    """A cell under way, with both tools."""

    cell: Cell
    whalebuild: Future[Done]
    plain: Future[Done]

    def row(self) -> Row:
        """What was seen, once both are done."""
        sides = self.whalebuild.result().side, self.plain.result().side
        return Row(self.cell.title, self.cell.trouble.name, self.cell.trouble.passes, *sides)

    @property
    def done(self) -> bool:
        """Whether there is something to write down: a cell that could not be set up has nothing."""
        sides = (self.whalebuild, self.plain)
        return not any(side.cancelled() or side.exception() for side in sides)


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[dict[str, Running]]:
    """All cells that were asked for, several at a time: most of their time is waiting.

    What was seen is written down; cells that were not asked for stay on the page as they are.
    """
    every = [item for item in request.session.items if isinstance(item, pytest.Function)]
    cells = [i.callspec.params["cell"] for i in every if i.originalname == test_every_cell.__name__]
    places = {name: request.getfixturevalue(name) for name in {_place(cell) for cell in cells}}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {}
        for cell in cells:
            sides = (pool.submit(run, places[_place(cell)], cell, by_hand=b) for b in (False, True))
            running[cell.id] = Running(cell, *sides)
        yield running
        pool.shutdown(cancel_futures=True)
    _write([each.row() for each in running.values() if each.done])


def _write(seen: list[Row]) -> None:
    kept = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    kept |= {f"{row.place}: {row.fault}": asdict(row) for row in seen}
    names = (f"{cell.title}: {cell.trouble.name}" for cell in CELLS)
    kept = {name: kept[name] for name in names if name in kept}
    RECORD.write_text(json.dumps(kept, indent=1) + "\n")
    PAGE.write_text(page([row_of(each) for each in kept.values()], STRIKES))


def _place(cell: Cell) -> str:
    return "guarded" if cell.place.tokens else "remote" if cell.remote else "ground"


@pytest.mark.parametrize("cell", [*QUICK, *map(extended, COMMON)], ids=lambda cell: cell.id)
def test_a_few_cells(ground: Ground, cell: Cell) -> None:
    _check(cell, run(ground, cell, by_hand=False))


@pytest.mark.soak
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.id)
def test_every_cell(table: dict[str, Running], cell: Cell) -> None:
    print(table[cell.id].row())
    _check(cell, table[cell.id].whalebuild.result())


def _check(cell: Cell, done: Done) -> None:
    side, stderr = done.side, done.stderr
    assert side.strikes, "the fault was not met: the cell shows nothing"
    if cell.trouble.passes:
        assert side.ok, stderr
        # BuildKit checks no digests here, so that nobody is told: what it reads may fit nothing.
        unnoticed = cell.place is CACHE_INDEX and cell.trouble is FALSE
        allowed = {"ok", f"ok, {UNUSED}"} if unnoticed else {"ok"}
        assert side.outcome in allowed, "the caches are as if nothing had been"
    elif cell.place.loses:
        assert side.ok, stderr
        assert cell.place.loses in side.outcome
        assert "warning: " in stderr
    else:
        _check_stop(cell, done)


def _check_stop(cell: Cell, done: Done) -> None:
    """It stops at once, says why, and what was published is there as it was."""
    side, stderr = done.side, done.stderr
    assert side.outcome.startswith(f"exit {cell.trouble.exits}: "), stderr
    assert side.tries <= cell.trouble.tries, stderr
    assert re.search(cell.trouble.says, stderr), stderr
    # The docker driver pushes by tag: :deps may be new by then (docs/bundle.md), and is whole.
    may_move = {"deps"} if cell.place is TAG and not cell.remote else set()
    assert set(done.moved) <= may_move, stderr

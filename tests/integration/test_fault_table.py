"""Every fault at every place: whalebuild beside plain buildx; the whole of it is docs/faults.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.fault_cells import CELLS, QUICK, STRIKES, Cell
from tests.integration.fault_page import Row, Side, page
from tests.integration.fault_runs import PREPARED, Ground, Scene, run
from tests.integration.proxy import faulty_registry
from tests.integration.registries import own_registry
from tests.integration.sandbox import ROOT, Sandbox
from tests.integration.tokens import token_server

PAGE = ROOT / "docs" / "faults.md"


@pytest.fixture(scope="module")
def prepared(sandbox: Sandbox) -> Iterator[None]:
    """An engine that publishes what is there before, so that the other one has nothing of it."""
    with sandbox.fresh_engine(PREPARED):
        yield


@pytest.fixture(scope="module")
def ground(
    sandbox: Sandbox, prepared: None, tmp_path_factory: pytest.TempPathFactory, tiny_base: str
) -> Ground:
    folder = tmp_path_factory.mktemp("faults")
    return Ground(sandbox, folder, tiny_base, sandbox.registry, sandbox.registry)


@pytest.fixture(scope="module")
def remote(ground: Ground) -> Iterator[Ground]:
    """The same with a builder that pushes by digest."""
    with ground.sandbox.remote_builder("faults", {"tests": ""}) as builder:
        yield Ground(**{**vars(ground), "builder": builder})


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
                changed = {"registry": registry.address, "open": twin_registry.address}
                yield Ground(**{**vars(ground), **changed, "token_faults": proxy.faults})


@pytest.fixture(scope="module")
def rows() -> Iterator[dict[Cell, Row]]:
    """What was seen, written down once every cell was."""
    seen: dict[Cell, Row] = {}
    yield seen
    if set(seen) >= set(CELLS):
        PAGE.write_text(page([seen[cell] for cell in CELLS], STRIKES))


@pytest.mark.parametrize("cell", QUICK, ids=lambda cell: cell.id)
def test_a_few_cells(ground: Ground, cell: Cell) -> None:
    _check(cell, *run(ground, cell, by_hand=False))


@pytest.mark.soak
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.id)
def test_every_cell(
    request: pytest.FixtureRequest, rows: dict[Cell, Row], ground: Ground, cell: Cell
) -> None:
    name = "guarded" if cell.place.tokens else "remote" if cell.remote else "ground"
    here: Ground = request.getfixturevalue(name)
    seen = run(here, cell, by_hand=False)
    plain, _, _ = run(here, cell, by_hand=True)
    place = f"{cell.place.name} (by digest)" if cell.remote else cell.place.name
    rows[cell] = Row(place, cell.trouble.name, cell.trouble.passes, seen[0], plain)
    print(rows[cell])
    _check(cell, *seen)


def _check(cell: Cell, side: Side, scene: Scene, stderr: str) -> None:
    assert side.strikes, "the fault was not met: the cell shows nothing"
    if cell.trouble.passes:
        assert side.ok, stderr
        assert side.outcome == "ok", "the caches are as if nothing had been"
    elif cell.place.loses:
        assert side.ok, stderr
        assert cell.place.loses in side.outcome
        assert "warning: " in stderr
    else:
        _check_stop(cell, side, scene, stderr)


def _check_stop(cell: Cell, side: Side, scene: Scene, stderr: str) -> None:
    """It stops at once, says why, and what was published is there as it was."""
    assert side.outcome.startswith(f"exit {cell.trouble.exits}: "), stderr
    assert side.tries <= cell.trouble.tries, stderr
    assert re.search(cell.trouble.says, stderr), stderr
    after = {tag: scene.digest(tag) for tag in scene.before}
    # The docker driver pushes by tag: :deps may be new by then (docs/bundle.md), and is whole.
    if cell.place.name == "tag PUT" and not cell.remote:
        after["deps"] = scene.before["deps"]
    assert after == scene.before

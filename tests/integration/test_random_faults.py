"""Bakes whose every request to the registry may meet a fault: all succeed, and nothing is torn."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.campaign import Campaign
from tests.integration.faults_page import page
from tests.integration.outcomes import KINDS, Outcome
from tests.integration.sandbox import ROOT, SHARED_ENGINE, Sandbox

STORIES = 67  # of three runs each
PLAIN_STORIES = 17
WORKERS = 2


def _first_story() -> int:
    seed = int(os.environ.get("WHALEBUILD_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"seed {seed}: repeat with WHALEBUILD_TEST_SEED={seed}")
    return seed // len(KINDS)


def _told(outcome: Outcome) -> Outcome:
    # Flushed: a campaign takes long, and its output may go to a file.
    print(outcome, flush=True)
    if not outcome.good:
        print(outcome.stderr[-2000:], flush=True)
    return outcome


@contextmanager
def _campaign(sandbox: Sandbox, folder: Path, engine: str) -> Iterator[Campaign]:
    with sandbox.remote_builder(f"far-{engine}", {engine: ""}, client=engine) as builder:
        yield Campaign(sandbox, folder, builder, engine)


def test_one_story(sandbox: Sandbox, tmp_path: Path) -> None:
    with _campaign(sandbox, tmp_path / "campaign", SHARED_ENGINE) as campaign:
        outcomes = [_told(outcome) for outcome in campaign.whalebuild(_first_story())]
    assert [outcome.good for outcome in outcomes] == [True] * len(KINDS)
    assert all(outcome.whole > 4 for outcome in outcomes)
    assert sum(outcome.hits.total() for outcome in outcomes) > 3, "there were faults to survive"


@pytest.mark.soak
def test_the_campaign(sandbox: Sandbox, tmp_path: Path) -> None:
    first, began = _first_story(), time.monotonic()

    def work(worker: int) -> tuple[list[Outcome], list[Outcome]]:
        with (
            sandbox.fresh_engine(f"campaign{worker}") as engine,
            _campaign(sandbox, tmp_path / engine, engine) as campaign,
        ):
            ours = [
                _told(outcome)
                for story in range(first + worker, first + STORIES, WORKERS)
                for outcome in campaign.whalebuild(story)
            ]
            plain = [
                _told(outcome)
                for story in range(first + worker, first + PLAIN_STORIES, WORKERS)
                for outcome in campaign.buildx(story)
            ]
        return ours, plain

    with ThreadPoolExecutor(WORKERS) as pool:
        parts = list(pool.map(work, range(WORKERS)))
    ours, plain = (
        sorted((o for part in parts for o in part[way]), key=lambda o: o.scenario.seed)
        for way in (0, 1)
    )
    circumstances = (
        f"{WORKERS} runs at a time on {os.cpu_count()} cores in "
        f"{(time.monotonic() - began) / 60:.0f} minutes, load {os.getloadavg()[2]:.0f}."
    )
    text = page(ours, plain, circumstances)
    (ROOT / "docs/faults-random.md").write_text(text, encoding="utf-8")
    assert [str(outcome) for outcome in ours if not outcome.good] == []
    assert len(ours) == STORIES * len(KINDS)

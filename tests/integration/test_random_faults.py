"""Bakes whose every request to the registry may meet a fault: all succeed, and nothing is torn."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.integration.campaign import Campaign
from tests.integration.faults_page import page
from tests.integration.outcomes import KINDS, Outcome
from tests.integration.sandbox import ROOT, SHARED_ENGINE, Sandbox

STORIES = 67  # of three runs each
PLAIN_STORIES = 17
WORKERS = 2
PAGE = ROOT / "docs/faults-random.md"


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


@pytest.mark.extended
def test_one_story(sandbox: Sandbox, tmp_path: Path) -> None:
    with _campaign(sandbox, tmp_path / "campaign", SHARED_ENGINE) as campaign:
        outcomes = [_told(outcome) for outcome in campaign.whalebuild(_first_story())]
    assert [outcome.good for outcome in outcomes] == [True] * len(KINDS)
    assert all(outcome.whole > 4 for outcome in outcomes)
    assert sum(outcome.hits.total() for outcome in outcomes) > 3, "there were faults to survive"


@dataclass
class _Record:
    """What came of the runs so far; the page is written anew with each one. Thread-safe."""

    began: float = field(default_factory=time.monotonic)
    ours: list[Outcome] = field(default_factory=list)
    plain: list[Outcome] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, runs: list[Outcome], outcome: Outcome) -> None:
        with self._lock:
            runs.append(_told(outcome))
            runs.sort(key=lambda each: each.scenario.seed)
            minutes = (time.monotonic() - self.began) / 60
            circumstances = (
                f"{WORKERS} runs at a time on {os.cpu_count()} cores in {minutes:.0f} minutes, "
                f"load {os.getloadavg()[2]:.0f}."
            )
            if self.ours and self.plain:
                PAGE.write_text(page(self.ours, self.plain, circumstances), encoding="utf-8")


@pytest.mark.soak
def test_the_campaign(sandbox: Sandbox, tmp_path: Path) -> None:
    first, record = _first_story(), _Record()

    def work(worker: int) -> None:
        with (
            sandbox.fresh_engine(f"campaign{worker}") as engine,
            _campaign(sandbox, tmp_path / engine, engine) as campaign,
        ):
            for story in range(worker, STORIES, WORKERS):
                for outcome in campaign.whalebuild(first + story):
                    record.add(record.ours, outcome)
                if story < PLAIN_STORIES:
                    for outcome in campaign.buildx(first + story):
                        record.add(record.plain, outcome)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(work, range(WORKERS)))
    assert [str(outcome) for outcome in record.ours if not outcome.good] == []
    assert len(record.ours) == STORIES * len(KINDS)
    assert len(record.plain) == PLAIN_STORIES * len(KINDS)

"""The page of the fault table is made from what was seen, and from nothing of this machine."""

from __future__ import annotations

import json
from dataclasses import asdict

from tests.integration.fault_page import Row, Side, page, row_of, said

SURVIVED = Row(
    "blob upload",
    "503",
    passes=True,
    whalebuild=Side("ok", ok=True, seconds=12.34, strikes=6, tries=3, waited=1.26),
    plain=Side("exit 1: 503 | Service", ok=False, seconds=7.0, strikes=4),
)
NOT_MET = Row(
    "read after push",
    "not found yet",
    passes=True,
    whalebuild=Side("ok", ok=True, seconds=2.0, strikes=6, tries=7, waited=4.0),
    plain=Side("ok", ok=True, seconds=1.0, strikes=0),
)
STOPPED = Row(
    "tag PUT",
    "403 denied",
    passes=False,
    whalebuild=Side("exit 5: refused", ok=False, seconds=3.0, strikes=1, tries=1),
    plain=Side("exit 1: denied", ok=False, seconds=3.0, strikes=2),
)
TWICE = Row(
    "blob upload",
    "401",
    passes=False,
    whalebuild=Side("exit 5: login", ok=False, seconds=3.0, strikes=2, tries=2),
    plain=Side("exit 1: 401", ok=False, seconds=3.0, strikes=2),
)
WITHOUT = Row(
    "cache import: layer",
    "404",
    passes=False,
    whalebuild=Side("ok, cache not used", ok=True, seconds=3.0, strikes=1, tries=1),
    plain=Side("exit 1: gone", ok=False, seconds=3.0, strikes=2),
)


def test_one_row_a_cell_in_two_tables() -> None:
    passing, staying = page([SURVIVED, STOPPED, NOT_MET], 6).split("## Faults that stay")
    assert (
        "| blob upload | 503 | ok | 3 | 1.3 | 12.3 | exit 1: 503 \\| Service | 7.0 |\n" in passing
    )
    assert "| read after push | not found yet | ok | 7 | 4.0 | 2.0 | not met | 1.0 |\n" in passing
    assert "| tag PUT | 403 denied | exit 5: refused | 1 | 0.0 | 3.0 |" in staying


def test_counts() -> None:
    text = page([SURVIVED, NOT_MET, STOPPED, TWICE, WITHOUT], 6)
    counts = " ".join(text.split())
    assert "5 cells. Of 2 faults that pass, whalebuild survived 2" in counts
    assert "plain buildx met 1 and survived 0" in counts
    assert "Of 3 that stay, whalebuild stopped at 2, 1 of them at the first try" in counts
    assert "published without the cache at 1." in counts


def test_rows_come_back_from_the_record() -> None:
    assert row_of(json.loads(json.dumps(asdict(SURVIVED)))) == SURVIVED


def test_says_how_it_was_made() -> None:
    assert "make soak" in page([], 6)
    assert "first 6 requests" in page([], 6)


def test_words_have_nothing_of_one_machine_or_run() -> None:
    digest = f"sha256:{'a' * 64}"
    words = f"PUT http://127.0.0.1:4711/v2/tests/12-3-x-whale/manifests/{digest}:\n denied"
    assert said(words) == "PUT registry/v2/…: denied"
    assert said(f"unexpected {digest}") == "unexpected sha256:…"
    assert said("x" * 200) == "x" * 90 + "…"

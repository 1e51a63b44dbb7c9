from __future__ import annotations

from pathlib import Path

import pytest

from wbbench import cli
from wbbench.output import Results
from wbbench.page import write_page
from wbbench.samples import Sample
from wbbench.services import bakes
from wbbench.ways import DOCKER_WAYS

NOTES = {
    "proxy": {"milliseconds_per_request": 0.3, "milliseconds_per_100_megabytes": 40},
    "sizes": {"base image": 50_000_000, "code": 900},
    "tags": {"whalebuild": ["deps", "latest"]},
}


def test_the_page_has_numbers_failures_and_aims(tmp_path: Path) -> None:
    samples = [
        Sample("code", "from", "whalebuild", 1, seconds=1.25, requests=17),
        *(Sample("deploy", "from", "whalebuild", n, seconds=4, gap=n / 10) for n in range(3)),
        Sample("deploy", "from", "by-hand", 1, error="it never answered"),
        Sample("code", "from", "max", 1, error="docker ended with 1:\nat length"),
    ]
    results = Results(
        samples, DOCKER_WAYS, {"buildah": "no package"}, {"CPUs": "2"}, NOTES, 61, link=True
    )
    write_page(results, tmp_path / "docs/page.md")
    page = (tmp_path / "docs/page.md").read_text()
    assert "| whalebuild | 1.25 |" in page
    assert "requests | no answer for |" in page
    assert "| 3 | 1.0 | 0 B | 0 B | 0 B | 0 | 0.10 s |" in page
    assert "| by-hand | failed: it never answered |" in page
    assert "failed: docker ended with 1:" in page
    assert "- **buildah** was not run: no package." in page
    assert "| fresh runner, nothing changed, shape `copy` | not measured | not met |" in page


@pytest.mark.parametrize(
    ("arguments", "full"),
    [
        ([], True),
        (["--quick"], False),
        (["--only", "code"], False),
        (["--rounds", "1"], False),
        (["--no-link"], False),
    ],
)
def test_only_a_full_run_writes_the_page(arguments: list[str], full: bool) -> None:
    assert (cli.parse(arguments).markdown == cli.MARKDOWN) is full


def test_bakes_are_counted_without_their_questions(tmp_path: Path) -> None:
    log = tmp_path / "log"
    questions = "buildx bake --print -f -\nbuildx bake --list=type=targets\nbuildx inspect bake\n"
    log.write_text(f"{questions}buildx bake -f a.json app\n")
    assert bakes(log) == 1

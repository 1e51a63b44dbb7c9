from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from wbbench import cli
from wbbench.chart import chart
from wbbench.errors import BenchError
from wbbench.output import Results, read_json, write_json
from wbbench.page import write_page
from wbbench.platforms import build_steps
from wbbench.samples import Sample, summarize
from wbbench.selection import SCENARIOS
from wbbench.services import bakes
from wbbench.ways import DOCKER_WAYS

NOTES = {
    "proxy": {"milliseconds_per_request": 0.3, "milliseconds_per_100_megabytes": 40},
    "sizes": {"base image": 50_000_000, "code": 900},
    "tags": {"whalebuild": ["deps", "latest"]},
}


WAYS = {way.name: way.title for way in DOCKER_WAYS}


def written(
    folder: Path, samples: list[Sample], notes: dict[str, object] = NOTES, **more: Any
) -> str:
    results = {"not_run": {}, "machine": {"CPUs": "2"}, "took": 61, "link": True, **more}
    write_page(Results(samples, WAYS, notes=notes, **results), folder / "docs/page.md")
    return (folder / "docs/page.md").read_text()


def test_the_page_has_numbers_failures_and_aims(tmp_path: Path) -> None:
    samples = [
        Sample("code", "from", "whalebuild", 1, seconds=1.25, requests=17),
        *(Sample("deploy", "from", "whalebuild", n, seconds=4, gap=n / 10) for n in range(3)),
        Sample("deploy", "from", "by-hand", 1, error="it never answered"),
        Sample("code", "from", "max", 1, error="docker ended with 1:\nat length"),
    ]
    page = written(tmp_path, samples, not_run={"buildah": "no package"})
    assert "| whalebuild | 1.25 |" in page
    assert "requests | no answer for |" in page
    assert "| 3 | 1.0 | 0 B | 0 B | 0 B | 0 | 0.10 s |" in page
    assert "| by-hand | failed: it never answered |" in page
    assert "failed: docker ended with 1:" in page
    assert "- **buildah** was not run: no package." in page
    assert "| fresh runner, nothing changed, shape `copy` | not measured | \N{EN DASH} |" in page


@pytest.mark.parametrize(
    ("arguments", "full"),
    [
        ([], True),
        (["--quick"], False),
        (["--only", "code"], False),
        (["--rounds", "1"], False),
        (["--no-link"], False),
        (["--small"], False),
        (["--aims"], False),
        (["--page", "results.json"], False),
    ],
)
def test_only_a_full_run_writes_the_page(arguments: list[str], full: bool) -> None:
    assert (cli.parse(arguments).markdown == cli.MARKDOWN) is full


def test_bakes_are_counted_without_their_questions(tmp_path: Path) -> None:
    log = tmp_path / "log"
    questions = "buildx bake --print -f -\nbuildx bake --list=type=targets\nbuildx inspect bake\n"
    log.write_text(f"{questions}buildx bake -f a.json app\n")
    assert bakes(log) == 1


def test_a_page_of_nothing_is_a_page(tmp_path: Path) -> None:
    page = written(tmp_path, [], notes={})
    assert "0 of 0 are met" in page
    assert "svg" not in page


def test_every_scenario_has_its_table_and_the_slow_link_comes_first(tmp_path: Path) -> None:
    names = [*SCENARIOS, "services-10-cold", "services-10-plan", "wan-services-10-cold"]
    samples = [
        Sample(name, SCENARIOS[name].shapes[-1], next(iter(SCENARIOS[name].ways)), 1, seconds=1)
        if name in SCENARIOS
        else Sample(name, "from", "whalebuild", 1, seconds=1)
        for name in names
    ]
    link = {"words": "50 Mbit/s", "megabits_a_second": 49.9, "milliseconds_a_request": 40.4}
    page = written(tmp_path, samples, {**NOTES, "wan": link})
    # The plans of many services share one.
    assert page.count("\n### ") == len(names) - 2
    assert "### Developer's machine with an empty disk" in page
    places = [page.index(f"\n## {head}") for head in ("A registry 50", "The aims", "A registry n")]
    assert places == sorted(places)


def test_columns_that_only_some_scenarios_have(tmp_path: Path) -> None:
    samples = [
        Sample("services-10-cold", "from", "whalebuild", 1, seconds=1, up=120, distinct=100),
        Sample("services-10-cold", "from", "max", 1, error="broke"),
        *(Sample(f"scale-{n}", "from", "whalebuild", 1, seconds=n, memory=n) for n in (50, 100)),
        Sample("platforms", "from", "arm64", 1, seconds=9, steps={"pip install": 5.0, "a|b": 1}),
    ]
    page = written(tmp_path, samples)
    assert "| requests | distinct bytes | up, \N{MULTIPLICATION SIGN} distinct |" in page
    assert "| 100 B | 1.20 |" in page
    assert "### Where the time goes: `platforms`" in page
    assert "| 50 | 50.0 | 50.0\N{EN DASH}50.0 | 1 |" in page
    assert "5.00 s `pip install`; 1.00 s `a\\|b`" in page


@pytest.mark.parametrize("prefix", ["", "wan-"])
def test_the_plot_is_svg_for_light_and_dark(prefix: str, tmp_path: Path) -> None:
    samples = [
        Sample(f"{prefix}code", "from", way, number, seconds=number * 2, down=10)
        for way in ("whalebuild", "max")
        for number in (1, 2)
    ]
    samples.append(Sample(f"{prefix}cold", "from", "floor", 1, error="<broke>"))
    plot = chart(summarize(samples))
    root = ET.fromstring(plot)
    space = "{http://www.w3.org/2000/svg}"
    bars = root.findall(f"{space}rect")
    assert [bar.get("class") for bar in bars] == ["bar", "ours"] * 2
    assert len(root.findall(f"{space}line")) == 2
    assert "prefers-color-scheme: dark" in plot
    assert {"whalebuild", "3.00 s", "10 B"} <= {text.text for text in root.findall(f"{space}text")}
    assert "![Seconds and bytes by way](page.svg)" in written(tmp_path, samples)
    assert (tmp_path / "docs/page.svg").read_text() == plot


def test_no_plot_without_its_scenarios() -> None:
    assert chart(summarize([Sample("verbs", "from", "--help", 1, seconds=1)])) == ""


def test_recorded_results_are_put_together(tmp_path: Path) -> None:
    def record(name: str, samples: list[Sample], date: str, **more: Any) -> Path:
        machine = {"date": date, "CPUs": "2"}
        results = Results(samples, WAYS, {"buildah": "no"}, machine, NOTES, 60, link=True, **more)
        write_json(results, tmp_path / name)
        return tmp_path / name

    old = [Sample("code", "from", "max", n, seconds=9) for n in (1, 2)]
    first = record("a", [*old, Sample("cold", "from", "max", 1, seconds=3)], "Monday")
    second = record("b", [Sample("code", "from", "max", 1, seconds=4)], "Tuesday")
    found = read_json([first, second])
    assert [(s.scenario, s.seconds) for s in found.samples] == [("code", 4), ("cold", 3)]
    assert found.machine == {"date": "Monday; Tuesday", "CPUs": "2"}
    assert (found.took, found.notes, found.ways) == (120, NOTES, WAYS)
    with pytest.raises(BenchError, match="--small"):
        read_json([record("c", [], "Monday", small=True)])


def test_the_page_is_written_from_recorded_results(tmp_path: Path) -> None:
    results = Results([], WAYS, {}, {}, {}, 60, link=True)
    write_json(results, tmp_path / "results.json")
    page = tmp_path / "page.md"
    assert cli.main(["--page", str(tmp_path / "results.json"), "--markdown", str(page)]) == 0
    assert page.read_text().startswith("# Benchmarks")


def test_the_steps_of_a_build_that_took_long() -> None:
    output = (
        "whalebuild: reading\n#1 [base 1/2] FROM x\n#1 sha256:1 1MB / 2MB\n#1 DONE 1.5 s\n"
        "#2 [deps 2/2] RUN pip install\n#2 1.2 Collecting\n#2 DONE 20.0s\n"
        "#3 exporting to image\n#3 DONE 0.0 s\n#5 pushing\n#5 DONE 10 min 5 s\n#4 CACHED\n"
    )
    steps = build_steps(output.splitlines(keepends=True))
    assert steps == {"[base 1/2] FROM x": 1.5, "[deps 2/2] RUN pip install": 20.0, "pushing": 605.0}

"""What terminals of 80 and 120 columns show, from fixed values: kept in ``snapshots/``."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import typer
from rich.console import Console

from tests.cli.output.test_plan import FILES, SOURCE, changed
from tests.support.builders import B_DOWN, OWN, A, B
from tests.support.deploy import DeployWorld
from tests.support.plans import app_plan, deps_plan, lock, pair_app, plan
from tests.support.platforms import AMD64, ARM64
from tests.support.progress import recording
from tests.support.project import service
from tests.support.published_pair import PublishedPair
from tests.support.record import begun, done, ended, running, text, version
from whalebuild.bake.result import BakeResult, TargetResult
from whalebuild.builder.listing import Builder
from whalebuild.buildkit.events import parse_line
from whalebuild.cli.app import app
from whalebuild.cli.help import help_text
from whalebuild.cli.output.bake import error_text, result_table
from whalebuild.cli.output.builder import list_text
from whalebuild.cli.output.deploy import deploy_table
from whalebuild.cli.output.diff import diff_text
from whalebuild.cli.output.history import HistoryView, history_text
from whalebuild.cli.output.inspect import inspection_text
from whalebuild.cli.output.plan import plan_text
from whalebuild.cli.output.table import fit
from whalebuild.cli.pages import Page, page_of
from whalebuild.compose.model import UpdateOrder
from whalebuild.console import live
from whalebuild.deploy.record import Outcome
from whalebuild.errors import Retry, UsageError
from whalebuild.oci.reference import Reference
from whalebuild.state.records import FileRecord

WIDTHS = (80, 120)
Screen = Callable[[int], str]
_IMAGE = "registry.example.com/organisation/shop/production-control"
_BAKED = BakeResult(
    (
        TargetResult(
            *("app-deps", "deps", "reused", (f"{_IMAGE}:deps",), "sha256:" + "d" * 64),
            *((AMD64, ARM64), 0, 12, 0, None, 0.3),
        ),
        TargetResult(
            *("app", "app", "built", (f"{_IMAGE}:latest", f"{_IMAGE}:v1.20.3")),
            *("sha256:" + "a" * 64, (AMD64, ARM64), 1, 3, 5_800, 12_300, 72.4),
        ),
    ),
    published=True,
    retries=(Retry("reading registry.example.com", "503 Service Unavailable", 1, 1.0),),
    warnings=(),
    bytes_pulled=5_800,
    seconds=73.0,
)
_ERROR = UsageError(
    "docker-bake.hcl: target app names the Dockerfile services/production-control/Dockerfile, "
    "which is not there",
    cause="the context of target app is services/production-control, as the group default has it",
    next_step="write the Dockerfile, or name another one with "
    "--set app.dockerfile=services/production-control/build/Dockerfile",
)


def screens(folder: Path) -> dict[str, Screen]:
    """Each screen by name; it is made for a width.

    Args:
        folder: An empty one, for records.
    """
    deployed, diffs = _deploy(folder)
    found = {
        "bake": partial(result_table, _BAKED),
        "bake-progress": _progress,
        "plan": partial(plan_text, _plan()),
        "deploy": partial(deploy_table, deployed),
        "diff": partial(diff_text, diffs),
        "inspect": partial(inspection_text, [PublishedPair().inspect()]),
        "history": partial(history_text, _history(folder), when=lambda at: at[:19]),
        "builder-ls": partial(list_text, _BUILDERS),
        "error": partial(error_text, _ERROR),
    }
    fitted = {name: partial(_fitted, screen) for name, screen in found.items()}
    return fitted | {f"help-{name}": screen for name, screen in _help().items()}


def _fitted(screen: Screen, width: int) -> str:
    return fit(screen(width), width)


def _help() -> dict[str, Screen]:
    def all_of(page: Page) -> list[Page]:
        return [page, *(each for below in page.commands for each in all_of(below))]

    pages = all_of(page_of(typer.main.get_command(app)))
    return {page.path.replace(" ", "-"): partial(help_text, page) for page in pages}


_BUILDERS = [
    OWN,
    Builder("farm-of-the-build-team", "remote", (A, B), current=True),
    Builder("half", "remote", (A, B_DOWN)),
    Builder("gone", "", error="Cannot connect to the Docker daemon at tcp://10.0.0.5:2376"),
]


def _plan() -> object:
    deps = deps_plan(changed("requirements.txt"), SOURCE, lock=lock(AMD64), files=FILES)
    references = (Reference(_IMAGE, "latest"), Reference(_IMAGE, "v1.20.3"))
    made = app_plan(image=pair_app(AMD64, ARM64, references=references))
    return plan(deps, made)


def _deploy(folder: Path) -> tuple[object, object]:
    services = (service("web"), service("db", "postgres:17", pull_policy="never"))
    world = DeployWorld(folder, services)
    world.project.names["postgres:17"] = "sha256:db"
    world.publish("1")
    world.deploy()
    world.publish("2")
    result = world.deploy(order=UpdateOrder.START_FIRST)
    return replace(result, pull_seconds=0.4, switch_seconds=8.6), result.plan.diffs


def _history(folder: Path) -> HistoryView:
    record = FileRecord(folder / "history", "ENGINE", "shop")
    record.path.parent.mkdir(parents=True)
    reason = "web: it ended with exit code 3 after 2 s: ModuleNotFoundError: No module named flask"
    entries = [
        *done(1, web="1"),
        begun(2, running(web="2"), running(web="1")),
        ended(2, running(web="1"), Outcome.ROLLED_BACK, reason),
        *done(3, to=1, web="1"),
    ]
    record.path.write_text(text(entries))
    return HistoryView("shop", "ENGINE", "shop.jsonl", record.read(), ())


def _progress(width: int) -> str:
    """A recorded bake up to its middle, the steps that are done above what is still drawn."""
    lines = recording("pulled")
    events = [event for line in lines[: len(lines) * 2 // 3] for event in parse_line(line)]
    times = [t for each in events if (t := getattr(each, "started", None))]
    clock = SimpleNamespace(time=lambda: max(times) + 1.5, monotonic=lambda: 12.3)
    stream = io.StringIO()
    real, live.time = live.time, clock  # type: ignore[assignment, misc]
    try:
        console = live.LiveConsole(stream)
        console._console = Console(file=stream, width=width, highlight=False)
        console._begun = 0.0
        console._state = live.BuildState(["app-deps", "app"])
        for event in events:
            console.event(event)
        console.note("app-deps: rebuild because requirements.txt changed")
        console._console.print(console)
    finally:
        live.time = real  # type: ignore[misc]
    return stream.getvalue()


__all__ = ["WIDTHS", "screens", "version"]

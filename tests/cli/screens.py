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
from whalebuild.builder.capabilities import Feature, KnownFrom
from whalebuild.builder.listing import Builder
from whalebuild.builder.view import BuilderView, NodeView
from whalebuild.buildkit.events import Transfer, parse_line
from whalebuild.cli.app import app
from whalebuild.cli.help import help_text
from whalebuild.cli.output.bake import result_table
from whalebuild.cli.output.builder import list_text, view_text
from whalebuild.cli.output.deploy import deploy_table
from whalebuild.cli.output.deploys import deploys_table
from whalebuild.cli.output.diff import diff_text
from whalebuild.cli.output.doctor import report_text
from whalebuild.cli.output.error import error_text
from whalebuild.cli.output.history import HistoryView, history_text
from whalebuild.cli.output.inspect import inspection_text
from whalebuild.cli.output.plan import plan_text
from whalebuild.cli.output.prune import prune_text
from whalebuild.cli.output.table import fit
from whalebuild.cli.pages import Page, page_of
from whalebuild.compose.model import UpdateOrder
from whalebuild.console import live
from whalebuild.deploy.hosts import HostEnd, HostOutcome
from whalebuild.deploy.prune import KeptImage, Pruning, RemovableImage
from whalebuild.deploy.result import DeployResult
from whalebuild.deployments.record import Outcome
from whalebuild.doctor.finding import Result, failure, skipped, warning
from whalebuild.doctor.finding import ok as found_ok
from whalebuild.errors import DeployError, EngineError, Retry, UsageError
from whalebuild.oci.reference import Reference
from whalebuild.state.records import FileRecord
from whalebuild.text import human_bytes

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
        "bake-push": _push,
        "waiting": _wait,
        "prune": partial(prune_text, _PRUNED),
        "builder-inspect": partial(view_text, _VIEW),
        "plan": partial(plan_text, _plan()),
        "deploy": partial(deploy_table, deployed),
        "deploys": partial(deploys_table, _deploys(deployed)),
        "diff": partial(diff_text, diffs),
        "inspect": partial(inspection_text, [PublishedPair().inspect()]),
        "history": partial(history_text, _history(folder), when=lambda at: at[:19]),
        "builder-ls": partial(list_text, _BUILDERS),
        "error": partial(error_text, _ERROR),
        "doctor": partial(report_text, _DOCTOR),
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


_DOCTOR = (
    Result("client", "docker client", (found_ok("28.5.2 (/usr/bin/docker)"),)),
    Result(
        "engine",
        "engine",
        (
            failure(
                EngineError(
                    "the Docker engine is not running",
                    cause="Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is "
                    "the docker daemon running?",
                    next_step="start it (Docker Desktop, or `systemctl start docker`), or check "
                    "DOCKER_HOST and `docker context ls`",
                ),
                "sudo systemctl start docker",
            ),
        ),
    ),
    Result("store", "image store", (skipped("the engine does not answer"),)),
    Result(
        "pair",
        "pair",
        (
            warning(
                f"{_IMAGE}:deps is not there, and {_IMAGE}:latest is",
                cause="its tag was deleted, or another tool pushed the image: the next bake builds "
                "the dependencies anew",
                next_step="have it published again",
                command="whalebuild bake",
            ),
        ),
    ),
)
_BUILDERS = [
    OWN,
    Builder("farm-of-the-build-team", "remote", (A, B), current=True),
    Builder("half", "remote", (A, B_DOWN)),
    Builder("gone", "", error="Cannot connect to the Docker daemon at tcp://10.0.0.5:2376"),
]
_VIEW = BuilderView(
    _BUILDERS[1],
    (
        NodeView(A),
        NodeView(B, problem="no answer within 20 s from tcp://build-arm.example.com:1234"),
    ),
    (
        Feature("export a cache to a registry", able=True, known=KnownFrom.DRIVER),
        Feature("run privileged steps", False, KnownFrom.TESTED, "its daemon does not allow them"),
    ),
)
_PRUNED = Pruning(
    3,
    (RemovableImage("sha256:" + "1" * 64, (Reference(_IMAGE, "latest"),), ()),),
    (KeptImage("sha256:" + "2" * 64, (Reference(_IMAGE, "latest"),), "it runs, and deployment 7"),),
    done=True,
)


def _plan() -> object:
    deps = deps_plan(changed("requirements.txt"), SOURCE, lock=lock(AMD64), files=FILES)
    references = (Reference(_IMAGE, "latest"), Reference(_IMAGE, "v1.20.3"))
    made = app_plan(image=pair_app(AMD64, ARM64, references=references))
    return plan(deps, made)


def _deploy(folder: Path) -> tuple[DeployResult, object]:
    services = (service("web"), service("db", "postgres:17", pull_policy="never"))
    world = DeployWorld(folder, services)
    world.project.names["postgres:17"] = "sha256:db"
    world.publish("1")
    world.deploy()
    world.publish("2")
    result = world.deploy(order=UpdateOrder.START_FIRST)
    return replace(result, pull_seconds=0.4, switch_seconds=8.6), result.plan.diffs


def _deploys(result: DeployResult) -> list[HostOutcome]:
    reason = (
        "the deploy failed: web: it is unhealthy; rolled back: web sha256:dbc2b5871f03 runs again"
    )
    given = (result.plan, HostEnd.FAILED, None, DeployError(reason))
    return [
        HostOutcome("shop@a", "A", result.plan, HostEnd.BACK, result, back_to=7),
        HostOutcome("shop@b", "B", *given),
        HostOutcome("prod", "C", result.plan, HostEnd.LEFT),
    ]


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
    """A recorded bake while layers are pulled: steps that are done above what is still drawn."""
    events = [event for line in recording("pulled") for event in parse_line(line)]
    moving = [isinstance(each, Transfer) and each.total > each.current for each in events]
    events = events[: len(moving) - moving[::-1].index(True)]

    def feed(console: live.LiveConsole, _: list[float]) -> None:
        console._state = live.BuildState(["app-deps", "app"])
        for event in events:
            console.event(event)

    return _drawn(width, feed, max(t for e in events if (t := getattr(e, "started", None))))


def _push(width: int) -> str:
    """whalebuild's own upload, two seconds after its beginning."""

    def feed(console: live.LiveConsole, now: list[float]) -> None:
        for sent, seconds in ((0, 0.0), (3_000_000, 2.0)):
            now[0] += seconds
            console._live.start = lambda *_, **__: None  # type: ignore[method-assign]
            console.progress("pushing app", f"{human_bytes(sent)} of 9.0 MB", sent)

    return _drawn(width, feed)


def _wait(width: int) -> str:
    def feed(console: live.LiveConsole, now: list[float]) -> None:
        console._waiting = ("reading what is published, and what this host has", now[0])
        now[0] += 1.2

    return _drawn(width, feed)


def _drawn(
    width: int, feed: Callable[[live.LiveConsole, list[float]], None], started: float = 0.0
) -> str:
    """What a live view has printed, and then what it draws, by a clock of the test's own."""
    now = [started]
    clock = SimpleNamespace(time=lambda: now[0] + 1.5, monotonic=lambda: now[0])
    stream = io.StringIO()
    real, live.time = live.time, clock  # type: ignore[assignment, misc]
    try:
        console = live.LiveConsole(stream)
        console._console = Console(file=stream, width=width, highlight=False)
        console._begun, console._pace = started - 12.3, live.Pace(clock.monotonic)
        feed(console, now)
        console._console.print(console)
    finally:
        live.time = real  # type: ignore[misc]
    return stream.getvalue().rstrip("\n")


__all__ = ["WIDTHS", "screens", "version"]

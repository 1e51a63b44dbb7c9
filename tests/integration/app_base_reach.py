"""What a code change costs on an empty engine, for Dockerfiles as they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.integration.app_base_projects import ON_BASE, ORDINARY, SHORT, Project
from tests.integration.pairs import uploaded
from tests.integration.sandbox import downloaded
from tests.integration.stand_ins import RUNS

_WAYS = (SHORT, ON_BASE, ORDINARY)
_HEAD = """\
# What a code change costs

{count} Dockerfiles as people write them (`tests/appbase/dockerfiles/`), each published once; then
one file of the code changes, and `whalebuild bake` runs on an engine with an empty disk. Written by
`WHALEBUILD_REACH=docs/reach.md .venv/bin/pytest tests/integration/test_app_base_reach.py`, from the
registry's own log; it is not edited by hand. All images stand on one of 2 MB, which has scripts in
the place of `pip`, `npm` and the like; *runs* are those of them that ran.

- *on the stub*: nothing runs after the code was taken in; nothing of the app base is downloaded.
  For `small-…` its tools are: a shell, some of `chmod`, `sed` and the like, and their libraries.
- *on the app base*: that is downloaded, and nothing before the code runs again.
- *ordinary*: as buildx builds it.
"""


@dataclass(frozen=True)
class Cost:
    """The cost of one bake.

    Attributes:
        way: How the application was built.
        down: Bytes that the registry served.
        up: Bytes of blobs that arrived there.
        requests: To the registry.
        steps: Instructions that were executed, of the dependencies and of the application.
        commands: What was run of the stand-ins' commands.
    """

    name: str
    way: str
    down: int
    up: int
    requests: int
    steps: tuple[int, int]
    commands: tuple[str, ...]


def cost_of_code(project: Project) -> Cost:
    """Publish a project, change its code, and bake it on an engine with an empty disk."""
    sandbox = project.sandbox
    project.write()
    project.change_code(1)
    project.bake()
    project.change_code(2)
    with sandbox.fresh_engine("reach") as engine, sandbox.requests() as requests:
        done = project.bake(engine=engine)
    steps = {target["role"]: target["steps_run"] for target in done["targets"]}
    others = sum(other["steps_run"] for other in done["others"])
    return Cost(
        project.case.id,
        project.way(),
        downloaded(requests),
        sum(uploaded(requests, sandbox.registry).values()),
        len(requests),
        (steps.get("deps", 0), steps.get("app", others)),
        tuple(
            line.partition(f"| {RUNS} ")[2]
            for line in done["stderr"].splitlines()
            if f"| {RUNS} " in line
        ),
    )


def page(costs: Iterable[Cost]) -> str:
    """The costs as docs/reach.md."""
    heads = ("Dockerfile", "built", "bytes down", "bytes up", "requests", "steps", "runs")
    listed = sorted(costs, key=lambda cost: (_WAYS.index(cost.way), cost.name))
    lines = [_HEAD.format(count=len(listed)), f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for cost in listed:
        runs = "; ".join(f"`{each}`" for each in cost.commands)
        numbers = f"{cost.down:,} | {cost.up:,} | {cost.requests} | {sum(cost.steps)}"
        lines.append(f"| {cost.name} | {cost.way} | {numbers} | {runs} |")
    return "\n".join([*lines, ""])

"""What a code change costs on an empty engine, for Dockerfiles as they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.integration.app_base_projects import Project
from tests.integration.pairs import uploaded
from tests.integration.sandbox import downloaded
from tests.integration.stand_ins import RUNS


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


def table(costs: Iterable[Cost]) -> str:
    """The costs as a table of Markdown."""
    lines = [
        "| Dockerfile | built | down | up | requests | steps | runs |",
        "|---|---|---|---|---|---|---|",
    ]
    for cost in costs:
        steps = " + ".join(map(str, cost.steps))
        runs = "; ".join(cost.commands) or "nothing"
        lines.append(
            f"| {cost.name} | {cost.way} | {cost.down} | {cost.up} | {cost.requests}"
            f" | {steps} | {runs} |"
        )
    return "\n".join([*lines, ""])

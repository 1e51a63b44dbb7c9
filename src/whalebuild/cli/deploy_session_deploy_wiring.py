"""What ``deploy`` and ``rollback`` are made of, and how they show what they do."""

from __future__ import annotations

import json

import typer

from whalebuild.cli import options as opt
from whalebuild.cli.deploy_session import DeploySession
from whalebuild.cli.output.deploy import deploy_table, plan_text
from whalebuild.deploy.deployer import Deployer
from whalebuild.deploy.health_wait import HealthWait
from whalebuild.deploy.plan import DeployPlan
from whalebuild.deploy.planner import DeployPlanner
from whalebuild.deploy.pull import Puller
from whalebuild.deploy.record import History
from whalebuild.deploy.result import DeployResult
from whalebuild.deploy.switch import Switcher


def wire(
    session: DeploySession, history: History, *, go_back: bool
) -> tuple[DeployPlanner, Deployer]:
    """A planner and a deployer over this session's project."""
    project, console, retrier = session.project, session.console, session.retrier
    settings = session.settings

    def health() -> HealthWait:
        return HealthWait(project, console, settings.deploy_timeout, settings.deploy_grace)

    planner = DeployPlanner(project, session.host, session.registry, retrier, history)
    deployer = Deployer(
        project,
        session.record,
        planner,
        Puller(project, retrier, console),
        Switcher(project, console, health),
        console,
        go_back=go_back,
    )
    return planner, deployer


def show_plan(session: DeploySession, plan: DeployPlan, format_: opt.Format) -> None:
    """Say on standard error what must be downloaded, and what else is to be known."""
    if format_ is opt.Format.TEXT and plan.diffs:
        typer.echo(plan_text(plan), err=True)
    for note in plan.notes:
        session.console.note(note)


def show_result(result: DeployResult, format_: opt.Format) -> None:
    """Print the result on standard output; nothing moves on the terminal any more by then."""
    as_json = format_ is opt.Format.JSON
    typer.echo(json.dumps(result.as_json()) if as_json else deploy_table(result))

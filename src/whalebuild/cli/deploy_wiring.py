"""What ``deploy`` and ``rollback`` are made of, and how they show what they do."""

from __future__ import annotations

import json

import typer

from whalebuild.cli import options as opt
from whalebuild.cli.deploy_session import DeploySession
from whalebuild.cli.render_deploy import deploy_table, plan_text
from whalebuild.core.deploy_plan import DeployPlan
from whalebuild.core.deploy_results import DeployResult
from whalebuild.core.deployments import History
from whalebuild.workflows.deploy_planning import DeployPlanner
from whalebuild.workflows.deploying import Deployer
from whalebuild.workflows.health_waiting import HealthWait
from whalebuild.workflows.pulling import Puller
from whalebuild.workflows.switching import Switcher


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

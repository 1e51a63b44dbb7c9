"""``whalebuild rollback``."""

from __future__ import annotations

from dataclasses import replace

from whalebuild.cli import options as opt
from whalebuild.cli.boundary import boundary
from whalebuild.cli.signals import DeploySignals

EXAMPLES = (
    ("whalebuild rollback", "back to what worked before"),
    ("whalebuild rollback 7", "to what deployment 7 started"),
)


@opt.with_blocks
def rollback(
    *,
    number: opt.DeploymentNumber = None,
    dry_run: opt.DryRun = False,
    order: opt.SwitchOrder = None,
    health: opt.HealthOptions,
    wait: opt.WaitForLock = True,
    compose: opt.ComposeOptions,
    retry: opt.RetryOptions,
    progress: opt.Progress = None,
    format_: opt.OutputFormat = opt.Format.TEXT,
) -> None:
    """Run what ran before, by digest; N is a number of `whalebuild history`.

    Without N it goes back to what is meant to run if something else does, and else to the last
    deployment that worked and was another one: a second rollback goes back further.
    """
    signals = DeploySignals()
    with boundary(format_, signals):
        from whalebuild.cli.deploy_session import (
            open_deploy_session,
            show_plan,
            show_result,
        )
        from whalebuild.cli.session import setting_flags
        from whalebuild.deploy.configuration import configurations_after
        from whalebuild.deploy.history import rollback_target, state_after
        from whalebuild.deploy.record import DeploymentKind
        from whalebuild.deploy.result import DeployAction, DeployResult

        flags = setting_flags(progress=progress, **vars(health), **vars(retry))
        lock = None if dry_run else "rollback"
        with open_deploy_session(flags, compose, lock=lock, wait=wait) as session:
            history = session.record.read()
            planner = session.planner(history)
            deployer = session.deployer(planner, signals, go_back=True)
            with session.reading():
                other = number is None and planner.runs_other()
                target = rollback_target(history, number, runs_other=other)
                by = configurations_after(history, target.number)
                versions, brought = state_after(history, target.number), target.begun.configurations
                plan = planner.rollback(versions, order, by, brought)
            show_plan(session, plan, format_)
            if dry_run:
                result = DeployResult(DeployAction.PLANNED, plan, to=target.number)
            else:
                result = deployer.deploy(plan, DeploymentKind.ROLLBACK, target.number)
            retries = tuple(session.retrier.retries)
        show_result(replace(result, retries=retries), format_)

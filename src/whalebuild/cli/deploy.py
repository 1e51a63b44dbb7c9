"""``whalebuild deploy``."""

from __future__ import annotations

from dataclasses import replace

from whalebuild.cli import options as opt
from whalebuild.cli.boundary import boundary
from whalebuild.cli.signals import DeploySignals
from whalebuild.errors import UsageError

EXAMPLES = (
    ("whalebuild deploy", "pull and start what is published now, and go back if it does not work"),
    ("whalebuild deploy web --dry-run", "what it would download and start"),
    ("DOCKER_HOST=ssh://shop@host whalebuild deploy", "on another machine, over ssh"),
)


@opt.with_blocks
def deploy(
    *,
    services: opt.Services = None,
    dry_run: opt.DryRun = False,
    pre_pull: opt.PrePull = False,
    warm: opt.Warm = False,
    order: opt.SwitchOrder = None,
    no_deps: opt.NoDeps = False,
    remove_orphans: opt.RemoveOrphans = False,
    health: opt.HealthOptions,
    rollback: opt.GoBack = True,
    wait: opt.WaitForLock = True,
    compose: opt.ComposeOptions,
    retry: opt.RetryOptions,
    progress: opt.Progress = None,
    format_: opt.OutputFormat = opt.Format.TEXT,
) -> None:
    """Run what is published now: pull it, start it by digest, and go back if it does not work.

    Each SERVICE is one of the compose project here; without any, all of them are deployed.
    """
    signals = DeploySignals()
    with boundary(format_, signals):
        from whalebuild.cli.deploy_session import (
            open_deploy_session,
            show_plan,
            show_result,
        )
        from whalebuild.cli.session import setting_flags
        from whalebuild.deploy.result import DeployAction, DeployResult
        from whalebuild.deploy.warm import plan_warm

        if warm and pre_pull:
            raise UsageError(
                "--warm and --pre-pull were given",
                cause="one pulls the dependencies ahead, the other all of the application",
                next_step="give one of them; --pre-pull gets the dependencies, too",
            )
        flags = setting_flags(progress=progress, **vars(health), **vars(retry))
        lock = None if dry_run else "deploy"
        with open_deploy_session(flags, compose, lock=lock, wait=wait) as session:
            planner = session.planner(session.record.read())
            deployer = session.deployer(planner, signals, go_back=rollback)
            names = tuple(services or ())
            with session.reading():
                plan = (
                    plan_warm(planner, names)
                    if warm
                    else planner.deploy(
                        names, order, dependencies=not no_deps, remove_orphans=remove_orphans
                    )
                )
            show_plan(session, plan, format_)
            if dry_run:
                result = DeployResult(DeployAction.PLANNED, plan)
            elif warm:
                result = DeployResult(DeployAction.WARMED, plan, pull_seconds=deployer.warm(plan))
            elif pre_pull:
                result = DeployResult(DeployAction.PULLED, plan, pull_seconds=deployer.pull(plan))
            else:
                result = session.tidied(deployer.deploy(plan))
            retries = tuple(session.retrier.retries)
        show_result(replace(result, retries=retries), format_)

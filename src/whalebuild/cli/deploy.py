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
    ("whalebuild deploy --host ssh://shop@a --host ssh://shop@b", "on other machines, over ssh"),
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
    hosts: opt.Hosts = None,
    parallel: opt.Parallel = 1,
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
        from whalebuild.cli.deploy_hosts import HostPlan, HostsRun, interrupts_of, show_outcomes
        from whalebuild.cli.deploy_open import open_deploy_sessions
        from whalebuild.cli.deploy_session import (
            DeploySession,
            on_host,
            show_plan,
            show_result,
        )
        from whalebuild.cli.flags import setting_flags
        from whalebuild.deploy.result import DeployAction, DeployResult
        from whalebuild.deployplan.warm import plan_warm

        if warm and pre_pull:
            raise UsageError(
                "--warm and --pre-pull were given",
                cause="one pulls the dependencies ahead, the other all of the application",
                next_step="give one of them; --pre-pull gets the dependencies, too",
            )

        def planned(session: DeploySession) -> HostPlan:
            planner = session.planner(session.record.read())
            names = tuple(services or ())
            with on_host(session.name), session.reading():
                plan = (
                    plan_warm(planner, names)
                    if warm
                    else planner.deploy(
                        names, order, dependencies=not no_deps, remove_orphans=remove_orphans
                    )
                )
            show_plan(session, plan, format_)
            interrupts = interrupts_of(session, signals, parallel)
            deployer = session.deployer(planner, interrupts, go_back=rollback)
            return HostPlan(session, deployer, plan)

        def ahead(each: HostPlan) -> DeployResult:
            if dry_run:
                return DeployResult(DeployAction.PLANNED, each.plan)
            if warm:
                took = each.deployer.warm(each.plan)
                return DeployResult(DeployAction.WARMED, each.plan, pull_seconds=took)
            took = each.deployer.pull(each.plan)
            return DeployResult(DeployAction.PULLED, each.plan, pull_seconds=took)

        flags = setting_flags(progress=progress, hosts=hosts, **vars(health), **vars(retry))
        lock = None if dry_run else "deploy"
        starts = not (dry_run or warm or pre_pull)
        with open_deploy_sessions(flags, compose, lock=lock, wait=wait) as sessions:
            plans = [planned(session) for session in sessions]
            if len(plans) == 1:
                result = plans[0].switch_and_tidy() if starts else ahead(plans[0])
                retries = tuple(sessions[0].retrier.retries)
            else:
                run = HostsRun(plans, parallel, signals, go_back=rollback)
                outcomes = run.switch() if starts else run.ahead(ahead)
        if len(plans) == 1:
            show_result(replace(result, retries=retries), format_)
        else:
            show_outcomes(outcomes, "deploy", format_)

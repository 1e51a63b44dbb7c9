"""``whalebuild rollback``."""

from __future__ import annotations

from dataclasses import replace

from whalebuild.cli import options as opt
from whalebuild.cli.boundary import boundary
from whalebuild.cli.signals import DeploySignals
from whalebuild.errors import UsageError

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
    hosts: opt.Hosts = None,
    parallel: opt.Parallel = 1,
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
        from whalebuild.cli.deploy_hosts import (
            HostPlan,
            HostsRun,
            interrupts_of,
            rollback_plan,
            show_outcomes,
        )
        from whalebuild.cli.deploy_session import (
            DeploySession,
            on_host,
            open_deploy_sessions,
            show_plan,
            show_result,
        )
        from whalebuild.cli.session import setting_flags
        from whalebuild.deploy.result import DeployAction, DeployResult

        def made(session: DeploySession) -> HostPlan:
            with on_host(session.name):
                interrupts = interrupts_of(session, signals, parallel)
                planned = rollback_plan(session, number, order, interrupts)
            show_plan(session, planned.plan, format_)
            return planned

        def shown(each: HostPlan) -> DeployResult:
            return DeployResult(DeployAction.PLANNED, each.plan, to=each.to)

        flags = setting_flags(progress=progress, hosts=hosts, **vars(health), **vars(retry))
        lock = None if dry_run else "rollback"
        with open_deploy_sessions(flags, compose, lock=lock, wait=wait) as sessions:
            if number is not None and len(sessions) > 1:
                raise UsageError(
                    f"deployment {number} is another one on each host",
                    next_step="name one host with --host, or no number: each goes back to what "
                    "worked before",
                )
            plans = [made(session) for session in sessions]
            if len(plans) == 1:
                result = shown(plans[0]) if dry_run else plans[0].switch()
                retries = tuple(sessions[0].retrier.retries)
            else:
                run = HostsRun(plans, parallel, signals, go_back=True)
                outcomes = run.ahead(shown) if dry_run else run.switch()
        if len(plans) == 1:
            show_result(replace(result, retries=retries), format_)
        else:
            show_outcomes(outcomes, "rollback", format_)

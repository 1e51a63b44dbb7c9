"""What follows from the record of deployments: what is meant to run, what to go back to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from whalebuild.deploy.configuration import configurations_after
from whalebuild.deploy.record import Deployment, DeploymentKind, History, Outcome, Versions
from whalebuild.errors import UsageError
from whalebuild.oci.reference import Reference

_UNFINISHED = frozenset({Outcome.FAILED, Outcome.INTERRUPTED})


def next_number(history: History) -> int:
    """The number of the next deployment: larger than any that a line names, damaged or not."""
    return history.highest + 1


def state_after(history: History, number: int) -> dict[str, Reference | None]:
    """What ran after a deployment, of all services that the record knows.

    Each deployment up to this one recorded at its end what its services ran. One that was
    interrupted recorded nothing, and is passed over. Of a service that was first deployed later, it
    is what ran before that: so one can go back to a deployment that was about other services.
    """
    state: dict[str, Reference | None] = {}
    for each in history.deployments:
        if each.ended and each.number <= number:
            state.update(each.ended.running)
        else:
            for service, version in each.begun.before.items():
                state.setdefault(service, version)
    return state


def state_now(history: History) -> dict[str, Reference | None]:
    """What ran after the last deployment.

    Of :func:`interrupted_services`, another version may run.
    """
    return state_after(history, history.deployments[-1].number) if history.deployments else {}


def interrupted_services(history: History) -> frozenset[str]:
    """Services that an interrupted deployment was about: what runs must be looked up.

    Those that a later deployment was about, which has ended, are none of them.
    """
    services: set[str] = set()
    for each in history.deployments:
        if each.ended:
            services -= set(each.ended.running)
        else:
            services |= {*each.begun.services, *each.begun.before}
    return frozenset(services)


def unconfirmed_services(history: History) -> frozenset[str]:
    """Services whose running version no deployment has found to work.

    The last deployment that was about them failed or was interrupted; or it was rolled back, but
    they had no version to go back to.
    """
    services: set[str] = set()
    for each in history.deployments:
        about = set(each.begun.services)
        if each.outcome in _UNFINISHED:
            services |= about
        elif each.ended and each.outcome is Outcome.ROLLED_BACK:
            wanted, before = digests(each.begun.services), digests(each.begun.before)
            runs = digests(each.ended.running)
            not_back = {s for s in about if runs.get(s) == wanted[s] != before.get(s)}
            services = (services - about) | not_back
        else:
            services -= about
    return frozenset(services)


def left_unfinished(history: History) -> bool:
    """Whether the last deployment failed or was interrupted: what runs may not work."""
    return bool(history.deployments) and history.deployments[-1].outcome in _UNFINISHED


def good_deployments(history: History) -> dict[int, Deployment]:
    """The deployments that can be gone back to: by number, whose versions each of them brought.

    A deployment brought its own versions, a rollback those of the deployment that it went back to.
    A rollback to one that the record has lost counts as a deployment of its own.
    """
    good: dict[int, Deployment] = {}
    for each in history.deployments:
        if each.outcome is Outcome.DONE:
            begun = each.begun
            back = good.get(begun.to) if begun.act is DeploymentKind.ROLLBACK and begun.to else None
            good[each.number] = back or each
    return good


def effective(history: History) -> Deployment | None:
    """The good deployment whose state is meant to run now; None if there is none yet."""
    good = good_deployments(history)
    return list(good.values())[-1] if good else None


def rollback_target(
    history: History, number: int | None, *, runs_other: bool = False
) -> Deployment:
    """The deployment that a rollback goes back to.

    Without a number: what is meant to run, if a deployment since then has failed or was
    interrupted, or something else runs; else the latest good one before it that ran another version
    of something. A second rollback goes back further.

    Args:
        history: The record.
        number: Of the deployment; None leaves it to the record.
        runs_other: Whether something else runs than what is meant to.

    Raises:
        UsageError: There is no such deployment, or it was not good.
    """
    good = good_deployments(history)
    if number is not None:
        return _numbered(history, number, good)
    if not history.deployments:
        raise UsageError(
            "there is nothing to go back to",
            cause="the record of this project has no deployment yet",
            next_step="`whalebuild deploy` begins it",
        )
    now = effective(history)
    if now and (runs_other or _bad_since(history)):
        return now
    if now:
        for at, meant in reversed(good.items()):
            if at < now.number and _brings_other(history, meant, now):
                return meant
    raise UsageError(
        "there is nothing to go back to",
        cause="no deployment before this one was good and had other versions"
        if now
        else "no deployment of this project was good yet",
        next_step="see `whalebuild history`; to run another version, deploy it",
    )


def reasons_to_keep(history: History, keep: int) -> dict[str, str]:
    """Digests that must stay on the host, each with the reason: ``deployment 3``.

    Args:
        history: The record.
        keep: How many good deployments with different states count.
    """
    reasons: dict[str, str] = {}
    for reason, versions in _needed(history, keep):
        for version in versions:
            if version and version.digest:
                reasons.setdefault(version.digest, reason)
    return reasons


def recorded_versions(history: History) -> frozenset[Reference]:
    """All versions that the record has ever named."""
    found: set[Reference | None] = {each.image for each in history.warmed}
    for each in history.deployments:
        found |= {*each.begun.services.values(), *each.begun.before.values()}
        if each.ended:
            found |= set(each.ended.running.values())
    return frozenset(version for version in found if version)


def digests(versions: Versions) -> dict[str, str | None]:
    """What runs, without the names under which it was pulled."""
    return {name: version.digest if version else None for name, version in versions.items()}


def _needed(history: History, keep: int) -> Iterator[tuple[str, list[Reference | None]]]:
    yield "runs, as the record says", list(state_now(history).values())
    seen: list[dict[str, str | None]] = []
    for meant in reversed(good_deployments(history).values()):
        if len(seen) == keep:
            break
        state = state_after(history, meant.number)
        if digests(state) not in seen:
            seen.append(digests(state))
            yield f"deployment {meant.number}", list(state.values())
    for bad in reversed(_bad_since(history)):
        named = [*bad.begun.services.values(), *bad.begun.before.values()]
        how = "failed" if bad.outcome is Outcome.FAILED else "was interrupted"
        yield f"deployment {bad.number}, which {how}", named
    warmed: Mapping[str, Reference] = {each.service: each.image for each in history.warmed}
    yield "pulled ahead", list(warmed.values())


def _brings_other(history: History, one: Deployment, than: Deployment) -> bool:
    """Whether going back to ``one`` starts another version of something, or configures it anew.

    What did not run then is left as it is; of configurations, what is not known.
    """
    runs = digests(state_after(history, than.number))
    state = digests(state_after(history, one.number))
    if any(digest and digest != runs.get(service) for service, digest in state.items()):
        return True
    by = configurations_after(history, than.number)
    was = configurations_after(history, one.number)
    return any(by.get(service, digest) != digest for service, digest in was.items())


def _bad_since(history: History) -> list[Deployment]:
    """Deployments since the last good one that failed or were interrupted."""
    last = max(good_deployments(history), default=0)
    since = (each for each in history.deployments if each.number > last)
    return [each for each in since if each.outcome in _UNFINISHED]


def _numbered(history: History, number: int, good: Mapping[int, Deployment]) -> Deployment:
    found = next((each for each in history.deployments if each.number == number), None)
    if found and number in good:
        return found
    numbers = ", ".join(map(str, good))
    if found:
        outcome = found.outcome
        how = f"was {outcome}" if outcome is not Outcome.FAILED else outcome
        what = f"deployment {number} cannot be gone back to: it {how}"
    else:
        what = f"the record has no deployment {number}"
    raise UsageError(
        what,
        cause=f"good ones are {numbers}" if good else "no deployment of this project was good yet",
        next_step="see `whalebuild history`",
    )

"""By which configurations services ran, as the record of deployments has it."""

from __future__ import annotations

from whalebuild.deployments.record import History, Outcome


def configurations_after(history: History, number: int) -> dict[str, str]:
    """By which configuration services ran after a deployment: digests, as far as they are known."""
    known: dict[str, str] = {}
    for each in history.deployments:
        if each.number > number or each.ended is None:
            continue
        if each.outcome is Outcome.DONE:
            known.update(each.begun.configurations)
        elif each.outcome is Outcome.FAILED:  # it was left running, if it came so far
            running = each.ended.running
            for service, digest in each.begun.configurations.items():
                wanted, runs = each.begun.services.get(service), running.get(service)
                if wanted and runs and wanted.digest == runs.digest:
                    known[service] = digest
    return known


def needed_configurations(history: History, keep: int) -> frozenset[str]:
    """The configurations that the last deployments left, or were about."""
    last = history.deployments[-keep:]
    found = {digest for each in last for digest in each.begun.configurations.values()}
    for each in last:
        found |= set(configurations_after(history, each.number).values())
    return frozenset(found)

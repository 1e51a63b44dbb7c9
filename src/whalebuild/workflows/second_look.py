"""Whether what the engine did not find is missing.

A look-up by digest that gets no answer (a reset, a closed connection) is told as "not found":
containerd then looks among the blobs, and has the 404 of that to tell. To be removed when no engine
in use does so any more: https://github.com/containerd/containerd/issues/12402
"""

from __future__ import annotations

from dataclasses import replace

from whalebuild.core.engine_failures import not_found_in
from whalebuild.core.failures import Failure, Kind, Remedy, RequestFailedError
from whalebuild.workflows.ports import Registry

_REASON = "the engine did not find what the registry has"


def second_look(registry: Registry, failure: Failure) -> Failure:
    """Return an engine's failure: as one that may pass if the registry has what was not found."""
    reference = not_found_in(failure)
    if reference is None:
        return failure
    try:
        there = registry.head(reference) is not None
    except RequestFailedError as failed:
        there = failed.failure.remedy is Remedy.WAIT
    return replace(failure, kind=Kind.TRANSIENT, reason=_REASON) if there else failure

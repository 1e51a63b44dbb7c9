"""Runs a container's own health check once more, over the Engine's API: no word of it in a process.

https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Exec
"""

from __future__ import annotations

import json
import time
from concurrent.futures import TimeoutError as TooLongError
from functools import partial
from typing import Any

from whalebuild.compose.containers import HealthCheck, health_check
from whalebuild.compose.health import CheckResult
from whalebuild.docker.engine_api import EngineApi, named
from whalebuild.docker.engine_containers import inspected, joined_output
from whalebuild.failures.failure import redact
from whalebuild.runtime.threads import Submit

_TRIES, _PAUSE = 50, 0.05


def check_health(engine: EngineApi, container: str) -> CheckResult | None:
    """Run a health check in its running container; None where it has none.

    What it took longer than its timeout for is left to end by itself, as the engine does it.
    """
    [found] = list(inspected(engine, "containers", [container])) or [{}]
    check = health_check(found)
    return _run(engine, container, check) if check else None


def _run(engine: EngineApi, container: str, check: HealthCheck) -> CheckResult:
    asked = {"Cmd": list(check.words), "AttachStdout": True, "AttachStderr": True}
    made = _table(engine.request("POST", f"/containers/{named(container)}/exec", body=asked))
    path = f"/exec/{named(str(made.get('Id')))}"
    start = partial(engine.request, "POST", f"{path}/start", body={"Detach": False, "Tty": False})
    try:
        said = Submit()(start).result(check.timeout)
    except TooLongError:
        return CheckResult(works=False, output=f"no answer after {check.timeout:g} s")
    output = redact(joined_output(said).decode(errors="replace")).strip()
    return CheckResult(_exit_code(engine, path) == 0, output)


def _exit_code(engine: EngineApi, path: str) -> object:
    """With what it has ended; its output ends a moment before."""
    for _ in range(_TRIES):
        found = _table(engine.request("GET", f"{path}/json"))
        if not found.get("Running"):
            return found.get("ExitCode")
        time.sleep(_PAUSE)
    return None


def _table(content: bytes) -> dict[str, Any]:
    found = json.loads(content)
    return found if isinstance(found, dict) else {}

"""Look-ups run in threads; what stands here needs a process of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap

SCRIPT = """
    import time
    from tests.support.engine import FakeEngine, definition
    from tests.support.registry import BUSY, DENIED, FakeRegistry
    from tests.support.source_tree import FakeTree
    from whalebuild.errors import RefusedError
    from whalebuild.bakefile.images import BuildOptions
    from whalebuild.bakefile.request import BakeRequest
    from whalebuild.failures.retry_policy import RetryPolicy
    from whalebuild.settings import Settings
    from whalebuild.plan.planner import Planner
    from whalebuild.runtime.retrier import Retrier

    engine = FakeEngine(definition({"app": {"tags": ["acme/web:latest"]}}))
    registry = FakeRegistry(failures={"acme/web:deps": DENIED, "acme/web:latest": BUSY})
    retrier = Retrier(RetryPolicy(8, 180.0), lambda _: None, lambda _: time.sleep(600))
    try:
        planner = Planner(engine, registry, FakeTree(), Settings(), retrier)
        planner.plan(BakeRequest(), BuildOptions())
    except RefusedError:
        print("refused")
"""


def test_an_error_ends_the_process_without_waiting_for_other_look_ups() -> None:
    """Another look-up may be in a wait between tries: here of 600 s."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("refused\n", 0), done.stderr

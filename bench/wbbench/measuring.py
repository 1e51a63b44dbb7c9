"""One timed run: what it took, what it moved, and whether it really did its job."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from wbbench.errors import BenchError
from wbbench.proxy import Proxy
from wbbench.registry import Registry
from wbbench.samples import Sample, count
from wbbench.sandbox import Machine, Outcome, Sandbox
from wbbench.selection import WAN
from wbbench.units import clock, outcome
from wbbench.wan import THE_WAN


@dataclass
class Bench:
    """What all scenarios share."""

    sandbox: Sandbox
    proxy: Proxy
    registry: Registry
    folder: Path
    #: Part of every repository's name, so that no run finds what another one left.
    run_id: str
    samples: list[Sample] = field(default_factory=list)
    notes: dict[str, object] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    @property
    def base(self) -> str:
        """The base image's repository."""
        return self.sandbox.python_image.partition("/")[2].rpartition(":")[0]

    def machine(self, repository: str, *, emulation: bool = False) -> Machine:
        """Bring up a machine with an empty disk, for a project that goes into that repository."""
        image = self.sandbox.python_image.partition("/")[2]
        variables = {
            "IMAGE": f"{self.proxy.address}/{repository}",
            "PYTHON_IMAGE": f"{self.proxy.address}/{image}",
            "CA_BUNDLE": self.sandbox.ca,
            # buildx asks before it reads the CA bundle, which is outside of the context.
            "BUILDX_BAKE_ENTITLEMENTS_FS": "0",
        }
        return self.sandbox.fresh(variables, emulation=emulation)

    def measure(
        self,
        key: Mapping[str, object],
        timed: Callable[[], Outcome | None],
        check: Callable[[], int],
    ) -> Sample:
        """Run it, count what passes the proxy meanwhile, and check what it left.

        Args:
            key: The sample's scenario, shape, way and round; the scenario says over which link.
            timed: What is timed; where it is one command of whalebuild, with its outcome.
            check: Looks whether the job was done; returns the size of the code layer.
        """
        self.proxy.take()
        numbers: dict[str, object] = {}
        wan = str(key["scenario"]).startswith(WAN)
        try:
            with self.proxy.over(THE_WAN) if wan else nullcontext():
                began = time.perf_counter()
                ended = timed()
                numbers["seconds"] = time.perf_counter() - began
            numbers.update(count(self.proxy.take(), self.base))
            numbers["memory"] = ended and ended.memory
            numbers["code_layer"] = check()
        except BenchError as error:
            numbers["error"] = str(error)
        return Sample(**key, **numbers)

    def add(self, sample: Sample) -> None:
        """Keep it, and say so."""
        self.samples.append(sample)
        self.say(outcome(sample))

    def say(self, line: str) -> None:
        """Print one line of progress."""
        print(f"[{clock(time.monotonic() - self.began):>5}] {line}", flush=True)

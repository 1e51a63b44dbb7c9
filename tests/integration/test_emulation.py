"""The sandbox's emulation: a step that runs for another platform than the machine's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.sandbox import Sandbox


@pytest.mark.extended
def test_a_step_runs_for_arm64(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(
        f"FROM {sandbox.python_image} AS run\n"
        # A shell that starts another program: the emulator is there for children too.
        "RUN uname -m >/machine\n"
        "FROM scratch\n"
        "COPY --from=run /machine /\n"
    )
    with sandbox.fresh_engine("emulated", "--with", "emulation") as engine:
        words = ("docker", "buildx", "build", "--platform", "linux/arm64", "--output", "made", ".")
        sandbox.run(*words, cwd=tmp_path, engine=engine, check=True)
    assert (tmp_path / "made/machine").read_text() == "aarch64\n"

"""Runs ``whalebuild doctor``, and the commands that it names."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration.sandbox import SHARED_ENGINE, Sandbox


@dataclass(frozen=True)
class Report:
    """What the doctor said, as JSON."""

    code: int
    checks: Mapping[str, Any]
    stdout: str

    @classmethod
    def read(cls, done: subprocess.CompletedProcess[str]) -> Report:
        """Read what the doctor printed."""
        assert "fault in whalebuild" not in done.stderr, done.stderr
        assert done.stdout, done.stderr
        found = json.loads(done.stdout)
        assert found.get("schema") == "whalebuild.doctor/1", done.stdout
        assert found["exit_code"] == done.returncode
        checks = {check["check"]: check for check in found["checks"]}
        return cls(done.returncode, checks, done.stdout)

    def statuses(self, *wanted: str) -> list[str]:
        """The checks that ended in one of these ways."""
        return [name for name, check in self.checks.items() if check["status"] in wanted]

    def finding(self, name: str) -> dict[str, Any]:
        """The first finding of a check that is not ok."""
        findings = self.checks[name]["findings"]
        assert findings
        return next((f for f in findings if f["status"] != "ok"), findings[0])


@dataclass
class Patient:
    """Who is looked at: a folder, and the environment of the commands in it."""

    sandbox: Sandbox
    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    engine: str = SHARED_ENGINE

    def doctor(self, *words: str, before: str = "", env: Mapping[str, str] | None = None) -> Report:
        """Look; ``before`` is a command of the shell that it runs in."""
        words = ("whalebuild", "doctor", "--format", "json", *words)
        script = f'{before or ":"} && exec "$@"'
        return Report.read(self.run("sh", "-c", script, "sh", *words, env=env))

    def run(self, *words: str | Path, env: Mapping[str, str] | None = None, **more: Any) -> Any:
        """Run a command as this patient."""
        return self.sandbox.run(
            *words, cwd=self.folder, engine=self.engine, env={**self.env, **(env or {})}, **more
        )

    def mend(self, command: str) -> None:
        """Run a command that the doctor named, as it is typed."""
        done = self.run("sh", "-c", command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"

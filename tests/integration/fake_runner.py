"""A runner of GitHub's, as far as whalebuild's workflows need one.

It reads the workflow, gives each job an engine with an empty disk and folders of its own, sets the
variables and files that a runner sets, evaluates expressions, and runs the ``run:`` steps. Actions
of others are replaced by functions that do what these do (``STAND_INS``).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.integration import fake_actions
from tests.integration.sandbox import Sandbox
from tests.support.actions_log import Log, read_log
from tests.support.expressions import condition, interpolate

REPOSITORY = "acme/web"


@dataclass(frozen=True)
class Event:
    """What a workflow runs for.

    Attributes:
        commit: What is checked out.
        origin: The git repository that has it.
        payload: The webhook's, which is in the event file.
    """

    name: str
    ref: str
    commit: str
    origin: Path
    payload: Mapping[str, Any]


@dataclass
class Step:
    """A step that has run or was skipped (``outcome``), and what it left."""

    outcome: str
    log: Log = field(default_factory=Log)
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""


@dataclass
class Job:
    """One job of a run, with one row of its matrix; actions of others work on it, too."""

    name: str
    folder: Path
    event: Event
    environment: dict[str, str]
    contexts: dict[str, Any]
    artifacts: dict[str, list[Path]]
    steps: dict[str, Step] = field(default_factory=dict)
    failed: bool = False

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def outcome(self) -> str:
        return "failure" if self.failed else "success"

    def text(self) -> str:
        """All lines that were shown."""
        return "\n".join(line for step in self.steps.values() for line in step.log.shown)

    def run(self, *words: str, stdin: str = "") -> str:
        """A command of an action."""
        done = subprocess.run(
            words,
            cwd=self.workspace,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@dataclass
class Runner:
    """Runs workflows; each job on an engine of its own with an empty disk.

    Attributes:
        secrets: Those of the repository; a pull request from a fork gets none.
        whalebuild: The command that ``pipx install`` puts on the path.
    """

    sandbox: Sandbox
    folder: Path
    secrets: Mapping[str, str]
    whalebuild: Path
    _jobs: int = 0

    def run(self, workflow: str, event: Event) -> dict[str, Job]:
        """Run a workflow for an event: its jobs by name, those of a matrix with their number."""
        read = yaml.safe_load(workflow)
        # In YAML 1.1, which PyYAML reads, "on" is a boolean.
        assert event.name in (read.get("on") or read[True])
        artifacts: dict[str, list[Path]] = {}
        done: dict[str, Job] = {}
        for name, job in read["jobs"].items():
            needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
            before = [each for key, each in done.items() if key.partition("/")[0] in needs]
            failed = any(each.failed for each in before) or len(before) < len(needs)
            if not condition(job.get("if", "true"), self._contexts(event), failed=failed):
                continue
            rows = job.get("strategy", {}).get("matrix", {}).get("include", [None])
            for number, row in enumerate(rows):
                key = name if row is None else f"{name}/{number}"
                extra = {"matrix": row, "strategy": {"job-index": number}}
                done[key] = self._run_job(read, job, key, event, extra, artifacts)
        return done

    def _contexts(self, event: Event) -> dict[str, Any]:
        github = {
            "event_name": event.name,
            "event": event.payload,
            "repository": REPOSITORY,
            "actor": "someone",
            "token": "token-of-the-run",
        }
        fork = fake_actions.is_fork(event.payload, REPOSITORY)
        return {"github": github, "secrets": {} if fork else dict(self.secrets)}

    def _run_job(
        self,
        workflow: Mapping[str, Any],
        job: Mapping[str, Any],
        key: str,
        event: Event,
        extra: Mapping[str, Any],
        artifacts: dict[str, list[Path]],
    ) -> Job:
        self._jobs += 1
        folder = self.folder / f"job-{self._jobs}"
        with self.sandbox.fresh_engine(f"job-{self._jobs}") as engine:
            contexts = {**self._contexts(event), **extra, "steps": {}}
            variables = self._variables(engine, folder, event, key)
            for block in (workflow.get("env", {}), job.get("env", {})):
                variables |= {k: interpolate(_text(v), contexts) for k, v in block.items()}
            made = Job(key, folder, event, variables, contexts, artifacts)
            for number, step in enumerate(job["steps"]):
                name = step.get("id") or f"step-{number}"
                made.steps[name] = self._run_step(made, step, folder / f"files-{number}")
                outputs = made.steps[name].outputs
                contexts["steps"][name] = {"outputs": outputs}
        return made

    def _variables(self, engine: str, folder: Path, event: Event, job: str) -> dict[str, str]:
        """The variables of a new machine, and those that a runner sets."""
        found = dict(self.sandbox.env(engine))
        for name in ("home", "workspace", "temp", "bin"):
            (folder / name).mkdir(parents=True)
        docker = folder / "home" / ".docker"
        shutil.copytree(found["DOCKER_CONFIG"], docker, symlinks=True)
        for name in ("TMPDIR", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
            found.pop(name, None)
        (folder / "event.json").write_text(json.dumps(event.payload))
        _have_pipx(folder / "bin", self.whalebuild)
        elsewhere = [
            p for p in found["PATH"].split(os.pathsep) if not (Path(p) / "whalebuild").exists()
        ]
        return found | {
            "PATH": os.pathsep.join([str(folder / "bin"), *elsewhere]),
            "HOME": str(folder / "home"),
            "DOCKER_CONFIG": str(docker),
            "TMPDIR": str(folder / "temp"),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "someone",
            "GITHUB_EVENT_NAME": event.name,
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_JOB": job.partition("/")[0],
            "GITHUB_REF": event.ref,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "1",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": event.commit,
            "GITHUB_WORKSPACE": str(folder / "workspace"),
            "RUNNER_ARCH": "X64",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(folder / "temp"),
        }

    def _run_step(self, job: Job, step: Mapping[str, Any], files: Path) -> Step:
        contexts = {**job.contexts, "env": job.environment}
        if not condition(str(step.get("if", "true")), contexts, failed=job.failed):
            return Step("skipped")
        if "uses" in step:
            inputs = {k: interpolate(_text(v), contexts) for k, v in step.get("with", {}).items()}
            if step["uses"].startswith("./"):
                return self._run_composite(job, job.workspace / step["uses"], inputs, files)
            act = STAND_INS[step["uses"].partition("@")[0]]
            return Step("success", outputs=act(job, inputs) or {})
        return self._run_own(job, step, contexts, files)

    def _run_composite(self, job: Job, folder: Path, given: dict[str, str], files: Path) -> Step:
        """An action of the repository's own that is made of steps; its log is that of all."""
        read = yaml.safe_load((folder / "action.yml").read_text())
        assert read["runs"]["using"] == "composite"
        assert set(given) <= set(read["inputs"])
        inputs = {k: _text(v.get("default", "")) for k, v in read["inputs"].items()} | given
        github = {**job.contexts["github"], "action_path": str(folder.resolve())}
        done: dict[str, Any] = {}
        contexts = {**job.contexts, "github": github, "inputs": inputs, "steps": done}
        files.mkdir()
        whole = Step("success")
        for number, step in enumerate(read["runs"]["steps"]):
            assert step["shell"] == "bash", "a step of an action has to name its shell"
            ran = self._run_own(job, step, contexts, files / f"{number}")
            done[step.get("id", str(number))] = {"outputs": ran.outputs}
            whole.outcome, whole.log = ran.outcome, ran.log
            whole.summary += ran.summary
            if ran.outcome == "failure":
                break
        whole.outputs = {k: interpolate(v["value"], contexts) for k, v in read["outputs"].items()}
        return whole

    def _run_own(
        self, job: Job, step: Mapping[str, Any], contexts: Mapping[str, Any], files: Path
    ) -> Step:
        own = {k: interpolate(_text(v), contexts) for k, v in step.get("env", {}).items()}
        return _run_script(job, interpolate(step["run"], contexts), own, files)


def _text(value: object) -> str:
    """A scalar of YAML as the runner reads it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _run_script(job: Job, script: str, env: Mapping[str, str], files: Path) -> Step:
    """As ``shell: bash`` is not given: ``bash -e``, standard error into the same log."""
    files.mkdir()
    named = {n: files / n for n in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV")}
    named["GITHUB_PATH"] = files / "GITHUB_PATH"
    for path in named.values():
        path.touch()
    (files / "script.sh").write_text(script)
    done = subprocess.run(
        ("bash", "-e", str(files / "script.sh")),
        cwd=job.workspace,
        env={**job.environment, **env, **{name: str(path) for name, path in named.items()}},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
        timeout=300,
    )
    job.failed = job.failed or done.returncode != 0
    job.environment |= _assignments(named["GITHUB_ENV"])
    return Step(
        "failure" if done.returncode else "success",
        read_log(done.stdout.splitlines()),
        _assignments(named["GITHUB_OUTPUT"]),
        named["GITHUB_STEP_SUMMARY"].read_text(),
    )


def _assignments(file: Path) -> dict[str, str]:
    """``name=value`` a line, or ``name<<END``, lines, ``END``."""
    found = {}
    lines = iter(file.read_text().splitlines())
    for line in lines:
        name, _, end = line.partition("<<")
        if end and "=" not in name:
            several = []
            for each in lines:
                if each == end:
                    break
                several.append(each)
            found[name] = "\n".join(several)
        elif line:
            name, equals, value = line.partition("=")
            assert equals, f"the runner cannot read {line!r}"
            found[name] = value
    return found


def _have_pipx(folder: Path, whalebuild: Path) -> None:
    """A pipx that installs nothing: what it is asked for is there, and is put on the path."""
    script = (
        "#!/bin/sh\nset -e\n"
        '[ "$1" = install ] && [ -n "$2" ] && [ $# = 2 ]\n'
        f"printf '#!/bin/sh\\nexec {whalebuild} \"$@\"\\n' > {folder}/whalebuild\n"
        f"chmod +x {folder}/whalebuild\n"
    )
    (folder / "pipx").write_text(script)
    (folder / "pipx").chmod(0o755)


STAND_INS: dict[str, Callable[[Job, dict[str, str]], dict[str, str] | None]] = {
    "actions/checkout": fake_actions.check_out,
    "actions/download-artifact": fake_actions.download_artifact,
    "actions/upload-artifact": fake_actions.upload_artifact,
    "docker/login-action": fake_actions.log_in,
    "docker/metadata-action": fake_actions.make_metadata,
    "docker/setup-buildx-action": fake_actions.set_up_buildx,
}

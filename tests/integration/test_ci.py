"""The workflows of ``whalebuild ci``, run through by a runner that does what GitHub's does."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.pairs import AS_IT_IS, KIB, RAN, Pair, changing
from tests.integration.sandbox import downloaded

pytest.importorskip("yaml", reason="`make setup` installs it")

from tests.integration.fake_runner import REPOSITORY, Event, Job, Runner

MAIN = "refs/heads/main"
FORK = "stranger/web"


class Repository:
    """The project on GitHub: its branch ``main``, and what is proposed for it."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self._git("init", "--quiet", "--initial-branch=main")

    def _git(self, *words: str) -> str:
        own = ("-c", "user.name=someone", "-c", "user.email=someone@example.com")
        done = subprocess.run(
            ("git", *own, *words), cwd=self.pair.folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self) -> str:
        self._git("add", ".")
        self._git("commit", "--quiet", "--message=work")
        return self._git("rev-parse", "HEAD")

    def push(self) -> Event:
        commit = self.commit()
        payload = {"ref": MAIN, "after": commit, "repository": {"full_name": REPOSITORY}}
        return Event("push", MAIN, commit, self.pair.folder, payload)

    def pull_request(self, head: str) -> Event:
        """A pull request of what has changed, from the repository with this name."""
        repository: dict[str, Any] = {"full_name": head, "fork": head != REPOSITORY}
        base = {"repo": {"full_name": REPOSITORY, "fork": False}, "ref": "main"}
        payload = {
            "number": 7,
            "pull_request": {"number": 7, "head": {"repo": repository}, "base": base},
            "repository": {"full_name": REPOSITORY},
        }
        return Event("pull_request", "refs/pull/7/merge", self.commit(), self.pair.folder, payload)


@pytest.fixture
def remote(pair: Pair) -> Repository:
    (pair.folder / "whalebuild.toml").write_text(f'image = "{pair.image}"\n')
    return Repository(pair)


@pytest.fixture
def runner(pair: Pair, tmp_path: Path) -> Runner:
    secrets = {"REGISTRY_USERNAME": "someone", "REGISTRY_PASSWORD": "a-password"}
    found = shutil.which("whalebuild", path=pair.sandbox.env()["PATH"])
    assert found
    return Runner(pair.sandbox, tmp_path / "runner", secrets, Path(found))


def workflow(pair: Pair, *words: str) -> str:
    done = pair.sandbox.whalebuild("ci", "github", "--source", ".", *words, cwd=pair.folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def the_bake(jobs: dict[str, Job]) -> Job:
    job = jobs["bake"]
    assert not job.failed, job.text()
    return job


def test_pushes_publish_and_forks_only_read(remote: Repository, runner: Runner, pair: Pair) -> None:
    text = workflow(pair)
    first = the_bake(runner.run(text, remote.push()))
    assert pair.tags() == ["deps", "latest"]
    outputs = first.steps["bake"].outputs
    assert (outputs["deps-digest"], outputs["digest"]) == (pair.digest(), pair.digest("latest"))
    assert json.loads(outputs["result"])["schema"] == "whalebuild.bake/1"
    assert RAN in first.text()

    pair.change_code("two")
    with pair.sandbox.requests() as requests:
        second = the_bake(runner.run(text, remote.push()))
    assert downloaded(requests) <= 40 * KIB
    assert RAN not in second.text()
    assert second.steps["bake"].outputs["digest"] == pair.digest("latest") != outputs["digest"]

    pair.change_code("three")
    pair.change_requirements("three")
    with pair.sandbox.requests() as requests:
        read_only = the_bake(runner.run(text, remote.pull_request(FORK)))
    assert changing(requests) == []
    assert f"this pull request is from the fork {FORK}: it reads only" in read_only.text()
    assert RAN in read_only.text()
    assert pair.tags() == ["deps", "latest"]
    assert second.steps["bake"].outputs["digest"] == pair.digest("latest")


def test_a_failing_build_is_annotated_at_its_line(
    remote: Repository, runner: Runner, pair: Pair
) -> None:
    text = workflow(pair)
    lines = [*AS_IT_IS.splitlines(), "RUN echo '::error::not mine' && echo '##[error]nor' && false"]
    pair.write("\n".join(lines) + "\n")
    job = runner.run(text, remote.push())["bake"]
    step = job.steps["bake"]
    (error,) = step.log.named("error")
    assert job.failed
    assert (error.properties["file"], error.properties["line"]) == ("Dockerfile", str(len(lines)))
    assert error.data.startswith("the build failed\n")
    assert step.log.depth == 0
    assert step.log.stopped is None
    assert any(line.endswith("| ::error::not mine") for line in step.log.shown)
    assert json.loads(step.outputs["result"])["error"]["exit_code"] == 4
    assert step.summary.startswith("### whalebuild: the build failed\n\nIn `Dockerfile`, line ")
    assert pair.tags() in ([], ["deps"])

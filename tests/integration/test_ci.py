"""The workflows of ``whalebuild ci``, run through by a runner that does what GitHub's does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.pairs import AS_IT_IS, KIB, RAN, Pair, changing
from tests.integration.sandbox import ROOT, downloaded

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
        self._git("commit", "--quiet", "--allow-empty", "--message=work")
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
    pair.change_requirements("two")
    with pair.sandbox.requests() as requests:
        read_only = the_bake(runner.run(text, remote.pull_request(FORK)))
    assert changing(requests) == []
    assert f"this pull request is from the fork {FORK}: it reads only" in read_only.text()
    assert RAN in read_only.text()
    assert pair.tags() == ["deps", "latest"]
    assert first.steps["bake"].outputs["digest"] == pair.digest("latest")


@pytest.mark.extended
def test_a_push_of_code_moves_the_code(remote: Repository, runner: Runner, pair: Pair) -> None:
    text = workflow(pair)
    first = the_bake(runner.run(text, remote.push()))
    pair.change_code("two")
    with pair.sandbox.requests() as requests:
        second = the_bake(runner.run(text, remote.push()))
    assert downloaded(requests) <= 40 * KIB
    assert RAN not in second.text()
    digest = second.steps["bake"].outputs["digest"]
    assert digest == pair.digest("latest") != first.steps["bake"].outputs["digest"]
    # What is not downloaded is what the dependencies and the base weigh.
    assert re.search(r"\*\*\d\.\d MB not downloaded\*\*", second.steps["bake"].summary)


@pytest.mark.extended
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


@pytest.mark.extended
def test_a_failing_dependency_is_annotated_at_its_first_line(
    remote: Repository, runner: Runner, pair: Pair
) -> None:
    text = workflow(pair)
    pair.write(AS_IT_IS.replace("echo now", "false && echo now"))
    job = runner.run(text, remote.push())["bake"]
    (error,) = job.steps["bake"].log.named("error")
    line = AS_IT_IS.splitlines().index(next(x for x in AS_IT_IS.splitlines() if "RUN" in x)) + 1
    assert (error.properties["file"], error.properties["line"]) == ("Dockerfile", str(line))
    assert pair.tags() == []


@pytest.mark.extended
def test_a_branch_of_the_repository_has_tags_of_its_own(
    remote: Repository, runner: Runner, pair: Pair
) -> None:
    text = workflow(pair)
    the_bake(runner.run(text, remote.push()))
    published = pair.digest("latest")
    pair.change_code("two")
    job = the_bake(runner.run(text, remote.pull_request(REPOSITORY)))
    assert RAN not in job.text()
    assert pair.tags() == ["deps", "latest", "pr-7", "pr-7-deps"]
    assert pair.digest("latest") == published
    assert pair.digest("pr-7") == job.steps["bake"].outputs["digest"] != published


@pytest.mark.extended
def test_a_runner_a_platform_and_a_merge(remote: Repository, runner: Runner, pair: Pair) -> None:
    # Nothing runs: the second runner is none of arm64 here.
    pair.write(
        "FROM {base} AS dependencies\nCOPY --link requirements.txt /requirements.txt\n"
        "FROM dependencies AS final\nCOPY --link app.sh /app.sh\n",
        base=pair.sandbox.python_image,
    )
    settings = f'image = "{pair.image}"\nplatform = ["linux/amd64", "linux/arm64"]\n'
    (pair.folder / "whalebuild.toml").write_text(settings)
    text = workflow(pair, "--matrix")
    jobs = runner.run(text, remote.push())
    assert [(name, job.outcome) for name, job in jobs.items()] == [
        ("bake/0", "success"),
        ("bake/1", "success"),
        ("merge", "success"),
    ]
    assert set(pair.images("latest")) == {"amd64", "arm64"}
    assert jobs["merge"].steps["merge"].outputs["digest"] == pair.digest("latest")
    pair.check_whole()

    pair.change_code("two")
    with pair.sandbox.requests() as requests:
        proposed = runner.run(text, remote.pull_request(FORK))
    assert changing(requests) == []
    assert list(proposed) == ["bake/0", "bake/1"]
    assert [job.failed for job in proposed.values()] == [False, False]
    assert "part" not in proposed["bake/1"].steps["bake"].outputs

    with pair.sandbox.requests() as requests:
        again = runner.run(text, remote.push())
    assert not any(job.failed for job in again.values())
    assert downloaded(requests) <= 3 * 40 * KIB


@pytest.mark.extended
@pytest.mark.parametrize("matrix", [False, True])
def test_tags_come_from_metadata_action(
    remote: Repository, runner: Runner, pair: Pair, matrix: bool
) -> None:
    platforms = 'platforms = ["linux/amd64"]' if not matrix else ""
    (pair.folder / "docker-bake.hcl").write_text(
        'target "docker-metadata-action" {}\n'
        f'target "default" {{\n  inherits = ["docker-metadata-action"]\n  {platforms}\n}}\n'
    )
    (pair.folder / "whalebuild.toml").write_text("")
    words = ["--matrix", "--platform", "linux/amd64,linux/arm64"] if matrix else []
    if matrix:
        pair.write(
            "FROM {base} AS dependencies\nCOPY --link requirements.txt /requirements.txt\n"
            "FROM dependencies AS final\nCOPY --link app.sh /app.sh\n",
            base=pair.sandbox.python_image,
        )
    text = workflow(pair, "--metadata", "--image", pair.image, *words)
    event = remote.push()
    jobs = runner.run(text, event)
    assert not any(job.failed for job in jobs.values()), [job.text() for job in jobs.values()]
    assert pair.tags() == ["deps", "latest", f"sha-{event.commit[:7]}"]
    assert pair.digest(f"sha-{event.commit[:7]}") == pair.digest("latest")


ACTION = """
on: [push]
jobs:
  bake:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v7
      - id: bake
        uses: ./.whalebuild
        with:
          args: |
            --tag v1
            --set "*.labels.two words=it's"
"""


@pytest.mark.extended
def test_the_action_bakes(remote: Repository, runner: Runner, pair: Pair) -> None:
    folder = pair.folder / ".whalebuild"
    folder.mkdir()
    shutil.copy(ROOT / "action.yml", folder)
    job = the_bake(runner.run(ACTION, remote.push()))
    assert job.steps["bake"].outputs["digest"] == pair.digest("latest") == pair.digest("v1")
    assert job.steps["bake"].outputs["deps-digest"] == pair.digest()
    shown = pair.sandbox.run(
        *("docker", "buildx", "imagetools", "inspect", "--format", "{{json .Image.Config.Labels}}"),
        f"{pair.image}:v1",
        cwd=pair.folder,
        check=True,
    )
    assert json.loads(shown.stdout)["two words"] == "it's"

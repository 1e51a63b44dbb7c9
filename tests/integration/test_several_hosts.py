"""One deploy to several hosts: two engines, one of them over ssh."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.deploys import Host, Web
from tests.integration.remotes import ADDRESS, Far
from tests.integration.sandbox import Sandbox, downloaded

# Both engines are on this machine: neither has a fixed port. The file is what one host has and the
# other has not; release 2 does not work with it.
COMPOSE = """\
services:
  web:
    image: ${IMAGE}:latest
    restart: unless-stopped
    volumes: ["flags:/flags"]
    healthcheck:
      test: "! [ -e /flags/bad ] || ! grep -q 'release\\": \\"2' /srv/settings.json"
      interval: 500ms
      retries: 2
      start_period: 0s
volumes:
  flags: {}
"""


@dataclass
class Both:
    """Two hosts, and a machine that deploys to both."""

    a: Host
    b: Host
    team: Host

    @property
    def words(self) -> list[str]:
        return ["--host", self.a.sandbox.env(self.a.engine)["DOCKER_HOST"], "--host", ADDRESS]

    def run(self, *words: str, code: int = 0) -> dict[str, Any]:
        done = self.team.whalebuild(*words, *self.words, "--format", "json")
        assert done.returncode == code, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def digests(self) -> list[list[str]]:
        return [self.a.digests(), self.b.digests()]

    def spoil(self, host: Host) -> None:
        """From now on release 2 does not work there."""
        host.compose("exec", "web", "touch", "/flags/bad")


@pytest.fixture(scope="module")
def engines(sandbox: Sandbox) -> Iterator[tuple[str, str]]:
    with sandbox.fresh_engine("host-a") as a, sandbox.fresh_engine("host-b") as b:
        yield a, b


@pytest.fixture
def both(sandbox: Sandbox, engines: tuple[str, str], tmp_path: Path, web: Web) -> Iterator[Both]:
    name = {"COMPOSE_PROJECT_NAME": "several"}
    a, b = (Host(sandbox, each, tmp_path / "host", web.image, 0, dict(name)) for each in engines)
    a.write(COMPOSE)
    far = Far(b, tmp_path / "far", "host", client=a.engine)
    yield Both(a, b, far.host)
    for each in (a, b):
        each.down()
        each.compose("down", "--volumes")


def outcomes(found: dict[str, Any]) -> list[list[str]]:
    return [[each["outcome"] for each in host["history"]["deployments"]] for host in found["hosts"]]


@pytest.mark.extended
def test_the_second_one_fails(web: Web, both: Both) -> None:
    first = web.publish("1")
    assert both.run("deploy")["done"]
    assert both.digests() == [[first], [first]]
    both.spoil(both.b)
    second = web.publish("2")
    failed = both.run("deploy", code=8)
    assert both.digests() == [[first], [first]]
    assert [each["end"] for each in failed["hosts"]] == ["gone back", "failed"]
    assert failed["hosts"][0]["result"]["services"][0]["version"].endswith(second)
    found = both.run("history")
    assert outcomes(found) == [["done", "done", "done"], ["done", "rolled back"]]
    assert [host["history"]["strays"] for host in found["hosts"]] == [[], []]
    assert both.a.tag() == both.b.tag() == first, "what compose starts by hand"


@pytest.mark.extended
def test_side_by_side(sandbox: Sandbox, web: Web, both: Both) -> None:
    first = web.publish("1")
    both.run("deploy", "--parallel", "2")
    both.spoil(both.a)
    second = web.publish("2")
    shown = both.team.whalebuild("deploy", "--parallel", "2", *both.words)
    assert shown.returncode == 8, shown.stderr
    assert both.digests() == [[first], [first]]
    lines = shown.stdout.splitlines()
    assert lines[0].split()[:2] == ["HOST", "SERVICE"]
    assert lines[1].endswith("failed")
    assert lines[2].endswith("gone back")
    assert "whalebuild: deploy@prod.example:2222: " in shown.stderr
    both.a.compose("exec", "web", "rm", "/flags/bad")
    with sandbox.requests() as requests:
        assert both.run("deploy", "--parallel", "2")["done"]
    assert not downloaded(requests), "each has pulled it before"
    assert both.digests() == [[second], [second]]
    back = both.run("rollback", "--parallel", "2")
    assert [each["result"]["done"] for each in back["hosts"]] == ["rolled back"] * 2
    assert both.digests() == [[first], [first]]
    assert [len(each.volumes("record")) for each in (both.a, both.b)] == [1, 1]
    assert [each.volumes("lock") for each in (both.a, both.b)] == [[], []]


@pytest.mark.extended
@pytest.mark.parametrize("parallel", ["1", "2"])
def test_interrupted(web: Web, both: Both, parallel: str) -> None:
    first = web.publish("1")
    both.run("deploy")
    web.publish_broken("2", how="hangs")
    # Without one of the file's own, the image's health check stays "starting".
    file = both.a.folder / "compose.yaml"
    text = file.read_text()
    file.write_text(text[: text.index("    healthcheck")] + text[text.index("volumes:\n  flags") :])
    with both.team.started("deploy", "--parallel", parallel, *both.words) as process:
        process.wait_for_text("its health check")
        process.interrupt()
        assert process.end() == 130, process.stderr
    assert both.digests() == [[first], [first]], process.stderr
    assert [each.volumes("lock") for each in (both.a, both.b)] == [[], []]


@pytest.mark.extended
def test_one_cannot_be_reached(web: Web, both: Both, tmp_path: Path) -> None:
    first = web.publish("1")
    both.run("deploy")
    web.publish("2")
    why = "deploy@prod.example: Permission denied (publickey)."
    (tmp_path / "far/refusal").write_text(f"{why}\n")
    shown = both.team.whalebuild("deploy", *both.words)
    assert shown.returncode == 3, shown.stderr
    assert "error: deploy@prod.example:2222: the Docker engine on prod.example" in shown.stderr
    (tmp_path / "far/refusal").unlink()
    shown = both.team.whalebuild("deploy", *both.words[:2], "--host", "nowhere")
    assert shown.returncode == 3, shown.stderr
    assert "nowhere" in shown.stderr
    assert both.digests() == [[first], [first]]
    again = both.a.sandbox.env(both.a.engine)["DOCKER_HOST"].replace("unix:///", "unix:////")
    shown = both.team.whalebuild("deploy", *both.words[:2], "--host", again)
    assert shown.returncode == 2, shown.stderr
    assert "are the same engine" in shown.stderr

"""``whalebuild builder``: words in, text and JSON out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.support.builders import B_DOWN, OWN, REFUSED, A, B, FakeBuilders
from whalebuild.builder.listing import Builder
from whalebuild.builder.nodes import Node
from whalebuild.cli.app import app
from whalebuild.cli.output.builder import list_text
from whalebuild.docker import builders as docker_builders

FARM_BUILDS = "linux/amd64 natively on farm0; linux/arm64 natively on farm1"


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeBuilders:
    """A farm of two nodes, and the docker context's own builder."""
    builders = FakeBuilders({"farm": Builder("farm", "remote", (A, B)), "default": OWN})
    monkeypatch.setattr(docker_builders, "DockerBuilders", lambda: _Open(builders))
    monkeypatch.chdir(tmp_path)
    return builders


class _Open:
    def __init__(self, builders: FakeBuilders) -> None:
        self.builders = builders

    def __enter__(self) -> FakeBuilders:
        return self.builders

    def __exit__(self, *_: object) -> None:
        pass


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, ["builder", *words], prog_name="whalebuild")


def test_ls_says_which_node_builds_what(there: FakeBuilders) -> None:
    there.there["gone"] = Builder("gone", "", error="Cannot connect")
    assert invoke("ls").stdout.splitlines() == [
        "NAME      DRIVER  STATUS                BUILDS",
        "default*  docker  running               linux/amd64 natively",
        "farm      remote  2 of 2 nodes running  " + FARM_BUILDS,
        "gone      -       error                 Cannot connect",
    ]
    shown = json.loads(invoke("ls", "--format", "json").stdout)
    assert shown["schema"] == "whalebuild.builders/1"
    default, farm, gone = shown["builders"]
    assert (default["current"], farm["current"], gone["error"]) == (True, False, "Cannot connect")
    assert farm["platforms"] == [
        {"platform": "linux/amd64", "node": "farm0", "how": "native"},
        {"platform": "linux/arm64", "node": "farm1", "how": "native"},
    ]
    assert gone["driver"] is None


def test_ls_tells_emulation_and_nodes_that_do_not_run() -> None:
    both = Node("x0", "x", platforms=("linux/amd64", "linux/arm64"), own="linux/amd64")
    rows = list_text(
        [
            Builder("x", "docker-container", (both,)),
            Builder("idle", "docker-container", (Node("i0", "x", status="inactive"),)),
            Builder("half", "remote", (A, B_DOWN)),
        ]
    ).splitlines()
    assert rows[1].endswith("running               linux/amd64 natively; linux/arm64 emulated")
    assert rows[2].split() == ["idle", "docker-container", "inactive", "-"]
    assert "1 of 2 nodes running" in rows[3]


def test_inspect_in_plain_words(there: FakeBuilders) -> None:
    there.refused = {"security.insecure": "ERROR: failed to build: not allowed\n"}
    text = invoke("inspect", "farm").stdout
    assert "farm (driver remote)\n" in text
    assert "  linux/arm64  natively on farm1\n" in text
    assert "  push by digest                   yes  (by driver)\n" in text
    assert "  entitlement security.insecure    no   (tested): not allowed\n" in text
    shown = json.loads(invoke("inspect", "farm", "--format", "json").stdout)
    assert (shown["schema"], shown["warnings"]) == ("whalebuild.builder/1", [])
    first = shown["builder"]["nodes"][0]
    assert (first["cache_bytes"], first["native"], first["own"]) == (10, [A.own], A.own)
    assert {"name": "--load", "able": True, "known_by": "driver", "why": None} in (
        shown["builder"]["features"]
    )


def test_inspect_says_what_is_wrong_with_a_node(there: FakeBuilders) -> None:
    wrong = Node(
        "w",
        "tcp://w:1",
        platforms=("linux/arm64", "linux/amd64"),
        given=("linux/arm64",),
        own="linux/amd64",
    )
    there.there["farm"] = Builder("farm", "remote", (wrong, B_DOWN))
    there.usages = {"farm1": REFUSED}
    text = invoke("inspect", "farm", "--no-test").stdout
    assert "  farm1: transport: Error while dialing: dial tcp 192.0.2.1:1: connect:" in text
    assert "beware: w was given linux/arm64, and its machine is linux/amd64: it emulates" in text
    there.there["farm"] = Builder("farm", "remote", (wrong,))
    assert "more was not tested: not asked for" in invoke("inspect", "farm", "--no-test").stdout
    there.there["farm"] = Builder("farm", "remote", (B_DOWN,))
    text = invoke("inspect", "farm").stdout
    assert "linux/arm64  on farm1, which does not run" in text
    assert "more was not tested: not all of it runs" in text


def test_create_checks_words_before_it_asks_docker(there: FakeBuilders) -> None:
    done = invoke("create", "f", "--driver", "remte", "--format", "json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["error"]["cause"] == 'did you mean "remote"?'
    assert there.calls == []


def test_create_makes_both_nodes(there: FakeBuilders) -> None:
    nodes = ("--node", "tcp://a:1=linux/amd64", "--node", "tcp://b:1=linux/arm64")
    done = invoke("create", "farm", "--driver", "remote", *nodes, "--use")
    assert done.exit_code == 0, done.output
    assert "natively on farm1" in done.stdout
    assert there.calls[-1] == "use farm"


def test_rm(there: FakeBuilders) -> None:
    there.made = {"farm"}
    assert invoke("rm", "farm").stdout == 'removed builder "farm"\n'
    shown = json.loads(invoke("rm", "farm", "--keep-state", "--format", "json").stdout)
    assert shown == {"schema": "whalebuild.builder-removed/1", "removed": "farm"}
    refused = invoke("rm", "default")
    assert refused.exit_code == 2
    assert invoke("rm", "nope").exit_code == 3

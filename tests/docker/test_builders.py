"""Builders over real processes: a shell script stands in for docker, and buildx's state is real."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from whalebuild.builder.listing import CacheUsage
from whalebuild.docker.builders import DockerBuilders
from whalebuild.docker.buildx_store import has_own_network, stored_builders, stored_nodes
from whalebuild.errors import EngineError

Docker = Callable[[str], Path]
AMD64, ARM64 = "linux/amd64", "linux/arm64"
# As buildx 0.29.1 stores it.
FARM = {
    "Name": "Farm",
    "Driver": "remote",
    "Nodes": [
        {
            "Name": "n1",
            "Endpoint": "tcp://a:1",
            "Platforms": [{"architecture": "arm64", "os": "linux"}],
        },
        {
            "Name": "n2",
            "Endpoint": "tcp://b:1",
            "Platforms": [{"architecture": "arm", "os": "linux", "variant": "v7"}],
            "DriverOpts": {"cacert": "/ca"},
        },
    ],
    "Dynamic": False,
}
# Shows the state that it was given, then what buildx would print.
SHOWS = 'cp -r "$BUILDX_CONFIG" shown; printf "%s\\n" "$@" >words\n'
INSPECTED = """echo 'Name:   Farm
Driver: remote

Nodes:
Name:      n1
Status:    running
Platforms: linux/amd64, linux/arm64'
"""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """buildx's state with one builder, which is the current one."""
    folder = tmp_path / "buildx"
    (folder / "instances").mkdir(parents=True)
    (folder / "instances/farm").write_text(json.dumps(FARM))
    (folder / "current").write_text(json.dumps({"Name": "Farm", "Global": True}))
    monkeypatch.setenv("BUILDX_CONFIG", str(folder))
    monkeypatch.delenv("BUILDX_BUILDER", raising=False)
    return folder


def shown(folder: Path) -> list[dict[str, Any]]:
    """The nodes that buildx was shown."""
    nodes: list[dict[str, Any]] = json.loads((folder / "shown/instances/farm").read_text())["Nodes"]
    return nodes


def test_a_node_that_was_given_something_is_asked_as_if_it_had_not(
    docker: Docker, state: Path
) -> None:
    folder = docker(SHOWS + INSPECTED)
    with DockerBuilders() as builders:
        found = builders.look("Farm")
    assert [node["Platforms"] for node in shown(folder)] == [None, None]
    assert shown(folder)[1]["DriverOpts"] == {"cacert": "/ca"}
    (node,) = found.nodes
    assert (node.own, node.given, node.platforms) == (AMD64, (ARM64,), (AMD64, ARM64))
    assert found.current
    assert json.loads((state / "instances/farm").read_text()) == FARM, "only read"


def test_a_current_builder_that_was_removed_is_left_to_buildx(docker: Docker, state: Path) -> None:
    (state / "instances/farm").unlink()
    folder = docker(f'echo "$@" >>calls\n{INSPECTED}')
    with DockerBuilders() as builders:
        builders.look(None)
    assert (folder / "calls").read_text() == "buildx inspect\n"


def test_what_is_started_is_started_as_it_was_made(docker: Docker, state: Path) -> None:
    """A pod's platforms are those of the state that it is started from."""
    folder = docker(f'echo "$BUILDX_CONFIG $3" >>calls\n{INSPECTED}')
    with DockerBuilders() as builders:
        assert builders.look("Farm", boot=True).nodes[0].own == AMD64
    first, second = (folder / "calls").read_text().splitlines()
    assert first == f"{state} --bootstrap"
    assert second.endswith(".buildx Farm")


def test_all_builders_are_listed_with_what_their_nodes_were_given(
    docker: Docker, state: Path
) -> None:
    line = {
        "Name": "Farm",
        "Driver": "remote",
        "Current": True,
        "Nodes": [{"Name": "n2", "Status": "running", "Platforms": [AMD64]}],
    }
    folder = docker(f"{SHOWS}echo '{json.dumps(line)}'")
    with DockerBuilders() as builders:
        (farm,) = builders.all()
    assert (folder / "words").read_text().split() == ["buildx", "ls", "--format", "json"]
    assert json.loads((folder / "shown/current").read_text())["Name"] == "Farm"
    assert [node["Platforms"] for node in shown(folder)] == [None, None]
    assert farm.nodes[0].given == ("linux/arm/v7",)
    assert farm.nodes[0].own == AMD64


@pytest.mark.parametrize("said", ["NAME/NODE  DRIVER", "[]", '{"Nodes": 3}'])
def test_a_listing_that_is_something_else_is_an_engine_error(
    docker: Docker, state: Path, said: str
) -> None:
    docker(f"echo '{said}'")
    with DockerBuilders() as builders, pytest.raises(EngineError, match="buildx ls"):
        builders.all()


def test_how_much_one_node_holds_is_asked_without_the_others(docker: Docker, state: Path) -> None:
    folder = docker(SHOWS + "printf 'Reclaimable:\\t1kB\\nTotal:\\t\\t2kB\\n'")
    with DockerBuilders() as builders:
        assert builders.usage("farm", "n2") == CacheUsage(2000, 1000)
    assert [node["Name"] for node in shown(folder)] == ["n2"]


def test_a_try_builds_one_small_file(docker: Docker, state: Path) -> None:
    folder = docker(
        'for last; do :; done; cat "$last/Dockerfile" >built; printf "%s\\n" "$@" >words'
    )
    with DockerBuilders() as builders:
        builders.try_build("farm", ["--cache-to", "type=local,dest={folder}/cache"])
    assert (folder / "built").read_text().startswith("FROM scratch\n")
    words = (folder / "words").read_text().splitlines()
    assert words[:4] == ["buildx", "build", "--builder", "farm"]
    assert f"type=local,dest={words[-1]}/cache" in words


def test_what_was_made_is_told_from_what_was_not(state: Path, tmp_path: Path) -> None:
    builders = DockerBuilders()
    assert builders.stored("farm")
    assert not builders.stored("default")
    (state / "instances/broken").write_text("{")
    assert list(stored_builders({"BUILDX_CONFIG": str(state)})) == ["Farm"]
    assert stored_builders({"BUILDX_CONFIG": str(tmp_path / "none")}) == {}
    builders.__exit__()


def test_a_file_is_found_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "ca.pem").write_text("x")
    with DockerBuilders() as builders:
        assert builders.file("ca.pem") == builders.file("~/ca.pem") == str(tmp_path / "ca.pem")
        assert builders.file("other.pem") is None
        assert builders.file(".") is None


@pytest.mark.parametrize(
    ("driver", "options", "own"),
    [
        ("docker-container", {}, True),
        ("docker-container", None, True),
        ("docker-container", {"network": "bridge"}, True),
        ("docker-container", {"network": "host"}, False),
        ("docker-container", {"network": "container:registry"}, False),
        ("kubernetes", {"replicas": "2"}, True),
        ("remote", {}, False),
        ("docker", {}, False),
    ],
)
def test_a_container_has_a_network_of_its_own_unless_it_was_made_with_another(
    driver: str, options: object, own: bool
) -> None:
    stored = {"Driver": driver, "Nodes": [{"Name": "n0", "DriverOpts": options}]}
    assert has_own_network(stored, stored_nodes(stored)[0]) is own

"""Builders as ``docker buildx inspect`` shows them; recorded with buildx 0.29.1."""

from __future__ import annotations

import pytest

from whalebuild.builder.listing import Builder, read_inspection
from whalebuild.builder.nodes import Node

TWO_NODES = """\
Name:          farm
Driver:        remote
Last Activity: 2026-11-27 06:44:51 +0000 UTC

Nodes:
Name:             n1
Endpoint:         unix:///run/far/buildkit.sock
Driver Options:   cacert="/etc/ssl/x" cert="/c" key="/k"
Status:           running
BuildKit version: v0.0.0+unknown
Platforms:        linux/arm64*, linux/amd64, linux/amd64/v2
Labels:
 org.mobyproject.buildkit.worker.containerd.namespace: moby
 Name: not a node
GC Policy rule#0:
 All:            false
 Filters:        type==source.local,type==exec.cachemount,type==source.git.checkout
 Keep Duration:  48h0m0s

Name:      n2
Endpoint:  tcp://127.0.0.1:9
Status:    inactive
Platforms: linux/arm/v7*
"""
DOWN = """\
Name:   gone
Driver:\x20
Error:  Cannot connect to the Docker daemon at unix:///gone.sock. Is the docker daemon running?
"""
N1 = Node(
    "n1",
    "unix:///run/far/buildkit.sock",
    platforms=("linux/arm64", "linux/amd64", "linux/amd64/v2"),
    given=("linux/arm64",),
    version="v0.0.0+unknown",
)
N2 = Node("n2", "tcp://127.0.0.1:9", status="inactive", given=("linux/arm/v7",))


def test_nodes_that_run_and_that_do_not() -> None:
    found = read_inspection(TWO_NODES)
    assert found == Builder("farm", "remote", (N1, N2))
    assert found.runs
    assert found.platform == "linux/arm64"


def test_an_engine_that_is_down() -> None:
    found = read_inspection(DOWN)
    assert (found.name, found.driver, found.nodes) == ("gone", "", ())
    assert found.error
    assert found.error.startswith("Cannot connect to the Docker daemon at unix:///gone.sock")
    assert not found.runs


@pytest.mark.parametrize("text", ["", "Welcome\n", "Nodes:\n"])
def test_anything_else_is_a_builder_of_which_nothing_is_known(text: str) -> None:
    found = read_inspection(text)
    assert (found.name, found.driver, found.runs, found.platform) == ("", "", False, None)

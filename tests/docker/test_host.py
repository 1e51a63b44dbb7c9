"""A host's engine over a real socket, with scripted answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine_server import EngineServer, answer, engine_here, refused
from whalebuild.docker.host import DockerHost
from whalebuild.errors import EngineError
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.oci.reference import Reference
from whalebuild.published.host_images import HostImage, RunningImage

LAYER = f"sha256:{'1' * 64}"
ONE = {"Id": "sha256:1", "RepoTags": ["acme/web:v1"]}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineServer]:
    with engine_here(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def host(server: EngineServer) -> Iterator[DockerHost]:
    with DockerHost() as made:
        yield made


def test_images_are_inspected_each_once(server: EngineServer, host: DockerHost) -> None:
    listed = [ONE, ONE, 3, {"Id": "sha256:2"}, {"Id": "sha256:gone"}]
    whole = {**ONE, "RootFS": {"Layers": [LAYER]}}
    server.answers |= {
        "GET /images/json": answer(listed),
        "GET /images/sha256:1/json": answer(whole),
        "GET /images/sha256:2/json": answer({"Id": None}),
    }
    tags = (Reference("acme/web", "v1"),)
    assert host.images() == (HostImage("sha256:1", tags, diff_ids=(LAYER,)),)
    assert server.words == [
        "GET /images/json?all=1",
        *(f"GET /images/sha256:{name}/json" for name in ("1", "2", "gone")),
    ]


def test_the_list_alone_has_names(server: EngineServer, host: DockerHost) -> None:
    by_digest = f"acme/web@{LAYER}"
    server.answers["GET /images/json"] = answer([{**ONE, "RepoDigests": [by_digest]}])
    [image] = host.listed()
    assert (image.tags, image.digests) == (
        (Reference("acme/web", "v1"),),
        (Reference("acme/web", digest=LAYER),),
    )
    assert server.words == ["GET /images/json?all=1"]


@pytest.mark.parametrize("stopped", [False, True])
def test_containers(server: EngineServer, host: DockerHost, stopped: bool) -> None:
    server.answers |= {
        "GET /containers/json": answer([{"Id": "c1"}, {"Id": "gone"}]),
        "GET /containers/c1/json": answer(
            {"Image": "sha256:1", "Config": {"Image": "acme/web"}},
        ),
    }
    found = host.used() if stopped else host.running()
    assert found == (RunningImage("sha256:1", Reference("acme/web")),)
    assert server.words[0] == f"GET /containers/json?all={int(stopped)}&filters={{}}"


def test_which_engine_it_is(server: EngineServer, host: DockerHost) -> None:
    server.answers["GET /info"] = answer(
        {"ID": "ABCD:EFGH", "OSType": "linux", "Architecture": "x86_64"}
    )
    assert host.id() == "ABCD:EFGH"
    assert host.facts().platform == "linux/amd64"
    assert server.words == ["GET /info"], "asked once"


@pytest.mark.parametrize("said", [{}, [], {"ID": 3}])
def test_an_engine_without_an_id_is_an_error(
    server: EngineServer, host: DockerHost, said: object
) -> None:
    server.answers["GET /info"] = answer(said)
    with pytest.raises(EngineError, match="which one it is"):
        host.id()


@pytest.mark.parametrize("said", [{}, None, "x"])
def test_what_is_no_list_is_an_error(server: EngineServer, host: DockerHost, said: object) -> None:
    server.answers["GET /images/json"] = answer(said)
    with pytest.raises(EngineError, match="something else than"):
        host.images()


def test_a_failure_is_told(server: EngineServer, host: DockerHost) -> None:
    server.answers["GET /images/json"] = refused(500, "no space left on device")
    with pytest.raises(CommandFailedError) as caught:
        host.images()
    assert "no space left on device" in caught.value.stderr

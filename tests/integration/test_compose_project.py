"""``docker.compose`` on a real engine, with a project of two services."""

from __future__ import annotations

import gc
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.faults import Fault, Status, Throttled
from tests.integration.pairs import DEPS_BYTES, KIB, Pair
from tests.integration.proxy import faulty_registry
from tests.integration.registries import free_port
from tests.integration.sandbox import Sandbox, downloaded
from tests.support.marks import rarely
from whalebuild.compose.containers import Container
from whalebuild.compose.model import UpdateOrder
from whalebuild.compose.pull_progress import PullState, layer_id
from whalebuild.compose.up import UpFlag
from whalebuild.docker.compose import ComposeProject
from whalebuild.failures.classify_docker import classify_pull
from whalebuild.failures.command_failed import CommandFailedError
from whalebuild.failures.failure import FailureKind
from whalebuild.oci.reference import Reference

# What an abandoned Popen of python-on-whales says when it is collected.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
TRIES, PAUSE = 200, 0.1


@pytest.fixture(params=["containerd", rarely("graphdriver")])
def host(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[str]:
    """A production host's engine, which has nothing yet."""
    name = "compose-host"
    with sandbox.fresh_engine(name, "--image-store", request.param) as engine:
        yield engine


@pytest.fixture
def project(
    sandbox: Sandbox, host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ComposeProject]:
    """The project in a folder, over the host's engine."""
    for name, value in sandbox.env(host).items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with ComposeProject() as project:
        yield project


def write(pair: Pair, port: int) -> None:
    """Write the compose file: a service of the pair's, and one that is nobody's."""
    common = {"stop_grace_period": "1s", "stdin_open": False}
    web = {
        "image": f"{pair.image}:latest",
        "command": ["sh", "-c", "sh /app.sh; exec sleep 600"],
        "restart": "always",
        "container_name": "the-web",
        "ports": [f"{port}:80"],
        "pull_policy": "always",
        "environment": {"PRICE": "$$5"},
        "healthcheck": {"test": ["CMD", "cat", "/app.sh"], "interval": "1s"},
        "deploy": {"update_config": {"order": "start-first"}},
        "volumes": ["./data:/data", "/unnamed"],
    }
    plain = {"image": pair.base, "command": ["sleep", "600"]}
    services = {"web": {**web, **common}, "plain": {**plain, **common}}
    Path("compose.yaml").write_text(json.dumps({"name": "shop", "services": services}))


def docker(*words: str) -> str:
    """What a docker command prints, in the environment that the project has as well."""
    return subprocess.run(
        ["docker", *words], check=True, capture_output=True, text=True
    ).stdout.strip()


def hash_of(container: Container) -> str:
    """compose's hash of the configuration that a container was made from."""
    label = "com.docker.compose.config-hash"
    return docker("inspect", "--format", f'{{{{index .Config.Labels "{label}"}}}}', container.id)


def of(project: ComposeProject, service: str, *, trial: bool = False) -> Container:
    [found] = [c for c in project.containers() if c.service == service and c.trial is trial]
    return found


def until(project: ComposeProject, done: Callable[[Container], bool], **which: Any) -> Container:
    """The container when it has come so far."""
    for _ in range(TRIES):
        found = of(project, "web", **which)
        if done(found):
            return found
        time.sleep(PAUSE)
    raise AssertionError(f"it is still {found}")


def layers(pair: Pair, digest: str) -> dict[str, int]:
    """The sizes of an image's layers, by the names that compose has for them."""
    image = next(m for m in pair.manifest(digest)["manifests"] if "annotations" not in m)
    found = pair.manifest(image["digest"])["layers"]
    return {layer_id(layer["digest"]): layer["size"] for layer in found}


def published(pair: Pair) -> Reference:
    """What is to run."""
    return Reference(pair.image, "latest", pair.digest("latest"))


def pulled(project: ComposeProject, image: Reference, sizes: dict[str, int]) -> PullState:
    state = PullState(sizes)
    for line in project.pull({"web": image}):
        state.add(line)
    return state


def started(pair: Pair, project: ComposeProject) -> Container:
    """The first version runs, under the name that the file has."""
    write(pair, free_port())
    pair.bake()
    one, name = published(pair), Reference(pair.image, "latest")
    assert pulled(project, one, {}).done == {"web"}
    project.tag(str(one), name)
    project.up([], images={"web": name})
    return until(project, lambda c: c.health == "healthy")


def next_version(pair: Pair, project: ComposeProject) -> Reference:
    """The second version is there, and runs not."""
    pair.change_code("two")
    pair.bake()
    two = published(pair)
    sizes = layers(pair, str(two.digest))
    assert 0 < pulled(project, two, sizes).bytes < 32 * KIB
    return two


@pytest.mark.extended
def test_a_pull_by_digest(sandbox: Sandbox, pair: Pair, project: ComposeProject) -> None:
    write(pair, free_port())
    pair.bake()
    name, image = Reference(pair.image, "latest"), published(pair)
    model = project.model()
    web = model.services["web"]
    assert (model.name, set(model.services)) == ("shop", {"web", "plain"})
    assert (web.image, web.order) == (name, UpdateOrder.START_FIRST)
    assert web.exclusive == "its container is called the-web"
    assert project.containers() == ()
    assert project.image_id(image) is None

    sizes = layers(pair, str(image.digest))
    with sandbox.requests() as requests:
        state = pulled(project, image, sizes)
    mine = [r for r in requests if pair.repository in r.path and "/blobs/" in r.path]
    assert state.done == {"web"}
    assert DEPS_BYTES < state.bytes == sum(sizes.values()) < downloaded(mine)
    assert project.image_id(image)
    assert project.image_id(name) is None, "nothing is tagged"
    assert pulled(project, image, sizes).bytes == 0


@pytest.mark.extended
def test_containers_are_as_docker_compose_up_makes_them(
    sandbox: Sandbox, pair: Pair, project: ComposeProject
) -> None:
    first = started(pair, project)
    name = Reference(pair.image, "latest")
    assert first.image == project.image_id(published(pair))
    assert (first.image_name, first.restart_policy) == (name, "always")
    assert first.health_log == "echo one"
    folder = '{{index .Config.Labels "com.docker.compose.project.working_dir"}}'
    assert docker("inspect", "--format", folder, first.id) == str(Path.cwd())
    assert "PRICE=$5" in docker("inspect", "--format", "{{.Config.Env}}", first.id)
    before = {c.id for c in project.containers()}
    assert len(before) == 2
    docker("compose", "up", "--detach")
    with sandbox.requests() as requests:
        project.up([], images={"web": name})
    assert not [r for r in requests if pair.repository in r.path], "it is pull_policy: always"
    project.up([], images={})
    assert {c.id for c in project.containers()} == before
    assert not list(Path.cwd().glob("*.json"))


@pytest.mark.extended
def test_a_trial_beside_a_service_with_a_fixed_port(pair: Pair, project: ComposeProject) -> None:
    first = started(pair, project)
    before = {c.id for c in project.containers()}
    two = next_version(pair, project)
    project.start_trial("web", two)
    trial = until(project, lambda c: c.health == "healthy", trial=True)
    assert (trial.oneoff, trial.restart_policy, trial.health_log) == (True, "no", "echo two")
    assert trial.image == project.image_id(two) != first.image
    assert of(project, "web") == first
    assert (project.logs(trial.id, 5), project.logs(first.id, 5)) == ("two", "one")
    assert project.logs(trial.id, 0) == ""
    volumes = docker("volume", "ls", "--quiet").split()
    project.remove([trial.id, "gone"])
    assert {c.id for c in project.containers()} == before
    assert len(docker("volume", "ls", "--quiet").split()) == len(volumes) - 1


@pytest.mark.extended
def test_up_with_another_image(pair: Pair, project: ComposeProject) -> None:
    """By digest the configuration is another one; by name it is the same as before."""
    first = started(pair, project)
    name, plain = Reference(pair.image, "latest"), of(project, "plain")
    hashed = hash_of(first)
    two = next_version(pair, project)
    project.up(["web"], images={"web": two})
    by_digest = of(project, "web")
    assert (by_digest.image, by_digest.image_name) == (project.image_id(two), two)
    assert hash_of(by_digest) != hashed
    assert not project.untag(two), "it runs"
    assert project.image_id(two)

    project.tag(str(two), name)
    project.up(["web"], images={"web": name})
    second = of(project, "web")
    assert (second.image, second.image_name) == (by_digest.image, name)
    assert hash_of(second) == hashed
    docker("compose", "up", "--detach", "--pull", "missing")
    assert of(project, "web").id == second.id
    assert of(project, "plain").id == plain.id

    project.tag(str(two), name.tagged("other"))
    assert project.untag(name.tagged("other"))
    assert not project.untag(name.tagged("other"))
    project.remove([c.id for c in project.containers()])
    assert project.containers() == ()


@pytest.mark.extended
def test_two_of_a_service_that_can(pair: Pair, project: ComposeProject) -> None:
    """Scaling without replacing what runs: what start-first is made of."""
    write(pair, free_port())
    project.up(["plain"], images={})
    old = of(project, "plain")
    project.up(["plain"], images={}, scales={"plain": 2}, flags=[UpFlag.NO_RECREATE])
    numbers = {c.number: c.id for c in project.containers()}
    assert numbers.pop(1) == old.id
    assert set(numbers) == {2}
    project.remove([old.id])
    assert [c.number for c in project.containers()] == [2]


@pytest.mark.extended
def test_a_container_that_cannot_start_says_why(pair: Pair, project: ComposeProject) -> None:
    write(pair, free_port())
    pair.bake()
    Path("compose.yaml").write_text(
        Path("compose.yaml").read_text().replace('"sh", "-c"', '"nope"')
    )
    with pytest.raises(CommandFailedError) as caught:
        project.up(["web"], images={})
    assert 'exec: "nope"' in caught.value.stderr
    assert caught.value.stderr.startswith("ERROR: Error response from daemon")
    failed = of(project, "web")
    assert (failed.status, failed.exit_code) == ("created", 127)
    assert 'exec: "nope"' in failed.error


@pytest.mark.extended
def test_trouble_with_the_registry(sandbox: Sandbox, pair: Pair, project: ComposeProject) -> None:
    """What it is told by; and a pull that is stopped halfway, after which the next one works."""
    write(pair, free_port())
    pair.bake()
    digest = pair.digest("latest")

    def fails(registry: str) -> FailureKind:
        with pytest.raises(CommandFailedError) as caught:
            list(project.pull({"web": Reference(f"{registry}/{pair.repository}", None, digest)}))
        return classify_pull(caught.value.stderr).kind

    assert fails(f"127.0.0.1:{free_port()}") is FailureKind.TRANSIENT
    with faulty_registry(sandbox.registry, Fault("HEAD|GET", "/manifests/", Status(503))) as proxy:
        assert fails(proxy.address) is FailureKind.TRANSIENT
        proxy.begin([Fault("HEAD|GET", "/manifests/", Status(403))])
        assert fails(proxy.address) is FailureKind.REFUSED
        proxy.begin([Fault("GET", "/blobs/", Throttled(DEPS_BYTES // 4))])
        image = Reference(f"{proxy.address}/{pair.repository}", None, digest)
        sizes = layers(pair, digest)
        state, pull = PullState(sizes), project.pull({"web": image})
        while not 0 < state.bytes < sum(sizes.values()):
            state.add(next(pull))
        pull.close()
        del pull
        gc.collect()
        assert project.image_id(image) is None
        proxy.begin()
        for line in project.pull({"web": image}):
            state.add(line)
        assert state.bytes == sum(sizes.values())
        assert project.image_id(image)

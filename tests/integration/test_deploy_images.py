"""Which images a deploy looks up, and what it does with those that whalebuild has not baked.

Compose is the oracle: the same project beside it is brought up to date by
``docker compose pull && docker compose up -d``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.deploys import Host
from tests.integration.pairs import TINY_BASE, push_base
from tests.integration.projects.mixed import mixed_host
from tests.integration.registries import OwnRegistry, own_registry
from tests.integration.registry_content import push_like
from tests.integration.sandbox import Request, Sandbox
from tests.support.marks import rarely


@pytest.fixture(scope="module", params=["containerd", rarely("graphdriver")])
def engine(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[str]:
    with sandbox.fresh_engine("images", "--image-store", request.param) as engine:
        yield engine


@dataclass(frozen=True)
class Mixed:
    """The project twice on one engine: under whalebuild, and under compose."""

    sandbox: Sandbox
    repository: str
    ours: Host
    theirs: Host

    def publish(self, name: str, mark: str) -> None:
        """Publish another version of db or web; no tool of whalebuild's is in it."""
        repository = f"{self.repository}/{name}"
        # The engine would know what other tests have pulled.
        push_like(self.sandbox.registry, TINY_BASE, repository, f"{repository} {mark}")

    def by_compose(self) -> None:
        """What one runs without whalebuild."""
        self.theirs.compose("pull", "--quiet", "--ignore-buildable")
        self.theirs.compose("up", "--detach")

    def agree(self) -> bool:
        """Whether both run the same versions of the same services."""
        return _versions(self.ours) == _versions(self.theirs)


def _versions(host: Host) -> dict[str, tuple[str, str]]:
    shown = {each.service: (each.image, each.status) for each in host.containers()}
    return {name: found for name, found in shown.items() if name != "tool"}


@pytest.fixture
def mixed(
    sandbox: Sandbox, engine: str, tmp_path: Path, repository: str, tiny_base: str
) -> Iterator[Mixed]:
    at = f"{sandbox.registry}/{repository}"
    images = {"DB": f"{at}/db:1", "WEB": f"{at}/web:1", "CACHE": f"{at}/db:1"}
    hosts = [
        mixed_host(sandbox, engine, tmp_path / name, images, f"{name}-{tmp_path.name}")
        for name in ("ours", "theirs")
    ]
    made = Mixed(sandbox, repository, *hosts)
    made.publish("db", "1")
    made.publish("web", "1")
    yield made
    for host in hosts:
        host.down()


def manifests(requests: Sequence[Request], method: str) -> list[str]:
    """The tags that were asked for in this way: what Docker Hub counts, where it is GET."""
    found = [r.path for r in requests if r.method == method and "/manifests/" in r.path]
    return [path for path in found if "sha256" not in path]


@pytest.mark.extended
def test_images_that_whalebuild_did_not_bake(mixed: Mixed) -> None:
    """They are pulled by digest, recorded, and rolled back as any other."""
    first = mixed.ours.result("deploy")
    mixed.by_compose()
    assert mixed.agree()
    actions = {each["service"]: each["action"] for each in first["services"]}
    assert actions == {"db": "start", "cache": "start", "web": "start", "tool": "plain"}
    assert any("docker compose build tool" in note for note in first["notes"])

    with mixed.sandbox.requests() as requests:
        again = mixed.ours.result("deploy")
    assert again["done"] == "unchanged"
    assert manifests(requests, "GET") == []
    assert len(manifests(requests, "HEAD")) == 2, "db and cache have one image"
    assert [r for r in requests if r.method == "GET" and r.path != "/v2/"] == []

    before = {each.service: each for each in mixed.ours.containers()}
    mixed.publish("db", "2")
    done = mixed.ours.result("deploy")
    mixed.by_compose()
    assert mixed.agree()
    actions = {each["service"]: each["action"] for each in done["services"]}
    assert actions == {"db": "update", "cache": "update", "web": "unchanged", "tool": "plain"}
    after = {each.service: each for each in mixed.ours.containers()}
    assert after["web"].id == before["web"].id
    mixed.ours.result("rollback")
    back = {each.service: each.image for each in mixed.ours.containers()}
    assert back["db"] == before["db"].image


@pytest.mark.extended
def test_only_what_was_named_is_looked_up(mixed: Mixed) -> None:
    """What it depends on is started where it does not run, from what the host has."""
    mixed.ours.result("deploy")
    mixed.publish("db", "2")
    mixed.publish("web", "2")
    before = {each.service: each.id for each in mixed.ours.containers()}
    with mixed.sandbox.requests() as requests:
        done = mixed.ours.result("deploy", "web")
    assert {
        each.rpartition("/manifests/")[0].rpartition("/")[2] for each in manifests(requests, "HEAD")
    } == {"web"}
    assert [each["service"] for each in done["services"]] == ["web"]
    after = {each.service: each.id for each in mixed.ours.containers()}
    assert {name for name in after if after[name] != before[name]} == {"web"}

    mixed.ours.compose("stop", "db", "web")
    alone = mixed.ours.result("deploy", "web", "--no-deps")
    assert [each["service"] for each in alone["services"]] == ["web"]
    running = [c.service for c in mixed.ours.containers() if c.status == "running"]
    assert sorted(running) == ["cache", "tool", "web"]
    with mixed.sandbox.requests() as requests:
        done = mixed.ours.result("deploy", "web")
    assert [(s["service"], s["action"]) for s in done["services"]] == [
        ("db", "start"),
        ("web", "unchanged"),
    ]
    assert not any("/db/" in each for each in manifests(requests, "HEAD"))
    assert mixed.ours.digests("db") == [before_image(mixed.ours, "cache")]


def before_image(host: Host, service: str) -> str:
    [image] = host.digests(service)
    return image


POLICIES = ("", "always", "missing", "if_not_present", "never", "build", "daily", "weekly")


@pytest.mark.soak
@pytest.mark.parametrize("tag", ["1", "latest"])
def test_whom_compose_asks_and_whom_whalebuild_asks(mixed: Mixed, tag: str, tmp_path: Path) -> None:
    """For every policy, with the image on the host and without."""
    for here in (True, False):
        for policy in POLICIES:
            name = f"{mixed.repository}/{policy or 'none'}-{'here' if here else 'not'}"
            push_like(mixed.sandbox.registry, TINY_BASE, name, "1")
            image = f"{mixed.sandbox.registry}/{name}:{tag}"
            if tag != "1":
                _retag(mixed, name, tag)
            line = f"    pull_policy: {policy}\n" if policy else ""
            more = "    build: tool\n" if policy == "build" else ""
            text = f"services:\n  one:\n    image: {image}\n{line}{more}"
            for host in (mixed.ours, mixed.theirs):
                host.write(text)
            if here:
                mixed.ours.run("docker", "pull", "--quiet", image)
            with mixed.sandbox.requests() as by_whalebuild:
                mixed.ours.whalebuild("deploy", "--dry-run")
            with mixed.sandbox.requests() as by_compose:
                mixed.theirs.compose("pull", "--quiet")
            asked = [any(name in r.path for r in each) for each in (by_whalebuild, by_compose)]
            assert asked[0] == asked[1], (policy, here, asked)


def _retag(mixed: Mixed, repository: str, tag: str) -> None:
    at = f"{mixed.sandbox.registry}/{repository}"
    words = ("docker", "buildx", "imagetools", "create", "--tag", f"{at}:{tag}", f"{at}:1")
    mixed.ours.run(*words)


@pytest.mark.extended
def test_a_rollback_from_what_somebody_has_started(mixed: Mixed) -> None:
    """It goes to what is meant to run, and leaves what does."""
    ours = mixed.ours
    ours.result("deploy")
    mixed.publish("web", "2")
    ours.result("deploy")
    before = {each.service: each for each in ours.containers()}
    mixed.publish("web", "3")
    ours.compose("pull", "--quiet", "web")
    ours.compose("up", "--detach", "web")
    assert ours.digests("web") != [before["web"].image]
    done = ours.result("rollback")
    assert done["to"] == 2
    after = {each.service: each for each in ours.containers()}
    assert after["web"].image == before["web"].image
    assert after["db"].id == before["db"].id
    # On a quiet machine it is younger than the grace, and was not seen to work.
    found = ours.result("history")["deployments"][2]
    assert found["act"] == "found"
    assert found["reason"] in {None, "web: it has only just been started"}


@pytest.mark.extended
def test_a_deploy_that_worked_removes_what_is_older(mixed: Mixed) -> None:
    ours = mixed.ours
    ours.extra["WHALEBUILD_KEEP"] = "1"
    images = []
    for mark in ("1", "2", "3"):
        mixed.publish("web", mark)
        done = ours.result("deploy", "web")
        images += ours.digests("web")
    there = ours.run("docker", "images", "--all", "--quiet", "--no-trunc").stdout.split()
    assert images[2] in there
    assert not set(images[:2]) & set(there)
    assert len(done["pruned"]) == 1
    assert done["pruned"][0]["bytes_at_most"] > 0
    ours.extra["WHALEBUILD_PRUNE"] = "false"
    mixed.publish("web", "4")
    assert ours.result("deploy", "web")["pruned"] == []


@pytest.fixture
def other(sandbox: Sandbox, tmp_path: Path) -> Iterator[OwnRegistry]:
    """Another registry, of which the cache is."""
    folder = tmp_path / "registry"
    folder.mkdir()
    with own_registry(sandbox.env(), folder) as registry:
        push_base(sandbox, tmp_path / "cache", f"{registry.address}/acme/cache:1")
        yield registry


@pytest.mark.extended
def test_a_registry_that_is_down_fails_only_its_services(mixed: Mixed, other: OwnRegistry) -> None:
    for host in (mixed.ours, mixed.theirs):
        host.extra["CACHE"] = f"{other.address}/acme/cache:1"
        host.extra["WHALEBUILD_RETRY_ATTEMPTS"] = "2"
    mixed.ours.result("deploy")
    before = {each.service: each for each in mixed.ours.containers()}
    mixed.publish("web", "2")
    other.kill()
    dry = mixed.ours.whalebuild("deploy", "--dry-run")
    assert dry.returncode == 6
    assert "error: left as it is: cache; would be deployed: web (" in dry.stderr
    done = mixed.ours.whalebuild("deploy")
    assert done.returncode == 6, done.stderr
    assert "error: left as it is: cache; deployed: web (" in done.stderr
    assert f"left as it is: {other.address} cannot be reached" in done.stdout
    after = {each.service: each for each in mixed.ours.containers()}
    assert {name for name in after if after[name].id != before[name].id} == {"web"}
    assert mixed.theirs.compose("pull", "--quiet", check=False).returncode != 0
    # One whose registry is not needed does not see it.
    assert mixed.ours.whalebuild("deploy", "web").returncode == 0
    alone = mixed.ours.whalebuild("deploy", "cache")
    assert (alone.returncode, "left as it is" in alone.stderr) == (6, False)

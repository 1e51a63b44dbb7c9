"""The record of deployments on a real host: what is kept to go back to, and what is removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.deploys import PATIENT, Host, Web
from tests.integration.published import raw_manifest
from tests.integration.sandbox import SHARED_ENGINE, Sandbox, downloaded
from tests.support.marks import rarely
from wbsandbox.polling import ask
from whalebuild.oci.manifest import INDEX_TYPE
from whalebuild.oci.reference import Reference
from whalebuild.published.kept import kept_name
from whalebuild.registry.client import RegistryClient

SECOND = """\
services:
  other:
    image: ${IMAGE}:stable
"""


@pytest.fixture(scope="module", params=["containerd", rarely("graphdriver")])
def engine(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[str]:
    """A production host's engine; tests have repositories and records of their own."""
    with sandbox.fresh_engine("record", "--image-store", request.param) as engine:
        yield engine


def has(host: Host, digest: str) -> bool:
    """Whether the host can start a version without a registry."""
    names = (f"{host.image}@{digest}", str(kept_name(digest)))
    return any(
        host.run("docker", "image", "inspect", name, check=False).returncode == 0 for name in names
    )


@pytest.mark.extended
def test_what_is_older_than_the_kept_ones_is_removed(web: Web, host: Host) -> None:
    digests = []
    for release in ("1", "2", "3"):
        digests.append(web.publish(release))
        host.result("deploy")
    # A cron job that takes what has no name takes no version that a rollback needs.
    host.run("docker", "image", "prune", "--force")
    assert all(has(host, digest) for digest in digests)
    host.result("rollback")
    shown = host.result("history")
    assert shown["effective"] == 2
    assert [each["outcome"] for each in shown["deployments"]] == ["done"] * 4
    assert shown["strays"] == shown["damaged_lines"] == shown["unsure"] == []

    dry = host.result("prune", "--keep", "2", "--dry-run")
    assert {each["digest"] for each in dry["removed"]} == set(digests[:1])
    assert all(has(host, digest) for digest in digests)

    pruned = host.result("prune", "--keep", "2")
    assert pruned["removed"] == dry["removed"]
    assert {each["digest"] for each in pruned["kept"]} == set(digests[1:])
    assert [has(host, digest) for digest in digests] == [False, True, True]
    assert host.tag() == host.digests()[0], "the tag that compose starts stays"
    assert host.result("prune", "--keep", "2")["removed"] == []

    back = host.result("rollback", "1")
    assert back["to"] == 1, "what was pruned is pulled again"
    assert host.result("history")["strays"] == []
    assert has(host, digests[0])


def runs(host: Host, release: str) -> None:
    """The service answers with this release, and the record knows."""
    assert ask(host.url, PATIENT).release == release
    shown = host.result("history")
    assert shown["strays"] == shown["damaged_lines"] == shown["unsure"] == []


def publish_again(web: Web, digest: str) -> None:
    """Have :latest stand for a version that was published before."""
    registry, repository = web.pair.registry, web.pair.repository
    raw = raw_manifest(registry, repository, digest)
    with RegistryClient(web.pair.sandbox.env(SHARED_ENGINE)) as client:
        client.put_manifest(Reference(web.image, "latest"), raw, INDEX_TYPE)


@pytest.mark.soak
def test_ten_deployments(web: Web, host: Host) -> None:
    digests = {}
    for release in ("1", "2", "3"):
        digests[release] = web.publish(release)
        host.result("deploy")
        runs(host, release)
    broken = web.publish_broken("4", how="unhealthy")
    assert host.whalebuild("deploy").returncode == 8
    runs(host, "3")
    for release in ("2", "1"):
        publish_again(web, digests[release])
        host.result("deploy")
        runs(host, release)
    # Each goes back further: to what ran before 6, before that, and then the one that was named.
    for words, to, release in (((), 5, "2"), ((), 3, "3"), (("1",), 1, "1"), (("3",), 3, "3")):
        assert host.result("rollback", *words)["to"] == to
        runs(host, release)
    shown = host.result("history")
    assert len(shown["deployments"]) == 10
    assert [d["number"] for d in shown["deployments"] if d["outcome"] != "done"] == [4]
    assert shown["effective"] == 3

    pruned = host.result("prune", "--keep", "2")
    assert {each["digest"] for each in pruned["removed"]} == {digests["2"], broken}
    runs(host, "3")
    # What is kept is gone back to without the registry.
    with web.pair.sandbox.requests() as requests:
        host.result("rollback", "1")
    assert not downloaded(requests)
    runs(host, "1")


@pytest.mark.soak
def test_what_another_project_needs_or_a_tag_names_stays(
    web: Web, host: Host, tmp_path: Path
) -> None:
    first = web.publish("1", tag="stable")
    other = Host(host.sandbox, host.engine, tmp_path / "other", web.image)
    other.extra = {
        "COMPOSE_PROJECT_NAME": f"other-{host.engine}",
        "WHALEBUILD_STATE_DIR": str(host.state),
    }
    other.write(SECOND)
    try:
        other.result("deploy")
        host.result("deploy")
        second = web.publish("2")
        host.result("deploy")
        [stays] = [e for e in host.result("prune", "--keep", "1")["kept"] if e["digest"] == first]
        assert stays["why"] == "a container uses it"
        other.compose("down", "--timeout", "0")
        [stays] = [e for e in host.result("prune", "--keep", "1")["kept"] if e["digest"] == first]
        assert stays["why"].startswith(f"project other-{host.engine}: ")
        next(host.state.glob(f"deployments/*/other-{host.engine}.jsonl")).unlink()
        other.forget()
        [stays] = [e for e in host.result("prune", "--keep", "1")["kept"] if e["digest"] == first]
        assert stays["why"] == f"it has the name {host.image}:stable"
        host.run("docker", "image", "rm", f"{host.image}:stable")
        assert has(host, first)
        [gone] = host.result("prune", "--keep", "1")["removed"]
        assert gone["digest"] == first
        assert not has(host, first)
        assert has(host, second)
    finally:
        other.down()


@pytest.mark.extended
def test_somebody_else_s_change_is_told(web: Web, host: Host) -> None:
    first = web.publish("1")
    host.result("deploy")
    second = web.publish("2")
    host.compose("pull")
    host.compose("up", "--detach", "--wait")
    told = host.whalebuild("history", check=True)
    assert (
        f"web runs {second[:19]}, not what the record says ({first[:19]}): somebody has changed it "
        "outside whalebuild" in told.stderr
    )
    [stray] = host.result("history")["strays"]
    assert stray["found"] == [second]

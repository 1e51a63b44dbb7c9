"""``whalebuild deploy`` on a real host: what it downloads, starts, and leaves for compose."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.deploys import COMPOSE, DEPS_BYTES, PATIENT, Host, Web
from tests.integration.pairs import KIB
from tests.integration.sandbox import Sandbox, downloaded
from tests.integration.web_app import REASONS
from tests.support.marks import extended, rarely
from wbsandbox.polling import Poller

START_FIRST = "    deploy: {update_config: {order: start-first}}\n"


@pytest.fixture(scope="module", params=["containerd", rarely("graphdriver")])
def engine(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[str]:
    """A production host's engine; tests have repositories and records of their own."""
    with sandbox.fresh_engine("host", "--image-store", request.param) as engine:
        yield engine


def deploy(host: Host, *words: str) -> dict[str, Any]:
    return host.result("deploy", *words)


def served(host: Host, *words: str) -> tuple[int, dict[str, Any]]:
    """The bytes that the registry serves to a command, and what it prints."""
    with host.sandbox.requests() as requests:
        done = host.result(*words)
    return downloaded([r for r in requests if r.path != "/v2/"]), done


def running(host: Host) -> list[str]:
    """Digests that the project's web containers run, whichever store the engine has."""
    shown = [host.run("docker", "image", "inspect", each).stdout for each in host.digests()]
    names = [json.loads(text)[0]["RepoDigests"][0] for text in shown]
    return [name.partition("@")[2] for name in names]


def test_a_code_change_moves_what_diff_says(web: Web, host: Host) -> None:
    first = web.publish("1")
    reads, plan = served(host, "deploy", "--dry-run")
    assert plan["done"] == "planned"
    assert plan["download_bytes"] > DEPS_BYTES
    assert host.containers() == []
    moved, done = served(host, "deploy")
    assert moved - reads == done["download_bytes"] == plan["download_bytes"]
    assert (done["deployment"], running(host)) == (1, [first])

    second = web.publish("2")
    reads, plan = served(host, "deploy", "--dry-run")
    moved, done = served(host, "deploy")
    assert moved - reads == done["download_bytes"] == plan["download_bytes"]
    [service] = done["services"]
    assert service["action"] == "update"
    assert service["before"].endswith(first)
    assert service["version"].endswith(second)
    assert running(host) == [second]
    code = web.pair.manifest(web.pair.images("latest")["amd64"])["layers"][-1]["size"]
    assert moved <= code + 32 * KIB

    # Compose by hand has nothing to do then, and downloads nothing.
    [before] = host.containers()
    with host.sandbox.requests() as requests:
        host.compose("pull", "--quiet")
        host.compose("up", "--detach")
    assert downloaded([r for r in requests if r.path != "/v2/"]) == 0
    assert host.containers()[0].id == before.id
    again = deploy(host)
    assert (again["done"], again["deployment"], again["download_bytes"]) == ("unchanged", None, 0)
    assert host.containers()[0].id == before.id


@pytest.mark.parametrize(
    ("how", "order"),
    [
        extended("unhealthy", "stop-first"),
        extended("exits", "start-first"),
        rarely("exits", "stop-first"),
        rarely("hangs", "stop-first"),
        rarely("unhealthy", "start-first"),
        rarely("hangs", "start-first"),
    ],
)
def test_a_version_that_does_not_work(
    web: Web, host: Host, how: str, order: str, record_property: Any
) -> None:
    """The one before runs again, or never stopped."""
    host.write(COMPOSE + (START_FIRST if order == "start-first" else ""))
    first = web.publish("1")
    deploy(host)
    [before] = host.containers()
    web.publish_broken("2", how=how)
    # One that hangs is "starting" for as long as it is waited for.
    words = ("--timeout", "3") if how == "hangs" else ()
    with Poller(host.url, PATIENT) as poller:
        poller.wait_for("1")
        done = host.whalebuild("deploy", *words)
        poller.wait_for("1")
    assert done.returncode == 8, done.stderr
    assert REASONS[how] in done.stderr
    assert "error: the deploy failed: web: it " in done.stderr
    record_property("gap", round(poller.gap, 3))
    assert set(poller.releases) <= {"1", "2"}
    [after] = host.containers()
    assert (after.image, after.status) == (before.image, "running")
    assert host.tag() == before.image
    history = host.result("history")["deployments"]
    assert [each["outcome"] for each in history] == ["done", "rolled back"]
    if order == "start-first":
        assert poller.failures == []
        assert after.id == before.id
        assert f"web {first[:19]} was not stopped, and runs" in done.stderr
    else:
        assert poller.releases[-1] == "1"
        assert f"rolled back: web {first[:19]} runs again" in done.stderr
    host.compose("up", "--detach")
    assert host.containers()[0].id == after.id


@pytest.mark.soak
def test_without_a_version_before_there_is_no_way_back(web: Web, host: Host) -> None:
    web.publish_broken("1", how="exits")
    done = host.whalebuild("deploy")
    assert done.returncode == 8
    assert "there is no version before it to go back to" in done.stderr
    assert REASONS["exits"] in done.stderr


@pytest.mark.soak
def test_no_rollback_leaves_it_to_be_looked_at(web: Web, host: Host) -> None:
    first = web.publish("1")
    deploy(host)
    broken = web.publish_broken("2", how="unhealthy")
    done = host.whalebuild("deploy", "--no-rollback")
    assert done.returncode == 8
    assert "whalebuild rollback goes back" in done.stderr
    assert running(host) == [broken]
    assert host.result("rollback")["to"] == 1
    assert running(host) == [first]


@pytest.mark.soak
def test_what_ran_already_can_be_gone_back_to(web: Web, host: Host) -> None:
    """A project that was deployed by hand so far."""
    first = web.publish("1")
    host.compose("up", "--detach", "--wait", "--quiet-pull")
    second = web.publish("2")
    assert deploy(host)["deployment"] == 2
    assert running(host) == [second]
    history = host.result("history")["deployments"]
    assert [each["act"] for each in history] == ["found", "deploy"]
    assert host.result("rollback")["to"] == 1
    assert running(host) == [first]


@pytest.mark.soak
def test_a_plain_service_is_compose_s(sandbox: Sandbox, web: Web, host: Host) -> None:
    database = (
        f"  db:\n    image: {sandbox.python_image}\n    command: sleep 1000\n    init: true\n"
    )
    host.write(f"{COMPOSE}    depends_on: [db]\n{database}")
    web.publish("1")
    done = deploy(host)
    actions = {each["service"]: each["action"] for each in done["services"]}
    assert actions == {"db": "plain", "web": "start"}
    [before] = [c for c in host.containers() if c.service == "db"]
    second = web.publish("2")
    assert deploy(host, "web")["deployment"] == 2
    found = {c.service: c for c in host.containers()}
    assert found["db"].id == before.id
    assert host.tag() == found["web"].image
    assert running(host) == [second]
    host.write(f"{COMPOSE}    depends_on: [db]\n{database.replace('1000', '2000')}")
    # Of the plain service the file has changed; nothing of the pair.
    assert deploy(host)["done"] == "unchanged"
    found = {c.service: c for c in host.containers()}
    assert found["db"].id != before.id


@pytest.mark.soak
def test_another_tag_in_the_file(web: Web, host: Host) -> None:
    """The version is in the file: to go back, compose gets another one."""
    text = COMPOSE.replace(":latest", ":${TAG}")
    host.write(text)
    host.extra["TAG"] = "v1"
    first = web.publish("1", tag="v1")
    deploy(host)
    host.extra["TAG"] = "v2"
    web.publish("2", how="unhealthy", tag="v2")
    done = host.whalebuild("deploy")
    assert done.returncode == 8
    assert host.tag("v1") == host.containers()[0].image != host.tag("v2")
    second = web.publish("3", tag="v2")
    deploy(host)
    assert running(host) == [second]
    assert host.result("rollback")["to"] == 1
    assert running(host) == [first]
    assert host.tag("v2") != host.tag("v1") == host.containers()[0].image


@pytest.mark.soak
def test_a_service_that_compose_would_pull_itself(web: Web, host: Host) -> None:
    host.write(f"{COMPOSE}    pull_policy: always\n")
    first = web.publish("1")
    deploy(host)
    web.publish("2")
    [before] = host.containers()
    assert host.result("deploy", "--pre-pull")["done"] == "pulled"
    assert host.containers()[0].id == before.id
    assert host.tag() == before.image
    third = web.publish("3")
    deploy(host)
    assert running(host) == [third]
    assert host.result("rollback")["to"] == 1
    assert running(host) == [first]


@pytest.mark.soak
def test_nothing_is_downloaded_twice(web: Web, host: Host) -> None:
    """Pulled ahead, dependencies and then the application."""
    web.publish("1")
    deploy(host)
    web.change_dependencies("two")
    web.publish("2")
    moved, warmed = served(host, "deploy", "--warm")
    assert warmed["done"] == "warmed"
    assert moved > DEPS_BYTES
    # Where nothing has a name for it, a cron job's prune would take it.
    host.run("docker", "image", "prune", "--force")
    plan = deploy(host, "--dry-run")
    assert plan["download_bytes"] < 32 * KIB
    assert deploy(host, "--pre-pull")["download_bytes"] == plan["download_bytes"]
    assert deploy(host)["download_bytes"] == 0

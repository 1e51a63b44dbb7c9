"""INT, TERM and HUP at every stage of a deploy; what runs then, and what is left."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.deploys import Host, Web
from tests.integration.processes import Process, own_processes
from tests.integration.sandbox import Sandbox
from tests.support.marks import extended

INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
COMPOSE = """\
services:
  web:
    image: ${IMAGE}:latest
    restart: unless-stopped
    stop_grace_period: 5s
    environment: {VIRTUAL_HOST: shop.test, KEPT: "yes"}
    labels: {traefik.http.routers.web.rule: "Host(`shop.test`)", caddy: shop.test}
    ports: ["127.0.0.1:${PORT}:8000"]
"""


@pytest.fixture(scope="module")
def engine(sandbox: Sandbox) -> Iterator[str]:
    with sandbox.fresh_engine("host") as engine:
        yield engine


@pytest.fixture
def host(sandbox: Sandbox, engine: str, tmp_path: Path, web: Web) -> Iterator[Host]:
    (tmp_path / "scratch").mkdir()
    extra = {"TMPDIR": str(tmp_path / "scratch")}
    host = Host(sandbox, engine, tmp_path / "host", web.image, extra=extra)
    host.write(COMPOSE)
    yield host
    host.compose("down", "--timeout", "0", "--remove-orphans", check=False)


def in_the_trial(_host: Host, process: Process, _old: str) -> None:
    process.wait_for_text("-trial-")


def when_the_old_one_is_gone(host: Host, process: Process, old: str) -> None:
    process.wait_until(lambda: old not in [c.id for c in host.containers()])


def in_the_wait(host: Host, process: Process, old: str) -> None:
    when_the_old_one_is_gone(host, process, old)
    process.wait_for_text("its health check")


def leaves_nothing(host: Host) -> None:
    """No trial, no child, no scratch folder."""
    assert [c.service for c in host.containers()] == ["web"]
    assert [words for _, words in own_processes() if b"compose" in words.split(b"\0")[0]] == []
    assert list(Path(host.extra["TMPDIR"]).iterdir()) == []


@pytest.mark.parametrize(
    ("moment", "order", "sent"),
    [
        (in_the_trial, "start-first", INT),
        extended(in_the_trial, "start-first", HUP),
        extended(when_the_old_one_is_gone, "stop-first", INT),
        extended(when_the_old_one_is_gone, "stop-first", TERM),
        extended(in_the_wait, "stop-first", TERM),
        extended(in_the_wait, "stop-first", HUP),
    ],
)
def test_the_first_signal_goes_back(
    web: Web,
    host: Host,
    moment: Callable[[Host, Process, str], None],
    order: str,
    sent: signal.Signals,
) -> None:
    first = web.publish("1")
    host.whalebuild("deploy", check=True)
    web.publish_broken("2", how="hangs")
    [old] = host.containers()
    with host.started("deploy", "--order", order) as process:
        moment(host, process, old.id)
        if moment is in_the_trial:
            is_found_by_nothing(host)
        process.popen.send_signal(sent)
        assert process.end() == 130
    how = "was not stopped, and runs" if moment is in_the_trial else "runs again"
    assert f"interrupted by {sent.name}" in process.stderr
    assert f"web {first[:19]} {how}" in process.stderr
    assert f"now web {first[:19]} runs, and its health check succeeds" in process.stderr
    assert host.digests() == [first] == [host.tag()]
    leaves_nothing(host)
    last = host.result("history")["deployments"][-1]
    assert last["outcome"] == "rolled back"


def is_found_by_nothing(host: Host) -> None:
    """No label of the service, and none of the variables that nginx-proxy goes by."""
    [trial] = host.wait_for(lambda found: any("dev.whalebuild.trial" in c.labels for c in found))[
        -1:
    ]
    assert trial.labels["traefik.enable"] == "false"
    assert not [label for label in trial.labels if "routers" in label or "caddy" in label]
    shown = json.loads(host.run("docker", "inspect", trial.id).stdout)[0]["Config"]["Env"]
    assert "KEPT=yes" in shown
    assert not [each for each in shown if each.startswith("VIRTUAL_HOST")]


@pytest.mark.extended
def test_a_second_signal_ends_at_once(web: Web, host: Host) -> None:
    """Going back would wait: the old version does not become healthy any more."""
    first = web.publish("1", slow_start=300.0)
    host.compose("up", "--detach", "--quiet-pull")
    host.run("docker", "kill", "--signal", "USR1", host.containers()[0].id)
    host.wait_for(lambda found: found[0].health == "healthy")
    web.publish_broken("2", how="hangs")
    [old] = host.containers()
    with host.started("deploy") as process:
        in_the_wait(host, process, old.id)
        process.interrupt()  # as Ctrl-C does: docker compose gets it as well
        process.wait_for_text("going back")
        process.wait_until(lambda: first in host.digests())
        process.interrupt()
        assert process.end(60) == 130
    assert "ended by SIGINT, the second signal" in process.stderr
    assert "run `whalebuild rollback`" in process.stderr
    leaves_nothing(host)
    assert host.result("history")["deployments"][-1]["outcome"] == "interrupted"


@pytest.mark.extended
def test_compose_s_own_waiting_ends_at_the_deadline(sandbox: Sandbox, web: Web, host: Host) -> None:
    """A dependency that never becomes healthy: compose would wait for ever."""
    first = web.publish("1")
    host.extra["PYTHON"] = sandbox.python_image
    host.write(COMPOSE)
    host.whalebuild("deploy", check=True)
    web.publish("2")
    db = (
        "    depends_on: {db: {condition: service_healthy}}\n"
        "  db:\n"
        "    image: ${PYTHON}\n"
        '    command: ["python", "-c", "import time; time.sleep(1e6)"]\n'
        "    init: true\n"
        '    healthcheck: {test: ["CMD", "false"], interval: 1s, start_period: 1h}\n'
    )
    host.write(COMPOSE + db)
    failed = host.whalebuild("deploy", "--timeout", "20")
    assert failed.returncode == 8, failed.stderr
    assert "db: it does not work after 20.0 s: still waiting for its health check" in failed.stderr
    assert "-db-1 (its health check)" in failed.stderr
    assert host.digests() == [first]
    assert list(Path(host.extra["TMPDIR"]).iterdir()) == []


@pytest.mark.extended
def test_hooks(web: Web, host: Host) -> None:
    """In a container of the new version, on this machine, and in the old container."""
    first = web.publish("1")
    host.whalebuild("deploy", check=True)
    (host.folder / "whalebuild.toml").write_text(
        """
[hooks]
pre-deploy = {service = "web", command = "cat /srv/settings.json; env"}
post-deploy = "echo $WHALEBUILD_VERSIONS > told; exit $(cat code)"
on-failure = "echo $WHALEBUILD_REASON > failed"
drain = {service = "web", command = ["sh", "-c", "cat /srv/settings.json"]}
"""
    )
    (host.folder / "code").write_text("0")
    second = web.publish("2")
    done = host.whalebuild("deploy", check=True)
    assert 'hook pre-deploy: {"release": "2"' in done.stderr
    number = host.result("history")["deployments"][-1]["number"]
    assert f"hook pre-deploy: WHALEBUILD_DEPLOYMENT={number}\n" in done.stderr
    assert "VIRTUAL_HOST" not in done.stderr
    assert 'hook drain: {"release": "1"' in done.stderr
    told = json.loads((host.folder / "told").read_text())
    assert told == {"web": f"{web.image}:latest@{second}"}
    leaves_nothing(host)

    web.publish_broken("3", how="exits")
    assert host.whalebuild("deploy").returncode == 8
    assert (host.folder / "failed").read_text().startswith("web: it ")
    assert host.digests() == [second]

    (host.folder / "code").write_text("4")
    fourth = web.publish("4")
    failed = host.whalebuild("deploy")
    assert failed.returncode == 8
    assert f"the deploy is done, and web {fourth[:19]} runs; but hook post-deploy" in failed.stderr
    assert host.digests() == [fourth] != [first]
